//! One pull secret: its entry in regcred.yaml and the flags that fill it in; its name, logins, namespaces and `ServiceAccounts` out.

use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::path::Path;

use super::choices::{Combination, Format, Link, Protect, Strategy};
use super::external::{self, ExternalSettings, Reach};
use super::file::{PullSecret, Spec};
use super::namespaces::{self, Listed, NamesAdd, Wanted, patterns};
use super::{logins, usage};
use crate::cli::{LoginArguments, RenderArguments, TargetArguments};
use crate::credentials::Source;
use crate::environment::Environment;
use regcred_core::diagnostic::{Code, Diagnostic, Failure, reason};
use regcred_core::names::{InvalidName, Namespace, NamespacePattern, ResourceName};

/// The Secret's name when nothing says another.
pub const SECRET_NAME: &str = "image-pull-secret";
/// The ServiceAccount that a chart makes for itself.
pub const OWN_ACCOUNT: &str = "image-puller";

const NAMESPACES_VARIABLE: &str = "REGCRED_NAMESPACES";

/// One pull secret, decided.
#[derive(Clone, Debug)]
pub struct PullSecretSettings {
    /// Its name.
    pub name: ResourceName,
    /// Its logins.
    pub sources: Vec<Source>,
    /// Where its logins are kept, when none is read.
    pub external: Option<ExternalSettings>,
    /// Where it goes, sorted.
    pub namespaces: Vec<Namespace>,
    /// Where it does not go.
    pub exclude: Vec<NamespacePattern>,
    /// The ServiceAccounts that refer to it.
    pub service_accounts: Vec<ResourceName>,
    /// Other references that those keep.
    pub also_reference: Vec<ResourceName>,
}

/// One pull secret as it was asked for, by the file or by flags.
pub(super) struct Entry<'a> {
    pub(super) file: Option<&'a PullSecret>,
    pub(super) flags: bool,
}

