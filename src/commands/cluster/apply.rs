//! `regcred apply` creates and updates the wanted objects in a cluster.

use std::collections::BTreeMap;

use anyhow::Result;
use futures::future::join_all;

use super::administrator::Administrator;
use super::applied::{self, Applied, Manner};
use super::comparison::{Compared, Purpose, Typed as TypedOnce, compare};
use super::progress::Progress;
use super::{Prepared, block_on, policies, prepare, refusal, stuck};
use crate::cli::cluster::ApplyArguments;
use crate::commands::logins::Missing;
use crate::commands::online;
use crate::environment::Environment;
use crate::report::Outcome;
use crate::settings::Settings;
use crate::settings::file::{File, Which};
use regcred_cluster::connect::Access;
use regcred_cluster::execute::{Ending, execute};
use regcred_cluster::policy;
use regcred_cluster::stuck::{End, Mode, restart};
use regcred_core::cluster::content::{self, Difference, What};
use regcred_core::cluster::{Delivery, Object, Step};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::docker_config::Logins;
use regcred_core::names::{Namespace, ResourceName, listed};
use regcred_core::plan::Action;
use regcred_core::spec::typed::Typed;

/// Reads every cluster, and writes what differs there.
pub fn run(
    (typed, which): (&Typed, &Which),
    arguments: &ApplyArguments,
    file: Option<&File>,
    environment: &Environment,
) -> Result<Outcome> {
    super::refuse_a_narrow_prune(typed, &arguments.place, &arguments.link, file)?;
    let Prepared { fleet, logins, accesses } =
        prepare(typed, file, &arguments.connection, Missing::Fails, environment)?;
    if arguments.check_online {
        let hosts = (arguments.allow_realm.as_slice(), arguments.insecure_registry.as_slice());
        online::check_logins(logins.iter().flatten(), hosts, environment)?;
    }
    let members = fleet.members.iter().zip(&logins).zip(accesses);
    let progress = Progress::new();
    let administrator = Administrator { which, typed, place: &arguments.place };
    let work = members.map(|((settings, logins), access)| {
        let command = administrator.command(settings.cluster.as_ref(), access.context.as_deref());
        in_cluster(access, (settings, command), logins, arguments, &progress)
    });
    let applied = block_on(join_all(work))?;
    drop(progress);
    let clusters: Vec<_> = fleet.members.iter().zip(applied).collect();
    applied::report(&clusters, Manner { format: arguments.format, dry_run: arguments.dry_run })
}

async fn in_cluster(
    access: Access,
    (settings, administrator): (&Settings, String),
    logins: &[Logins],
    arguments: &ApplyArguments,
    progress: &Progress,
) -> Applied {
    let typed = TypedOnce { place: &arguments.place, link: &arguments.link, purpose: Purpose::Apply(&administrator) };
    let Compared { server, delivery, mut facts, comparison, left_over, mut problems, .. } =
        match compare(access, settings, logins, typed).await {
            Ok(compared) => compared,
            Err(problems) => return Applied::failed(problems),
        };
    if comparison.differs() && policy::has_controller(&server, &delivery.marks.owner).await {
        problems.push(super::undone_by_the_controller());
    }
    let refusals = refusal::of(&comparison, &delivery);
    if arguments.dry_run || !refusals.is_empty() {
        let mut would_evict = false;
        if arguments.restart_stuck_pods && refusals.is_empty() {
            let found = restart(&server, &delivery, &mut facts, Mode::Find).await;
            would_evict = found.iter().flatten().any(|stuck| matches!(stuck.end, End::Evictable));
            problems.extend(found.map_or_else(|problem| vec![problem], stuck::said));
        }
        problems.extend(removed_logins(comparison.steps.iter(), &delivery, "would be removed"));
        problems.extend(refusals);
        return Applied { would_evict, ..Applied::planned([comparison.steps, left_over].concat(), problems) };
    }
    progress.expect(&comparison.steps);
    progress.expect(&left_over);
    let count = || progress.count();
    let (of_the_cluster, in_namespaces) = comparison.steps.into_iter().partition(|step| step.namespace.is_none());
    let mut done =
        match policies::apply(&server, &delivery, (of_the_cluster, &administrator), &mut problems, progress).await {
            Ok(done) => done,
            Err(problem) => return Applied::failed([problems, vec![problem]].concat()),
        };
    done.extend(execute(&server, &delivery, in_namespaces, &count).await);
    let written = done.iter().filter(|(_, ending)| matches!(ending, Ending::Written)).map(|(step, _)| step);
    problems.extend(removed_logins(written, &delivery, "was removed"));
    done.extend(execute(&server, &delivery, left_over, &count).await);
    if arguments.restart_stuck_pods {
        // If something failed, the next run completes the work.
        for (step, _) in done.iter().filter(|(_, ending)| matches!(ending, Ending::Failed(_) | Ending::Gone)) {
            step.namespace.as_ref().map(|namespace| facts.namespaces.remove(namespace));
        }
        let found = restart(&server, &delivery, &mut facts, Mode::Evict).await;
        problems.extend(found.map_or_else(|problem| vec![problem], stuck::said));
    }
    Applied::done(done, problems)
}

/// Warns about registries whose login these steps remove. An earlier run may have had it by a flag that this run lacks.
fn removed_logins<'a>(
    steps: impl Iterator<Item = &'a Step>,
    delivery: &Delivery<'_>,
    is_removed: &str,
) -> Vec<Diagnostic> {
    let mut removed: BTreeMap<(&ResourceName, Option<String>), Vec<&Namespace>> = BTreeMap::new();
    for Step { object, namespace, change, .. } in steps {
        let Object::Secret { number: Some(number), there: Some(there) } = object else { continue };
        let wanted = &delivery.pull_secrets[*number];
        if matches!(change.action, Action::Create | Action::Update) {
            let differences = content::differences(wanted.docker_config(), there.docker_config.as_ref());
            for Difference { registry, .. } in differences.into_iter().filter(|one| one.what == What::Removed) {
                removed.entry((wanted.name, registry)).or_default().extend(namespace);
            }
        }
    }
    let warning = |((name, registry), namespaces): ((&ResourceName, Option<String>), Vec<&Namespace>)| {
        let which = registry
            .map_or("an entry that is not a registry".to_owned(), |registry| format!("the login for {registry}"));
        let message = format!("{which} {is_removed} from `{name}` in {}: this run has none", listed(&namespaces));
        Diagnostic::warning(Code::LoginRemoved, message)
            .hint("a run writes its own logins only: give them all by flags, or all under `logins` in regcred.yaml")
    };
    removed.into_iter().map(warning).collect()
}
