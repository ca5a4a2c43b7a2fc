//! What is to be done: arguments, environment and regcred.yaml in, one resolved answer to every question out.

pub mod choices;
pub mod file;
pub mod logins;
pub mod namespaces;
pub mod patcher;

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::cli::{RenderArguments, TargetArguments};
use crate::credentials::Source;
use crate::credentials::lifetime::ShortLived;
use crate::environment::Environment;
use crate::names::{InvalidName, Namespace, ResourceName};
use crate::problem::{Failure, Problem};
use choices::{Chart, Combination, Link, Patcher, Profile, Shape, Strategy, Wish};
use file::{File, PullSecret, Spec};
use namespaces::{Listed, NamesAdd, Wanted};
use patcher::{Accounts, PatcherSettings};

/// The Secret's name when nothing says another.
pub const SECRET_NAME: &str = "image-pull-secret";
/// The ServiceAccount that a chart makes for itself.
pub const OWN_ACCOUNT: &str = "image-puller";

const NAMESPACES_VARIABLE: &str = "REGCRED_NAMESPACES";

/// Everything `render` does, decided.
#[derive(Debug)]
pub struct Settings {
    /// The pull secrets, by name.
    pub pull_secrets: Vec<PullSecretSettings>,
    /// Strategy, link and shape.
    pub combination: Combination,
    /// The patcher, when the strategy is one.
    pub patcher: Option<PatcherSettings>,
    /// Whether Namespace objects come first.
    pub create_namespaces: CreateNamespaces,
    /// The tool whose annotations are added.
    pub profile: Option<Profile>,
    /// The chart that values are for.
    pub chart: Chart,
    /// The form of `--shape docker-config`.
    pub encoding: Encoding,
    /// Templates that replace ours.
    pub templates: Option<PathBuf>,
    /// Whether a password may die with the job.
    pub short_lived: ShortLived,
    /// Where it goes.
    pub destination: Destination,
    /// Whether a plain Secret may go into a work tree.
    pub plaintext_in_git: PlaintextInGit,
    /// What is wrong with names and lists: to be said together with what is wrong with the logins.
    pub problems: Vec<Problem>,
}

/// One pull secret, decided.
#[derive(Clone, Debug)]
pub struct PullSecretSettings {
    /// Its name.
    pub name: ResourceName,
    /// Its logins.
    pub sources: Vec<Source>,
    /// Where it goes, sorted.
    pub namespaces: Vec<Namespace>,
    /// Where it does not go: names and globs.
    pub exclude: Vec<String>,
    /// The ServiceAccounts that refer to it.
    pub service_accounts: Vec<ResourceName>,
    /// Other references that those keep.
    pub also_reference: Vec<ResourceName>,
}

/// Whether Namespace objects are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateNamespaces {
    /// First of all.
    First,
    /// No: they are there.
    No,
}

/// The form of a Docker config that is written by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As in a Secret's `data`.
    Base64,
    /// JSON.
    Raw,
}

