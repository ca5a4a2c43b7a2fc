//! Reads a cluster, and compares it with the settings.

use std::collections::{BTreeMap, BTreeSet};

use super::places::{Choices, chosen};
use crate::cli::cluster::{LinkArguments, PlaceArguments};
use crate::settings::{PullSecretSettings, Settings};
use regcred_cluster::connect::{Access, connect};
use regcred_cluster::read::{self, Objects, OnForbiddenSecrets, Which};
use regcred_cluster::server::Server;
use regcred_cluster::{owned, policy};
use regcred_core::cluster::facts::{Phase, Space};
use regcred_core::cluster::policy::Merge;
use regcred_core::cluster::selection::{Aim, Chosen};
use regcred_core::cluster::{Accounts, Comparison, Delivery, Facts, PullSecret, Removal, Step, Unchangeable};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::docker_config::Logins;
use regcred_core::names::{NameGlob, Namespace, ResourceName, listed};
use regcred_core::spec::choice::{Link, Strategy};

/// A cluster that was read and compared.
pub(super) struct Compared<'a> {
    pub(super) server: Server,
    pub(super) delivery: Delivery<'a>,
    /// The facts that were read.
    pub(super) facts: Facts,
    pub(super) comparison: Comparison,
    /// The steps of `--prune`, which come last.
    pub(super) left_over: Vec<Step>,
    /// Problems that stop nothing; an error is a named namespace that does not exist.
    pub(super) problems: Vec<Diagnostic>,
    /// Namespaces that would be served if they had not opted out.
    pub(super) opted_out: Vec<Namespace>,
}

/// The flags that are the same for every cluster.
#[derive(Clone, Copy)]
pub(super) struct Typed<'a> {
    pub(super) place: &'a PlaceArguments,
    pub(super) link: &'a LinkArguments,
    pub(super) purpose: Purpose<'a>,
}

/// What a cluster is compared for.
#[derive(Clone, Copy)]
pub(super) enum Purpose<'a> {
    /// To show the differences, as far as the account may read.
    Show,
    /// To remove the differences; the text is the command of an administrator who applies the policies.
    Apply(&'a str),
}

/// Connects, reads and compares.
/// Errors: the cluster cannot be reached, forbids what is needed, or has no namespace to serve.
pub(super) async fn compare<'a>(
    access: Access,
    settings: &'a Settings,
    logins: &'a [Logins],
    typed: Typed<'a>,
) -> Result<Compared<'a>, Vec<Diagnostic>> {
    let one = |problem| vec![problem];
    let server = connect(access).await.map_err(one)?;
    let (mut spaces, Choices { chosen, mut problems, opted_out }) =
        chosen(&server, settings, typed.place, Aim::Serve).await?;
    read::objects(&server, &mut spaces, &objects(settings, typed)).await?;
    let delivery = delivery(settings, logins, chosen, typed.link);
    let facts = Facts { namespaces: spaces };
    let mut comparison = delivery.compare(&facts);
    problems.extend(absent(&comparison));
    problems.extend(not_compared(&comparison));
    if matches!(typed.purpose, Purpose::Apply(_)) {
        problems.extend(excluded(&delivery, &facts));
    }
    if !typed.link.all_service_accounts {
        problems.extend(unmatched(settings, &facts));
    }
    // A controller has its own policy, for all its namespaces.
    if delivery.link == Link::Policy && settings.combination.strategy != Strategy::Controller {
        let policies = delivery.policies(if typed.link.prune { Merge::Replace } else { Merge::Add });
        match policy::read(&server, &policies).await.map_err(one)? {
            Some(found) => drop(comparison.steps.splice(0..0, delivery.compare_policies(&policies, &found))),
            None => problems.push(unread(typed.purpose)),
        }
    }
    let left_over =
        if typed.link.prune { left_over(&server, settings, &delivery).await.map_err(one)? } else { Vec::new() };
    Ok(Compared { server, delivery, facts, comparison, left_over, problems, opted_out })
}

/// The objects of this owner in the cluster that are no longer wanted.
async fn left_over(server: &Server, settings: &Settings, delivery: &Delivery<'_>) -> Result<Vec<Step>, Diagnostic> {
    let spaces = read::namespaces(server, Which::Labelled(None)).await;
    let mut spaces = spaces.map_err(|problem| {
        let is_forbidden = problem.code == Code::ClusterForbids;
        let hint = "leave out `--prune`, or apply its rights: `regcred render --format rbac --prune` writes them";
        if is_forbidden { problem.hint(hint) } else { problem }
    })?;
    spaces.retain(|_, space| space.phase == Phase::Active);
    let names: Vec<_> = settings.pull_secrets.iter().map(|one| &one.name).collect();
    owned::read(server, &mut spaces, &names, accounts(settings, false)).await?;
    let wanted: BTreeSet<_> = delivery
        .pull_secrets
        .iter()
        .flat_map(|one| one.namespaces.iter().map(|namespace| (namespace.clone(), one.name.clone())))
        .collect();
    let removal = Removal { owner: &delivery.marks.owner, names, wanted };
    Ok(removal.steps(&Facts { namespaces: spaces }))
}

