//! The in-cluster patcher: flags and regcred.yaml in, options that its image understands out.

use super::choices::Patcher;
use super::file::PatcherSpec;
use super::namespaces::is_glob;
use crate::cli::PatcherArguments;
use crate::docker_config::kubelet::Image;
use crate::names::{Namespace, ResourceName};
use crate::problem::Problem;

/// A patcher, its options checked.
#[derive(Clone, Debug)]
pub struct PatcherSettings {
    /// Which one.
    pub patcher: Patcher,
    /// Its namespace.
    pub namespace: Namespace,
    /// Its image.
    pub image: String,
    /// The Secret it copies from.
    pub source: ResourceName,
    /// The pull Secret of its own image.
    pub pull_secret: Option<ResourceName>,
    /// How often it looks.
    pub interval: String,
    /// Whether it is confined.
    pub guard: Guard,
    /// Namespaces it leaves alone, as its image wants them: names, or globs.
    pub exclude: Vec<String>,
    /// The ServiceAccounts it links.
    pub service_accounts: Accounts,
}

/// Whether the policy that confines the patcher is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Yes: clusters from 1.30.
    Confined,
    /// No: the cluster is too old.
    Unconfined,
}

/// ServiceAccounts that a patcher links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accounts {
    /// Every one.
    All,
    /// None.
    None,
    /// These.
    Named(Vec<ResourceName>),
}

impl PatcherSettings {
    /// Resolves the options; problems are added.
    pub fn resolve(
        arguments: &PatcherArguments,
        file: &PatcherSpec,
        exclude: &[String],
        service_accounts: Accounts,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
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
        let text = |flag: &Option<String>, file: &Option<String>, default: &str| {
            flag.clone().or_else(|| file.clone()).unwrap_or_else(|| default.to_owned())
        };
        let default_image = default_image(patcher);
        let namespace = named(
            &text(patcher_namespace, &file.namespace, "imagepullsecret-patcher"),
            "--patcher-namespace",
            problems,
        );
        if let Some(namespace) = namespace.as_ref().filter(|namespace| is_of_the_cluster(namespace)) {
            problems.push(
                Problem::error(
                    "namespace-of-the-cluster",
                    format!("`--patcher-namespace`: `{namespace}` is in every cluster, and the Pods that others have there would be refused: it admits restricted Pods only"),
                )
                .hint("give the patcher a namespace of its own"),
            );
        }
        let source = named(
            &text(source_secret_name, &file.source_secret_name, "image-pull-secret-src"),
            "--source-secret-name",
            problems,
        );
        let pull_secret = patcher_pull_secret.clone().or_else(|| file.pull_secret.clone());
        let pull_secret = pull_secret.map(|name| named(&name, "--patcher-pull-secret", problems));
        let image = text(patcher_image, &file.image, default_image);
        if let Err(invalid) = image.parse::<Image>() {
            problems.push(
                Problem::error("invalid-image", format!("`--patcher-image` {invalid}"))
                    .hint(format!("for example {default_image}")),
            );
        }
        let interval = text(patcher_interval, &file.interval, "10s");
        let wrong = match nanoseconds(&interval) {
            None => Some("`--patcher-interval` is no Go duration, and the patcher would take 10s without a word"),
            Some(time) if time < SECOND => {
                Some("`--patcher-interval` is below 1s, and each round reads every namespace")
            }
            Some(_) => None,
        };
        problems.extend(wrong.map(|wrong| {
            Problem::error("invalid-duration", wrong).hint("write a number with its unit, for example 30s or 2m")
        }));
        if patcher == Patcher::Tamcore && (patcher_interval.is_some() || file.interval.is_some()) {
            problems.push(
                Problem::error(
                    "means-nothing",
                    "`--patcher-interval` means nothing to tamcore's patcher, which watches",
                )
                .hint("leave it out"),
            );
        }
        check_exclude(patcher, exclude, problems);
        let guard = if *no_guard || !file.guard { Guard::Unconfined } else { Guard::Confined };
        let exclude = exclude.iter().map(|text| text.trim().to_owned()).collect();
        Some(Self {
            patcher,
            namespace: namespace?,
            image,
            source: source?,
            pull_secret: pull_secret.flatten(),
            interval,
            guard,
            exclude,
            service_accounts,
        })
    }
}

/// The image of a patcher when no other is named.
#[must_use]
pub const fn default_image(patcher: Patcher) -> &'static str {
    match patcher {
        Patcher::Titansoft => "quay.io/titansoft/imagepullsecret-patcher:v0.14",
        Patcher::Tamcore => "ghcr.io/tamcore/imagepullsecret-patcher:latest",
    }
}