/// Flags fill one entry: the only one, or the one that `--secret-name` chooses.
pub(super) fn entries<'a>(
    target: &TargetArguments,
    typed: &LoginArguments,
    spec: &'a Spec,
) -> Result<Vec<Entry<'a>>, Failure> {
    let fills = !target.namespaces.is_empty() || logins::are_typed(typed);
    match (spec.pull_secrets.as_slice(), &target.secret_name) {
        ([], _) => Ok(vec![Entry { file: None, flags: true }]),
        ([only], _) => Ok(vec![Entry { file: Some(only), flags: true }]),
        (several, Some(name)) => match several.iter().find(|entry| entry.secret_name() == name) {
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

pub(super) fn listed(
    target: &TargetArguments,
    environment: &Environment,
    problems: &mut Vec<Diagnostic>,
) -> Option<Listed> {
    const FLAG: &str = "`--namespaces-from`";
    let path = target.namespaces_from.as_deref()?;
    let read = if path == Path::new("-") {
        namespaces::read_from(std::io::stdin().lock(), FLAG, problems)
    } else {
        File::open(environment.directory().join(path))
            .and_then(|file| namespaces::read_from(BufReader::new(file), FLAG, problems))
    };
    match read {
        Ok(listed) => Some(listed),
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            problems
                .push(Diagnostic::error(Code::NotUtf8, format!("{FLAG} is not UTF-8 text")).hint("save it as UTF-8"));
            None
        }
        Err(error) => {
            problems.push(
                Diagnostic::error(
                    Code::UnreadableFile,
                    format!("the file of {FLAG} cannot be read: {}", reason(&error)),
                )
                .hint("check the path; - reads standard input"),
            );
            None
        }
    }
}

/// The pull secret, decided; problems are added.
pub(super) fn resolve(
    entry: &Entry<'_>,
    arguments: &RenderArguments,
    combination: Combination,
    listed: Option<&Listed>,
    environment: &Environment,
    problems: &mut Vec<Diagnostic>,
) -> Option<PullSecretSettings> {
    let nothing = PullSecret::default();
    let file = entry.file.unwrap_or(&nothing);
    let target = &arguments.target;
    let name = match (&target.secret_name, &file.name) {
        (Some(flag), _) => resource_name(flag, "`--secret-name`", problems),
        (None, Some(written)) => Some(written.clone()),
        (None, None) => None,
    };
    // With a bad name nothing is written, and its logins are looked at all the same.
    let name = name.or_else(|| SECRET_NAME.parse().ok());
    let (sources, external) = if combination.protect == Protect::External {
        (Vec::new(), external::resolve(file.external.as_ref(), problems))
    } else {
        let flags = if entry.flags { Some(&arguments.logins) } else { None };
        (logins::sources(flags, &file.logins, environment, problems), None)
    };
    problems.extend(external.as_ref().and_then(|external| unserved(external, combination)));
    if combination.strategy == Strategy::Patcher {
        refuse_a_choice(file, environment, problems);
    }
    let exclude = if target.exclude.is_empty() {
        file.namespaces.exclude.clone()
    } else {
        patterns(&target.exclude, "`--exclude`", problems)
    };
    // Namespaces that are found by their labels need no names, unless something else does.
    let found_by_label =
        combination.link == Link::None && external.as_ref().is_some_and(ExternalSettings::selects_by_label);
    let namespaces =
        if combination.strategy == Strategy::Static && combination.format != Format::DockerConfig && !found_by_label {
            chosen_namespaces(entry, file, target, &exclude, listed, environment, problems)
        } else {
            Vec::new()
        };
    let (accounts, accounts_place) = if arguments.service_account.is_empty() {
        (file.service_accounts.iter().map(ToString::to_string).collect(), "`serviceAccounts` in regcred.yaml")
    } else {
        (arguments.service_account.clone(), "`--service-account`")
    };
    let default = || vec![default_account(combination, arguments.chart.as_deref()).to_owned()];
    let accounts = if accounts.is_empty() { default() } else { accounts };
    let all = combination.strategy == Strategy::Patcher && accounts.iter().any(|name| name == "*");
    let service_accounts = if all { Vec::new() } else { resource_names(&accounts, accounts_place, problems) };
    let also_reference = if arguments.also_reference.is_empty() {
        file.also_reference.clone()
    } else {
        resource_names(&arguments.also_reference, "`--also-reference`", problems)
    };
    Some(PullSecretSettings { name: name?, sources, external, namespaces, exclude, service_accounts, also_reference })
}

/// What an ExternalSecret cannot give to the strategy or link.
fn unserved(external: &ExternalSettings, combination: Combination) -> Option<Diagnostic> {
    if combination.strategy == Strategy::Patcher && matches!(external.reach, Reach::Cluster(..)) {
        return Some(
            Diagnostic::error(
                Code::MeansNothing,
                "`clusterExternalSecret` means nothing with `--strategy patcher`, which copies one Secret",
            )
            .hint("leave it out, or use --strategy static"),
        );
    }
    (combination.link == Link::Policy && external.registries().is_empty()).then(|| {
        Diagnostic::error(
            Code::NoRegistries,
            "`--link policy` needs the registries of the whole Docker config that `external` in regcred.yaml names",
        )
        .hint("add them beside `dockerConfig`, for example `registries: [ghcr.io]`")
    })
}

/// A patcher serves every namespace: whoever names some means that others do not get the login.
fn refuse_a_choice(file: &PullSecret, environment: &Environment, problems: &mut Vec<Diagnostic>) {
    const WHY: &str = "means nothing with `--strategy patcher`, which serves every namespace";
    if !file.namespaces.include.is_empty() {
        problems.push(
            Diagnostic::error(Code::MeansNothing, format!("`include` in regcred.yaml {WHY}"))
                .hint("leave it out and name those to leave out in `exclude`, or use --strategy static"),
        );
    }
    if environment.is_set(NAMESPACES_VARIABLE) {
        problems.push(
            Diagnostic::warning(Code::MeansNothing, format!("`{NAMESPACES_VARIABLE}` {WHY}"))
                .hint("use --exclude, or --strategy static"),
        );
    }
}

/// A chart makes a ServiceAccount of its own: `default` would be adopted, and deleted with the release.
fn default_account(combination: Combination, chart: Option<&str>) -> &'static str {
    match (combination.format, chart) {
        (Format::Chart, _) | (Format::HelmValues, None) => OWN_ACCOUNT,
        _ => "default",
    }
}

