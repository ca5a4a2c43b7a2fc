//! Reads a cluster, and compares it with the settings.

use crate::cli::cluster::{LinkArguments, PlaceArguments};
use crate::settings::{PullSecretSettings, Settings};
use regcred_cluster::connect::{Access, connect};
use regcred_cluster::read::{self, Objects, Spaces, Which, WithoutSecrets};
use regcred_cluster::server::Server;
use regcred_core::cluster::selection::{Aim, Choice, Chosen, Others, Why};
use regcred_core::cluster::{Accounts, Comparison, Delivery, Facts, PullSecret, Unchangeable};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::docker_config::Logins;
use regcred_core::names::{Namespace, ResourceName};
use regcred_core::spec::choice::Link;

/// A cluster that was read and compared.
pub(super) struct Compared<'a> {
    pub(super) server: Server,
    pub(super) delivery: Delivery<'a>,
    /// What was read.
    pub(super) facts: Facts,
    pub(super) comparison: Comparison,
    /// What is odd, but stops nothing; an error is a namespace that was named and is not there.
    pub(super) problems: Vec<Diagnostic>,
}

/// What is typed once for every cluster.
#[derive(Clone, Copy)]
pub(super) struct Typed<'a> {
    pub(super) place: &'a PlaceArguments,
    pub(super) link: &'a LinkArguments,
    pub(super) without_secrets: WithoutSecrets,
}

/// Connects, reads and compares.
///
/// # Errors
/// The cluster cannot be reached, forbids what is needed, or has no namespace to serve.
pub(super) async fn compare<'a>(
    access: Access,
    settings: &'a Settings,
    logins: &'a [Logins],
    typed: Typed<'a>,
) -> Result<Compared<'a>, Vec<Diagnostic>> {
    let server = connect(access).await.map_err(|problem| vec![problem])?;
    let (mut spaces, Choices { chosen, problems }) = chosen(&server, settings, typed.place, Aim::Serve).await?;
    read::objects(&server, &mut spaces, &objects(settings, typed)).await.map_err(|problem| vec![problem])?;
    let delivery = delivery(settings, logins, chosen, typed.link);
    let facts = Facts { namespaces: spaces };
    let comparison = delivery.compare(&facts);
    let problems = [problems, absent(&comparison), not_compared(&comparison)].concat();
    Ok(Compared { server, delivery, facts, comparison, problems })
}

/// What was chosen for each pull secret, and what is wrong with namespaces that were named.
pub(super) struct Choices {
    chosen: Vec<Chosen>,
    problems: Vec<Diagnostic>,
}

/// Reads the namespaces, and chooses from them.
///
/// # Errors
/// They cannot be read, or none is chosen.
pub(super) async fn chosen(
    server: &Server,
    settings: &Settings,
    place: &PlaceArguments,
    aim: Aim,
) -> Result<(Spaces, Choices), Vec<Diagnostic>> {
    let others = if place.all_namespaces || place.selector.is_some() { Others::All } else { Others::None };
    let choices: Vec<_> = settings.pull_secrets.iter().map(|one| choice(one, place, (others, aim))).collect();
    let names = names(&choices, place);
    let which = match &names {
        Some(names) => Which::Named(names),
        None => Which::Labelled(place.selector.as_deref()),
    };
    let mut spaces = read::namespaces(server, which).await.map_err(|problem| vec![problem])?;
    let chosen: Vec<Chosen> = choices.iter().map(|choice| choice.choose(&spaces)).collect();
    let problems = problems(&chosen, place.selector.is_some() || aim == Aim::CleanUp);
    let is_named = chosen.iter().any(|chosen| !chosen.missing.is_empty() || !chosen.left_out.is_empty());
    if chosen.iter().all(|chosen| chosen.namespaces.is_empty()) && !(aim == Aim::CleanUp && is_named) {
        let is_explained = problems.iter().any(Diagnostic::is_error);
        return Err(if is_explained { problems } else { [problems, vec![none(&chosen)]].concat() });
    }
    spaces.retain(|name, _| chosen.iter().any(|chosen| chosen.namespaces.binary_search(name).is_ok()));
    Ok((spaces, Choices { chosen, problems }))
}

fn choice<'a>(pull_secret: &'a PullSecretSettings, place: &PlaceArguments, (others, aim): (Others, Aim)) -> Choice<'a> {
    // `-A` is for this run, and wins over what regcred.yaml and variables name.
    let include: &[_] = if place.all_namespaces { &[] } else { &pull_secret.include };
    Choice { include, exclude: &pull_secret.exclude, others, aim }
}

