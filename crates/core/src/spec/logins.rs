//! Parses logins: names of variables are typed, never values.

use super::Parsed;
use crate::confine::Allowed;
use crate::credentials::{NameSource, Source, presets};
use crate::diagnostic::{Code, Diagnostic};
use crate::docker_config::registry::{InvalidRegistry, RegistryKey};
use crate::names::VariableName;
use crate::nearest::one_slip_away;

/// What is known when logins are parsed: which variables are set, which paths are files, and what regcred.yaml may name.
pub struct Known<'a> {
    /// Whether a variable of this name is set.
    pub is_set: &'a dyn Fn(&str) -> bool,
    /// Whether a file has this path.
    pub is_file: &'a dyn Fn(&str) -> bool,
    /// The limits for regcred.yaml.
    pub allowed: &'a Allowed,
}

/// The name of a variable, which messages may repeat. People type `$NAME`, and the shell inserts the value: so the variable must be set, or
/// the text must look like a name.
///
/// # Errors
/// The text may be a value.
pub fn variable(text: &str, place: &str, known: &Known<'_>) -> Parsed<VariableName> {
    let name = text.parse::<VariableName>().ok();
    name.filter(|name| (known.is_set)(name.as_str()) || VariableName::looks_like_one(text)).ok_or_else(|| {
        let is_a_file = place == "`--docker-config`" && (text.contains(".json") || (known.is_file)(text));
        let hint = if is_a_file {
            "did you mean `--docker-config-file`?"
        } else {
            "a name has letters, digits and _ only, and no $, for example DOCKERHUB_AUTH; rotate the credential if it was printed"
        };
        let shell = if place.starts_with("`--") { "; did the shell expand `$NAME`?" } else { "" };
        let message = format!("{place} expects the name of a variable, not a value{shell}");
        vec![Diagnostic::error(Code::ValueForAName, message).hint(hint)]
    })
}

/// The registry of a login.
///
/// # Errors
/// The text cannot be a registry.
pub fn registry(text: &str, place: &str) -> Parsed<RegistryKey> {
    RegistryKey::typed(text).map_err(|invalid| {
        let message = format!("the host in {place} {invalid}");
        vec![Diagnostic::error(Code::InvalidRegistry, message).hint(InvalidRegistry::hint())]
    })
}

/// A login in the form of `--login`: `HOST=USERVAR:PASSVAR`, or the name of a preset.
///
/// # Errors
/// The text is neither, or names no registry or no variable.
pub fn typed(text: &str, place: &str, known: &Known<'_>) -> Parsed<Source> {
    let Some((host, names)) = text.split_once('=') else {
        return presets::find(text).map(Source::Preset).ok_or_else(|| {
            let message = format!("{place} is neither HOST=USERVAR:PASSVAR nor a preset{}", nearest_preset(text));
            let hint = format!("for example ghcr.io=GHCR_USER:GHCR_TOKEN; presets are {}", presets::names());
            vec![Diagnostic::error(Code::UnknownPreset, message).hint(hint)]
        });
    };
    let registry = registry(host, place);
    let Some((username, password)) = names.split_once(':') else {
        let message = format!("{place} names one variable, and a login needs two");
        let problem = Diagnostic::error(Code::InvalidLogin, message)
            .hint("write HOST=USERVAR:PASSVAR, for example ghcr.io=GHCR_USER:GHCR_TOKEN");
        return Err(registry.err().into_iter().flatten().chain([problem]).collect());
    };
    let username = variable(username, &format!("{place}, before the colon,"), known).map(NameSource::Variable);
    login(registry, username, variable(password, &format!("{place}, after the colon,"), known))
}

/// A login from its three parts, or the problem of each part.
///
/// # Errors
/// One of the parts has an error.
pub fn login(
    registry: Parsed<RegistryKey>,
    username: Parsed<NameSource>,
    password: Parsed<VariableName>,
) -> Parsed<Source> {
    match (registry, username, password) {
        (Ok(registry), Ok(username), Ok(password)) => Ok(Source::Login { registry, username, password }),
        (registry, username, password) => {
            Err([registry.err(), username.err(), password.err()].into_iter().flatten().flatten().collect())
        }
    }
}

/// The preset with the most similar name, if one is similar enough; what the user typed is not repeated.
fn nearest_preset(text: &str) -> String {
    one_slip_away(text, presets::PRESETS.iter().map(|preset| preset.name))
        .or_else(|| presets::of_host(text).map(|preset| preset.name))
        .map_or(String::new(), |name| format!("; did you mean `{name}`?"))
}
