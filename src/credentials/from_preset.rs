//! Reads the variables of a preset.

use secrecy::{ExposeSecret, SecretString};

use super::source;
use super::value::{Wanted, how_to_set};
use crate::environment::{Environment, Reading};
use regcred_core::credentials::presets::{Host, Preset, UserName};
use regcred_core::credentials::{Credential, NameSource};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::docker_config::registry::{InvalidRegistry, RegistryKey};
use regcred_core::names::VariableName;

/// The first of these variables of a preset that is set. `what` is its purpose, for the message.
fn first_set_variable(
    names: &'static [&'static str],
    what: &str,
    preset: &Preset,
    environment: &Environment,
) -> Result<VariableName, Diagnostic> {
    let found = names.iter().find(|name| environment.is_set(name));
    let is_empty = |name: &&&'static str| matches!(environment.read(&VariableName::known(name)), Reading::Empty);
    found.map(|name| VariableName::known(name)).ok_or_else(|| {
        let empty = names.iter().find(is_empty);
        let list = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let (code, is_not_set, it) = match (empty, names.len()) {
            (Some(name), _) => (Code::VariableEmpty, format!("`{name}` is set, but empty"), "it"),
            (None, 1) => (Code::VariableUnset, format!("{list} is not set"), "it"),
            (None, _) => (Code::VariableUnset, format!("{list} are not set"), "one of them"),
        };
        Diagnostic::error(code, format!("{is_not_set}: {it} should hold {what} for `--login {}`", preset.name))
            .hint(how_to_set(&VariableName::known(empty.unwrap_or(&names[0])), Some(preset), environment))
    })
}

pub(super) fn registry(preset: &'static Preset, environment: &Environment) -> Result<RegistryKey, Diagnostic> {
    let first = |names, what| first_set_variable(names, what, preset, environment);
    let known = |host| parse_host(host, &format!("`--login {}`", preset.name), host);
    let (names, example) = match preset.host {
        Host::Fixed(host) => return known(host),
        Host::Optional(names, host) if !names.iter().any(|name| environment.is_set(name)) => return known(host),
        Host::Optional(names, example) | Host::Needed(names, example) => (names, example),
    };
    let name = first(names, "the registry's host")?;
    let wanted = Wanted {
        name: &name,
        purpose: format!("the registry's host for `--login {}`", preset.name),
        preset: Some(preset),
    };
    let host = wanted.value(environment)?;
    parse_host(trimmed(&host), &format!("`{name}`"), example)
}

/// The login of a preset; problems are added to `problems`.
pub(super) fn login(
    preset: &'static Preset,
    environment: &Environment,
    problems: &mut Vec<Diagnostic>,
) -> Result<Vec<Credential>, Diagnostic> {
    let first = |names, what| first_set_variable(names, what, preset, environment);
    let registry = registry(preset, environment);
    let username = match preset.username {
        UserName::Fixed(name) => Ok(NameSource::Literal(name.to_owned())),
        UserName::Variable(names) => first(names, "the user name").map(NameSource::Variable),
    };
    let password = first(preset.password, "the password");
    match (registry, username, password) {
        (Ok(registry), Ok(username), Ok(password)) => {
            source::login(registry, &username, &password, Some(preset), environment, problems)
        }
        (registry, username, password) => {
            problems.extend(registry.err());
            problems.extend(username.err());
            problems.extend(password.err());
            Ok(Vec::new())
        }
    }
}

/// Parses the host in `source`. The error does not repeat the host, because the variable may hold a password by mistake.
fn parse_host(host: &str, source: &str, example: &str) -> Result<RegistryKey, Diagnostic> {
    RegistryKey::typed(host).map_err(|invalid| {
        let hint = match invalid {
            InvalidRegistry::NoRegistry => format!("write the whole host, for example {example}"),
            _ => InvalidRegistry::hint().to_owned(),
        };
        Diagnostic::error(Code::InvalidRegistry, format!("the host in {source} {invalid}")).hint(hint)
    })
}

#[expect(clippy::disallowed_methods, reason = "the variable should hold a host, which is not secret")]
fn trimmed(host: &SecretString) -> &str {
    host.expose_secret().trim()
}
