//! Names where logins come from: variables and files, never values.

use std::path::PathBuf;

use serde::Serialize;

use super::presets::Preset;
use crate::docker_config::registry::RegistryKey;
use crate::names::VariableName;

/// The variable that is read if no other source is named.
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
    /// A preset.
    Preset(&'static Preset),
}

/// Where a user name comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NameSource {
    /// A variable.
    Variable(VariableName),
    /// A literal in regcred.yaml, and so no secret.
    Literal(String),
}

/// A variable that a source reads, for `verify --list`.
pub struct Variable {
    /// Its name.
    pub name: VariableName,
    /// Its purpose.
    pub purpose: String,
    /// Whether the login is incomplete without it.
    pub need: Need,
}

/// Whether a variable must be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// The variable must be set.
    Required,
    /// This variable, or another for the same purpose, must be set: the first one that is set is read.
    OneOfSeveral,
    /// The variable may be unset: there is a default.
    Optional,
}

impl Source {
    /// The variables this source may read, in order of preference.
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
            Self::Preset(preset) => preset.variables(),
        }
    }
}
