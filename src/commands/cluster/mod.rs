//! Runs the commands for a live cluster, or for every cluster of a fleet at the same time.

mod administrator;
mod applied;
pub(super) mod apply;
mod comparison;
pub(super) mod connection;
pub(super) mod delete;
pub(super) mod diff;
pub(super) mod explain;
mod failures;
mod places;
mod policies;
mod progress;
mod question;
mod refusal;
mod shown;
pub(super) mod status;
mod stuck;

use regcred_cluster::connect::Access;
use regcred_cluster::threads;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::docker_config::Logins;
use regcred_core::spec::typed::Typed;

use super::logins;
use crate::cli::cluster::{ConnectionArguments, LinkArguments, PlaceArguments};
use crate::environment::Environment;
use crate::settings::file::File;
use crate::settings::findings::Findings;
use crate::settings::fleet::{Fleet, Purpose};
use crate::settings::{Settings, usage};

/// Everything that a command needs before it asks the first cluster.
struct Prepared {
    fleet: Fleet,
    /// The Docker configs of each cluster, in the order of its pull secrets.
    logins: Vec<Vec<Logins>>,
    accesses: Vec<Access>,
}

/// Resolves the settings, reads the logins, and finds out how each cluster is reached.
fn prepare(
    typed: &Typed,
    file: Option<&File>,
    connection: &ConnectionArguments,
    missing: logins::Missing,
    environment: &Environment,
) -> Result<Prepared, Failure> {
    let purpose = match missing {
        logins::Missing::Fails => Purpose::Cluster,
        logins::Missing::IsNotCompared => Purpose::Look,
    };
    let fleet = Fleet::resolve(typed, file, None, purpose, environment)?;
    let mut reading = logins::Reading::of(&fleet.members, environment);
    let logins = fleet.members.iter().map(|settings| reading.merge(settings, missing).0).collect();
    reading.finish(fleet.warnings.clone())?;
    let accesses = connection::accesses(&fleet, file, connection, environment)?;
    Ok(Prepared { fleet, logins, accesses })
}

/// With regcred.yaml, `--prune` refuses flags that narrow a run: it would remove what the file wants in other namespaces.
fn refuse_a_narrow_prune(
    typed: &Typed,
    place: &PlaceArguments,
    link: &LinkArguments,
    file: Option<&File>,
) -> Result<(), Failure> {
    let narrow = ["--namespaces", "--exclude", "--secret-name"].into_iter().find(|flag| typed.has(flag));
    let narrow = narrow.or(place.selector.is_some().then_some("--selector"));
    match narrow {
        Some(flag) if link.prune && file.is_some() => {
            let message = format!(
                "`--prune` and `{flag}` cannot be used together with regcred.yaml: what the file names elsewhere would go"
            );
            Err(usage(message, "leave one out; --no-config reads no regcred.yaml"))
        }
        _ => Ok(()),
    }
}

/// Warns that a controller of the same owner would undo what the run writes.
fn undone_by_the_controller() -> Diagnostic {
    let message = "a controller of this owner serves this cluster and will undo what this run changes in namespaces";
    Diagnostic::warning(Code::ControllerServes, message).hint("change its login or its regcred.yaml instead")
}

/// Runs asynchronous work for clusters on this thread.
fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    Ok(threads::runtime()?.block_on(work))
}

/// The problems of all clusters, each once and with the names of its clusters.
fn together<'a>(all: impl Iterator<Item = (&'a Settings, Vec<Diagnostic>)>) -> Vec<Diagnostic> {
    let mut findings = Findings::default();
    all.for_each(|(settings, problems)| findings.add(problems, settings.cluster.as_ref()));
    findings.said()
}
