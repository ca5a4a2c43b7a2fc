//! `regcred delete` removes what earlier runs of the same owner have created in a cluster.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};

use anyhow::Result;
use futures::future::join_all;

use super::applied::{self, Applied, Manner};
use super::comparison;
use super::places::{Choices, chosen};
use super::progress::Progress;
use super::{connection, question, together};
use crate::cli::cluster::DeleteArguments;
use crate::environment::Environment;
use crate::report::{self, Outcome};
use crate::settings::file::File;
use crate::settings::fleet::{Fleet, Purpose};
use crate::settings::{Settings, usage};
use regcred_cluster::connect::{Access, connect};
use regcred_cluster::execute::execute;
use regcred_cluster::owned::{self, Others};
use regcred_cluster::server::Server;
use regcred_cluster::{policy, threads};
use regcred_core::cluster::ownership::{Whose, whose};
use regcred_core::cluster::selection::{Aim, Chosen};
use regcred_core::cluster::{Accounts, Delivery, Facts, OnConflict, PullSecret, Removal, Step, Unchangeable};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::docker_config::Logins;
use regcred_core::names::listed;
use regcred_core::objects::marks;
use regcred_core::spec::choice::{Link, Strategy};
use regcred_core::spec::typed::Typed;

/// The objects that were found in a cluster.
struct Found {
    server: Server,
    steps: Vec<Step>,
    problems: Vec<Diagnostic>,
    /// The number of chosen namespaces.
    chosen: usize,
}

/// Reads every cluster, asks, and removes the objects.
pub fn run(
    typed: &Typed,
    arguments: &DeleteArguments,
    file: Option<&File>,
    environment: &Environment,
) -> Result<Outcome> {
    let asks = !arguments.yes && !arguments.dry_run;
    if asks && !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        let message = "`--yes` is missing: there is no terminal to ask at";
        return Err(usage(message, "look at what `--dry-run` lists, then add --yes").into());
    }
    let fleet = Fleet::resolve(typed, file, None, Purpose::CleanUp, environment)?;
    let accesses = connection::accesses(&fleet, file, &arguments.connection, environment)?;
    let runtime = threads::runtime()?;
    // With regcred.yaml, `--secret-name` chooses one of the owner's pull secrets; without the file, it names the owner.
    let only_one_secret = file.is_some() && arguments.place.secret_name.is_some();
    let find = |(settings, access)| find(access, settings, arguments, only_one_secret);
    let work = fleet.members.iter().zip(accesses).map(find);
    let found = runtime.block_on(join_all(work));
    let manner = Manner { format: arguments.format, dry_run: arguments.dry_run };
    if arguments.dry_run || found.iter().any(Result::is_err) {
        let planned = found.into_iter().map(|found| match found {
            Ok(Found { steps, problems, chosen, .. }) => Applied { chosen, ..Applied::planned(steps, problems) },
            Err(problems) => Applied::failed(problems),
        });
        return applied::report(&fleet.members.iter().zip(planned).collect::<Vec<_>>(), manner);
    }
    let found: Vec<Found> = found.into_iter().flatten().collect();
    if asks && found.iter().any(|found| !found.steps.is_empty()) && !is_confirmed(&fleet, &found)? {
        report::note("nothing was deleted");
        return Ok(Outcome::Done);
    }
    let progress = Progress::new();
    let work = fleet.members.iter().zip(found).map(|(settings, found)| remove(settings, found, &progress));
    let removed = runtime.block_on(join_all(work));
    drop(progress);
    applied::report(&fleet.members.iter().zip(removed).collect::<Vec<_>>(), manner)
}

async fn find(
    access: Access,
    settings: &Settings,
    arguments: &DeleteArguments,
    only_one_secret: bool,
) -> Result<Found, Vec<Diagnostic>> {
    let one = |problem| vec![problem];
    let server = connect(access).await.map_err(one)?;
    let (mut spaces, Choices { chosen, mut problems, .. }) =
        chosen(&server, settings, &arguments.place, Aim::CleanUp).await?;
    let secrets: Vec<_> = settings.pull_secrets.iter().map(|one| &one.name).collect();
    let accounts = comparison::accounts(settings, false);
    let only = owned::read(&server, &mut spaces, &secrets, accounts).await.map_err(one)?;
    problems.extend(only.map(|names| {
        let looked = format!("`delete` looked only at {}", listed(&names));
        note(format!(
            "this account may not list ServiceAccounts: {looked}, and others may still refer to the pull secrets"
        ))
        .hint("run it again with an account that may list Secrets and ServiceAccounts: it removes what is left")
    }));
    if only_one_secret {
        let others = spaces.values_mut().filter_map(|space| space.secrets.as_mut());
        others.for_each(|all| all.retain(|name, _| secrets.contains(&name)));
    }
    let owner = settings.marks().owner;
    // Objects that serve every namespace are removed only with all namespaces.
    let removes_all = arguments.place.all_namespaces && !only_one_secret;
    let Others { mut steps, unread, kept } =
        if removes_all { owned::others(&server, &owner).await.map_err(one)? } else { Others::default() };
    let is_its_own = settings.combination.strategy == Strategy::Controller;
    if let Some(step) = steps.iter().find(|step| !is_its_own && is_the_controller(step, &owner)) {
        return Err(one(serves(step)));
    }
    if !is_its_own && !removes_all {
        let leaving = leaving(settings, chosen);
        match policy::leave(&server, &leaving).await.map_err(one)? {
            Some((of_bindings, notes)) => {
                steps.extend(of_bindings);
                problems.extend(notes);
            }
            None if settings.combination.link == Link::Policy => problems.push(note(
                "this account may not read admission policies: a policy of `--link policy` may still add the reference to new Pods there".to_owned(),
            )),
            None => {}
        }
    }
    let removal = Removal { owner: &owner, names: secrets, wanted: std::collections::BTreeSet::new() };
    let facts = Facts { namespaces: spaces };
    steps.extend(removal.steps(&facts));
    problems.extend(of_others(&removal, &facts));
    let is_undone = !is_its_own && !removes_all && !steps.is_empty();
    let is_undone = is_undone && policy::has_controller(&server, &owner).await;
    let unread = (!unread.is_empty())
        .then(|| note(format!("this account may not list {}, so none of them was looked for", unread.join(", "))));
    let kept = (!kept.is_empty()).then(|| {
        note(format!("{} stay, because rights that they confine may be left", kept.join(", ")))
            .hint("run it again with an account that may list and delete roles and their bindings")
    });
    problems.extend(unread.into_iter().chain(kept).chain(is_undone.then(super::undone_by_the_controller)));
    Ok(Found { server, steps, problems, chosen: facts.namespaces.len() })
}

