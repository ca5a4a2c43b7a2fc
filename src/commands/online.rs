//! Asks registries about logins and images, for `verify --online` and for the commands of a cluster.

use std::io::{ErrorKind, Read};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::{AnswerFormat, OnlineArguments};
use crate::environment::{Environment, open_stdin, read_text};
use crate::files::stream::print_text;
use crate::registry::{self, Options};
use crate::report::{self, Outcome};
use crate::settings::{self, usage};
use regcred_cluster::threads;
use regcred_core::credentials::Credential;
use regcred_core::diagnostic::{Code, Diagnostic, Failure, reason};
use regcred_core::docker_config::Logins;
use regcred_core::inject;
use regcred_core::registry::limits::{Counted, Limits};
use regcred_core::registry::reference::Reference;
use regcred_core::registry::url::Url;
use regcred_core::registry::verdict::{Login, Standing, Verdict};
use regcred_core::spec::go;

const IMAGES_FROM: &str = "`--images-from`";
/// The default deadline of one request.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// The answer of `--format json`: documented in docs/online.md, and stable.
#[derive(Serialize)]
struct Answer {
    online: Vec<Value>,
    problems: Vec<Diagnostic>,
}

/// What is asked in addition to the logins.
pub(super) struct Asked<'a> {
    arguments: &'a OnlineArguments,
    images: Vec<Reference>,
    timeout: Duration,
    warnings: Vec<Diagnostic>,
}

impl<'a> Asked<'a> {
    /// Reads the flags and the manifests; `None` without `--online`.
    /// Errors: usage, or manifests that cannot be read.
    pub fn read(
        images: &[String],
        arguments: &'a OnlineArguments,
        environment: &Environment,
    ) -> Result<Option<Self>, Failure> {
        if !arguments.online {
            return Ok(None);
        }
        let (timeout, mut warnings) = (check(arguments)?, Vec::new());
        let images = references(images, arguments.images_from.as_deref(), environment, &mut warnings)?;
        Ok(Some(Self { arguments, images, timeout, warnings }))
    }
}

/// Asks about all logins and images; `warnings` are the earlier warnings about the logins.
pub(super) fn run(
    asked: Asked<'_>,
    logins: &[&Logins],
    format: AnswerFormat,
    mut warnings: Vec<Diagnostic>,
    environment: &Environment,
) -> Result<Outcome> {
    let Asked { arguments, images, timeout, warnings: of_images } = asked;
    warnings.extend(of_images);
    let allowed = settings::allowed(environment).map_err(|problem| Failure::of("the input", problem))?;
    let logins: Vec<&Credential> = logins.iter().flat_map(|logins| logins.credentials()).collect();
    if logins.is_empty() {
        report::note("no login was read, so no registry was asked about one");
    }
    let options = Options {
        allowed: &allowed,
        realms: &arguments.allow_realm,
        insecure: &arguments.insecure_registry,
        timeout,
        environment,
    };
    let verdicts = registry::check(&logins, &images, &options).map_err(|error| not_asked(&error))?;
    let problems: Vec<_> = warnings.into_iter().chain(verdicts.iter().flat_map(Verdict::problems)).collect();
    let is_refused = problems.iter().any(Diagnostic::is_error);
    match format {
        AnswerFormat::Json => {
            let answer = Answer { online: verdicts.iter().map(as_json).collect(), problems };
            print_text(&report::json(&answer)?)?;
            Ok(if is_refused { Outcome::Negative } else { Outcome::Done })
        }
        AnswerFormat::Text => {
            print_text(&verdicts.iter().map(as_text).collect::<String>())?;
            Failure::unless_clean("the logins", &problems)?;
            report::warn(&problems);
            Ok(Outcome::Done)
        }
    }
}

/// Asks about the logins of a run before its first write, each once; `realms` and `insecure` are hosts, as for `verify`.
/// Errors: a registry refuses a login, or a flag names no host.
pub(super) fn check_logins<'a>(
    logins: impl Iterator<Item = &'a Logins>,
    (realms, insecure): (&[String], &[String]),
    environment: &Environment,
) -> Result<(), Failure> {
    check_hosts(realms, insecure)?;
    let allowed = settings::allowed(environment).map_err(|problem| Failure::of("the input", problem))?;
    let mut once: Vec<&Credential> = Vec::new();
    for login in logins.flat_map(Logins::credentials) {
        let is_asked =
            |known: &&Credential| known.registry.as_str() == login.registry.as_str() && known.is_same_login(login);
        if !once.iter().any(is_asked) {
            once.push(login);
        }
    }
    let options = Options { allowed: &allowed, realms, insecure, timeout: TIMEOUT, environment };
    let verdicts = registry::check(&once, &[], &options).map_err(|error| not_asked(&error))?;
    let problems: Vec<_> = verdicts.iter().flat_map(Verdict::problems).collect();
    Failure::unless_clean("the logins", &problems)?;
    report::warn(&problems);
    Ok(())
}

/// Checks the flags, and returns the deadline of one request.
/// Errors: usage.
fn check(arguments: &OnlineArguments) -> Result<Duration, Failure> {
    let OnlineArguments { allow_realm, insecure_registry, timeout, .. } = arguments;
    check_hosts(allow_realm, insecure_registry)?;
    let Some(text) = timeout else { return Ok(TIMEOUT) };
    let seconds = go::nanoseconds(text).map(|nanoseconds| nanoseconds / go::SECOND);
    let timeout = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    timeout
        .filter(|timeout| !timeout.is_zero())
        .ok_or_else(|| usage("`--timeout` takes a duration over zero with its unit", "for example 30s"))
}

