//! Chooses the namespaces of a cluster.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::cli::cluster::PlaceArguments;
use crate::settings::namespaces::too_many_pairs;
use crate::settings::{PullSecretSettings, Settings};
use regcred_cluster::read::{self, Spaces, Which};
use regcred_cluster::server::Server;
use regcred_core::cluster::facts::{Phase, Space};
use regcred_core::cluster::selection::{Aim, Choice, Chosen, Others, Why};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::names::{Namespace, NamespacePattern, OPT_OUT, listed};
use regcred_core::spec::choice::Strategy;

/// The namespaces of each pull secret, and the problems of named namespaces.
pub(super) struct Choices {
    pub(super) chosen: Vec<Chosen>,
    pub(super) problems: Vec<Diagnostic>,
    /// Namespaces that would be chosen if they had not opted out.
    pub(super) opted_out: Vec<Namespace>,
}

/// Reads the namespaces, and chooses from them.
/// Errors: the namespaces cannot be read, or none is chosen.
pub(super) async fn chosen(
    server: &Server,
    settings: &Settings,
    place: &PlaceArguments,
    aim: Aim,
) -> Result<(Spaces, Choices), Vec<Diagnostic>> {
    let is_a_controllers = aim == Aim::Serve && settings.combination.strategy == Strategy::Controller;
    let takes_all = place.all_namespaces || place.selector.is_some() || is_a_controllers;
    let others = if takes_all { Others::All } else { Others::None };
    let choices: Vec<_> = settings.pull_secrets.iter().map(|one| choice(one, place, (others, aim))).collect();
    let names = names(&choices, place);
    let which = match &names {
        Some(names) => Which::Named(names),
        None => Which::Labelled(place.selector.as_deref()),
    };
    let mut spaces = read::namespaces(server, which).await.map_err(|problem| vec![problem])?;
    let globs = choices.iter().flat_map(|choice| choice.include.iter().chain(choice.exclude));
    if let Some(problem) = too_many_pairs(globs.map(NamespacePattern::globs).sum(), spaces.len()) {
        return Err(vec![problem]);
    }
    let chosen: Vec<Chosen> = choices.iter().map(|choice| choice.choose(&spaces)).collect();
    let mut problems = problems(&chosen, place, aim);
    problems.extend(unmatched(&choices, &spaces).filter(|_| aim == Aim::Serve && place.selector.is_none()));
    let is_named = chosen.iter().any(|chosen| !chosen.missing.is_empty() || !chosen.left_out.is_empty());
    if chosen.iter().all(|chosen| chosen.namespaces.is_empty()) && !(aim == Aim::CleanUp && is_named) {
        if !problems.iter().any(Diagnostic::is_error) {
            problems.push(none((&choices, &chosen), &spaces, place));
        }
        return Err(problems);
    }
    let is_left_out = |name: &Namespace, space: &Space| {
        space.phase == Phase::Active && space.metadata.opts_out() && choices.iter().any(|choice| choice.names_it(name))
    };
    let opted_out = spaces.iter().filter(|(name, space)| aim == Aim::Serve && is_left_out(name, space));
    let opted_out = opted_out.map(|(name, _)| name.clone()).collect();
    spaces.retain(|name, _| chosen.iter().any(|chosen| chosen.namespaces.binary_search(name).is_ok()));
    if aim == Aim::Serve {
        problems.extend(unclear(&spaces));
    }
    Ok((spaces, Choices { chosen, problems, opted_out }))
}

fn choice<'a>(pull_secret: &'a PullSecretSettings, place: &PlaceArguments, (others, aim): (Others, Aim)) -> Choice<'a> {
    // `-A` is for this run, and wins over regcred.yaml and the variables.
    let include: &[_] = if place.all_namespaces { &[] } else { &pull_secret.include };
    // A namespace that was excluded after an earlier run may still have objects.
    let exclude: &[_] = if aim == Aim::CleanUp && place.exclude.is_empty() { &[] } else { &pull_secret.exclude };
    Choice { include, exclude, others, aim }
}

/// The names of all namespaces, if only names are given.
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

