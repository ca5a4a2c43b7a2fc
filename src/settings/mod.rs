//! Resolves what a run does: flags, variables and regcred.yaml become one Spec, and the Spec becomes settings.

pub mod choices;
mod controller;
mod destination;
pub mod file;
pub mod findings;
pub mod fleet;
mod grant;
pub mod inject;
mod layers;
mod member;
pub mod namespaces;
pub mod patcher;
mod pull_secret;
pub mod secret_variables;
pub mod target;

use std::path::PathBuf;

use crate::environment::Environment;
use fleet::Purpose;
use grant::GrantSettings;
use namespaces::Listed;
use patcher::PatcherSettings;
use pull_secret::Common;
use regcred_core::cluster::installation::ControllerSettings;
use regcred_core::confine::{self, Allowed};
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::names::{NamespacePattern, ResourceName};
use regcred_core::objects::marks::Marks;
use regcred_core::spec::choice::{Format, Link, Protect, Strategy};
use regcred_core::spec::combination::{Chart, Combination};
use regcred_core::spec::logins::Known;
use regcred_core::spec::meaning::Run;
use regcred_core::spec::{Open, Options, Spec};

pub use destination::Destination;
pub use pull_secret::{OWN_ACCOUNT, PullSecretSettings};
pub use regcred_core::spec::{Certificate, SECRET_NAME, external};

/// The settings of a run for one cluster, resolved and valid.
#[derive(Debug)]
pub struct Settings {
    pub cluster: Option<ResourceName>,
    /// The name in regcred.yaml, which owns the objects; without one, the name of the pull secret is the owner.
    pub owner: Option<ResourceName>,
    pub pull_secrets: Vec<PullSecretSettings>,
    pub combination: Combination,
    pub patcher: Option<PatcherSettings>,
    pub controller: Option<ControllerSettings>,
    pub grant: Option<GrantSettings>,
    pub chart: Chart,
    pub destination: Destination,
    /// The options that need no decision: whatever uses one reads it here.
    pub options: Options,
}

impl Settings {
    pub fn marks(&self) -> Marks {
        let owner = self.owner.as_ref().or(self.pull_secrets.first().map(|pull_secret| &pull_secret.name));
        Marks {
            owner: owner.map_or(SECRET_NAME, ResourceName::as_str).to_owned(),
            profile: self.options.profile.chosen().copied(),
        }
    }

    /// The folder with templates that replace ours.
    pub fn templates(&self, environment: &Environment) -> Option<PathBuf> {
        self.options.templates.chosen().map(|folder| environment.directory().join(folder))
    }

