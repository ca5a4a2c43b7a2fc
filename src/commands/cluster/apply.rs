//! `regcred apply` makes a cluster what is wanted.

use anyhow::Result;
use futures::future::join_all;

use super::comparison::{Compared, Typed as TypedOnce, compare};
use super::shown::{OfCluster, Shown, counted, deed, done, why};
use super::{Prepared, block_on, prepare, refusal, together};
use crate::cli::cluster::{ApplyArguments, ReportFormat};
use crate::commands::logins::Missing;
use crate::environment::Environment;
use crate::files::stream::print_text;
use crate::report::{self, Outcome};
use crate::settings::Settings;
use crate::settings::file::File;
use regcred_cluster::connect::Access;
use regcred_cluster::execute::{Ending, execute};
use regcred_cluster::read::WithoutSecrets;
use regcred_core::cluster::Step;
use regcred_core::diagnostic::{Diagnostic, Failure};
use regcred_core::docker_config::Logins;
use regcred_core::names::ResourceName;
use regcred_core::spec::typed::Typed;

/// What was done in one cluster.
#[derive(Default)]
struct Applied {
    done: Vec<(Step, Option<Ending>)>,
    problems: Vec<Diagnostic>,
}

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
    match arguments.format {
        ReportFormat::Json => json(&clusters)?,
        ReportFormat::Text => text(&clusters, arguments.dry_run)?,
    }
    Ok(outcome(&clusters, arguments)?)
}

async fn in_cluster(access: Access, settings: &Settings, logins: &[Logins], arguments: &ApplyArguments) -> Applied {
    let typed = TypedOnce { place: &arguments.place, link: &arguments.link, without_secrets: WithoutSecrets::Fail };
    let Compared { server, delivery, comparison, mut problems } = match compare(access, settings, logins, typed).await {
        Ok(compared) => compared,
        Err(problems) => return Applied { problems, ..Applied::default() },
    };
    let refusals = refusal::of(&comparison, &delivery);
    if arguments.dry_run || !refusals.is_empty() {
        problems.extend(refusals);
        return Applied { done: comparison.steps.into_iter().map(|step| (step, None)).collect(), problems };
    }
    let done = execute(&server, &delivery, comparison.steps).await;
    Applied { done: done.into_iter().map(|(step, ending)| (step, Some(ending))).collect(), problems }
}

fn json(clusters: &[(&Settings, Applied)]) -> Result<()> {
    let of_cluster = |(settings, applied): &'_ (&Settings, Applied)| {
        let changes = applied.done.iter().map(|(step, ending)| Shown::new(step, ending.as_ref(), Vec::new())).collect();
        serde_json::to_value(OfCluster { cluster: settings.cluster.as_ref(), changes, problems: &applied.problems })
    };
    let clusters = clusters.iter().map(of_cluster).collect::<Result<Vec<_>, _>>()?;
    print_text(&(serde_json::json!({ "clusters": clusters }).to_string() + "\n"))?;
    Ok(())
}

fn text(clusters: &[(&Settings, Applied)], dry_run: bool) -> Result<()> {
    for (settings, applied) in clusters {
        let cluster = settings.cluster.as_ref().map_or(String::new(), |name| format!("{name}: "));
        for (step, ending) in &applied.done {
            let path = &step.change.path;
            match ending {
                None if dry_run && step.change.differs() => {
                    print_text(&format!("{cluster}{path}: {} ({})\n", deed(step), why(step)))?;
                }
                Some(Ending::Written) => report::detail(&format!("{cluster}{path}: {}", done(step))),
                Some(Ending::Gone) => report::detail(&format!("{cluster}{path}: its namespace has gone")),
                Some(Ending::Kept | Ending::Failed(_)) | None => {}
            }
        }
        summary(settings.cluster.as_ref(), applied, dry_run);
    }
    Ok(())
}

/// One line for each cluster that was reached.
fn summary(cluster: Option<&ResourceName>, applied: &Applied, dry_run: bool) {
    if applied.done.is_empty() || (!dry_run && applied.done.iter().any(|(_, ending)| ending.is_none())) {
        return;
    }
    let mut namespaces: Vec<_> = applied.done.iter().map(|(step, _)| &step.namespace).collect();
    namespaces.dedup();
    let words = applied.done.iter().map(|(step, ending)| match ending {
        Some(Ending::Failed(_)) => "failed",
        Some(Ending::Gone) => "gone",
        Some(Ending::Kept) => "unchanged",
        Some(Ending::Written) => done(step),
        None if step.change.differs() => "to change",
        None => "unchanged",
    });
    let cluster = cluster.map_or(String::new(), |name| format!("{name}: "));
    let namespaces =
        if namespaces.len() == 1 { "1 namespace".to_owned() } else { format!("{} namespaces", namespaces.len()) };
    report::note(&format!("{cluster}{namespaces}: {}", counted(words)));
}

/// Says what failed, and decides how the command ends.
fn outcome(clusters: &[(&Settings, Applied)], arguments: &ApplyArguments) -> Result<Outcome, Failure> {
    let failed = |applied: &Applied| {
        let problems = applied.done.iter().filter_map(|(_, ending)| match ending {
            Some(Ending::Failed(problem)) => Some(problem.clone()),
            _ => None,
        });
        [applied.problems.clone(), problems.collect()].concat()
    };
    let problems = together(clusters.iter().map(|(settings, applied)| (*settings, failed(applied))));
    if problems.iter().any(Diagnostic::is_error) {
        return match arguments.format {
            ReportFormat::Json => Ok(Outcome::Negative),
            ReportFormat::Text => Err(Failure::Input { title: "the cluster", problems: shortened(problems) }),
        };
    }
    if arguments.format == ReportFormat::Text {
        report::warn(&problems);
    }
    let differs = clusters.iter().flat_map(|(_, applied)| &applied.done).any(|(step, _)| step.change.differs());
    Ok(if arguments.dry_run && differs { Outcome::Differs } else { Outcome::Done })
}

/// Not more errors than a person reads.
fn shortened(mut problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
    const SHOWN: usize = 20;
    let more = problems.len().saturating_sub(SHOWN);
    if more > 0 {
        problems.truncate(SHOWN);
        if let Some(last) = problems.last_mut() {
            last.hint = Some(format!("{more} more are not shown; --format json lists all"));
        }
    }
    problems
}