/// Whether the flags name hosts.
/// Errors: usage.
pub(super) fn check_hosts(realms: &[String], insecure: &[String]) -> Result<(), Failure> {
    let flags = [("--allow-realm", realms), ("--insecure-registry", insecure)];
    match flags.iter().find(|(_, hosts)| hosts.iter().any(|host| Url::of_registry(host, &[]).is_err())) {
        None => Ok(()),
        Some((flag, _)) => {
            Err(usage(format!("`{flag}` takes a host, perhaps with a port"), "for example registry.example.com:5000"))
        }
    }
}

/// The images of the flag, and the images of the manifests.
fn references(
    typed: &[String],
    manifests: Option<&Path>,
    environment: &Environment,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Vec<Reference>, Failure> {
    let typed = typed.iter().map(|image| super::image::parse(image));
    let mut images = typed.collect::<Result<Vec<Reference>, _>>()?;
    if let Some(path) = manifests {
        let found = inject::images(&read(path, environment)?, IMAGES_FROM).map_err(failed)?;
        for image in found {
            match image.parse::<Reference>() {
                Ok(image) if images.iter().any(|other| other.to_string() == image.to_string()) => {}
                Ok(image) => images.push(image),
                Err(invalid) => {
                    let message = format!("an image of {IMAGES_FROM} {invalid}");
                    let hint = "a kubelet does not take such an image; render templates first";
                    warnings.push(Diagnostic::warning(Code::InvalidImage, message).hint(hint));
                }
            }
        }
    }
    Ok(images)
}

fn read(path: &Path, environment: &Environment) -> Result<String, Failure> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        open_stdin().read_to_string(&mut text).map(|_| text)
    } else {
        read_text(&environment.directory().join(path))
    };
    text.map_err(|error| {
        failed(
            Diagnostic::error(
                Code::UnreadableFile,
                format!("the file of {IMAGES_FROM} cannot be read: {}", reason(&error)),
            )
            .hint("check the path; - reads standard input"),
        )
    })
}

fn failed(problem: Diagnostic) -> Failure {
    Failure::of("the input", problem)
}

pub(super) fn not_asked(error: &std::io::Error) -> Failure {
    failed(if error.kind() == ErrorKind::WouldBlock {
        threads::none(Code::RegistryUnreachable)
    } else if error.kind() == ErrorKind::Unsupported {
        Diagnostic::error(Code::RegistryUnreachable, "the proxy in `HTTPS_PROXY` is not an HTTP proxy")
            .hint("write http://HOST:PORT, or name the registries in `NO_PROXY`")
    } else {
        Diagnostic::error(Code::RegistryUnreachable, "no registry can be asked: this process gets no network")
            .hint("run without `--online`")
    })
}

fn as_text(verdict: &Verdict) -> String {
    let from = verdict.source.as_ref().map_or(String::new(), |source| format!(" in {source}"));
    let username = verdict.username.as_ref().map_or(String::new(), |name| format!(" as {name}"));
    let login = verdict.login.as_ref().map_or("no login matches".to_owned(), Login::sentence);
    let is_good = verdict.login.as_ref().is_some_and(|login| login.standing() == Standing::Good);
    let until = match date(verdict.expires) {
        Some(date) => format!(", until {date}"),
        None if is_good => ", until when is unknown".to_owned(),
        None => String::new(),
    };
    let mut text = format!("{}{username}{from}: {login}{until}\n", verdict.registry);
    text.extend(verdict.images.iter().map(|(image, pull)| format!("  {image}: {}\n", verdict.sentence(*pull))));
    text + &verdict.limits.as_ref().map_or(String::new(), |limits| format!("  {}\n", of_limits(limits)))
}

fn of_limits(limits: &Limits) -> String {
    let pulls = match (limits.remaining, limits.limit) {
        (Some(remaining), Some(limit)) => format!("{remaining} of {limit} pulls are left"),
        (Some(remaining), None) => format!("{remaining} pulls are left"),
        (None, Some(limit)) => format!("the limit is {limit} pulls"),
        (None, None) => "the registry gives no number of pulls".to_owned(),
    };
    let window = limits.window.map_or(String::new(), |seconds| match seconds {
        3600.. => format!(" in {} hours", seconds / 3600),
        _ => format!(" in {seconds} seconds"),
    });
    let counted = match limits.counted {
        Some(Counted::Account) => ", counted for the account",
        Some(Counted::Address) => ", counted for this machine's address: the login is not used",
        None => "",
    };
    pulls + &window + counted
}

pub(super) fn as_json(verdict: &Verdict) -> Value {
    let images = verdict.images.iter().map(|(image, pull)| {
        json!({"image": image, "pull": word(pull.standing()), "why": pull.word(), "message": verdict.sentence(*pull)})
    });
    let login = verdict
        .login
        .as_ref()
        .map(|login| json!({"is": word(login.standing()), "why": login.word(), "message": login.sentence()}));
    json!({
        "registry": verdict.registry,
        "username": verdict.username,
        "login": login,
        "expires": date(verdict.expires),
        "images": images.collect::<Vec<_>>(),
        "limits": verdict.limits,
    })
}

fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Good => "good",
        Standing::Refused => "refused",
        Standing::Unknown => "unknown",
    }
}

/// The date in UTC.
fn date(seconds: Option<i64>) -> Option<String> {
    Some(Timestamp::from_second(seconds?).ok()?.to_string())
}
