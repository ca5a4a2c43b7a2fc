//! Resolves the settings of the in-cluster patcher, checked against what its image understands.

use super::PullSecretSettings;
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::docker_config::kubelet::Image;
use regcred_core::names::{Namespace, NamespacePattern, OF_THE_CLUSTER, ResourceName};
use regcred_core::spec::choice::{Link, Patcher};
use regcred_core::spec::combination::Chart;
use regcred_core::spec::{Open, Options, PullSecret, Sourced, go};

pub use regcred_core::objects::patcher::{Guard, PatcherSettings};

const NAMESPACE: &str = "imagepullsecret-patcher";
/// The default source Secret of a patcher.
const SOURCE: &str = "image-pull-secret-src";

/// The namespaces of Kubernetes that every cluster has.
const IN_EVERY_CLUSTER: [&str; 3] = ["kube-node-lease", "kube-public", "kube-system"];

/// The default interval of titansoft's patcher.
const INTERVAL: &str = "10s";

/// Resolves the patcher of a run with one pull secret; problems are added.
pub(super) fn decide(
    options: &Options,
    (link, chart): (Link, &Chart),
    pull_secret: &PullSecretSettings,
    written: &PullSecret,
    problems: &mut Vec<Diagnostic>,
) -> PatcherSettings {
    let accounts = (link == Link::ServiceAccount).then(|| pull_secret.service_accounts.clone());
    let kind = match chart {
        Chart::Tamcore => Some(Patcher::Tamcore),
        Chart::Empathyco => Some(Patcher::Titansoft),
        Chart::Own | Chart::Template(_) => None,
    };
    let place = written.exclude.as_ref().map_or(String::new(), |exclude| exclude.origin.to_string());
    let settings = resolve(options, kind, (&pull_secret.exclude, &place), accounts, problems);
    if !problems.iter().any(Diagnostic::is_error) {
        problems.extend(settings.rights_warning());
        // A chart chooses the image itself, unless one is named.
        let is_ours = *chart == Chart::Own || options.patcher_image.is_some();
        problems.extend(settings.image_warning().filter(|_| is_ours));
    }
    if *chart == Chart::Empathyco {
        return settings;
    }
    if settings.pull_secret.as_ref() == Some(&pull_secret.name) {
        let message = format!(
            "the patcher's own pull Secret is `{}`, which the patcher itself writes, so it could never start",
            pull_secret.name
        );
        let hint = format!("use the source, --patcher-pull-secret {}, or one that exists already", settings.source);
        problems.push(Diagnostic::error(Code::PullsByItsOwnCopy, message).hint(hint));
    }
    if settings.source == pull_secret.name {
        let message = "the source and the copies have the same name: the patcher would undo a rotation by itself";
        let hint = "give the source another name with --source-secret-name";
        problems.push(Diagnostic::error(Code::SourceIsTarget, message).hint(hint));
    }
    settings
}