/// Where the output goes, and whether it is written or compared.
#[derive(Clone, Debug)]
pub enum Destination {
    /// Standard output.
    Stdout,
    /// A file, or a directory for the shapes that are trees.
    Write(PathBuf),
    /// The same, compared.
    Check(PathBuf),
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
    /// Flags over variables over the file over defaults.
    ///
    /// # Errors
    /// Usage only, when what was chosen does not go together: what is wrong with names and lists is in `problems`.
    pub fn resolve(
        arguments: &RenderArguments,
        file: Option<File>,
        environment: &Environment,
    ) -> Result<Self, Failure> {
        let spec = file.map(|file| file.spec).unwrap_or_default();
        let mut problems = Vec::new();
        let chart = chart(arguments.chart.as_deref(), environment);
        let combination = combination(arguments, &spec, &chart)?;
        let destination = destination(arguments, combination.shape, &chart)?;
        let mut pull_secrets = Vec::new();
        let listed = listed(&arguments.target, environment, &mut problems);
        let faulty_list = problems.iter().any(Problem::is_error);
        let entries = entries(&arguments.target, &arguments.logins, &spec)?;
        for entry in &entries {
            pull_secrets.extend(pull_secret(
                entry,
                arguments,
                combination,
                listed.as_ref(),
                environment,
                &mut problems,
            ));
        }
        if faulty_list {
            problems.retain(|problem| problem.code != "no-namespaces");
        }
        let patcher = match (combination.strategy, pull_secrets.as_slice()) {
            (Strategy::Patcher, [one]) => patcher(arguments, &spec, combination, &chart, one, &mut problems),
            (Strategy::Patcher, [_, _, ..]) => {
                problems.push(
                    Problem::error(
                        "one-pull-secret",
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
                Problem::error("same-name", format!("two pull secrets are called `{}`", pair[0].name))
                    .hint("give each its own name"),
            );
        }
        Ok(Self {
            pull_secrets,
            combination,
            patcher,
            create_namespaces: if arguments.target.create_namespaces || spec.create_namespaces {
                CreateNamespaces::First
            } else {
                CreateNamespaces::No
            },
            profile: arguments.profile.or(spec.profile),
            chart,
            encoding: if arguments.raw { Encoding::Raw } else { Encoding::Base64 },
            templates: arguments.templates.as_ref().map(|path| environment.directory().join(path)),
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
    let shape = arguments.shape.or(spec.shape);
    if *chart != Chart::Own && shape != Some(Shape::HelmValues) {
        return Err(usage("`--chart` goes with `--shape helm-values` only", "add --shape helm-values"));
    }
    let of_a_patcher = matches!(chart, Chart::Tamcore | Chart::Empathyco) || arguments.patcher.patcher.is_some();
    let strategy = arguments.strategy.or(spec.strategy).or(of_a_patcher.then_some(Strategy::Patcher));
    if of_a_patcher && strategy == Some(Strategy::Static) {
        return Err(usage(
            "`--strategy static` cannot go with the patcher that `--chart` or `--patcher` names",
            "leave --strategy out",
        ));
    }
    if strategy == Some(Strategy::Patcher) && shape == Some(Shape::HelmValues) && *chart == Chart::Own {
        return Err(usage(
            "`--strategy patcher` and `--shape helm-values` need a chart of a patcher",
            "add --chart tamcore or --chart empathyco",
        ));
    }
    if arguments.raw && shape != Some(Shape::DockerConfig) {
        return Err(usage("`--raw` goes with `--shape docker-config` only", "add --shape docker-config"));
    }
    if !arguments.service_account.is_empty() && matches!(arguments.link, Some(Link::Policy | Link::None)) {
        return Err(usage(
            "`--service-account` cannot go with a `--link` other than `service-account`",
            "leave one of the two out",
        ));
    }
    // A chart links nothing by default, but whoever names an account wants it linked.
    let named = !arguments.service_account.is_empty() && matches!(shape, Some(Shape::Chart | Shape::HelmValues));
    let link = arguments.link.or(spec.link).or(named.then_some(Link::ServiceAccount));
    let combination = Combination::resolve(Wish { strategy, link, shape })?;
    if combination.strategy == Strategy::Patcher && !arguments.target.namespaces.is_empty() {
        return Err(usage(
            "`--strategy patcher` serves every namespace, so `--namespaces` means nothing",
            "use --exclude, or --strategy static",
        ));
    }
    Ok(combination)
}

fn destination(arguments: &RenderArguments, shape: Shape, chart: &Chart) -> Result<Destination, Failure> {
    let tree = matches!(shape, Shape::Directory | Shape::Kustomization | Shape::Chart);
    match (&arguments.output, arguments.check) {
        (None, _) if tree => {
            Err(usage(&format!("`--shape {shape}` writes several files, and needs `--output`"), "add --output DIR"))
        }
        (None, _) if *chart == Chart::Empathyco => Err(usage(
            "`--chart empathyco` has no value for the source Secret: it is a file beside the values, and needs `--output`",
            "add --output values.yaml; the Secret goes to values.secret.yaml",
        )),
        (None, _) => Ok(Destination::Stdout),
        (Some(path), false) => Ok(Destination::Write(path.clone())),
        (Some(path), true) => Ok(Destination::Check(path.clone())),
    }
}

fn usage(message: &str, hint: &str) -> Failure {
    Failure::Usage(vec![Problem::error("usage", message).hint(hint)])
}

/// One pull secret as it was asked for, by the file or by flags.
struct Entry<'a> {
    file: Option<&'a PullSecret>,
    flags: bool,
}

/// Flags fill one entry: the only one, or the one that `--secret-name` chooses.
fn entries<'a>(
    target: &TargetArguments,
    logins: &crate::cli::LoginArguments,
    spec: &'a Spec,
) -> Result<Vec<Entry<'a>>, Failure> {
    let name_of = |entry: &PullSecret| entry.name.clone().unwrap_or_else(|| SECRET_NAME.to_owned());
    let fills = !target.namespaces.is_empty()
        || !logins.docker_config.is_empty()
        || !logins.docker_config_file.is_empty()
        || !logins.login.is_empty();
    match (spec.pull_secrets.as_slice(), &target.secret_name) {
        ([], _) => Ok(vec![Entry { file: None, flags: true }]),
        ([only], _) => Ok(vec![Entry { file: Some(only), flags: true }]),
        (several, Some(name)) => match several.iter().find(|entry| name_of(entry) == *name) {
            Some(entry) => Ok(vec![Entry { file: Some(entry), flags: true }]),
            None => Err(usage("`--secret-name` names no pull secret of regcred.yaml", "use a name that stands there")),
        },
        (several, None) if fills => Err(usage(
            &format!(
                "regcred.yaml has {} pull secrets, and the flags for logins and namespaces fill one",
                several.len()
            ),
            "choose one with --secret-name, or use --no-config",
        )),
        (several, None) => Ok(several.iter().map(|entry| Entry { file: Some(entry), flags: false }).collect()),
    }
}

fn listed(target: &TargetArguments, environment: &Environment, problems: &mut Vec<Problem>) -> Option<Listed> {
    const FLAG: &str = "`--namespaces-from`";
    let path = target.namespaces_from.as_deref()?;
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut bytes).map(drop)
    } else {
        std::fs::read(environment.directory().join(path)).map(|content| bytes = content)
    };
    match read.map(|()| String::from_utf8(bytes)) {
        Ok(Ok(text)) => Some(namespaces::read(&text, FLAG, problems)),
        Ok(Err(_)) => {
            problems.push(Problem::error("not-utf-8", format!("{FLAG} is not UTF-8 text")));
            None
        }
        Err(error) => {
            problems.push(
                Problem::error("unreadable-file", format!("the file of {FLAG} cannot be read: {}", error.kind()))
                    .hint("check the path; - reads standard input"),
            );
            None
        }
    }
}