/// Notes the Secrets of these names that stay, because they are of other owners, and our references to them.
fn of_others(removal: &Removal<'_>, facts: &Facts) -> Vec<Diagnostic> {
    let mut by_owner: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut referring = Vec::new();
    for (namespace, space) in &facts.namespaces {
        for (name, secret) in space.secrets.iter().flatten().filter(|(name, _)| removal.names.contains(name)) {
            match whose(&secret.metadata, removal.owner) {
                Whose::Another(owner) => {
                    by_owner.entry(owner).or_default().push(format!("{namespace}/Secret/{name}"));
                }
                Whose::Managed(_) | Whose::Nobody => {
                    let accounts = space.accounts.iter().filter(|(_, account)| removal.refers(account, name));
                    referring.extend(accounts.map(|(account, _)| format!("{namespace}/ServiceAccount/{account}")));
                }
                Whose::Ours => {}
            }
        }
    }
    let note = |(owner, paths): (String, Vec<String>)| {
        let stay = if paths.len() == 1 { "stays: it is" } else { "stay: they are" };
        let message = format!("{} {stay} of owner {owner}", listed(&paths));
        Diagnostic::note(Code::NotOurs, message).hint(format!(
            "run with its regcred.yaml (`--config`), or with `--no-config --secret-name {owner}` if it has none"
        ))
    };
    let references = (!referring.is_empty()).then(|| {
        let message = format!("the pull secret is not ours, so it and the reference of {} stay", listed(&referring));
        Diagnostic::note(Code::NotOurs, message).hint("remove the reference with kubectl if nobody needs it")
    });
    by_owner.into_iter().map(note).chain(references).collect()
}

/// Whether the step deletes the Deployment of the owner's controller.
fn is_the_controller(step: &Step, owner: &str) -> bool {
    step.object.kind() == "Deployment" && step.name.as_str() == marks::name(owner)
}

fn serves(step: &Step) -> Diagnostic {
    let message = format!("{}: this controller serves the cluster, and would go with its policies", step.change.path);
    Diagnostic::error(Code::ControllerServes, message)
        .hint("delete its Deployment first, with kubectl; or run this with its regcred.yaml (`strategy: controller`)")
}

fn note(message: String) -> Diagnostic {
    Diagnostic::note(Code::ClusterForbids, message)
}

/// The pull secrets that these namespaces lose, also namespaces that no longer exist.
fn leaving(settings: &Settings, chosen: Vec<Chosen>) -> Delivery<'_> {
    let pull_secrets = settings.pull_secrets.iter().zip(chosen).map(|(one, chosen)| {
        let mut namespaces = [chosen.namespaces, chosen.missing].concat();
        namespaces.sort_unstable();
        PullSecret::new(&one.name, namespaces, Accounts::All, &Logins::Unavailable)
    });
    delivery(settings, pull_secrets.collect())
}

fn delivery<'a>(settings: &Settings, pull_secrets: Vec<PullSecret<'a>>) -> Delivery<'a> {
    Delivery {
        pull_secrets,
        link: Link::Policy,
        marks: settings.marks(),
        on_conflict: OnConflict::Fail,
        unchangeable: Unchangeable::Refuse,
    }
}

async fn remove(settings: &Settings, found: Found, progress: &Progress) -> Applied {
    progress.expect(&found.steps);
    let delivery = delivery(settings, Vec::new());
    let Found { server, steps, problems, chosen } = found;
    let done = execute(&server, &delivery, steps, &|| progress.count()).await;
    Applied { chosen, ..Applied::done(done, problems) }
}

/// Shows what would be deleted, and asks.
fn is_confirmed(fleet: &Fleet, found: &[Found]) -> Result<bool> {
    let problems =
        together(fleet.members.iter().zip(found).map(|(settings, found)| (settings, found.problems.clone())));
    report::warn(&problems);
    let mut terminal = io::stderr().lock();
    for (settings, found) in fleet.members.iter().zip(found) {
        let cluster = settings.cluster.as_ref().map_or(String::new(), |name| format!("{name}: "));
        for step in &found.steps {
            writeln!(terminal, "{cluster}{}: {}", step.change.path, super::shown::deed(step))?;
        }
    }
    drop(terminal);
    Ok(question::is_yes("delete these?")?)
}
