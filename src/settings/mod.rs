//! What is to be done: arguments, environment and regcred.yaml in, one resolved answer to every question out.

pub mod choices;
mod cluster;
mod destination;
pub mod file;
pub mod findings;
pub mod fleet;
mod idle;
pub mod inject;
pub mod logins;
pub mod namespaces;
pub mod patcher;
mod pull_secret;
mod request;
pub mod sealing;
pub mod secret_variables;

use std::path::PathBuf;

use crate::cli::RenderArguments;
use crate::credentials::Helpers;
use crate::credentials::lifetime::ShortLived;
use crate::environment::Environment;
use choices::{Chart, Combination, Format, Link, Patcher, Profile, Protect, Strategy, Wish};
use file::Spec;
use namespaces::Listed;
use patcher::{Accounts, PatcherSettings};
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::names::ResourceName;

pub use destination::Destination;
pub use pull_secret::{OWN_ACCOUNT, PullSecretSettings, SECRET_NAME};
pub use regcred_core::objects::CreateNamespaces;
pub use regcred_core::spec::external;
use regcred_core::spec::go;
pub use sealing::Sealing;

/// Everything `render` does, decided.
#[derive(Debug)]
pub struct Settings {
    /// The cluster it is for, when regcred.yaml has several.
    pub cluster: Option<ResourceName>,
    /// The name of regcred.yaml, which owns the objects; else the name of the pull secret does.
    pub owner: Option<ResourceName>,
    /// The pull secrets, by name.
    pub pull_secrets: Vec<PullSecretSettings>,
    /// Strategy, link and format.
    pub combination: Combination,
    /// The patcher, when the strategy is one.
    pub patcher: Option<PatcherSettings>,
    /// Whether Namespace objects come first.
    pub create_namespaces: CreateNamespaces,
    /// The tool whose annotations are added.
    pub profile: Option<Profile>,
    /// The certificate and the scope of `--protect sealed`.
    pub sealing: Sealing,
    /// Whether what is sealed stays as it is when nothing changed.
    pub reseal: Reseal,
    /// The chart that values are for.
    pub chart: Chart,
    /// The form of `--format docker-config`.
    pub encoding: Encoding,
    /// Templates that replace ours.
    pub templates: Option<PathBuf>,
    /// Whether a password may die with the job.
    pub short_lived: ShortLived,
    /// Whether credential helpers are asked.
    pub credential_helpers: Helpers,
    /// Where it goes.
    pub destination: Destination,
    /// Whether a plain Secret may go into a work tree.
    pub plaintext_in_git: PlaintextInGit,
    /// What is wrong with names and lists: to be said together with what is wrong with the logins.
    pub problems: Vec<Diagnostic>,
}

/// Whether an encrypted file is made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reseal {
    /// When what it holds, or for whom, has changed.
    WhenChanged,
    /// At every run.
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

impl Settings {
    /// Flags over variables over the file over defaults; `listed` is the list of `--namespaces-from`, and what is wrong with it.
    ///
    /// # Errors
    /// Usage only, when what was chosen does not go together: what is wrong with names and lists is in `problems`.
    fn resolve(
        arguments: &RenderArguments,
        spec: &Spec,
        (listed, problems): (Option<&Listed>, Vec<Diagnostic>),
        environment: &Environment,
    ) -> Result<Self, Failure> {
        let chart = chart(arguments.chart.as_deref(), environment);
        let combination = combination(arguments, spec, &chart)?;
        Self::decide(arguments, spec, (combination, chart), (listed, problems), environment)
    }

    /// The same for the logins alone, wherever they are kept: no namespaces, and no form that they would have to fit.
    ///
    /// # Errors
    /// As for [`Self::resolve`].
    fn of_logins(
        arguments: &RenderArguments,
        spec: &Spec,
        (listed, problems): (Option<&Listed>, Vec<Diagnostic>),
        environment: &Environment,
    ) -> Result<Self, Failure> {
        let Spec { strategy, link, protect, format, .. } = *spec;
        // What cannot be written is wrong with the file, whoever reads it.
        let format = format.or(Some(Format::Directory));
        let written = Combination::resolve(Wish { strategy, link, protect, format })?;
        let protect = match spec.protect {
            Some(Protect::External) if !logins::are_typed(&arguments.logins) => Protect::External,
            _ => Protect::Plain,
        };
        let combination =
            Combination { strategy: written.strategy, link: Link::None, protect, format: Format::DockerConfig };
        Self::decide(arguments, spec, (combination, Chart::Own), (listed, problems), environment)
    }

