//! `regcred verify` reports every problem with the logins, and the entries that a kubelet would use.

use std::collections::HashSet;

use anyhow::Result;
use serde::Serialize;

use super::logins::{self, Checked};
use crate::cli::{AnswerFormat, RenderArguments, TargetArguments, VerifyArguments};
use crate::credentials::{Need, Source};
use crate::environment::Environment;
use crate::files::stream::print_text;
use crate::report::{self, Outcome};
use crate::settings::choices::Protect;
use crate::settings::file::{File, Namespaces};
use crate::settings::findings::Findings;
use crate::settings::fleet::Fleet;
use crate::settings::{PullSecretSettings, Settings};
use regcred_core::diagnostic::{Code, Diagnostic, Failure, Severity};
use regcred_core::docker_config::kubelet::{Image, InvalidImage};
use regcred_core::docker_config::{self, Logins, Match};
use regcred_core::names::{Namespace, NamespacePattern};

/// The answer of `--format json`: documented in docs/verify.md, and stable.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    matches: Option<Vec<Match>>,
    problems: Vec<Diagnostic>,
}

/// Reads and checks everything that `render` would read, and prints the answer.
pub fn run(arguments: &VerifyArguments, file: Option<File>, environment: &Environment) -> Result<Outcome> {
    let file = match &arguments.namespace {
        Some(namespace) => file.map(|file| for_namespace(file, namespace)).transpose()?,
        None => file,
    };
    let members = members(arguments, file, environment)?;
    if arguments.list {
        let mut findings = Findings::default();
        for member in &members {
            findings.add(member.problems.clone(), member.cluster.as_ref());
        }
        let problems = findings.said();
        Failure::unless_clean("the input", &problems)?;
        report::warn(&problems);
        return list(&sources(&members), arguments.format, environment);
    }
    let image = arguments.image.as_deref().map(parse).transpose()?;
    match (logins::check(&members, environment), arguments.format) {
        (Err(Failure::Input { problems, .. }), AnswerFormat::Json) => {
            let matches = image.is_some().then(Vec::new);
            json(&Answer { image: arguments.image.as_deref(), matches, problems })?;
            Ok(Outcome::Negative)
        }
        (Err(failure), _) => Err(failure.into()),
        (Ok(Checked { docker_configs, warnings: mut problems }), format) => {
            let kept_elsewhere = members.iter().all(|member| member.combination.protect == Protect::External);
            let docker_configs = distinct(&members, docker_configs);
            problems.extend(arguments.image.as_deref().and_then(registry_for_an_image));
            problems.extend(members.iter().flat_map(|member| &member.pull_secrets).filter_map(unknown_registries));
            let matches = image.as_ref().map(|image| docker_config::matches(&docker_configs, image));
            problems.extend(matches.as_deref().and_then(several_logins));
            if let (Some(image), Some([])) = (&image, matches.as_deref()) {
                problems.extend(docker_config::near_misses(&docker_configs, image));
            }
            let unmatched = matches.as_ref().is_some_and(Vec::is_empty);
            match format {
                AnswerFormat::Json => json(&Answer { image: arguments.image.as_deref(), matches, problems })?,
                AnswerFormat::Text => {
                    text(&docker_configs, matches.as_deref(), &problems, kept_elsewhere)?;
                }
            }
            Ok(if arguments.require_match && unmatched { Outcome::Negative } else { Outcome::Done })
        }
    }
}

/// Says what a kubelet does with several logins for one registry, which only several pull secrets can have.
fn several_logins(matches: &[Match]) -> Option<Diagnostic> {
    let twice = matches.windows(2).find(|pair| pair[0].registry == pair[1].registry)?;
    let message = format!(
        "several pull secrets have a login for `{}`: a kubelet tries them one after the other, in the order of the Pod's \
         `imagePullSecrets`",
        twice[0].registry
    );
    Some(Diagnostic { severity: Severity::Note, ..Diagnostic::warning(Code::SeveralLogins, message) })
}

