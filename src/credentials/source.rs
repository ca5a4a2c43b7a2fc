//! Where logins come from: names of variables and files in, the logins they hold or what is wrong with them out.

use std::path::PathBuf;

use serde::Serialize;

use super::file::{self, Named};
use super::lifetime::ShortLived;
use super::presets::{PRESETS, Preset};
use super::value::Wanted;
use super::{auths, check, decode, from_preset};
use crate::environment::Environment;
use regcred_core::credentials::Credential;
use regcred_core::diagnostic::Diagnostic;
use regcred_core::docker_config::registry::RegistryKey;
use regcred_core::names::VariableName;

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
            Self::Preset(preset) => from_preset::variables(preset),
        }
    }

    pub(super) fn read(
        &self,
        environment: &Environment,
        short_lived: ShortLived,
        problems: &mut Vec<Diagnostic>,
    ) -> Vec<Credential> {
        let found = match self {
            Self::DockerConfig(name) => Wanted { name, purpose: "a whole Docker config".into(), preset: None }
                .value(environment)
                .and_then(|text| {
                    let source = format!("`{name}`");
                    decode::docker_config(&text, &source, problems).map(|json| auths::read(&json, &source, problems))
                })
                .map_err(|problem| offer_another(problem, name, environment)),
            Self::DockerConfigFile(path) => {
                let (typed, path) = (path, environment.directory().join(path));
                // What was typed is repeated only where it is known to be a path: it might be a password.
                let source = if path.exists() {
                    format!("`--docker-config-file {}`", typed.display())
                } else {
                    "`--docker-config-file`".to_owned()
                };
                file::read(&path, &source, Named::ByFlag)
                    .and_then(|text| decode::of_a_file(&text, &source, problems))
                    .map(|json| auths::read(&json, &source, problems))
            }
            Self::Login { registry, username, password } => {
                let (registry, odd) = registry.clone().canonical();
                problems.extend(odd);
                login(registry, username, password, None, environment, problems)
            }
            Self::Preset(preset) => from_preset::login(preset, environment, problems),
        };
        let logins = found.unwrap_or_else(|problem| {
            problems.push(problem);
            Vec::new()
        });
        logins.into_iter().map(|login| check::checked(login, environment, short_lived, problems)).collect()
    }
}

/// Where the variable that is read by default is not set, and a login is in others that are known.
fn offer_another(problem: Diagnostic, name: &VariableName, environment: &Environment) -> Diagnostic {
    if name.as_str() != DEFAULT_VARIABLE || environment.is_set(DEFAULT_VARIABLE) {
        return problem;
    }
    if environment.is_set(OTHER_VARIABLE) {
        return problem.hint(format!("`{OTHER_VARIABLE}` is set: use it with `--docker-config {OTHER_VARIABLE}`"));
    }
    let is_set = |preset: &&Preset| preset.password.iter().any(|name| environment.is_set(name));
    match PRESETS.iter().find(is_set) {
        Some(preset) => problem.hint(format!("the variables of `--login {}` are set: use that instead", preset.name)),
        None => problem,
    }
}

/// The login of a registry whose user name and password are in these variables.
pub(super) fn login(
    registry: RegistryKey,
    username: &NameSource,
    password: &VariableName,
    preset: Option<&'static Preset>,
    environment: &Environment,
    problems: &mut Vec<Diagnostic>,
) -> Result<Vec<Credential>, Diagnostic> {
    let username_source = match username {
        NameSource::Literal(_) => format!("`{password}`"),
        NameSource::Variable(name) => format!("`{name}`"),
    };
    let mut read = |name, what| {
        Wanted { name, purpose: format!("the {what} for {registry}"), preset }.value_or_file(environment, problems)
    };
    let (name, public_username) = match username {
        NameSource::Literal(name) => (Ok(name.as_str().into()), true),
        NameSource::Variable(name) => (read(name, "user name"), false),
    };
    let secret = read(password, "password");
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