fn pull_secret(
    entry: &Entry<'_>,
    arguments: &RenderArguments,
    combination: Combination,
    listed: Option<&Listed>,
    environment: &Environment,
    problems: &mut Vec<Problem>,
) -> Option<PullSecretSettings> {
    let nothing = PullSecret::default();
    let file = entry.file.unwrap_or(&nothing);
    let target = &arguments.target;
    let name = match (&target.secret_name, &file.name) {
        (Some(flag), _) => resource_name(flag, "`--secret-name`", problems),
        (None, Some(written)) => resource_name(written, "`name` in regcred.yaml", problems),
        (None, None) => None,
    };
    // With a bad name nothing is written, and its logins are looked at all the same.
    let name = name.or_else(|| SECRET_NAME.parse().ok());
    let sources =
        logins::sources(if entry.flags { Some(&arguments.logins) } else { None }, &file.logins, environment, problems);
    let exclude = if target.exclude.is_empty() { file.namespaces.exclude.clone() } else { target.exclude.clone() };
    let namespaces = if combination.strategy == Strategy::Static && combination.shape != Shape::DockerConfig {
        chosen_namespaces(entry, file, target, &exclude, listed, environment, problems)
    } else {
        Vec::new()
    };
    let (accounts, accounts_place) = if arguments.service_account.is_empty() {
        (&file.service_accounts, "`serviceAccounts` in regcred.yaml")
    } else {
        (&arguments.service_account, "`--service-account`")
    };
    let default = [default_account(combination, arguments.chart.as_deref()).to_owned()];
    let accounts = if accounts.is_empty() { &default[..] } else { accounts };
    let all = combination.strategy == Strategy::Patcher && accounts.iter().any(|name| name == "*");
    let service_accounts = if all { Vec::new() } else { resource_names(accounts, accounts_place, problems) };
    let (others, others_place) = if arguments.also_reference.is_empty() {
        (&file.also_reference, "`alsoReference` in regcred.yaml")
    } else {
        (&arguments.also_reference, "`--also-reference`")
    };
    let also_reference = resource_names(others, others_place, problems);
    Some(PullSecretSettings { name: name?, sources, namespaces, exclude, service_accounts, also_reference })
}