/// Resolves the patcher, also one of a chart; problems are added.
fn resolve(
    options: &Options,
    of_the_chart: Option<Patcher>,
    (exclude, place_of_exclude): (&[NamespacePattern], &str),
    service_accounts: Option<Vec<ResourceName>>,
    problems: &mut Vec<Diagnostic>,
) -> PatcherSettings {
    let patcher = of_the_chart.or(options.patcher.chosen().copied()).unwrap_or(Patcher::Titansoft);
    let mut refuse = |code, message: String, hint: &str| {
        problems.push(Diagnostic::error(code, message).hint(hint));
    };
    if let Some(Sourced { value: namespace, origin }) = &options.patcher_namespace
        && (namespace.as_str() == "default" || IN_EVERY_CLUSTER.contains(&namespace.as_str()))
    {
        let message = format!(
            "{origin}: `{namespace}` is in every cluster, and the patcher's namespace admits restricted Pods only, so other Pods \
             there would be refused"
        );
        refuse(Code::NamespaceOfTheCluster, message, "give the patcher its own namespace");
    }
    if let Some(Sourced { value: image, origin }) = &options.patcher_image
        && let Err(invalid) = image.parse::<Image>()
    {
        let hint = format!("for example {}", default_image(patcher));
        refuse(Code::InvalidImage, format!("{origin} {invalid}"), &hint);
    }
    if let Some(Sourced { value: interval, origin }) = &options.patcher_interval {
        let wrong = match go::nanoseconds(interval) {
            _ if patcher == Patcher::Tamcore => None,
            None => Some("is not a Go duration, and the patcher would silently use 10s"),
            Some(time) if time < go::SECOND => Some("is below 1s, and each round reads every namespace"),
            Some(_) => None,
        };
        if let Some(wrong) = wrong {
            let hint = "write a number with its unit, for example 30s or 2m";
            refuse(Code::InvalidDuration, format!("{origin} {wrong}"), hint);
        }
        // The table of options decides which flags have no effect.
        let chosen_there = options.patcher.as_ref().is_some_and(|patcher| !patcher.origin.is_typed());
        if patcher == Patcher::Tamcore && chosen_there && !origin.is_typed() {
            let message = format!("{origin} has no effect on tamcore's patcher, which watches");
            refuse(Code::MeansNothing, message, "leave it out");
        }
    }
    check_exclude(patcher, exclude, place_of_exclude, problems);
    for (switch, effect) in [
        (&options.no_guard, "leaves out the policies that confine the patcher's account"),
        (&options.no_default_excludes, "lets the patcher serve the namespaces of Kubernetes"),
    ] {
        let in_a_file = switch.as_ref().map(|switch| &switch.origin).filter(|origin| origin.is_of_a_file());
        problems.extend(in_a_file.map(|origin| {
            Diagnostic::warning(Code::PatcherUnconfined, format!("{origin} {effect}"))
                .hint("a merge request may have added it: check who wrote it")
        }));
    }
    // In these namespaces no Pods of users run, and a failing policy would stop the cluster's own Pods.
    let by_default = match patcher {
        _ if options.no_default_excludes.is_some() => &[][..],
        Patcher::Titansoft => &IN_EVERY_CLUSTER,
        Patcher::Tamcore => &OF_THE_CLUSTER,
    };
    let mut excluded: Vec<_> = by_default.iter().map(|&name| name.to_owned()).collect();
    let named = exclude.iter().map(NamespacePattern::as_str).filter(|name| !by_default.contains(name));
    excluded.extend(named.map(str::to_owned));
    PatcherSettings {
        patcher,
        namespace: options.patcher_namespace.chosen().cloned().unwrap_or_else(|| Namespace::known(NAMESPACE)),
        image: options.patcher_image.chosen().cloned().unwrap_or_else(|| default_image(patcher).to_owned()),
        source: options.source_secret_name.chosen().cloned().unwrap_or_else(|| ResourceName::known(SOURCE)),
        pull_secret: options.patcher_pull_secret.chosen().cloned(),
        interval: options.patcher_interval.chosen().cloned().unwrap_or_else(|| INTERVAL.to_owned()),
        guard: if options.no_guard.is_some() { Guard::Unconfined } else { Guard::Confined },
        exclude: excluded,
        service_accounts,
    }
}

pub const fn default_image(patcher: Patcher) -> &'static str {
    match patcher {
        Patcher::Titansoft => "quay.io/titansoft/imagepullsecret-patcher:v0.14",
        Patcher::Tamcore => "ghcr.io/tamcore/imagepullsecret-patcher:latest",
    }
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
                .hint("write *, ?, [a-c] or [^a-c], and one glob for each alternative of {…}"),
        ),
        Patcher::Tamcore => None,
    }));
}

#[cfg(test)]
mod tests {
    use regcred_core::spec::Origin;

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

    #[test]
    fn what_is_excluded_adds_to_the_default() {
        let exclude = |options: &Options| {
            let patterns = ["team-x".parse().unwrap()];
            let mut problems = Vec::new();
            let settings = resolve(options, None, (&patterns, ""), Some(Vec::new()), &mut problems);
            settings.exclude.join(" ")
        };
        assert_eq!(exclude(&Options::default()), "kube-node-lease kube-public kube-system team-x");
        let origin = Origin::Flag("--no-default-excludes");
        let none = Options { no_default_excludes: Some(Sourced { value: true, origin }), ..Options::default() };
        assert_eq!(exclude(&none), "team-x");
    }

    #[test]
    fn a_patcher_lives_in_no_namespace_that_every_cluster_has() {
        let in_namespace = |name: &str| {
            let origin = Origin::Flag("--patcher-namespace");
            let namespace = Some(Sourced { value: name.parse().unwrap(), origin });
            let options = Options { patcher_namespace: namespace, ..Options::default() };
            let mut problems = Vec::new();
            resolve(&options, None, (&[], ""), Some(Vec::new()), &mut problems);
            problems.into_iter().map(|problem| problem.code.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(in_namespace("kube-system"), ["namespace-of-the-cluster"]);
        assert!(in_namespace("platform").is_empty());
    }
}
