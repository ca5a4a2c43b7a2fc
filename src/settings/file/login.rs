//! Declares the logins of regcred.yaml.

use schemars::JsonSchema;
use serde::Deserialize;

use regcred_core::credentials::presets::PresetName;
use regcred_core::names::{ResourceName, SecretKey};

/// One source of logins: `dockerConfig`, or `preset`, or `registry` with `username` and `password`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "Fields")]
pub enum Login {
    /// A whole Docker config: in a variable, or in a mounted Secret.
    Whole(Place),
    /// A well-known registry.
    Preset(PresetName),
    /// One registry.
    One {
        /// Host, port and path.
        registry: String,
        /// The user name.
        username: UserName,
        /// The password: in a variable, or in a mounted Secret.
        password: Place,
    },
}

/// The fields of each form; `faults` reports a login that has others.
pub(super) const FORMS: [&[&str]; 3] = [&["dockerConfig"], &["preset"], &["registry", "username", "password"]];

/// A login as it is written.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Fields {
    /// A whole Docker config: in a variable, or in a mounted Secret.
    docker_config: Option<Place>,
    /// The name of a well-known registry, for example `ghcr`.
    preset: Option<PresetName>,
    /// Host, port and path.
    registry: Option<String>,
    /// The user name.
    username: Option<UserName>,
    /// The password: in a variable, or in a mounted Secret.
    password: Option<Place>,
}

impl TryFrom<Fields> for Login {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        let Fields { docker_config, preset, registry, username, password } = fields;
        match (docker_config, preset, registry, username, password) {
            (Some(whole), None, None, None, None) => Ok(Self::Whole(whole)),
            (None, Some(preset), None, None, None) => Ok(Self::Preset(preset)),
            (None, None, Some(registry), Some(username), Some(password)) => {
                Ok(Self::One { registry, username, password })
            }
            _ => Err("a login of no known form"),
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
