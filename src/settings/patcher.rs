//! The in-cluster patcher: flags and regcred.yaml in, options that its image understands out.

use std::str::FromStr;

use super::choices::Patcher;
use super::file::PatcherSpec;
use super::go;
use super::pull_secret::resource_name;
use crate::cli::PatcherArguments;
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::docker_config::kubelet::Image;
use regcred_core::names::{InvalidName, Namespace, NamespacePattern};

pub use regcred_core::objects::patcher::{Accounts, Guard, PatcherSettings};

/// Resolves the options; problems are added.
pub fn resolve(
    arguments: &PatcherArguments,
    file: &PatcherSpec,
    (exclude, place_of_exclude): (&[NamespacePattern], &str),
    service_accounts: Accounts,
    problems: &mut Vec<Diagnostic>,
) -> Option<PatcherSettings> {
    let PatcherArguments {
        patcher,
        patcher_namespace,
        patcher_image,
        source_secret_name,
        patcher_pull_secret,
        patcher_interval,
        no_guard,
    } = arguments;
    let patcher = patcher.or(file.kind).unwrap_or(Patcher::Titansoft);
    let place = |flag: &Option<String>, name: &str, field: &str| match flag {
        Some(_) => format!("`{name}`"),
        None => format!("`patcher.{field}` in regcred.yaml"),
    };
    let namespace = named(
        (patcher_namespace.as_deref(), "--patcher-namespace"),
        file.namespace.as_ref(),
        "imagepullsecret-patcher",
        problems,
    );
    if let Some(namespace) = namespace.as_ref().filter(|namespace| is_of_the_cluster(namespace)) {
        let place = place(patcher_namespace, "--patcher-namespace", "namespace");
        problems.push(
            Diagnostic::error(
                Code::NamespaceOfTheCluster,
                format!("{place}: `{namespace}` is in every cluster, and the Pods that others have there would be refused: it admits restricted Pods only"),
            )
            .hint("give the patcher a namespace of its own"),
        );
    }
    let source = named(
        (source_secret_name.as_deref(), "--source-secret-name"),
        file.source_secret_name.as_ref(),
        "image-pull-secret-src",
        problems,
    );
    let pull_secret = match patcher_pull_secret {
        Some(text) => resource_name(text, "`--patcher-pull-secret`", problems),
        None => file.pull_secret.clone(),
    };
    let default_image = default_image(patcher);
    let image = patcher_image.clone().or_else(|| file.image.clone()).unwrap_or_else(|| default_image.to_owned());
    if let Err(invalid) = image.parse::<Image>() {
        let place = place(patcher_image, "--patcher-image", "image");
        problems.push(
            Diagnostic::error(Code::InvalidImage, format!("{place} {invalid}"))
                .hint(format!("for example {default_image}")),
        );
    }
    let interval = patcher_interval.clone().or_else(|| file.interval.clone());
    let wrong = match interval.as_deref().map(go::nanoseconds) {
        _ if patcher == Patcher::Tamcore => None,
        Some(None) => Some("is no Go duration, and the patcher would take 10s without a word"),
        Some(Some(time)) if time < go::SECOND => Some("is below 1s, and each round reads every namespace"),
        Some(Some(_)) | None => None,
    };
    problems.extend(wrong.map(|wrong| {
        let place = place(patcher_interval, "--patcher-interval", "interval");
        Diagnostic::error(Code::InvalidDuration, format!("{place} {wrong}"))
            .hint("write a number with its unit, for example 30s or 2m")
    }));
    // A flag that means nothing is refused with all others of its kind.
    if patcher == Patcher::Tamcore && file.kind == Some(patcher) && file.interval.is_some() {
        problems.push(
            Diagnostic::error(
                Code::MeansNothing,
                "`patcher.interval` in regcred.yaml means nothing to tamcore's patcher, which watches",
            )
            .hint("leave it out"),
        );
    }
    let exclude = match exclude {
        [] => of_the_cluster(patcher).iter().map(|&name| name.to_owned()).collect(),
        patterns => {
            check_exclude(patcher, patterns, place_of_exclude, problems);
            patterns.iter().map(|pattern| pattern.as_str().to_owned()).collect()
        }
    };
    let guard = if *no_guard || !file.guard { Guard::Unconfined } else { Guard::Confined };
    let settings = PatcherSettings {
        patcher,
        namespace: namespace?,
        image,
        source: source?,
        pull_secret,
        interval: interval.unwrap_or_else(|| "10s".to_owned()),
        guard,
        exclude,
        service_accounts,
    };
    Some(settings)
}