    fn decide(
        arguments: &RenderArguments,
        spec: &Spec,
        (combination, chart): (Combination, Chart),
        (listed, mut problems): (Option<&Listed>, Vec<Diagnostic>),
        environment: &Environment,
    ) -> Result<Self, Failure> {
        let destination = Destination::resolve(arguments, combination, &chart)?;
        let mut pull_secrets = Vec::new();
        let faulty_list = problems.iter().any(Diagnostic::is_error);
        let entries = pull_secret::entries(&arguments.target, &arguments.logins, spec)?;
        for entry in &entries {
            pull_secrets.extend(pull_secret::resolve(
                entry,
                arguments,
                combination,
                listed,
                environment,
                &mut problems,
            ));
        }
        if faulty_list {
            problems.retain(|problem| problem.code != Code::NoNamespaces);
        }
        let patcher = match (combination.strategy, pull_secrets.as_slice()) {
            (Strategy::Patcher, [one]) => patcher(arguments, spec, combination, &chart, one, &mut problems),
            (Strategy::Patcher, [_, _, ..]) => {
                problems.push(
                    Diagnostic::error(
                        Code::OnePullSecret,
                        "a patcher copies one Secret, and there are several pull secrets",
                    )
                    .hint("choose one with --secret-name, or use --strategy static"),
                );
                None
            }
            _ => None,
        };
        pull_secrets.sort_by(|one, other| one.name.cmp(&other.name));
        for pair in pull_secrets.windows(2).filter(|pair| pair[0].name == pair[1].name) {
            problems.push(
                Diagnostic::error(Code::SameName, format!("two pull secrets are called `{}`", pair[0].name))
                    .hint("give each its own name"),
            );
        }
        let external = pull_secrets.iter().filter_map(|pull_secret| pull_secret.external.as_ref());
        problems.extend(external::disagreements(external));
        Ok(Self {
            cluster: None,
            owner: None,
            pull_secrets,
            combination,
            patcher,
            create_namespaces: if arguments.target.create_namespaces || spec.create_namespaces {
                CreateNamespaces::First
            } else {
                CreateNamespaces::No
            },
            profile: arguments.profile.or(spec.profile),
            sealing: Sealing::resolve(arguments, &spec.sealing, environment),
            reseal: if arguments.protection.reseal { Reseal::Always } else { Reseal::WhenChanged },
            chart,
            encoding: if arguments.raw { Encoding::Raw } else { Encoding::Base64 },
            templates: arguments.templates.as_ref().map(|path| environment.directory().join(path)),
            credential_helpers: if arguments.logins.credential_helpers { Helpers::Ask } else { Helpers::Leave },
            short_lived: if arguments.logins.allow_short_lived { ShortLived::Allow } else { ShortLived::Refuse },
            destination,
            plaintext_in_git: if arguments.allow_plaintext_in_git {
                PlaintextInGit::Allow
            } else {
                PlaintextInGit::Refuse
            },
            problems,
        })
    }
}

fn chart(name: Option<&str>, environment: &Environment) -> Chart {
    match name {
        None => Chart::Own,
        Some("tamcore") => Chart::Tamcore,
        Some("empathyco") => Chart::Empathyco,
        Some(path) => Chart::Template(environment.directory().join(path)),
    }
}