/// Leaves the pull secrets of the file that the namespace has.
///
/// # Errors
/// The file is one for clusters, or no pull secret is for the namespace.
fn for_namespace(mut file: File, namespace: &Namespace) -> Result<File, Failure> {
    let is_for = |patterns: &Namespaces| {
        let any = |list: &[NamespacePattern]| list.iter().any(|pattern| pattern.matches(namespace));
        (patterns.include.is_empty() || any(&patterns.include)) && !any(&patterns.exclude)
    };
    let had = !file.spec.pull_secrets.is_empty();
    file.spec.pull_secrets.retain(|pull_secret| is_for(&pull_secret.namespaces));
    for cluster in &mut file.spec.clusters {
        if let Some(pull_secrets) = &mut cluster.pull_secrets {
            pull_secrets.retain(|pull_secret| is_for(&pull_secret.namespaces));
        }
    }
    if had && file.spec.pull_secrets.is_empty() {
        let problem = Diagnostic::error(
            Code::NoNamespaces,
            format!(
                "no pull secret of regcred.yaml is for the namespace `{namespace}`: a kubelet would pull without a login"
            ),
        );
        let hint = "add the namespace to `namespaces.include` of the pull secret that its Pods need";
        return Err(Failure::of("the input", problem.hint(hint)));
    }
    Ok(file)
}

/// Warns about a whole Docker config in a store, whose registries are unknown.
fn unknown_registries(pull_secret: &PullSecretSettings) -> Option<Diagnostic> {
    let nothing_is_known = pull_secret.external.as_ref()?.registries().is_empty();
    nothing_is_known.then(|| {
        Diagnostic::warning(
            Code::UnknownRegistries,
            format!("the registries of the whole Docker config of `{}` are not known", pull_secret.name),
        )
        .hint("add them beside `dockerConfig`, for example `registries: [ghcr.io]`")
    })
}

fn parse(image: &str) -> Result<Image, Failure> {
    image.parse().map_err(|invalid: InvalidImage| {
        Failure::Usage(vec![
            Diagnostic::error(Code::InvalidImage, format!("what `--image` got {invalid}"))
                .hint("for example ghcr.io/acme/api:1.4"),
        ])
    })
}

/// The Docker configs of the pull secrets; equal ones of several clusters count once.
fn distinct(members: &[Settings], docker_configs: Vec<Vec<Logins>>) -> Vec<Logins> {
    let mut seen = HashSet::new();
    let pull_secrets = members.iter().flat_map(|member| &member.pull_secrets);
    pull_secrets
        .zip(docker_configs.into_iter().flatten())
        .filter(|(pull_secret, _)| {
            // The sources of external logins are not variables.
            pull_secret.external.is_some() || seen.insert((&pull_secret.name, &pull_secret.sources))
        })
        .map(|(_, docker_config)| docker_config)
        .collect()
}

/// The sources of the logins, each once.
fn sources(members: &[Settings]) -> Vec<&Source> {
    let mut seen = HashSet::new();
    let pull_secrets = members.iter().flat_map(|member| &member.pull_secrets);
    pull_secrets.flat_map(|pull_secret| &pull_secret.sources).filter(|source| seen.insert(*source)).collect()
}

/// Warns about an image that is the host of a registry: a kubelet reads it as an image of Docker Hub.
fn registry_for_an_image(image: &str) -> Option<Diagnostic> {
    Image::looks_like_a_registry(image).then(|| {
        Diagnostic::warning(
            Code::RegistryForAnImage,
            "what `--image` got looks like a registry, and a kubelet takes it for an image of Docker Hub",
        )
        .hint("name an image in it, for example ghcr.io/acme/api:1.4")
    })
}

