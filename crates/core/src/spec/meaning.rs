//! Decides which options have an effect with which choices. It has the only table of options without an effect.

use super::Origin;
use super::choice::{Format, Link, Patcher, Protect, Strategy};
use super::combination::{Chart, Combination};
use super::typed::Typed;
use crate::diagnostic::{Code, Diagnostic};

/// The facts about a run that decide which options have an effect.
#[derive(Clone, Debug)]
pub struct Run {
    /// Strategy, link, protection and format.
    pub combination: Combination,
    /// The chart that values are for.
    pub chart: Chart,
    /// The patcher, if the strategy is `patcher`.
    pub patcher: Option<Patcher>,
    /// Whether labels in regcred.yaml choose the namespaces, and nothing else needs names of namespaces.
    pub selects_by_label: bool,
    /// Whether regcred.yaml has several pull secrets.
    pub has_several_pull_secrets: bool,
    /// Whether the namespaces are chosen in a live cluster.
    pub is_live: bool,
}

/// Options that have no effect in some kinds of run.
struct Rule {
    /// Whether a run is of this kind.
    applies: fn(&Run) -> bool,
    /// The kind of run, as text with the flag that selects it.
    when: &'static str,
    flags: &'static [&'static str],
    hint: &'static str,
}

/// The options about logins that are read.
const OF_LOGINS: &[&str] =
    &["--docker-config", "--docker-config-file", "--login", "--allow-short-lived", "--credential-helpers"];

/// The table. The first rule that names an option explains it.
const RULES: &[Rule] = &[
    Rule {
        applies: |run| run.combination.format != Format::HelmValues,
        when: "without `--format helm-values`",
        flags: &["--chart"],
        hint: "add --format helm-values, or leave it out",
    },
    Rule {
        applies: |run| run.combination.format != Format::DockerConfig,
        when: "without `--format docker-config`",
        flags: &["--raw"],
        hint: "add --format docker-config, or leave it out",
    },
    Rule {
        applies: |run| run.combination.format != Format::Rbac && !run.is_live,
        when: "without `--format rbac`",
        flags: &["--subject", "--prune"],
        hint: "add --format rbac, or leave it out",
    },
    Rule {
        applies: |run| {
            run.combination.format != Format::Rbac && run.combination.strategy != Strategy::Controller && !run.is_live
        },
        when: "without `--format rbac` or `--strategy controller`",
        flags: &["--all-namespaces", "--selector", "--restart-stuck-pods"],
        hint: "use `regcred apply`, or pipe the list of namespaces in: `kubectl get ns -o json | regcred render --namespaces-from -`",
    },
    Rule {
        applies: |run| run.combination.format == Format::Rbac,
        when: "with `--format rbac`, which reads no login",
        flags: OF_LOGINS,
        hint: "leave it out: `apply` reads the login",
    },
    Rule {
        applies: |run| run.combination.format == Format::Rbac,
        when: "with `--format rbac`, which grants what `apply` needs",
        flags: &["--create-namespaces", "--also-reference", "--templates"],
        hint: "leave it out, or use --format yaml",
    },
    Rule {
        applies: |run| run.combination.strategy != Strategy::Patcher,
        when: "without `--strategy patcher`",
        flags: &[
            "--patcher-namespace",
            "--patcher-image",
            "--source-secret-name",
            "--patcher-pull-secret",
            "--patcher-interval",
            "--no-guard",
            "--no-default-excludes",
        ],
        hint: "add --strategy patcher, or leave it out",
    },
    Rule {
        applies: |run| run.combination.strategy != Strategy::Controller && !run.is_live,
        when: "without `--strategy controller`",
        flags: &[
            "--controller-namespace",
            "--controller-image",
            "--replicas",
            "--kube-version",
            "--crd",
            "--check-online",
        ],
        hint: "add --strategy controller, or leave it out",
    },
    Rule {
        applies: |run| run.combination.strategy == Strategy::Controller,
        when: "with `--strategy controller`, which watches the namespaces, and adds references without taking others away",
        flags: &["--namespaces-from", "--create-namespaces", "--also-reference", "--templates"],
        hint: "leave it out, or use --strategy static",
    },
    Rule {
        applies: |run| run.combination.strategy == Strategy::Patcher,
        when: "with `--strategy patcher`, which serves every namespace",
        flags: &["--namespaces", "--namespaces-from"],
        hint: "use --exclude, or --strategy static",
    },
    Rule {
        // The values for empathyco's chart may include the Namespace of the release.
        applies: |run| run.combination.strategy == Strategy::Patcher && run.chart != Chart::Empathyco,
        when: "with `--strategy patcher`, which serves the namespaces that exist",
        flags: &["--create-namespaces"],
        hint: "leave it out, or use --strategy static",
    },
    Rule {
        applies: |run| run.combination.strategy == Strategy::Patcher,
        when: "with `--strategy patcher`: the patcher writes the references itself",
        flags: &["--also-reference"],
        hint: "leave it out, or use --strategy static",
    },
    Rule {
        applies: |run| run.combination.format == Format::DockerConfig,
        when: "with `--format docker-config`, which is not an object of a cluster",
        flags: &[
            "--namespaces",
            "--namespaces-from",
            "--exclude",
            "--create-namespaces",
            "--service-account",
            "--also-reference",
            "--profile",
            "--templates",
        ],
        hint: "leave it out, or use --format yaml",
    },
    Rule {
        // The option chooses one of several pull secrets.
        applies: |run| run.combination.format == Format::DockerConfig && !run.has_several_pull_secrets,
        when: "with `--format docker-config`, which has no name",
        flags: &["--secret-name"],
        hint: "leave it out",
    },
    Rule {
        applies: |run| matches!(run.chart, Chart::Template(_)),
        when: "with a template as `--chart`, which makes all that is written",
        flags: &["--create-namespaces", "--also-reference", "--profile", "--templates"],
        hint: "leave it out, and write it into the template",
    },
    Rule {
        applies: |run| run.combination.format == Format::HelmValues && run.chart == Chart::Own,
        when: "with `--format helm-values`, which makes no object",
        flags: &["--templates"],
        hint: "leave it out, or use --format yaml",
    },
    Rule {
        applies: |run| run.combination.link == Link::None,
        when: "with `--link none`, which writes no ServiceAccount",
        flags: &["--service-account", "--also-reference"],
        hint: "use --link service-account, or leave it out",
    },
    Rule {
        applies: |run| run.combination.link == Link::Policy,
        when: "with `--link policy`, which is for Pods of every ServiceAccount and keeps what a Pod has",
        flags: &["--service-account", "--also-reference"],
        hint: "use --link service-account, or leave it out",
    },
    Rule {
        applies: |run| run.selects_by_label,
        when: "with `namespaceSelectors` in regcred.yaml, which choose namespaces by label",
        flags: &["--namespaces", "--namespaces-from", "--exclude", "--create-namespaces"],
        hint: "leave it out, or take `namespaceSelectors` out of the file",
    },
    Rule {
        applies: |run| run.chart == Chart::Tamcore,
        when: "with `--chart tamcore`, whose patcher watches",
        flags: &["--patcher titansoft", "--patcher-interval"],
        hint: "leave it out",
    },
    Rule {
        applies: |run| run.patcher == Some(Patcher::Tamcore),
        when: "with `--patcher tamcore`, which watches",
        flags: &["--patcher-interval"],
        hint: "leave it out",
    },
    Rule {
        applies: |run| run.chart == Chart::Empathyco,
        when: "with `--chart empathyco`",
        flags: &["--patcher tamcore"],
        hint: "leave --patcher out, or use --chart tamcore",
    },
    Rule {
        applies: |run| run.chart == Chart::Empathyco,
        when: "with `--chart empathyco`, which has one name for the source and its copies",
        flags: &["--source-secret-name"],
        hint: "leave it out, or name both with --secret-name",
    },
    Rule {
        applies: |run| run.combination.protect != Protect::Sealed,
        when: "without `--protect sealed`",
        flags: &["--sealing-cert", "--sealing-scope"],
        hint: "add --protect sealed, or leave it out",
    },
    Rule {
        applies: |run| !matches!(run.combination.protect, Protect::Sealed | Protect::Sops),
        when: "without `--protect sealed` or `--protect sops`",
        flags: &["--reseal", "--accept-recipient"],
        hint: "leave it out",
    },
    Rule {
        applies: |run| run.combination.protect == Protect::External,
        when: "with `--protect external`, which reads no login",
        flags: OF_LOGINS,
        hint: "leave it out, and name the login's key under `external` in regcred.yaml",
    },
];