/// The names of all namespaces, where nothing but names is given.
fn names(choices: &[Choice<'_>], place: &PlaceArguments) -> Option<Vec<Namespace>> {
    if place.selector.is_some() {
        return None;
    }
    let names: Option<Vec<_>> = choices.iter().map(Choice::names).collect();
    let mut names: Vec<_> = names?.into_iter().flatten().cloned().collect();
    names.sort_unstable();
    names.dedup();
    Some(names)
}

fn objects<'a>(settings: &'a Settings, typed: Typed<'_>) -> Objects<'a> {
    let accounts = || settings.pull_secrets.iter().map(|one| one.service_accounts.as_slice());
    let all = typed.link.all_service_accounts || accounts().any(<[_]>::is_empty);
    let accounts = match settings.combination.link {
        Link::Policy | Link::None => read::Wanted::None,
        Link::ServiceAccount if all => read::Wanted::All,
        Link::ServiceAccount => {
            let mut names: Vec<_> = accounts().flatten().collect();
            names.sort_unstable();
            names.dedup();
            read::Wanted::Named(names)
        }
    };
    let secrets = settings.pull_secrets.iter().map(|one| &one.name).collect();
    Objects { secrets, accounts, without_secrets: typed.without_secrets }
}

fn delivery<'a>(
    settings: &'a Settings,
    logins: &'a [Logins],
    chosen: Vec<Chosen>,
    arguments: &LinkArguments,
) -> Delivery<'a> {
    let accounts = |names: &'a [ResourceName]| {
        if arguments.all_service_accounts || names.is_empty() { Accounts::All } else { Accounts::Named(names) }
    };
    let pull_secrets = settings.pull_secrets.iter().zip(logins).zip(chosen).map(|((one, logins), chosen)| {
        PullSecret::new(&one.name, chosen.namespaces, accounts(&one.service_accounts), logins)
    });
    Delivery {
        pull_secrets: pull_secrets.collect(),
        link: settings.combination.link,
        marks: settings.marks(),
        on_conflict: arguments.on_conflict.into(),
        unchangeable: if arguments.recreate { Unchangeable::Recreate } else { Unchangeable::Refuse },
    }
}

/// What is wrong with namespaces that were named. One that is missing is no problem behind a selector, which hides those that exist, and
/// none where something is removed.
fn problems(chosen: &[Chosen], may_be_missing: bool) -> Vec<Diagnostic> {
    let mut problems: Vec<Diagnostic> = Vec::new();
    for chosen in chosen {
        for name in chosen.missing.iter().filter(|_| !may_be_missing) {
            let message = format!("there is no namespace `{name}` in the cluster");
            let hint = "create it, or take its name out; a glob takes only those that exist";
            problems.push(Diagnostic::error(Code::NoSuchNamespace, message).hint(hint));
        }
        for (name, why) in &chosen.left_out {
            let why = match why {
                Why::Terminating => "is being deleted",
                Why::OptedOut => "has opted out by its annotation",
            };
            problems.push(Diagnostic::warning(Code::NamespaceLeftOut, format!("`{name}` {why}, and is left out")));
        }
    }
    let mut once = Vec::new();
    problems.retain(|problem| {
        let is_new = !once.contains(problem);
        once.extend(is_new.then(|| problem.clone()));
        is_new
    });
    problems
}

fn none(chosen: &[Chosen]) -> Diagnostic {
    let excluded: usize = chosen.iter().map(|chosen| chosen.excluded).sum();
    let (message, hint) = if excluded > 0 {
        ("no namespace is left to serve", format!("`exclude` left out all {excluded}: exclude fewer, or name others"))
    } else {
        (
            "no namespace of the cluster is chosen",
            "name some with --namespaces, choose by label with --selector, or take all with --all-namespaces"
                .to_owned(),
        )
    };
    Diagnostic::error(Code::NoNamespaces, message).hint(hint)
}

/// ServiceAccounts that were named and are not there: a Pod cannot use one either.
fn absent(comparison: &Comparison) -> Vec<Diagnostic> {
    let mut by_name: std::collections::BTreeMap<&ResourceName, Vec<&Namespace>> = std::collections::BTreeMap::new();
    for (namespace, name) in &comparison.absent {
        by_name.entry(name).or_default().push(namespace);
    }
    let warning = |(name, namespaces): (&ResourceName, Vec<&Namespace>)| {
        let place = listed(&namespaces);
        Diagnostic::warning(Code::NoSuchAccount, format!("there is no ServiceAccount `{name}` in {place}"))
            .hint("run this again once it exists; `--link policy` serves Pods of every ServiceAccount from the start")
    };
    by_name.into_iter().map(warning).collect()
}

fn not_compared(comparison: &Comparison) -> Vec<Diagnostic> {
    let namespaces: Vec<_> = comparison.not_compared.iter().collect();
    let note = (!namespaces.is_empty()).then(|| {
        let message = format!("Secrets not compared: this account may not read them in {}", listed(&namespaces));
        Diagnostic {
            severity: regcred_core::diagnostic::Severity::Note,
            ..Diagnostic::warning(Code::ClusterForbids, message)
        }
    });
    note.into_iter().collect()
}

/// Up to three names, and how many more there are.
pub(super) fn listed(names: &[&Namespace]) -> String {
    const NAMED: usize = 3;
    let shown: Vec<_> = names.iter().take(NAMED).map(|name| name.as_str()).collect();
    match names.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more namespaces", shown.join(", ")),
    }
}