/// Problems of named namespaces. A missing namespace is only a warning if objects are removed, and no problem with a selector, which hides
/// namespaces without the labels.
fn problems(chosen: &[Chosen], place: &PlaceArguments, aim: Aim) -> Vec<Diagnostic> {
    let mut problems: Vec<Diagnostic> = Vec::new();
    for chosen in chosen {
        for name in chosen.missing.iter().filter(|_| place.selector.is_none()) {
            let message = format!("there is no namespace `{name}` in the cluster");
            if aim == Aim::CleanUp {
                let warning = Diagnostic::warning(Code::NoSuchNamespace, message);
                problems.push(warning.hint("check the name: `kubectl get namespaces` lists all"));
                continue;
            }
            let hint = "create it with `kubectl create namespace` (`createNamespaces` is for `render`), or take its name out; a glob takes only those that exist";
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
    let mut once = HashSet::new();
    problems.retain(|problem| once.insert(problem.clone()));
    problems
}

/// Namespaces that are served although somebody may have meant to exclude them.
fn unclear(spaces: &Spaces) -> Vec<Diagnostic> {
    let mut served: BTreeMap<&str, Vec<&Namespace>> = BTreeMap::new();
    for (name, space) in spaces {
        space.metadata.unclear_opt_outs().for_each(|key| served.entry(key).or_default().push(name));
    }
    let warning = |(key, names): (&str, Vec<&Namespace>)| {
        let are_served = if names.len() == 1 { "this namespace is" } else { "these namespaces are" };
        let message = format!("`{key}` of {} is neither `true` nor `false`, so {are_served} served", listed(&names));
        Diagnostic::warning(Code::NamespaceLeftOut, message)
            .hint(format!("`kubectl annotate --overwrite namespace {} {key}=true` excludes it", names[0]))
    };
    served.into_iter().map(warning).collect()
}

/// The globs that match no namespace: one may have a typo, or may be for namespaces that come later.
fn unmatched(choices: &[Choice<'_>], spaces: &Spaces) -> impl Iterator<Item = Diagnostic> {
    let matches_none = |pattern: &&NamespacePattern| {
        matches!(pattern, NamespacePattern::Glob(_)) && !spaces.keys().any(|name| pattern.matches(name))
    };
    let globs = choices.iter().flat_map(|choice| choice.include).filter(matches_none).map(NamespacePattern::as_str);
    globs.collect::<BTreeSet<_>>().into_iter().map(|glob| {
        let message = format!("no namespace of the cluster matches `{glob}`");
        Diagnostic::note(Code::NoSuchNamespace, message)
    })
}

/// The error that no namespace is chosen, with what to do.
fn none((choices, chosen): (&[Choice<'_>], &[Chosen]), spaces: &Spaces, place: &PlaceArguments) -> Diagnostic {
    let excluded: usize = chosen.iter().map(|chosen| chosen.excluded).sum();
    let left_out = || chosen.iter().flat_map(|chosen| &chosen.left_out);
    let (message, hint) = if excluded > 0 {
        ("no namespace is left to serve", format!("`exclude` left out all {excluded}: exclude fewer, or name others"))
    } else if left_out().next().is_some() && left_out().all(|(_, why)| *why == Why::OptedOut) {
        let names: BTreeSet<_> = left_out().map(|(name, _)| name.as_str()).collect();
        let is_set = |key: &&str| {
            let mut all = left_out().filter_map(|(name, _)| spaces.get(name));
            all.any(|space| space.metadata.annotations.get(*key).is_some_and(|value| value == "true"))
        };
        let keys = OPT_OUT.into_iter().filter(is_set).map(|key| format!(" {key}-"));
        let names = Vec::from_iter(names).join(" ");
        let command = format!("`kubectl annotate namespace {names}{}`", keys.collect::<String>());
        ("every chosen namespace has opted out by its annotation", format!("{command} takes the annotation off"))
    } else if place.selector.is_some() || !place.namespaces.is_empty() {
        let hint = "check the names and labels: `kubectl get namespaces --show-labels` lists all";
        ("no namespace of the cluster matches `--namespaces` or `--selector`", hint.to_owned())
    } else if choices.iter().any(|choice| !choice.include.is_empty()) {
        let hint = format!("check the names: `kubectl get namespaces` lists all {}", spaces.len());
        ("no namespace of the cluster matches `include` in regcred.yaml", hint)
    } else {
        (
            "no namespace of the cluster is chosen",
            "name some with --namespaces, choose by label with --selector, or take all with --all-namespaces"
                .to_owned(),
        )
    };
    Diagnostic::error(Code::NoNamespaces, message).hint(hint)
}