/// The typed options that would have no effect, each with the reason. Runs of many kinds share variables and regcred.yaml, so a value there
/// without an effect is no error.
pub fn idle(typed: &Typed, run: &Run) -> Vec<Diagnostic> {
    typed
        .iter()
        .filter_map(|(setting, origin, values)| {
            let with_value = values.first().map(|value| format!("{} {}", setting.flag, value.to_string_lossy()));
            let rule = rule(setting.flag, run).map(|rule| (rule, None));
            let (rule, value) = rule.or_else(|| {
                let flag = with_value.filter(|flag| RULES.iter().any(|rule| rule.flags.contains(&flag.as_str())))?;
                Some((self::rule(&flag, run)?, Some(flag)))
            })?;
            let named = match (value, origin) {
                (Some(flag), Origin::Flag(_)) => format!("`{flag}`"),
                _ => origin.to_string(),
            };
            Some(Diagnostic::error(Code::Usage, format!("{named} has no effect {}", rule.when)).hint(rule.hint))
        })
        .collect()
}

/// Whether an option would have an effect if somebody typed it.
pub fn means_something(flag: &str, run: &Run) -> bool {
    rule(flag, run).is_none()
}

fn rule(flag: &str, run: &Run) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.flags.contains(&flag) && (rule.applies)(run))
}

/// The options that have no effect in some runs, each with one kind of these runs.
pub fn reasons() -> impl Iterator<Item = (&'static str, &'static str)> {
    RULES.iter().flat_map(|rule| rule.flags.iter().map(|flag| (*flag, rule.when)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::typed::find;

    #[test]
    fn every_rule_is_about_options_that_exist() {
        for flag in RULES.iter().flat_map(|rule| rule.flags) {
            assert!(find(flag.split(' ').next().unwrap()).is_some(), "{flag}");
        }
    }
}