fn chosen_namespaces(
    entry: &Entry<'_>,
    file: &PullSecret,
    target: &TargetArguments,
    exclude: &[NamespacePattern],
    listed: Option<&Listed>,
    environment: &Environment,
    problems: &mut Vec<Diagnostic>,
) -> Vec<Namespace> {
    let before = problems.len();
    if environment.is_set(NAMESPACES_VARIABLE) && environment.setting(NAMESPACES_VARIABLE).is_none() {
        problems.push(
            Diagnostic::error(Code::NotUtf8, format!("`{NAMESPACES_VARIABLE}` is not UTF-8 text"))
                .hint("write names of a-z, 0-9 and -, joined by commas"),
        );
    }
    let variable: Vec<String> = environment
        .setting(NAMESPACES_VARIABLE)
        .into_iter()
        .flat_map(|list| list.split(|character: char| character == ',' || character.is_whitespace()))
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    // Names are added to a list that was named too, and choose from one that is there anyway.
    let add = if target.namespaces_from.is_some() { NamesAdd::ToTheList } else { NamesAdd::Nothing };
    let (include, origin, names_add) = if entry.flags && !target.namespaces.is_empty() {
        const FLAG: &str = "`--namespaces`";
        (&patterns(&target.namespaces, FLAG, problems), FLAG, add)
    } else if entry.flags && !variable.is_empty() {
        const VARIABLE: &str = "`REGCRED_NAMESPACES`";
        (&patterns(&variable, VARIABLE, problems), VARIABLE, add)
    } else {
        (&file.namespaces.include, "`include` in regcred.yaml", NamesAdd::Nothing)
    };
    let chosen = namespaces::choose(&Wanted { include, origin, exclude, listed, names_add }, problems);
    let clean = problems[before..].iter().all(|problem| !problem.is_error());
    if chosen.namespaces.is_empty() && clean {
        let message = if chosen.excluded == 0 && listed.is_none() {
            "no namespace is named"
        } else {
            "no namespace is left to serve, and empty output makes a pruning GitOps tool delete everything"
        };
        problems.push(Diagnostic::error(Code::NoNamespaces, message).hint(why_none(chosen.excluded, listed, target)));
    }
    chosen.namespaces
}

/// How it came that no namespace is left, and what to do about it.
fn why_none(excluded: usize, listed: Option<&Listed>, target: &TargetArguments) -> String {
    match listed {
        _ if excluded > 0 => {
            let place = place_of_exclude(target);
            format!("{place} left out all {excluded}: exclude fewer, or name others")
        }
        Some(Listed { usable, left_out }) if usable.is_empty() && !left_out.is_empty() => {
            format!(
                "`--namespaces-from` has only namespaces that are Terminating or have opted out: {} of them",
                left_out.len()
            )
        }
        Some(Listed { usable, .. }) if !usable.is_empty() => {
            format!(
                "`--namespaces-from` has {}, and `--namespaces`, REGCRED_NAMESPACES or `include` chooses none of them",
                usable.len()
            )
        }
        Some(_) if target.namespaces_from.as_deref() == Some(Path::new("-")) => {
            "the list on standard input was empty: did the command before the pipe fail?".to_owned()
        }
        Some(_) => "the file of `--namespaces-from` is empty: did the command that wrote it fail?".to_owned(),
        None => "name some: `--namespaces team-a,team-b`, `--namespaces-from FILE`, or REGCRED_NAMESPACES".to_owned(),
    }
}

/// What says which namespaces are left out.
pub(super) fn place_of_exclude(target: &TargetArguments) -> &'static str {
    if target.exclude.is_empty() { "`exclude` in regcred.yaml" } else { "`--exclude`" }
}

pub(super) fn resource_name(text: &str, place: &str, problems: &mut Vec<Diagnostic>) -> Option<ResourceName> {
    text.parse()
        .map_err(|invalid: InvalidName| {
            problems.push(Diagnostic::error(Code::InvalidName, format!("{place}: {invalid}")).hint(invalid.hint()));
        })
        .ok()
}

fn resource_names(texts: &[String], place: &str, problems: &mut Vec<Diagnostic>) -> Vec<ResourceName> {
    let mut names: Vec<_> = texts
        .iter()
        .enumerate()
        .filter_map(|(number, text)| resource_name(text, &format!("{place}, item {}", number + 1), problems))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
