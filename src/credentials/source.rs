//! Where logins come from: names of variables and files in, the logins they hold or what is wrong with them out.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::decode::Named;
use super::lifetime::ShortLived;
use super::presets::{Host, Preset, UserName};
use super::{Credential, auths, check, decode};
use crate::docker_config::registry::RegistryKey;
use crate::environment::{Environment, Reading};
use crate::names::VariableName;
use crate::problem::Problem;

/// The variable that is read when nothing is named.
pub const DEFAULT_VARIABLE: &str = "DOCKERHUB_AUTH";
/// The variable that GitLab's runner reads a Docker config from.
pub const OTHER_VARIABLE: &str = "DOCKER_AUTH_CONFIG";

/// Where logins come from: names of variables and files, never values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A variable that holds a whole Docker config, or the path of one.
    DockerConfig(VariableName),
    /// A file that holds a whole Docker config.
    DockerConfigFile(PathBuf),
    /// A registry with its user name and the variable of its password.
    Login {
        /// The key of the entry.
        registry: RegistryKey,
        /// Its user name.
        username: NameSource,
        /// The variable of its password.
        password: VariableName,
    },
    /// A registry with a name of its own.
    Preset(&'static Preset),
}

/// Where a user name comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NameSource {
    /// A variable.
    Variable(VariableName),
    /// It stands in regcred.yaml: so it is no secret.
    Literal(String),
}

/// A variable that a source reads, for `verify --list`.
pub struct Variable {
    /// Its name.
    pub name: VariableName,
    /// What it is for.
    pub purpose: String,
    /// Whether the login is incomplete without it.
    pub need: Need,
}

/// Whether a variable must be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// It must.
    Required,
    /// It, or another for the same purpose: the first that is set is read.
    OneOfSeveral,
    /// It may: there is a default.
    Optional,
}

impl Source {
    /// The variables this source may read, in order of preference.
    #[must_use]
    pub fn variables(&self) -> Vec<Variable> {
        let one = |name: &VariableName, purpose: String| Variable { name: name.clone(), purpose, need: Need::Required };
        match self {
            Self::DockerConfig(name) => vec![one(name, "a whole Docker config".into())],
            Self::DockerConfigFile(_) => Vec::new(),
            Self::Login { registry, username, password } => {
                let mut variables = Vec::new();
                if let NameSource::Variable(name) = username {
                    variables.push(one(name, format!("the user name for {registry}")));
                }
                variables.push(one(password, format!("the password for {registry}")));
                variables
            }
            Self::Preset(preset) => preset_variables(preset),
        }
    }

    pub(super) fn read(
        &self,
        environment: &Environment,
        short_lived: ShortLived,
        problems: &mut Vec<Problem>,
    ) -> Vec<Credential> {
        let found = match self {
            Self::DockerConfig(name) => value(name, "a whole Docker config", environment)
                .and_then(|text| {
                    let source = format!("`{name}`");
                    decode::docker_config(&text, &source, problems).map(|json| auths::read(&json, &source, problems))
                })
                .map_err(|problem| offer_the_other_variable(problem, name, environment)),
            Self::DockerConfigFile(path) => {
                let (typed, path) = (path, environment.directory().join(path));
                // What was typed is repeated only where it is known to be a path: it might be a password.
                let source = if path.exists() {
                    format!("`--docker-config-file {}`", typed.display())
                } else {
                    "`--docker-config-file`".to_owned()
                };
                decode::file(&path, &source, Named::ByFlag)
                    .and_then(|text| decode::of_a_file(&text, &source, problems))
                    .map(|json| auths::read(&json, &source, problems))
            }
            Self::Login { registry, username, password } => {
                let (registry, odd) = registry.clone().canonical();
                problems.extend(odd);
                login(registry, username, password, environment, problems)
            }
            Self::Preset(preset) => preset_login(preset, environment, problems),
        };
        let logins = found.unwrap_or_else(|problem| {
            problems.push(problem);
            Vec::new()
        });
        logins.into_iter().map(|login| check::checked(login, environment, short_lived, problems)).collect()
    }
}

fn value(name: &VariableName, purpose: &str, environment: &Environment) -> Result<SecretString, Problem> {
    let problem = |code, what: &str| {
        Problem::error(code, format!("`{name}` {what}: it should hold {purpose}"))
            .hint(environment.ci().how_to_set(name))
    };
    match environment.read(name) {
        Reading::Value(text) => Ok(text),
        Reading::Unset => Err(problem("variable-unset", "is not set")),
        Reading::Empty => Err(problem("variable-empty", "is set, but empty")),
        Reading::NotUnicode => Err(Problem::error("not-utf-8", format!("`{name}` is not UTF-8 text"))
            .hint("encode it as base64, or save it as UTF-8")),
    }
}

fn offer_the_other_variable(problem: Problem, name: &VariableName, environment: &Environment) -> Problem {
    if name.as_str() == DEFAULT_VARIABLE && !environment.is_set(DEFAULT_VARIABLE) && environment.is_set(OTHER_VARIABLE)
    {
        return problem.hint(format!("`{OTHER_VARIABLE}` is set: use it with `--docker-config {OTHER_VARIABLE}`"));
    }
    problem
}

