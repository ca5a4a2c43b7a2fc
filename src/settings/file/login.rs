//! Declares the logins of regcred.yaml.

use schemars::JsonSchema;
use serde::Deserialize;

use regcred_core::credentials::presets::PresetName;
use regcred_core::names::{ResourceName, SecretKey};

/// One source of logins: `dockerConfig`, or `preset`, or `registry` with `username` and `password`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Login {
    /// A whole Docker config: in a variable, or in a mounted Secret.
    pub docker_config: Option<Place>,
    /// The name of a well-known registry, for example `ghcr`.
    pub preset: Option<PresetName>,
    /// Host, port and path.
    pub registry: Option<String>,
    /// The user name.
    pub username: Option<UserName>,
    /// The password: in a variable, or in a mounted Secret.
    pub password: Option<Place>,
}

/// The forms of a login.
pub enum LoginForm<'a> {
    /// A whole Docker config.
    Whole(&'a Place),
    /// A well-known registry.
    Preset(&'a PresetName),
    /// One registry.
    One {
        /// Host, port and path.
        registry: &'a str,
        /// The user name.
        username: &'a UserName,
        /// The password.
        password: &'a Place,
    },
}

impl Login {
    /// Its form, if it has exactly one.
    pub fn form(&self) -> Option<LoginForm<'_>> {
        let Self { docker_config, preset, registry, username, password } = self;
        match (docker_config, preset, registry, username, password) {
            (Some(whole), None, None, None, None) => Some(LoginForm::Whole(whole)),
            (None, Some(preset), None, None, None) => Some(LoginForm::Preset(preset)),
            (None, None, Some(registry), Some(username), Some(password)) => {
                Some(LoginForm::One { registry, username, password })
            }
            _ => None,
        }
    }
}

/// Where a value is: `env` names a variable; `secret` names a Secret that is mounted for `regcred controller`, which alone reads it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Place {
    /// The name of a variable.
    pub env: Option<String>,
    /// The name of a Secret in the controller's namespace.
    pub secret: Option<ResourceName>,
    /// The key in that Secret; `.dockerconfigjson` if left out.
    pub key: Option<SecretKey>,
}

/// The name of a variable.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// Its name.
    pub env: String,
}

/// A user name: in a variable, literal, or in a mounted Secret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UserName {
    /// The name of a variable.
    pub env: Option<String>,
    /// The user name itself.
    pub value: Option<String>,
    /// The name of a Secret in the controller's namespace.
    pub secret: Option<ResourceName>,
    /// The key in that Secret.
    pub key: Option<SecretKey>,
}
