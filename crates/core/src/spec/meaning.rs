//! Decides which options have an effect with which choices. The table of options names the rules of each option.

use super::Origin;
use super::choice::{Format, Link, Patcher, Protect, Strategy};
use super::combination::{Chart, Combination};
use super::typed::{Setting, Typed};
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

/// A kind of run in which an option has no effect. Each entry of the table of options names its kinds.
pub struct Rule {
    /// Whether a run is of this kind.
    applies: fn(&Run) -> bool,
    /// The kind of run, as the end of a sentence.
    pub when: &'static str,
    hint: &'static str,
}

pub(super) const WITHOUT_HELM_VALUES: Rule = Rule {
    applies: |run| run.combination.format != Format::HelmValues,
    when: "without `--format helm-values`",
    hint: "add --format helm-values, or leave it out",
};

pub(super) const WITHOUT_DOCKER_CONFIG: Rule = Rule {
    applies: |run| run.combination.format != Format::DockerConfig,
    when: "without `--format docker-config`",
    hint: "add --format docker-config, or leave it out",
};

pub(super) const WITHOUT_RBAC: Rule = Rule {
    applies: |run| run.combination.format != Format::Rbac && !run.is_live,
    when: "without `--format rbac`",
    hint: "add --format rbac, or leave it out",
};

pub(super) const WITHOUT_RBAC_OR_CONTROLLER: Rule = Rule {
    applies: |run| {
        run.combination.format != Format::Rbac && run.combination.strategy != Strategy::Controller && !run.is_live
    },
    when: "without `--format rbac` or `--strategy controller`",
    hint: "use `regcred apply`, or pipe the list of namespaces in: `kubectl get ns -o json | regcred render --namespaces-from -`",
};

const RBAC_READS_NO_LOGIN: Rule = Rule {
    applies: |run| run.combination.format == Format::Rbac,
    when: "with `--format rbac`, which reads no login",
    hint: "leave it out: `apply` reads the login",
};

pub(super) const RBAC_MAKES_NO_OBJECT: Rule = Rule {
    applies: |run| run.combination.format == Format::Rbac,
    when: "with `--format rbac`, which grants what `apply` needs",
    hint: "leave it out, or use --format yaml",
};

pub(super) const WITHOUT_PATCHER: Rule = Rule {
    applies: |run| run.combination.strategy != Strategy::Patcher,
    when: "without `--strategy patcher`",
    hint: "add --strategy patcher, or leave it out",
};

pub(super) const WITHOUT_CONTROLLER: Rule = Rule {
    applies: |run| run.combination.strategy != Strategy::Controller && !run.is_live,
    when: "without `--strategy controller`",
    hint: "add --strategy controller, or leave it out",
};

pub(super) const WITH_CONTROLLER: Rule = Rule {
    applies: |run| run.combination.strategy == Strategy::Controller,
    when: "with `--strategy controller`, which watches the namespaces, and adds references without taking others away",
    hint: "leave it out, or use --strategy static",
};

pub(super) const PATCHER_SERVES_EVERY_NAMESPACE: Rule = Rule {
    applies: |run| run.combination.strategy == Strategy::Patcher,
    when: "with `--strategy patcher`, which serves every namespace",
    hint: "use --exclude, or --strategy static",
};

pub(super) const PATCHER_SERVES_WHAT_EXISTS: Rule = Rule {
    // The values for empathyco's chart may include the Namespace of the release.
    applies: |run| run.combination.strategy == Strategy::Patcher && run.chart != Chart::Empathyco,
    when: "with `--strategy patcher`, which serves the namespaces that exist",
    hint: "leave it out, or use --strategy static",
};

pub(super) const PATCHER_WRITES_REFERENCES: Rule = Rule {
    applies: |run| run.combination.strategy == Strategy::Patcher,
    when: "with `--strategy patcher`: the patcher writes the references itself",
    hint: "leave it out, or use --strategy static",
};

pub(super) const WITH_DOCKER_CONFIG: Rule = Rule {
    applies: |run| run.combination.format == Format::DockerConfig,
    when: "with `--format docker-config`, which is not an object of a cluster",
    hint: "leave it out, or use --format yaml",
};

pub(super) const DOCKER_CONFIG_HAS_NO_NAME: Rule = Rule {
    // Of several pull secrets, the option chooses the one to write.
    applies: |run| run.combination.format == Format::DockerConfig && !run.has_several_pull_secrets,
    when: "with `--format docker-config`, which has no name",
    hint: "leave it out",
};

