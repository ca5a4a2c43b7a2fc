//! `regcred verify` reports every problem with the logins, and the entries that a kubelet would use.

use std::collections::HashSet;

use anyhow::Result;
use serde::Serialize;

use super::image::{parse, registry_for_an_image, resolve, several_logins};
use super::logins;
#[cfg(feature = "cluster")]
use super::online::{self, Asked};
use crate::cli::{AnswerFormat, VerifyArguments};
use crate::credentials::{Need, Source};
use crate::environment::Environment;
use crate::files::cluster_run::ClusterRun;
use crate::files::marks::key::Key;
use crate::files::stream::print_text;
use crate::protect::Protector;
use crate::report::{self, Outcome};
use crate::settings::choices::Protect;
use crate::settings::file::File;
use crate::settings::findings::Findings;
use crate::settings::fleet::{Fleet, Purpose};
use crate::settings::{Destination, PullSecretSettings, Settings, usage};
use crate::templates::Templates;
use regcred_core::diagnostic::{Code, Diagnostic, Failure, Severity};
use regcred_core::docker_config::kubelet::Image;
use regcred_core::docker_config::{self, Logins, Match};
use regcred_core::spec::typed::Typed;

/// The answer of `--format json`: documented in docs/verify.md, and stable.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    matches: Option<Vec<Match>>,
    problems: Vec<Diagnostic>,
}

/// Reads and checks everything that `render` would read, and writes nothing but the answer.
pub fn run(
    typed: &Typed,
    arguments: &VerifyArguments,
    file: Option<&File>,
    environment: &Environment,
) -> Result<Outcome> {
    #[cfg(feature = "cluster")]
    let asked = Asked::read(&arguments.image, &arguments.online, environment)?;
    let image_text = one_image(arguments)?;
    let image: Option<Image> = image_text.map(parse).transpose()?;
    if arguments.list {
        let fleet = Fleet::resolve(typed, file, None, Purpose::Variables, environment)?;
        let mut problems = [fleet.warnings.clone(), protection(&fleet, environment)?].concat();
        // A list of variables has no output, and encrypts nothing.
        problems.retain(|problem| typed.has("--output") || !matches!(problem.code, Code::NoSops | Code::NoSopsRule));
        let listed = list(&sources(&fleet.members), arguments.format, environment)?;
        Failure::unless_clean("the input", &problems)?;
        report::warn(&problems);
        return Ok(listed);
    }
    let fleet = resolve(typed, file, arguments.namespace.as_ref(), environment);
    let checked = fleet.and_then(|fleet| checked(fleet, environment));
    let (runs, mut problems) = match (checked, arguments.format) {
        (Err(Failure::Input { problems, .. }), AnswerFormat::Json) => {
            let matches = image.is_some().then(Vec::new);
            json(&Answer { image: image_text, matches, problems })?;
            return Ok(Outcome::Negative);
        }
        (checked, _) => checked?,
    };
    let pull_secrets = distinct(&runs);
    let docker_configs: Vec<_> = pull_secrets.iter().map(|(_, logins)| *logins).collect();
    problems.extend(runs.iter().flat_map(ClusterRun::pull_secrets).filter_map(|(one, _)| unknown_registries(one)));
    #[cfg(feature = "cluster")]
    if let Some(asked) = asked {
        return online::run(asked, &docker_configs, arguments.format, problems, environment);
    }
    problems.extend(image_text.and_then(registry_for_an_image));
    let matches = image.as_ref().map(|image| docker_config::matches(&pull_secrets, image));
    problems.extend(matches.as_deref().and_then(several_logins));
    if let (Some(image), Some([])) = (&image, matches.as_deref()) {
        problems.extend(docker_config::near_misses(&docker_configs, image));
    }
    let unmatched = matches.as_ref().is_some_and(Vec::is_empty);
    match arguments.format {
        AnswerFormat::Json => json(&Answer { image: image_text, matches, problems })?,
        AnswerFormat::Text => {
            let kept_elsewhere = runs.iter().all(|run| run.settings.combination.protect == Protect::External);
            text(&docker_configs, matches.as_deref(), &problems, kept_elsewhere)?;
        }
    }
    Ok(if arguments.require_match && unmatched { Outcome::Negative } else { Outcome::Done })
}

/// The image of a run that asks no registry.
/// Errors: usage: there are several images.
fn one_image(arguments: &VerifyArguments) -> Result<Option<&str>, Failure> {
    #[cfg(feature = "cluster")]
    if arguments.online.online {
        return Ok(None);
    }
    match arguments.image.as_slice() {
        [] => Ok(None),
        [image] => Ok(Some(image)),
        _ => Err(usage(
            "`--image` may repeat only with `--online`",
            "run the command once for each image, or add `--online`",
        )),
    }
}