/// The image of a patcher when no other is named.
#[must_use]
pub const fn default_image(patcher: Patcher) -> &'static str {
    match patcher {
        Patcher::Titansoft => "quay.io/titansoft/imagepullsecret-patcher:v0.14",
        Patcher::Tamcore => "ghcr.io/tamcore/imagepullsecret-patcher:latest",
    }
}

/// What a patcher leaves alone when nothing is said: nobody's Pods, and a policy that failed there would stop the cluster's own.
const fn of_the_cluster(patcher: Patcher) -> &'static [&'static str] {
    match patcher {
        Patcher::Titansoft => &["kube-node-lease", "kube-public", "kube-system"],
        Patcher::Tamcore => &["kube-*"],
    }
}

/// A name by its flag, else as the file has it, else the default.
fn named<N: FromStr<Err = InvalidName> + Clone>(
    (text, flag): (Option<&str>, &str),
    file: Option<&N>,
    default: &str,
    problems: &mut Vec<Diagnostic>,
) -> Option<N> {
    match (text, file) {
        (None, Some(name)) => Some(name.clone()),
        (text, _) => text
            .unwrap_or(default)
            .parse()
            .map_err(|invalid: InvalidName| {
                problems
                    .push(Diagnostic::error(Code::InvalidName, format!("`{flag}`: {invalid}")).hint(invalid.hint()));
            })
            .ok(),
    }
}

/// Namespaces that every cluster has.
fn is_of_the_cluster(namespace: &Namespace) -> bool {
    ["default", "kube-system", "kube-public", "kube-node-lease"].contains(&namespace.as_str())
}

/// Titansoft's patcher compares names exactly; tamcore's takes the globs of Go.
fn check_exclude(patcher: Patcher, exclude: &[NamespacePattern], place: &str, problems: &mut Vec<Diagnostic>) {
    let globs = exclude.iter().enumerate().filter_map(|(number, pattern)| match pattern {
        NamespacePattern::Glob(_) => Some((number + 1, pattern.as_str())),
        NamespacePattern::Name(_) => None,
    });
    problems.extend(globs.filter_map(|(number, glob)| match patcher {
        Patcher::Titansoft => Some(
            Diagnostic::error(Code::GlobNotUnderstood, format!("{place}, item {number}: titansoft's patcher compares names exactly, and would never leave that out"))
                .hint("name each namespace, or use --patcher tamcore, which takes globs"),
        ),
        Patcher::Tamcore if !go::is_glob(glob) => Some(
            Diagnostic::error(Code::InvalidGlob, format!("{place}, item {number}: tamcore's patcher reads globs as Go does, and not this one"))
                .hint("write *, ?, [a-c] or [^a-c], and each of several by itself in place of {…}"),
        ),
        Patcher::Tamcore => None,
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_must_be_in_the_form_the_image_understands() {
        let is_good = |patcher, text: &str| {
            let mut problems = Vec::new();
            check_exclude(patcher, &[text.parse().unwrap()], "`--exclude`", &mut problems);
            problems.is_empty()
        };
        assert!(is_good(Patcher::Titansoft, "kube-system"));
        assert!(!is_good(Patcher::Titansoft, "kube-*"));
        assert!(is_good(Patcher::Tamcore, "kube-system") && is_good(Patcher::Tamcore, "kube-*"));
        assert!(!is_good(Patcher::Tamcore, "kube-[!s]*"));
    }

    fn problems(arguments: &PatcherArguments) -> Vec<&'static str> {
        let mut problems = Vec::new();
        resolve(arguments, &PatcherSpec::default(), (&[], "`--exclude`"), Accounts::All, &mut problems);
        problems.into_iter().map(|problem| problem.code.as_str()).collect()
    }

    #[test]
    fn a_patcher_lives_in_no_namespace_that_every_cluster_has() {
        let in_namespace = |name: &str| {
            problems(&PatcherArguments { patcher_namespace: Some(name.to_owned()), ..PatcherArguments::default() })
        };
        assert_eq!(in_namespace("kube-system"), ["namespace-of-the-cluster"]);
        assert!(in_namespace("platform").is_empty());
    }
}
