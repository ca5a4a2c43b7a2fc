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
pub mod sealing;
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
use regcred_core::credentials::auths::Helpers;
use regcred_core::credentials::lifetime::ShortLived;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::names::ResourceName;
use regcred_core::objects::marks::Marks;
use regcred_core::spec::choice::{Format, Link, MessageFormat, Profile, Strategy};
use regcred_core::spec::combination::{Chart, Combination};
use regcred_core::spec::logins::Known;
use regcred_core::spec::meaning::Run;
use regcred_core::spec::{Sourced, Spec};

pub use destination::Destination;
pub use pull_secret::{OWN_ACCOUNT, PullSecretSettings};
pub use regcred_core::objects::CreateNamespaces;
pub use regcred_core::spec::{SECRET_NAME, external};
pub use sealing::Sealing;

/// Everything `render` does, decided and valid.
#[derive(Debug)]
pub struct Settings {
    /// The cluster it is for, when regcred.yaml has several.
    pub cluster: Option<ResourceName>,
    /// The name of regcred.yaml, which owns the objects; else the name of the pull secret does.
    pub owner: Option<ResourceName>,
    /// The pull secrets, by name.
    pub pull_secrets: Vec<PullSecretSettings>,
    /// Strategy, link, protection and format.
    pub combination: Combination,
    /// The patcher, when the strategy is one.
    pub patcher: Option<PatcherSettings>,
    /// The controller, when the strategy is that.
    pub controller: Option<ControllerSettings>,
    /// Who gets the rights of `--format rbac`, and where.
    pub grant: Option<GrantSettings>,
    /// Whether Namespace objects come first.
    pub create_namespaces: CreateNamespaces,
    /// The tool whose annotations are added.
    pub profile: Option<Profile>,
    /// The certificate and the scope of `--protect sealed`.
    pub sealing: Sealing,
    /// Whether unchanged documents stay as they are.
    pub reseal: Reseal,
    /// The fingerprints of recipients that are accepted in this run.
    pub accepted_recipients: Vec<String>,
    /// The form of the changes that `--check` prints.
    pub message_format: MessageFormat,
    /// The chart that values are for.
    pub chart: Chart,
    /// The form of `--format docker-config`.
    pub encoding: Encoding,
    /// The folder with templates that replace ours.
    pub templates: Option<PathBuf>,
    /// Whether a password may die with the job.
    pub short_lived: ShortLived,
    /// Whether credential helpers are asked.
    pub credential_helpers: Helpers,
    /// Where the output goes.
    pub destination: Destination,
    /// Whether a plain Secret may go into a work tree.
    pub plaintext_in_git: PlaintextInGit,
    /// Who decides how logins are protected.
    pub protect_is_of: ProtectIsOf,
}

/// Which encrypted documents are encrypted again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reseal {
    /// Those whose content or recipient has changed.
    WhenChanged,
    /// All of them.
    Always,
}

/// The form of a Docker config that is written by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As in a Secret's `data`.
    Base64,
    /// JSON.
    Raw,
}

/// Whether a plain Secret may be written into a Git work tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaintextInGit {
    /// Only where it is ignored.
    Refuse,
    /// The user insists.
    Allow,
}

/// Who decides how logins are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtectIsOf {
    /// The command line.
    Flag,
    /// `regcred.yaml`, also by leaving it out.
    File,
}

impl Settings {
    /// What every object carries.
    pub fn marks(&self) -> Marks {
        let owner = self.owner.as_ref().or(self.pull_secrets.first().map(|pull_secret| &pull_secret.name));
        Marks { owner: owner.map_or(SECRET_NAME, ResourceName::as_str).to_owned(), profile: self.profile }
    }