    /// Resolves the settings of one cluster. Problems of names and lists are added to `problems`, and the settings are not used then.
    /// Errors: usage: choices that cannot be combined.
    fn decide(
        spec: &Spec,
        (purpose, has_config, has_several_pull_secrets): (Purpose, bool, bool),
        listed: Option<&Listed>,
        environment: &Environment,
        problems: &mut Vec<Diagnostic>,
    ) -> Result<(Self, Run), Failure> {
        let options = &spec.options;
        let pull_secrets = spec.all_pull_secrets();
        let chart = chart(options, environment);
        let combination = match purpose {
            Purpose::Manifests => choices::combination(options, &pull_secrets, &chart)?,
            Purpose::Logins | Purpose::Variables | Purpose::CleanUp => choices::of_logins(options, &pull_secrets)?,
            Purpose::Cluster | Purpose::Look => choices::of_a_cluster(options, purpose)?,
        };
        let destination = match purpose {
            Purpose::Manifests => Destination::resolve(options, combination, &chart)?,
            // The rules of sops depend on the path of the output.
            _ if combination.protect == Protect::Sops => {
                options.output.chosen().cloned().map_or(Destination::Stdout, Destination::Write)
            }
            _ => Destination::Stdout,
        };
        let grants = combination.format == Format::Rbac && purpose == Purpose::Manifests;
        let grant = grants.then(|| GrantSettings::decide(options, &pull_secrets, listed.is_some(), problems));
        let grant = grant.transpose()?;
        let controller = match combination.strategy {
            Strategy::Controller => controller::of_a_run(purpose, options, combination.link, environment, problems)?,
            _ => None,
        };
        let are_chosen_later = purpose.is_live()
            || combination.strategy == Strategy::Controller
            || grant.as_ref().is_some_and(|grant| grant.chooses_later);
        let common =
            Common { options, combination, chart: &chart, listed, environment, purpose, has_config, are_chosen_later };
        let mut decided: Vec<_> = pull_secrets.iter().map(|pull_secret| common.decide(pull_secret, problems)).collect();
        if purpose == Purpose::Look && combination.strategy == Strategy::Controller {
            let own = controller::namespace(options);
            for one in &mut decided {
                one.exclude.push(NamespacePattern::Name(own.clone()));
            }
        }
        let patcher = match (combination.strategy, decided.as_slice(), pull_secrets.as_slice()) {
            (Strategy::Patcher, [one], [written]) => {
                Some(patcher::decide(options, (combination.link, &chart), one, written, problems))
            }
            (Strategy::Patcher, ..) => {
                let message = "a patcher copies one Secret, and regcred.yaml has several pull secrets";
                let hint = "choose one with --secret-name, or use --strategy static";
                problems.push(Diagnostic::error(Code::OnePullSecret, message).hint(hint));
                None
            }
            _ => None,
        };
        decided.sort_by(|one, other| one.name.cmp(&other.name));
        problems.extend(same_names(decided.iter().map(|pull_secret| &pull_secret.name)));
        let external = || decided.iter().filter_map(|pull_secret| pull_secret.external.as_ref());
        problems.extend(external::disagreements(external()));
        let run = Run {
            combination,
            chart: chart.clone(),
            patcher: patcher.as_ref().map(|patcher| patcher.patcher),
            selects_by_label: combination.link == Link::None
                && external().filter(|external| external.selects_by_label()).count() == decided.len(),
            has_several_pull_secrets,
            is_live: purpose.is_live(),
        };
        let settings = Self {
            cluster: None,
            owner: None,
            pull_secrets: decided,
            combination,
            patcher,
            controller,
            grant,
            chart,
            destination,
            options: options.clone(),
        };
        Ok((settings, run))
    }
}

/// The chart that the values are for. With another format this option has no effect, as the table of options says.
fn chart(options: &Options, environment: &Environment) -> Chart {
    let has_values = options.format.chosen() == Some(&Format::HelmValues);
    match options.chart.chosen().filter(|_| has_values).cloned() {
        None => Chart::Own,
        Some(Chart::Template(file)) => Chart::Template(environment.directory().join(file)),
        Some(chart) => chart,
    }
}

/// Passes the facts of the environment about typed names and paths to `work`.
fn with_known<T>(environment: &Environment, work: impl FnOnce(&Known<'_>) -> T) -> T {
    let allowed = allowed(environment).unwrap_or_default();
    work(&Known {
        allowed: &allowed,
        is_set: &|name| environment.is_set(name),
        is_file: &|path| environment.directory().join(path).is_file(),
    })
}

/// Reports pull secrets with the same name; the names are sorted.
fn same_names<'a>(names: impl Iterator<Item = &'a ResourceName> + Clone) -> Vec<Diagnostic> {
    let twins = names.clone().zip(names.skip(1)).filter(|(one, other)| one == other);
    twins
        .map(|(name, _)| {
            let message = format!("two of the `pullSecrets` in regcred.yaml are called `{name}`");
            Diagnostic::error(Code::SameName, message).hint("give each its own `name`")
        })
        .collect()
}

/// The limits for the file. A variable that is set but not UTF-8 allows nothing.
/// Errors: a glob is invalid.
pub fn allowed(environment: &Environment) -> Result<Allowed, Diagnostic> {
    Allowed::read(environment.guard(confine::VARIABLES), environment.guard(confine::REGISTRIES))
}

/// A failure of the command line.
pub fn usage(message: impl std::fmt::Display, hint: &str) -> Failure {
    Failure::Usage(vec![Diagnostic::error(Code::Usage, message).hint(hint)])
}