/// Checks the logins, the recipients of their encryption, and everything else that `render` reads.
fn checked(fleet: Fleet, environment: &Environment) -> Result<(Vec<ClusterRun>, Vec<Diagnostic>), Failure> {
    let protection = protection(&fleet, environment)?;
    let problems = match logins::check(fleet.members, fleet.warnings, environment) {
        Ok((runs, warnings)) if protection.iter().all(|problem| !problem.is_error()) => {
            return Ok((runs, [warnings, protection].concat()));
        }
        Ok((_, warnings)) => warnings,
        Err(Failure::Input { problems, .. }) => problems,
        Err(failure) => return Err(failure),
    };
    Err(Failure::Input { title: "the input", problems: [problems, protection].concat() })
}

/// Problems of the certificates, the rules of sops, the fingerprint keys and the templates.
fn protection(fleet: &Fleet, environment: &Environment) -> Result<Vec<Diagnostic>, Failure> {
    let mut findings = Findings::default();
    for member in &fleet.members {
        let mut problems = match Protector::prepare(member, &fleet.secret_variables, environment) {
            Ok(protector) => protector.warnings().to_vec(),
            Err(Failure::Input { problems, .. }) => problems,
            Err(failure) => return Err(failure),
        };
        let is_for_stdout = matches!(member.destination, Destination::Stdout);
        let may_be_elsewhere = is_for_stdout && !environment.is_set("SOPS_CONFIG");
        if member.combination.protect == Protect::Sops && may_be_elsewhere && !problems.is_empty() {
            problems.retain(|problem| problem.code != Code::NoSopsRule);
            // With another output, a nearer file may apply instead of the one that was found.
            let of_rules = |problem: &&mut Diagnostic| !matches!(problem.code, Code::NoSops | Code::SopsTimeout);
            problems.iter_mut().filter(of_rules).for_each(|problem| problem.severity = Severity::Warning);
            let message =
                "`.sops.yaml` was looked for from the working directory only: sops finds it by the path of the output";
            let problem = Diagnostic::warning(Code::NoSopsRule, message);
            problems.push(problem.hint("add `--output PATH`, as for `render`"));
        }
        findings.add(problems, member.cluster.as_ref());
    }
    findings.add(Key::problems(&fleet.secret_variables, environment), None);
    let templates = fleet.members.first().and_then(|first| first.templates(environment));
    if let Err(Failure::Input { problems, .. }) = Templates::load(templates.as_deref()) {
        findings.add(problems, None);
    }
    Ok(findings.said())
}

/// Warns that the registries of a Docker config are not known, because an operator fetches it as a whole.
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

/// The Docker configs of the pull secrets, each with its name; equal ones of several clusters count once.
fn distinct(runs: &[ClusterRun]) -> Vec<(&str, &Logins)> {
    let mut seen = HashSet::new();
    let pull_secrets = runs.iter().flat_map(ClusterRun::pull_secrets);
    // The sources of external logins are not variables.
    let distinct = pull_secrets.filter(|(pull_secret, _)| {
        pull_secret.external.is_some() || seen.insert((&pull_secret.name, &pull_secret.sources))
    });
    distinct.map(|(pull_secret, logins)| (pull_secret.name.as_str(), logins)).collect()
}

/// The sources of the logins, without duplicates.
fn sources(members: &[Settings]) -> Vec<&Source> {
    let mut seen = HashSet::new();
    let pull_secrets = members.iter().flat_map(|member| &member.pull_secrets);
    pull_secrets.flat_map(|pull_secret| &pull_secret.sources).filter(|source| seen.insert(*source)).collect()
}

fn json(answer: &impl Serialize) -> Result<()> {
    Ok(print_text(&report::json(answer)?)?)
}

fn text(
    docker_configs: &[&Logins],
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
    let registries: Vec<_> =
        docker_configs.iter().flat_map(|logins| logins.registries()).map(|registry| format!("  {registry}")).collect();
    let lines = match tried {
        None => [&[head.to_owned()], &*registries].concat(),
        Some([]) => {
            let are_for = if registries.is_empty() { "" } else { "; the logins are for:" };
            [&[format!("no entry matches: a kubelet would pull without a login{are_for}")], &*registries].concat()
        }
        Some(tried) => {
            let entries = tried.iter().map(|entry| {
                let name = entry.username.as_ref().map_or(String::new(), |name| format!(" as {name}"));
                let secret = entry.secret.as_ref().map_or(String::new(), |secret| format!(" in `{secret}`"));
                format!("  {}{name}{secret}", entry.registry)
            });
            std::iter::once("a kubelet tries, in this order:".to_owned()).chain(entries).collect()
        }
    };
    print_lines(&lines)
}

fn print_lines(lines: &[String]) -> Result<()> {
    Ok(print_text(&(lines.join("\n") + "\n"))?)
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
            let is_missing = lines.iter().any(|line| line.contains(": MISSING"));
            environment.ci().why_missing().filter(|_| is_missing).into_iter().for_each(report::note);
        }
    }
    Ok(Outcome::Done)
}

/// Marks the variable that is read: for each purpose, the first one that is set.
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