fn combination(arguments: &RenderArguments, spec: &Spec, chart: &Chart) -> Result<Combination, Failure> {
    let format = arguments.format.or(spec.format);
    if *chart != Chart::Own && format != Some(Format::HelmValues) {
        return Err(usage("`--chart` goes with `--format helm-values` only", "add --format helm-values"));
    }
    let of_a_patcher = matches!(chart, Chart::Tamcore | Chart::Empathyco) || arguments.patcher.patcher.is_some();
    let strategy = arguments.strategy.or(spec.strategy).or(of_a_patcher.then_some(Strategy::Patcher));
    if of_a_patcher && strategy == Some(Strategy::Static) {
        return Err(usage(
            "`--strategy static` cannot go with the patcher that `--chart` or `--patcher` names",
            "leave --strategy out",
        ));
    }
    let of_no_patcher = matches!(chart, Chart::Own | Chart::Template(_));
    if strategy == Some(Strategy::Patcher) && format == Some(Format::HelmValues) && of_no_patcher {
        return Err(usage(
            "`--strategy patcher` and `--format helm-values` need a chart of a patcher",
            "add --chart tamcore or --chart empathyco",
        ));
    }
    if arguments.raw && format != Some(Format::DockerConfig) {
        return Err(usage("`--raw` goes with `--format docker-config` only", "add --format docker-config"));
    }
    if arguments.target.secret_name.is_some() && format == Some(Format::DockerConfig) && spec.pull_secrets.len() < 2 {
        return Err(usage(
            "`--secret-name` means nothing with `--format docker-config`, which has no name",
            "leave it out",
        ));
    }
    // A chart links nothing by default, but whoever names an account wants it linked.
    let named = !arguments.service_account.is_empty() && matches!(format, Some(Format::Chart | Format::HelmValues));
    let link = arguments.link.or(spec.link).or(named.then_some(Link::ServiceAccount));
    let protect = arguments.protection.protect.or(spec.protect);
    let combination = Combination::resolve(Wish { strategy, link, protect, format })?;
    let patcher = arguments.patcher.patcher.or(spec.patcher.kind);
    if combination.strategy == Strategy::Patcher
        && patcher == Some(Patcher::Tamcore)
        && combination.link != Link::ServiceAccount
    {
        return Err(usage(
            &format!(
                "`--patcher tamcore` and `--link {}` cannot go together: it writes Secrets only where it links",
                combination.link
            ),
            "use --patcher titansoft, or --link service-account",
        ));
    }
    if combination.strategy == Strategy::Patcher && !arguments.target.namespaces.is_empty() {
        return Err(usage(
            "`--strategy patcher` serves every namespace, so `--namespaces` means nothing",
            "use --exclude, or --strategy static",
        ));
    }
    Ok(combination)
}

fn usage(message: &str, hint: &str) -> Failure {
    Failure::Usage(vec![Diagnostic::error(Code::Usage, message).hint(hint)])
}

fn patcher(
    arguments: &RenderArguments,
    spec: &Spec,
    combination: Combination,
    chart: &Chart,
    pull_secret: &PullSecretSettings,
    problems: &mut Vec<Diagnostic>,
) -> Option<PatcherSettings> {
    let accounts = match combination.link {
        Link::ServiceAccount if pull_secret.service_accounts.is_empty() => Accounts::All,
        Link::ServiceAccount => Accounts::Named(pull_secret.service_accounts.clone()),
        Link::Policy | Link::None => Accounts::None,
    };
    let place_of_exclude = pull_secret::place_of_exclude(&arguments.target);
    let mut arguments = arguments.patcher.clone();
    match chart {
        Chart::Tamcore => arguments.patcher = Some(Patcher::Tamcore),
        Chart::Empathyco => arguments.patcher = Some(Patcher::Titansoft),
        Chart::Own | Chart::Template(_) => {}
    }
    let exclude = (pull_secret.exclude.as_slice(), place_of_exclude);
    let settings = patcher::resolve(&arguments, &spec.patcher, exclude, accounts, problems)?;
    if !problems.iter().any(Diagnostic::is_error) {
        problems.extend(settings.rights_warning());
        // A chart names the image itself.
        problems.extend(settings.image_warning().filter(|_| *chart == Chart::Own));
    }
    if settings.pull_secret.as_ref() == Some(&pull_secret.name) && *chart != Chart::Empathyco {
        problems.push(
            Diagnostic::error(
                Code::PullsByItsOwnCopy,
                format!(
                    "the patcher's own pull Secret is `{}`, which it makes itself, and so could never start",
                    pull_secret.name
                ),
            )
            .hint(format!("use the source, --patcher-pull-secret {}, or one that is there already", settings.source)),
        );
    }
    if settings.source == pull_secret.name && *chart != Chart::Empathyco {
        problems.push(
            Diagnostic::error(
                Code::SourceIsTarget,
                "the source and the copies have the same name: the patcher would undo a rotation by itself",
            )
            .hint("give the source another name with --source-secret-name"),
        );
    }
    Some(settings)
}