/// A value of a login's variable: the content of the file when it is the path of one, as GitLab's File variables are.
#[expect(clippy::disallowed_methods, reason = "a path is looked for in the value")]
fn value_or_file(name: &VariableName, purpose: &str, environment: &Environment) -> Result<SecretString, Problem> {
    let text = value(name, purpose, environment)?;
    let path = Path::new(text.expose_secret());
    if path.is_absolute() && path.is_file() {
        decode::file(path, &format!("`{name}`"), Named::ByVariable)
    } else {
        Ok(text)
    }
}

fn login(
    registry: RegistryKey,
    username: &NameSource,
    password: &VariableName,
    environment: &Environment,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Credential>, Problem> {
    let username_source = match username {
        NameSource::Literal(_) => format!("`{password}`"),
        NameSource::Variable(name) => format!("`{name}`"),
    };
    let (name, public_username) = match username {
        NameSource::Literal(name) => (Ok(name.as_str().into()), true),
        NameSource::Variable(name) => {
            (value_or_file(name, &format!("the user name for {registry}"), environment), false)
        }
    };
    let secret = value_or_file(password, &format!("the password for {registry}"), environment);
    match (name, secret) {
        (Ok(username), Ok(secret)) => Ok(vec![Credential {
            registry,
            username,
            password: secret,
            email: None,
            source: format!("`{password}`"),
            username_source,
            public_username,
        }]),
        (Err(one), Err(other)) => {
            problems.push(one);
            Err(other)
        }
        (Err(problem), _) | (_, Err(problem)) => Err(problem),
    }
}

/// The first of a preset's variables for something that is set.
fn first(
    names: &'static [&'static str],
    what: &str,
    preset: &Preset,
    environment: &Environment,
) -> Result<VariableName, Problem> {
    let found = names.iter().find(|name| environment.is_set(name));
    found.map(|name| VariableName::known(name)).ok_or_else(|| {
        let list = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let (verb, one_of) = if names.len() == 1 { ("is not set", "") } else { ("are not set", "one of them ") };
        Problem::error(
            "variable-unset",
            format!("{list} {verb}: {one_of}should hold {what} for `--login {}`", preset.name),
        )
        .hint(environment.ci().how_to_set(&VariableName::known(names[0])))
    })
}

/// The key of a preset's entry.
pub(super) fn preset_registry(preset: &Preset, environment: &Environment) -> Result<RegistryKey, Problem> {
    let first = |names, what| first(names, what, preset, environment);
    let host = match preset.host {
        Host::Fixed(host) => Ok(host.to_owned()),
        Host::Variable(names, default) => match (first(names, "the registry's host"), default) {
            (Ok(name), _) => value(&name, "the registry's host", environment).map(|host| trimmed(&host)),
            (Err(_), Some(default)) => Ok(default.to_owned()),
            (Err(problem), None) => Err(problem),
        },
    };
    host.and_then(|host| {
        RegistryKey::typed(&host).map_err(|invalid| {
            Problem::error("invalid-registry", format!("the host for `--login {}` {invalid}", preset.name))
                .hint(crate::docker_config::registry::InvalidRegistry::hint())
        })
    })
}

fn preset_login(
    preset: &Preset,
    environment: &Environment,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Credential>, Problem> {
    let first = |names, what| first(names, what, preset, environment);
    let registry = preset_registry(preset, environment);
    let username = match preset.username {
        UserName::Fixed(name) => Ok(NameSource::Literal(name.to_owned())),
        UserName::Variable(names) => first(names, "the user name").map(NameSource::Variable),
    };
    let password = first(preset.password, "the password");
    match (registry, username, password) {
        (Ok(registry), Ok(username), Ok(password)) => {
            let (registry, odd) = registry.canonical();
            problems.extend(odd);
            login(registry, &username, &password, environment, problems)
        }
        (registry, username, password) => {
            problems.extend(registry.err());
            problems.extend(username.err());
            problems.extend(password.err());
            Ok(Vec::new())
        }
    }
}

/// A host is no secret.
#[expect(clippy::disallowed_methods, reason = "a variable of ours, for a host")]
fn trimmed(host: &SecretString) -> String {
    host.expose_secret().trim().to_owned()
}

fn preset_variables(preset: &Preset) -> Vec<Variable> {
    let all = |names: &'static [&'static str], what: &str, default: Option<&str>| {
        let need = match (names, default) {
            (_, Some(_)) => Need::Optional,
            ([_], None) => Need::Required,
            (_, None) => Need::OneOfSeveral,
        };
        let purpose = format!("{what} for {}", preset.name);
        names
            .iter()
            .map(|name| Variable { name: VariableName::known(name), purpose: purpose.clone(), need })
            .collect::<Vec<_>>()
    };
    let mut variables = match preset.host {
        Host::Fixed(_) => Vec::new(),
        Host::Variable(names, default) => all(names, "the host", default),
    };
    if let UserName::Variable(names) = preset.username {
        variables.extend(all(names, "the user name", None));
    }
    variables.extend(all(preset.password, "the password", None));
    variables
}