fn named<N: std::str::FromStr<Err = crate::names::InvalidName>>(
    text: &str,
    flag: &str,
    problems: &mut Vec<Problem>,
) -> Option<N> {
    text.parse()
        .map_err(|invalid: crate::names::InvalidName| {
            problems.push(Problem::error("invalid-name", format!("`{flag}`: {invalid}")).hint(invalid.hint()));
        })
        .ok()
}

/// Namespaces that every cluster has.
fn is_of_the_cluster(namespace: &Namespace) -> bool {
    ["default", "kube-system", "kube-public", "kube-node-lease"].contains(&namespace.as_str())
}

/// Titansoft's patcher compares names exactly; tamcore's takes Go globs: neither trims.
fn check_exclude(patcher: Patcher, exclude: &[String], problems: &mut Vec<Problem>) {
    for (number, text) in exclude.iter().enumerate().map(|(number, text)| (number + 1, text.trim())) {
        if is_glob(text) {
            if patcher == Patcher::Titansoft {
                problems.push(
                    Problem::error("glob-not-understood", format!("`--exclude`, item {number}: titansoft's patcher compares names exactly, and would never leave that out"))
                        .hint("name each namespace, or use --patcher tamcore, which takes globs"),
                );
            }
        } else if let Err(invalid) = text.parse::<Namespace>() {
            problems.push(
                Problem::error("invalid-namespace", format!("`--exclude`, item {number}: {invalid}"))
                    .hint(invalid.hint()),
            );
        }
    }
}

const SECOND: f64 = 1e9;

/// The nanoseconds of a text that Go's `time.ParseDuration` takes.
pub(super) fn nanoseconds(text: &str) -> Option<f64> {
    // "m" is a prefix of "ms": the longer one stands first.
    const UNITS: [(&str, f64); 7] = [
        ("ns", 1.0),
        ("us", 1e3),
        ("µs", 1e3),
        ("ms", 1e6),
        ("s", SECOND),
        ("m", 60.0 * SECOND),
        ("h", 3600.0 * SECOND),
    ];
    if text == "0" {
        return Some(0.0);
    }
    let mut rest = text;
    let mut sum = 0.0;
    while !rest.is_empty() {
        let number = rest.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(rest.len());
        let (count, unit_and_more) = rest.split_at(number);
        let count: f64 = count.parse().ok()?;
        let (unit, size) = UNITS.iter().find(|(unit, _)| unit_and_more.starts_with(unit))?;
        sum += count * size;
        rest = &unit_and_more[unit.len()..];
    }
    (!text.is_empty()).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_gos() {
        for (good, seconds) in
            [("10s", 10.0), ("1m30s", 90.0), ("1.5h", 5400.0), ("1000ms", 1.0), ("0s", 0.0), ("0", 0.0)]
        {
            let off = (nanoseconds(good).unwrap() - seconds * SECOND).abs();
            assert!(off < 1.0, "{good}");
        }
        for bad in ["", "10", "s", "1d", "1m30", "-1s", "1..5s"] {
            assert!(nanoseconds(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_list_must_be_in_the_form_the_image_understands() {
        let count = |patcher, text: &str| {
            let mut problems = Vec::new();
            check_exclude(patcher, &[text.to_owned()], &mut problems);
            problems.len()
        };
        assert_eq!(count(Patcher::Titansoft, "kube-*"), 1);
        assert_eq!(count(Patcher::Tamcore, "kube-*"), 0);
        assert_eq!(count(Patcher::Titansoft, " kube-system "), 0);
        assert_eq!(count(Patcher::Tamcore, "Kube"), 1);
    }
    fn problems(arguments: &PatcherArguments) -> Vec<&'static str> {
        let mut problems = Vec::new();
        PatcherSettings::resolve(arguments, &PatcherSpec::default(), &[], Accounts::All, &mut problems);
        problems.into_iter().map(|problem| problem.code).collect()
    }

    #[test]
    fn a_patcher_lives_in_no_namespace_that_every_cluster_has() {
        let in_namespace = |name: &str| {
            problems(&PatcherArguments { patcher_namespace: Some(name.to_owned()), ..PatcherArguments::default() })
        };
        assert_eq!(in_namespace("kube-system"), ["namespace-of-the-cluster"]);
        assert!(in_namespace("platform").is_empty());
    }

    #[test]
    fn an_interval_is_for_a_patcher_that_polls() {
        let of = |patcher| {
            problems(&PatcherArguments {
                patcher: Some(patcher),
                patcher_interval: Some("1m".to_owned()),
                ..PatcherArguments::default()
            })
        };
        assert_eq!(of(Patcher::Tamcore), ["means-nothing"]);
        assert!(of(Patcher::Titansoft).is_empty());
    }
}
