//! `regcred status` shows how clusters are: pull secrets, who refers to them, and Pods that fail to pull.

mod online;
mod page;
mod text;

use anyhow::Result;
use futures::future::join_all;
use serde::Serialize;

use super::comparison::{Compared, Purpose, Typed as TypedOnce, compare};
use super::shown::{Shown, inert_lines, print_json};
use super::{Prepared, block_on, prepare, together};
use crate::cli::AnswerFormat;
use crate::cli::status::StatusArguments;
use crate::commands::logins::Missing;
use crate::environment::Environment;
use crate::files::folder::replace;
use crate::files::stream::print_text;
use crate::report::{self, Outcome};
use crate::settings::Settings;
use crate::settings::file::File;
use online::Online;
use regcred_cluster::connect::Access;
use regcred_cluster::pods;
use regcred_core::cluster::Step;
use regcred_core::cluster::status::{self, NamespaceStatus};
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::docker_config::Logins;
use regcred_core::names::{ResourceName, listed};
use regcred_core::spec::choice::Link;
use regcred_core::spec::typed::Typed;

/// The state of one cluster.
#[derive(Default)]
struct Seen {
    namespaces: Vec<NamespaceStatus>,
    /// The cluster-wide objects: policies.
    others: Vec<Step>,
    problems: Vec<Diagnostic>,
}

/// The JSON of one cluster: documented in docs/status.md, and stable.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OfCluster<'a> {
    cluster: Option<&'a ResourceName>,
    as_wanted: bool,
    namespaces: &'a [NamespaceStatus],
    others: Vec<Shown<'a>>,
    problems: &'a [Diagnostic],
}

/// Reads every cluster, and shows its state.
pub fn run(
    typed: &Typed,
    arguments: &StatusArguments,
    file: Option<&File>,
    environment: &Environment,
) -> Result<Outcome> {
    let Prepared { fleet, logins, accesses } =
        prepare(typed, file, &arguments.connection, Missing::IsNotCompared, environment)?;
    let online = Online::read(arguments, environment)?;
    if arguments.html.as_ref().is_some_and(|path| environment.directory().join(path).is_dir()) {
        let problem = Diagnostic::error(Code::IsADirectory, "`--html` is a directory");
        return Err(Failure::of("the page", problem.hint("name a file, for example --html status.html")).into());
    }
    let link = arguments.link_arguments();
    let once = TypedOnce { place: &arguments.place, link: &link, purpose: Purpose::Show };
    let members = fleet.members.iter().zip(&logins).zip(accesses);
    let work = members.map(|((settings, logins), access)| look(access, settings, logins, (once, online.as_ref())));
    let seen = block_on(join_all(work))?;
    let clusters: Vec<_> = fleet.members.iter().zip(seen).collect();
    if let Some(path) = &arguments.html {
        let page = page::write(&clusters).map_err(|_| Failure::of("the page", no_page()))?;
        replace(&environment.directory().join(path), page.as_bytes())?;
    }
    let problems = together(clusters.iter().map(|(settings, seen)| (*settings, seen.problems.clone())));
    match arguments.format {
        AnswerFormat::Json => print_json(clusters.iter().map(|(settings, seen)| OfCluster {
            cluster: settings.cluster.as_ref(),
            as_wanted: seen.is_as_wanted(),
            namespaces: &seen.namespaces,
            others: seen.others.iter().map(|step| Shown::new(step, None, Vec::new())).collect(),
            problems: &seen.problems,
        }))?,
        AnswerFormat::Text => print_text(&inert_lines(&text::write(&clusters)))?,
    }
    if problems.iter().any(Diagnostic::is_error) {
        return match arguments.format {
            AnswerFormat::Json => Ok(Outcome::Negative),
            AnswerFormat::Text => Err(Failure::Input { title: "the cluster", problems }.into()),
        };
    }
    if arguments.format == AnswerFormat::Text {
        report::warn(&problems);
        report::note(&text::summary(&clusters));
    }
    let all_is_well = clusters.iter().all(|(_, seen)| seen.is_as_wanted());
    Ok(if all_is_well { Outcome::Done } else { Outcome::Differs })
}

async fn look(
    access: Access,
    settings: &Settings,
    logins: &[Logins],
    (once, online): (TypedOnce<'_>, Option<&Online<'_>>),
) -> Seen {
    let Compared { server, delivery, mut facts, comparison, mut problems, opted_out, .. } =
        match compare(access, settings, logins, once).await {
            Ok(compared) => compared,
            Err(problems) => return Seen { problems, ..Seen::default() },
        };
    let mut pods = match pods::read(&server, facts.namespaces.keys().chain(&opted_out).cloned().collect()).await {
        Ok(pods) => pods,
        Err(problem) => {
            problems.push(problem);
            status::Pods::new()
        }
    };
    let excluded = opted_out.iter().filter_map(|name| pods.remove_entry(name)).collect();
    if delivery.link == Link::ServiceAccount {
        problems.extend(pods::accounts(&server, &mut facts, pods.values().flatten()).await.err());
    }
    let mut namespaces = status::describe(&delivery, &facts, &comparison, &pods);
    if let Some(online) = online {
        problems.extend(online.ask(&server, &pods, &mut namespaces).await.err().into_iter().flatten());
    }
    problems.extend(not_read(&namespaces));
    namespaces.extend(status::opted_out(&delivery, &excluded));
    namespaces.sort_by(|one, other| one.namespace.cmp(&other.namespace));
    let others = comparison.steps.into_iter().filter(|step| step.namespace.is_none()).collect();
    Seen { namespaces, others, problems }
}

/// Warns if Pods could not be read.
fn not_read(namespaces: &[NamespaceStatus]) -> Option<Diagnostic> {
    let unread: Vec<_> = namespaces.iter().filter(|one| one.failed_pulls.is_none()).map(|one| &one.namespace).collect();
    (!unread.is_empty()).then(|| {
        let message = format!("Pods not read: this account may not list them in {}", listed(&unread));
        Diagnostic::warning(Code::ClusterForbids, message)
            .hint("ask an administrator for the right to `list` pods, as in docs/status.md: without it no Pod that fails is found")
    })
}

fn no_page() -> Diagnostic {
    Diagnostic::error(Code::InvalidTemplate, "the page of `--html` could not be made, so no file was written")
        .hint("this is a bug in regcred: please report it; `--format json` has the same content")
}

impl Seen {
    fn is_as_wanted(&self) -> bool {
        self.namespaces.iter().all(NamespaceStatus::is_as_wanted)
            && !self.others.iter().any(|step| step.change.differs())
    }
}