pub(super) const WITH_A_TEMPLATE_AS_CHART: Rule = Rule {
    applies: |run| matches!(run.chart, Chart::Template(_)),
    when: "with a template as `--chart`, which makes all that is written",
    hint: "leave it out, and write it into the template",
};

pub(super) const HELM_VALUES_MAKE_NO_OBJECT: Rule = Rule {
    applies: |run| run.combination.format == Format::HelmValues && run.chart == Chart::Own,
    when: "with `--format helm-values`, which makes no object",
    hint: "leave it out, or use --format yaml",
};

pub(super) const WITH_LINK_NONE: Rule = Rule {
    applies: |run| run.combination.link == Link::None,
    when: "with `--link none`, which writes no ServiceAccount",
    hint: "use --link service-account, or leave it out",
};

pub(super) const WITH_LINK_POLICY: Rule = Rule {
    applies: |run| run.combination.link == Link::Policy,
    when: "with `--link policy`, which is for Pods of every ServiceAccount and keeps what a Pod has",
    hint: "use --link service-account, or leave it out",
};

pub(super) const WITH_SELECTORS_IN_THE_FILE: Rule = Rule {
    applies: |run| run.selects_by_label,
    when: "with `namespaceSelectors` in regcred.yaml, which choose namespaces by label",
    hint: "leave it out, or take `namespaceSelectors` out of the file",
};

pub(super) const WITH_CHART_TAMCORE: Rule = Rule {
    applies: |run| run.chart == Chart::Tamcore,
    when: "with `--chart tamcore`, whose patcher watches",
    hint: "leave it out",
};

pub(super) const WITH_PATCHER_TAMCORE: Rule = Rule {
    applies: |run| run.patcher == Some(Patcher::Tamcore),
    when: "with `--patcher tamcore`, which watches",
    hint: "leave it out",
};

pub(super) const WITH_CHART_EMPATHYCO: Rule = Rule {
    applies: |run| run.chart == Chart::Empathyco,
    when: "with `--chart empathyco`",
    hint: "leave --patcher out, or use --chart tamcore",
};

pub(super) const EMPATHYCO_HAS_ONE_NAME: Rule = Rule {
    applies: |run| run.chart == Chart::Empathyco,
    when: "with `--chart empathyco`, which has one name for the source and its copies",
    hint: "leave it out, or name both with --secret-name",
};

pub(super) const WITHOUT_SEALED: Rule = Rule {
    applies: |run| run.combination.protect != Protect::Sealed,
    when: "without `--protect sealed`",
    hint: "add --protect sealed, or leave it out",
};

pub(super) const WITHOUT_ENCRYPTION: Rule = Rule {
    applies: |run| !matches!(run.combination.protect, Protect::Sealed | Protect::Sops),
    when: "without `--protect sealed` or `--protect sops`",
    hint: "leave it out",
};

const EXTERNAL_READS_NO_LOGIN: Rule = Rule {
    applies: |run| run.combination.protect == Protect::External,
    when: "with `--protect external`, which reads no login",
    hint: "leave it out, and name the login's key under `external` in regcred.yaml",
};

/// The kinds of run that read no login.
pub(super) const READS_NO_LOGIN: &[Rule] = &[RBAC_READS_NO_LOGIN, EXTERNAL_READS_NO_LOGIN];

/// The typed options that would have no effect, each with the reason. Runs of many kinds share variables and regcred.yaml, so a value there
/// without an effect is no error.
pub fn idle(typed: &Typed, run: &Run) -> Vec<Diagnostic> {
    typed
        .iter()
        .filter_map(|(setting, origin, values)| {
            let value = values.first().and_then(|value| value.to_str());
            let (value, rule) =
                rules(setting).find(|(of, rule)| (of.is_none() || *of == value) && (rule.applies)(run))?;
            let named = match (value, origin) {
                (Some(value), Origin::Flag(flag)) => format!("`{flag} {value}`"),
                _ => origin.to_string(),
            };
            Some(Diagnostic::error(Code::Usage, format!("{named} has no effect {}", rule.when)).hint(rule.hint))
        })
        .collect()
}

/// Whether an option would have an effect if somebody typed it.
pub fn means_something(setting: &Setting, run: &Run) -> bool {
    !setting.no_effect.iter().any(|rule| (rule.applies)(run))
}

/// The rules of an option: those for all its values, and then those for one value.
pub fn rules(setting: &Setting) -> impl Iterator<Item = (Option<&'static str>, &'static Rule)> {
    let of_one = setting.no_effect_of_value.iter().map(|(value, rule)| (Some(*value), rule));
    setting.no_effect.iter().map(|rule| (None, rule)).chain(of_one)
}