    /// Decides for one cluster; what is wrong with names and lists is added to `problems`, and then the settings are not used.
    /// Errors: usage: choices that cannot be combined.
    fn decide(
        spec: &Spec,
        (purpose, has_config, has_several_pull_secrets): (Purpose, bool, bool),
        listed: Option<&Listed>,
        environment: &Environment,
        problems: &mut Vec<Diagnostic>,
    ) -> Result<(Self, Run), Failure> {
        let Spec { options, .. } = spec;
        let pull_secrets = spec.all_pull_secrets();
        let is_set = |switch: &Option<Sourced<bool>>| switch.as_ref().is_some_and(|switch| switch.value);
        let path = |path: PathBuf| environment.directory().join(path);
        // With another format it means nothing, which the table of options says.
        let has_values = options.format.as_ref().is_some_and(|format| format.value == Format::HelmValues);
        let chart = match options.chart.as_ref().filter(|_| has_values).map(|chart| chart.value.clone()) {
            None => Chart::Own,
            Some(Chart::Template(file)) => Chart::Template(path(file)),
            Some(chart) => chart,
        };
        let combination = match purpose {
            Purpose::Manifests => choices::combination(options, &pull_secrets, &chart)?,
            Purpose::Logins | Purpose::Variables | Purpose::CleanUp => choices::of_logins(options, &pull_secrets)?,
            Purpose::Cluster => choices::of_a_cluster(options)?,
        };
        let destination = match purpose {
            Purpose::Manifests => Destination::resolve(options, combination, &chart)?,
            _ => Destination::elsewhere(options, combination.protect),
        };
        let grant = match combination.format {
            Format::Rbac if purpose == Purpose::Manifests => {
                Some(GrantSettings::decide(options, &pull_secrets, listed.is_some(), problems)?)
            }
            _ => None,
        };
        let controller = match combination.strategy {
            Strategy::Controller if purpose == Purpose::Manifests => {
                let allowed = allowed(environment).unwrap_or_default();
                Some(controller::decide(options, combination.link, &allowed, problems)?)
            }
            _ => None,
        };
        let are_chosen_later = purpose.is_live()
            || combination.strategy == Strategy::Controller
            || grant.as_ref().is_some_and(GrantSettings::chooses_later);
        let common =
            Common { options, combination, chart: &chart, listed, environment, purpose, has_config, are_chosen_later };
        let mut decided: Vec<_> = pull_secrets.iter().map(|pull_secret| common.decide(pull_secret, problems)).collect();
        let patcher = match (combination.strategy, decided.as_slice(), pull_secrets.as_slice()) {
            (Strategy::Patcher, [one], [written]) => {
                Some(patcher::decide(options, (combination.link, &chart), one, written, problems))
            }
            (Strategy::Patcher, ..) => {
                problems.push(
                    Diagnostic::error(
                        Code::OnePullSecret,
                        "a patcher copies one Secret, and regcred.yaml has several pull secrets",
                    )
                    .hint("choose one with --secret-name, or use --strategy static"),
                );
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
            create_namespaces: if is_set(&options.create_namespaces) {
                CreateNamespaces::First
            } else {
                CreateNamespaces::No
            },
            profile: options.profile.as_ref().map(|profile| profile.value),
            sealing: Sealing::resolve(options),
            accepted_recipients: options
                .accepted_recipients
                .as_ref()
                .map_or_else(Vec::new, |accepted| accepted.value.clone()),
            message_format: options.message_format.as_ref().map_or(MessageFormat::Human, |format| format.value),
            reseal: if is_set(&options.reseal) { Reseal::Always } else { Reseal::WhenChanged },
            chart,
            encoding: if is_set(&options.raw) { Encoding::Raw } else { Encoding::Base64 },
            templates: options.templates.as_ref().map(|folder| path(folder.value.clone())),
            credential_helpers: if is_set(&options.credential_helpers) { Helpers::Ask } else { Helpers::Leave },
            short_lived: if is_set(&options.allow_short_lived) { ShortLived::Allow } else { ShortLived::Refuse },
            destination,
            protect_is_of: match &options.protect {
                Some(protect) if !protect.origin.is_of_a_file() => ProtectIsOf::Flag,
                _ => ProtectIsOf::File,
            },
            plaintext_in_git: if is_set(&options.allow_plaintext_in_git) {
                PlaintextInGit::Allow
            } else {
                PlaintextInGit::Refuse
            },
        };
        Ok((settings, run))
    }
}

/// What the environment tells about names and paths that were typed.
fn with_known<T>(environment: &Environment, work: impl FnOnce(&Known<'_>) -> T) -> T {
    let allowed = allowed(environment).unwrap_or_default();
    work(&Known {
        allowed: &allowed,
        is_set: &|name| environment.is_set(name),
        is_file: &|path| environment.directory().join(path).is_file(),
    })
}

/// Pull secrets of one name; the names are sorted.
fn same_names<'a>(names: impl Iterator<Item = &'a ResourceName> + Clone) -> Vec<Diagnostic> {
    let twins = names.clone().zip(names.skip(1)).filter(|(one, other)| one == other);
    twins
        .map(|(name, _)| {
            Diagnostic::error(Code::SameName, format!("two pull secrets are called `{name}`"))
                .hint("give each its own name")
        })
        .collect()
}

/// What the file may name. A variable that is set and not text allows nothing.
/// Errors: a glob is invalid.
pub fn allowed(environment: &Environment) -> Result<Allowed, Diagnostic> {
    Allowed::read(environment.guard(confine::VARIABLES), environment.guard(confine::REGISTRIES))
}

fn usage(message: impl std::fmt::Display, hint: &str) -> Failure {
    Failure::Usage(vec![Diagnostic::error(Code::Usage, message).hint(hint)])
}
