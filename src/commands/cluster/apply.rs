//! `regcred apply` makes a cluster what is wanted.

use anyhow::Result;
use futures::future::join_all;

use super::applied::{self, Applied, Manner};
use super::comparison::{Compared, Typed as TypedOnce, compare};
use super::{Prepared, block_on, prepare, refusal};
use crate::cli::cluster::ApplyArguments;
use crate::commands::logins::Missing;
use crate::environment::Environment;
use crate::report::Outcome;
use crate::settings::Settings;
use crate::settings::file::File;
use regcred_cluster::connect::Access;
use regcred_cluster::execute::execute;
use regcred_cluster::read::WithoutSecrets;
use regcred_core::docker_config::Logins;
use regcred_core::spec::typed::Typed;

/// Reads every cluster, and writes what differs there.
pub fn run(
    typed: &Typed,
    arguments: &ApplyArguments,
    file: Option<&File>,
    environment: &Environment,
) -> Result<Outcome> {
    let Prepared { fleet, logins, accesses } =
        prepare(typed, file, &arguments.connection, Missing::Fails, environment)?;
    let members = fleet.members.iter().zip(&logins).zip(accesses);
    let work = members.map(|((settings, logins), access)| in_cluster(access, settings, logins, arguments));
    let applied = block_on(join_all(work))?;
    let clusters: Vec<_> = fleet.members.iter().zip(applied).collect();
    applied::report(&clusters, Manner { format: arguments.format, dry_run: arguments.dry_run })
}

async fn in_cluster(access: Access, settings: &Settings, logins: &[Logins], arguments: &ApplyArguments) -> Applied {
    let typed = TypedOnce { place: &arguments.place, link: &arguments.link, without_secrets: WithoutSecrets::Fail };
    let Compared { server, delivery, comparison, mut problems, .. } =
        match compare(access, settings, logins, typed).await {
            Ok(compared) => compared,
            Err(problems) => return Applied::failed(problems),
        };
    let refusals = refusal::of(&comparison, &delivery);
    if arguments.dry_run || !refusals.is_empty() {
        problems.extend(refusals);
        return Applied::planned(comparison.steps, problems);
    }
    Applied::done(execute(&server, &delivery, comparison.steps).await, problems)
}