/// The settings of `render`, reduced to the logins.
fn members(
    arguments: &VerifyArguments,
    file: Option<File>,
    environment: &Environment,
) -> Result<Vec<Settings>, Failure> {
    let target = TargetArguments { secret_name: arguments.secret_name.clone(), ..TargetArguments::default() };
    let (logins, cluster) = (arguments.logins.clone(), arguments.cluster.clone());
    let render = RenderArguments { logins, target, cluster, ..RenderArguments::default() };
    Ok(Fleet::of_logins(&render, file, environment)?.members)
}

fn json(answer: &impl Serialize) -> Result<()> {
    print_text(&(serde_json::to_string(answer)? + "\n"))?;
    Ok(())
}

fn text(
    docker_configs: &[Logins],
    tried: Option<&[Match]>,
    problems: &[Diagnostic],
    kept_elsewhere: bool,
) -> Result<()> {
    report::warn(problems);
    let head = if kept_elsewhere {
        "the logins are kept elsewhere, and none was read; they are for:"
    } else {
        "the logins are well-formed (no registry was asked):"
    };
    let lines = match tried {
        None => {
            let registries = docker_configs.iter().flat_map(Logins::registries).map(|registry| format!("  {registry}"));
            std::iter::once(head.to_owned()).chain(registries).collect()
        }
        Some([]) => vec!["no entry matches: a kubelet would pull without a login".to_owned()],
        Some(tried) => {
            let entries = tried.iter().map(|entry| match &entry.username {
                Some(name) => format!("  {} as {name}", entry.registry),
                None => format!("  {}", entry.registry),
            });
            std::iter::once("a kubelet tries, in this order:".to_owned()).chain(entries).collect()
        }
    };
    print_lines(&lines)
}

fn print_lines(lines: &[String]) -> Result<()> {
    print_text(&(lines.join("\n") + "\n"))?;
    Ok(())
}

/// A variable in the answer of `--list`.
#[derive(Serialize)]
struct Listed {
    name: String,
    purpose: String,
    set: bool,
    need: Need,
    /// The index of its source.
    #[serde(skip)]
    source: usize,
}

fn list(sources: &[&Source], format: AnswerFormat, environment: &Environment) -> Result<Outcome> {
    let mut variables: Vec<Listed> = sources
        .iter()
        .enumerate()
        .flat_map(|(number, source)| source.variables().into_iter().map(move |variable| (number, variable)))
        .map(|(source, variable)| Listed {
            source,
            set: environment.is_set(variable.name.as_str()),
            name: variable.name.to_string(),
            purpose: variable.purpose,
            need: variable.need,
        })
        .collect();
    variables.dedup_by(|one, other| one.name == other.name && one.purpose == other.purpose);
    match format {
        AnswerFormat::Json => json(&serde_json::json!({ "variables": variables }))?,
        AnswerFormat::Text => {
            let width = variables.iter().map(|variable| variable.name.len()).max().unwrap_or_default();
            let mut lines: Vec<_> = variables
                .iter()
                .map(|variable| {
                    format!("{:width$}  {}: {}", variable.name, variable.purpose, state(variable, &variables))
                })
                .collect();
            lines.extend(sources.iter().filter_map(|source| match source {
                Source::Preset(preset) => Some(preset.summary()),
                _ => None,
            }));
            if lines.is_empty() {
                lines.push("no variable is read".to_owned());
            }
            print_lines(&lines)?;
        }
    }
    Ok(Outcome::Done)
}

/// Marks the variable that is read: the first set one of each purpose.
fn state(variable: &Listed, all: &[Listed]) -> &'static str {
    let same = |other: &&Listed| other.source == variable.source && other.purpose == variable.purpose;
    let read = all.iter().filter(same).find(|other| other.set);
    match (read, variable.need) {
        (Some(read), _) if read.name == variable.name => "set",
        (Some(_), _) if variable.set => "set, but not read: another one is",
        (Some(_), _) => "not needed: another one is set",
        (None, Need::Optional) => "not set: the default is taken",
        (None, Need::OneOfSeveral) => "MISSING: one of these is needed",
        (None, Need::Required) => "MISSING",
    }
}