/// Reports policies that this account may not read: it is not known whether Pods find the Secrets.
fn unread(purpose: Purpose<'_>) -> Diagnostic {
    let message = "policies not compared: this account may not read admission policies";
    match purpose {
        Purpose::Show => Diagnostic::note(Code::ClusterForbids, message),
        Purpose::Apply(administrator) => Diagnostic::warning(Code::ClusterForbids, message).hint(format!(
            "ask an administrator for the right to `get` mutatingadmissionpolicies and mutatingadmissionpolicybindings, or to \
             apply the policies: `{administrator}`"
        )),
    }
}

fn objects<'a>(settings: &'a Settings, typed: Typed<'_>) -> Objects<'a> {
    let accounts = accounts(settings, typed.link.all_service_accounts);
    let secrets = settings.pull_secrets.iter().map(|one| &one.name).collect();
    let on_forbidden_secrets = match typed.purpose {
        Purpose::Show => OnForbiddenSecrets::Skip,
        Purpose::Apply(_) => OnForbiddenSecrets::Fail,
    };
    Objects { secrets, accounts, on_forbidden_secrets }
}

/// The linked ServiceAccounts: the named ones, or `all` of them.
pub(super) fn accounts(settings: &Settings, all: bool) -> read::Wanted<'_> {
    let needs_list = |one: &PullSecretSettings| one.service_accounts.is_empty() || !one.account_globs.is_empty();
    let all = all || settings.pull_secrets.iter().any(needs_list);
    match settings.combination.link {
        Link::Policy | Link::None => read::Wanted::None,
        Link::ServiceAccount if all => read::Wanted::All,
        Link::ServiceAccount => {
            let mut names: Vec<_> = settings.pull_secrets.iter().flat_map(|one| &one.service_accounts).collect();
            names.sort_unstable();
            names.dedup();
            read::Wanted::Named(names)
        }
    }
}

/// The ServiceAccounts that refer to a pull secret.
pub(super) fn linked(one: &PullSecretSettings, all: bool) -> Accounts<'_> {
    let is_open = one.service_accounts.is_empty() && one.account_globs.is_empty();
    if all || is_open { Accounts::All } else { Accounts::Chosen(&one.service_accounts, &one.account_globs) }
}

fn delivery<'a>(
    settings: &'a Settings,
    logins: &'a [Logins],
    chosen: Vec<Chosen>,
    arguments: &LinkArguments,
) -> Delivery<'a> {
    let pull_secrets = settings.pull_secrets.iter().zip(logins).zip(chosen).map(|((one, logins), chosen)| {
        PullSecret::new(&one.name, chosen.namespaces, linked(one, arguments.all_service_accounts), logins)
    });
    Delivery {
        pull_secrets: pull_secrets.collect(),
        link: settings.combination.link,
        marks: settings.marks(),
        on_conflict: arguments.on_conflict.into(),
        unchangeable: if arguments.recreate { Unchangeable::Recreate } else { Unchangeable::Refuse },
    }
}

/// Named ServiceAccounts that do not exist: no Pod can use them.
fn absent(comparison: &Comparison) -> Vec<Diagnostic> {
    let mut by_name: BTreeMap<&ResourceName, Vec<&Namespace>> = BTreeMap::new();
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

/// Globs that match no ServiceAccount of the chosen namespaces.
fn unmatched(settings: &Settings, facts: &Facts) -> Vec<Diagnostic> {
    let globs = settings.pull_secrets.iter().flat_map(|one| &one.account_globs);
    let globs: BTreeMap<_, _> = globs.map(|glob| (glob.as_str(), glob)).collect();
    let exists = |glob: &NameGlob| {
        facts.namespaces.values().flat_map(|space| space.accounts.keys()).any(|name| glob.is_match(name.as_str()))
    };
    let warning = |(text, _): (&str, &NameGlob)| {
        let message = format!("no ServiceAccount of the chosen namespaces matches `{text}`");
        Diagnostic::warning(Code::NoSuchAccount, message)
            .hint("check the glob: `kubectl get serviceaccounts` lists all")
    };
    globs.into_iter().filter(|(_, glob)| !exists(glob)).map(warning).collect()
}

/// ServiceAccounts that get no reference, because their annotation opts out.
fn excluded(delivery: &Delivery<'_>, facts: &Facts) -> Option<Diagnostic> {
    let of = |(namespace, space): (&Namespace, &Space)| {
        let here = delivery.pull_secrets.iter().filter(|one| one.namespaces.contains(namespace));
        let names: BTreeSet<_> = here.flat_map(|one| one.accounts.opted_out(space)).cloned().collect();
        names.into_iter().map(|name| format!("{namespace}/{name}")).collect::<Vec<_>>()
    };
    let places: Vec<_> = facts.namespaces.iter().flat_map(of).collect();
    let message = format!("ServiceAccounts left out, because their annotation opts out: {}", listed(&places));
    (!places.is_empty()).then(|| Diagnostic::note(Code::NamespaceLeftOut, message))
}

fn not_compared(comparison: &Comparison) -> Option<Diagnostic> {
    let namespaces: Vec<_> = comparison.not_compared.iter().collect();
    (!namespaces.is_empty()).then(|| {
        let message = format!("Secrets not compared: this account may not read them in {}", listed(&namespaces));
        Diagnostic::note(Code::ClusterForbids, message)
    })
}