/// A chart makes a ServiceAccount of its own: `default` would be adopted, and deleted with the release.
fn default_account(combination: Combination, chart: Option<&str>) -> &'static str {
    match (combination.shape, chart) {
        (Shape::Chart, _) | (Shape::HelmValues, None) => OWN_ACCOUNT,
        _ => "default",
    }
}

fn chosen_namespaces(
    entry: &Entry<'_>,
    file: &PullSecret,
    target: &TargetArguments,
    exclude: &[String],
    listed: Option<&Listed>,
    environment: &Environment,
    problems: &mut Vec<Problem>,
) -> Vec<Namespace> {
    if environment.is_set(NAMESPACES_VARIABLE) && environment.setting(NAMESPACES_VARIABLE).is_none() {
        problems.push(Problem::error("not-utf-8", format!("`{NAMESPACES_VARIABLE}` is not UTF-8 text")));
    }
    let variable: Vec<String> = environment
        .setting(NAMESPACES_VARIABLE)
        .into_iter()
        .flat_map(|list| list.split(|character: char| character == ',' || character.is_whitespace()))
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    let (include, origin, names_add) = if entry.flags && !target.namespaces.is_empty() {
        (&target.namespaces, "`--namespaces`", NamesAdd::ToTheList)
    } else if entry.flags && !variable.is_empty() {
        (&variable, "`REGCRED_NAMESPACES`", NamesAdd::ToTheList)
    } else {
        (&file.namespaces.include, "`include` in regcred.yaml", NamesAdd::Nothing)
    };
    let before = problems.len();
    let chosen = namespaces::choose(&Wanted { include, origin, exclude, listed, names_add }, problems);
    let clean = problems[before..].iter().all(|problem| !problem.is_error());
    if chosen.is_empty() && clean {
        problems.push(
            Problem::error(
                "no-namespaces",
                "no namespace is left to serve, and empty output makes a pruning GitOps tool delete everything",
            )
            .hint("name some: `--namespaces team-a,team-b`, `--namespaces-from FILE`, or REGCRED_NAMESPACES"),
        );
    }
    chosen
}

fn patcher(
    arguments: &RenderArguments,
    spec: &Spec,
    combination: Combination,
    chart: &Chart,
    pull_secret: &PullSecretSettings,
    problems: &mut Vec<Problem>,
) -> Option<PatcherSettings> {
    let accounts = match combination.link {
        Link::ServiceAccount if pull_secret.service_accounts.is_empty() => Accounts::All,
        Link::ServiceAccount => Accounts::Named(pull_secret.service_accounts.clone()),
        Link::Policy | Link::None => Accounts::None,
    };
    let mut arguments = arguments.patcher.clone();
    match chart {
        Chart::Tamcore => arguments.patcher = Some(Patcher::Tamcore),
        Chart::Empathyco => arguments.patcher = Some(Patcher::Titansoft),
        Chart::Own | Chart::Template(_) => {}
    }
    let settings = PatcherSettings::resolve(&arguments, &spec.patcher, &pull_secret.exclude, accounts, problems)?;
    if settings.source == pull_secret.name && *chart != Chart::Empathyco {
        problems.push(
            Problem::error(
                "source-is-target",
                "the source and the copies have the same name: the patcher would undo a rotation by itself",
            )
            .hint("give the source another name with --source-secret-name"),
        );
    }
    Some(settings)
}

fn resource_name(text: &str, place: &str, problems: &mut Vec<Problem>) -> Option<ResourceName> {
    text.parse()
        .map_err(|invalid: InvalidName| {
            problems.push(Problem::error("invalid-name", format!("{place}: {invalid}")).hint(invalid.hint()));
        })
        .ok()
}

fn resource_names(texts: &[String], place: &str, problems: &mut Vec<Problem>) -> Vec<ResourceName> {
    let mut names: Vec<_> = texts
        .iter()
        .enumerate()
        .filter_map(|(number, text)| resource_name(text, &format!("{place}, item {}", number + 1), problems))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
