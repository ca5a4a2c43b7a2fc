//! The in-cluster patcher: flags and regcred.yaml in, options that its image understands out.

use std::str::FromStr;

use super::choices::Patcher;
use super::file::PatcherSpec;
use super::pull_secret::resource_name;
use crate::cli::PatcherArguments;
use crate::docker_config::kubelet::Image;
use crate::names::{InvalidName, Namespace, NamespacePattern, ResourceName};
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
        (exclude, place_of_exclude): (&[NamespacePattern], &str),
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
                Problem::error(
                    "namespace-of-the-cluster",
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
                Problem::error("invalid-image", format!("{place} {invalid}"))
                    .hint(format!("for example {default_image}")),
            );
        }
        let interval = patcher_interval.clone().or_else(|| file.interval.clone());
        let wrong = match interval.as_deref().map(nanoseconds) {
            _ if patcher == Patcher::Tamcore => None,
            Some(None) => Some("is no Go duration, and the patcher would take 10s without a word"),
            Some(Some(time)) if time < SECOND => Some("is below 1s, and each round reads every namespace"),
            Some(Some(_)) | None => None,
        };
        problems.extend(wrong.map(|wrong| {
            let place = place(patcher_interval, "--patcher-interval", "interval");
            Problem::error("invalid-duration", format!("{place} {wrong}"))
                .hint("write a number with its unit, for example 30s or 2m")
        }));
        // A flag that means nothing is refused with all others of its kind.
        if file.kind == Some(Patcher::Tamcore) && file.interval.is_some() {
            problems.push(
                Problem::error(
                    "means-nothing",
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
        Some(Self {
            patcher,
            namespace: namespace?,
            image,
            source: source?,
            pull_secret,
            interval: interval.unwrap_or_else(|| "10s".to_owned()),
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
    problems: &mut Vec<Problem>,
) -> Option<N> {
    match (text, file) {
        (None, Some(name)) => Some(name.clone()),
        (text, _) => text
            .unwrap_or(default)
            .parse()
            .map_err(|invalid: InvalidName| {
                problems.push(Problem::error("invalid-name", format!("`{flag}`: {invalid}")).hint(invalid.hint()));
            })
            .ok(),
    }
}

/// Namespaces that every cluster has.
fn is_of_the_cluster(namespace: &Namespace) -> bool {
    ["default", "kube-system", "kube-public", "kube-node-lease"].contains(&namespace.as_str())
}

/// Titansoft's patcher compares names exactly; tamcore's takes the globs of Go.
fn check_exclude(patcher: Patcher, exclude: &[NamespacePattern], place: &str, problems: &mut Vec<Problem>) {
    let globs = exclude.iter().enumerate().filter_map(|(number, pattern)| match pattern {
        NamespacePattern::Glob(_) => Some((number + 1, pattern.as_str())),
        NamespacePattern::Name(_) => None,
    });
    problems.extend(globs.filter_map(|(number, glob)| match patcher {
        Patcher::Titansoft => Some(
            Problem::error("glob-not-understood", format!("{place}, item {number}: titansoft's patcher compares names exactly, and would never leave that out"))
                .hint("name each namespace, or use --patcher tamcore, which takes globs"),
        ),
        Patcher::Tamcore if !is_glob_of_go(glob) => Some(
            Problem::error("invalid-glob", format!("{place}, item {number}: tamcore's patcher reads globs as Go does, and not this one"))
                .hint("write *, ?, [a-c] or [^a-c], and each of several by itself in place of {…}"),
        ),
        Patcher::Tamcore => None,
    }));
}

/// Whether Go's `path.Match` takes it, and takes it as it is meant: braces and `!` are letters like others there.
fn is_glob_of_go(glob: &str) -> bool {
    let mut rest = glob;
    while let Some((before, class)) = rest.split_once('[') {
        let Some((class, after)) = class.split_once(']') else { return false };
        if before.contains(OF_OTHERS) || !is_class_of_go(class.strip_prefix('^').unwrap_or(class).as_bytes()) {
            return false;
        }
        rest = after;
    }
    !rest.contains(OF_OTHERS)
}

/// What has a meaning elsewhere, or only in brackets.
const OF_OTHERS: [char; 6] = ['{', '}', ',', '!', '^', ']'];

/// Letters, digits and their ranges, at least one.
fn is_class_of_go(class: &[u8]) -> bool {
    let rest = match class {
        [low, b'-', high, rest @ ..] if low.is_ascii_alphanumeric() && high.is_ascii_alphanumeric() => rest,
        [one, rest @ ..] if one.is_ascii_alphanumeric() => rest,
        _ => return false,
    };
    rest.is_empty() || is_class_of_go(rest)
}

const SECOND: f64 = 1e9;

/// The nanoseconds of a text that Go's `time.ParseDuration` takes, and no negative one.
pub(super) fn nanoseconds(text: &str) -> Option<f64> {
    // What an `i64` holds: some 292 years.
    const LIMIT: f64 = 9_223_372_036_854_775_807.0;
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
    let text = text.strip_prefix('+').unwrap_or(text);
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
    (!text.is_empty() && sum < LIMIT).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_gos() {
        for (good, seconds) in
            [("10s", 10.0), ("1m30s", 90.0), ("1.5h", 5400.0), ("1000ms", 1.0), ("0s", 0.0), ("+10s", 10.0)]
        {
            let off = (nanoseconds(good).unwrap() - seconds * SECOND).abs();
            assert!(off < 1.0, "{good}");
        }
        assert!(nanoseconds("2562047h47m").is_some());
        for bad in ["", "+", "10", "s", "1d", "1m30", "-1s", "1..5s", "2562047h48m", "10000000h"] {
            assert!(nanoseconds(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_list_must_be_in_the_form_the_image_understands() {
        let is_good = |patcher, text: &str| {
            let mut problems = Vec::new();
            check_exclude(patcher, &[text.parse().unwrap()], "`--exclude`", &mut problems);
            problems.is_empty()
        };
        assert!(is_good(Patcher::Titansoft, "kube-system"));
        assert!(!is_good(Patcher::Titansoft, "kube-*"));
        for good in ["kube-system", "kube-*", "?[a-c]*", "kube-[^s]*", "*[x0-9]"] {
            assert!(is_good(Patcher::Tamcore, good), "{good}");
        }
        for bad in ["kube-[!s]*", "{a,b}*", "*,", "a*!", "*^", "[-a]", "[a-]", "[^]a]"] {
            assert!(!is_good(Patcher::Tamcore, bad), "{bad}");
        }
    }

    fn problems(arguments: &PatcherArguments) -> Vec<&'static str> {
        let mut problems = Vec::new();
        PatcherSettings::resolve(
            arguments,
            &PatcherSpec::default(),
            (&[], "`--exclude`"),
            Accounts::All,
            &mut problems,
        );
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
}
