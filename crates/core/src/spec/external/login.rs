//! Reads the logins of `external`: one whole Docker config, or a login for each registry.

use super::generator::Given;
use super::written::{ExternalLogin, ExternalUserName, Generator, RemoteKey};
use super::{Content, ExternalLoginSettings, Origin, StoredName};
use crate::diagnostic::{Code, Diagnostic};
use crate::docker_config::registry::RegistryKey;
use crate::spec::logins;

/// The user name that GitHub accepts with an App's token.
const USER_OF_A_TOKEN: &str = "x-access-token";

/// Whether the login needs a store.
pub(super) fn names_a_key(login: &ExternalLogin) -> bool {
    login.docker_config.is_some()
        || login.password.is_some()
        || login.username.as_ref().is_some_and(|username| username.key.is_some())
}

/// All logins; `None` if one of them is invalid.
pub(super) fn content(logins: &[ExternalLogin], problems: &mut Vec<Diagnostic>) -> Option<Content> {
    let place = |number: usize| format!("`external.logins`, item {} in regcred.yaml,", number + 1);
    if logins.is_empty() {
        let hint = "name the keys of a Docker config, or of a user name and a password for each registry";
        problems.push(Diagnostic::error(Code::NoExternal, "`external` in regcred.yaml has no `logins`").hint(hint));
        return None;
    }
    let whole = logins.iter().filter(|login| login.docker_config.is_some()).count();
    if whole > 0 && logins.len() > 1 {
        let message = "`external.logins` in regcred.yaml has a whole Docker config beside other logins, and they cannot be joined";
        let hint = "put each whole Docker config into a separate pull secret";
        problems.push(Diagnostic::error(Code::WholeAndSingle, message).hint(hint));
    }
    let read: Vec<_> = logins.iter().enumerate().map(|(number, login)| one(login, &place(number), problems)).collect();
    let mut single = Vec::new();
    for content in read {
        match content? {
            whole @ Content::Whole(..) => return Some(whole).filter(|_| logins.len() == 1),
            Content::Logins(logins) => single.extend(logins),
        }
    }
    single.sort_by(|one, other| one.registry.as_str().cmp(other.registry.as_str()));
    let mut indexes: Vec<_> = single.iter().map(|login| login.registry.index().to_owned()).collect();
    indexes.sort_unstable();
    for pair in indexes.windows(2).filter(|pair| pair[0] == pair[1]) {
        let message = format!("`external.logins` in regcred.yaml has two logins for `{}`", pair[0]);
        let hint = "a Docker config has one login a registry: leave one out, or put them into two pull secrets";
        problems.push(Diagnostic::error(Code::Conflict, message).hint(hint).about(&pair[0]));
    }
    Some(Content::Logins(single))
}

fn one(login: &ExternalLogin, place: &str, problems: &mut Vec<Diagnostic>) -> Option<Content> {
    match login {
        ExternalLogin {
            docker_config: Some(key),
            registries,
            registry: None,
            username: None,
            password: None,
            generator: None,
        } => {
            let registries = registries.iter().map(|host| registry(host, place, problems)).collect::<Vec<_>>();
            let key = remote(key, place, problems);
            Some(Content::Whole(key?, registries.into_iter().collect::<Option<_>>()?))
        }
        ExternalLogin {
            docker_config: None,
            registries,
            registry: Some(host),
            username: Some(username),
            password: Some(password),
            generator: None,
        } if registries.is_empty() => {
            let registry = registry(host, place, problems);
            let username = stored_name(username, place, problems);
            let password = remote(password, place, problems);
            let origin = Origin::Store { username: username?, password: password? };
            Some(Content::Logins(vec![ExternalLoginSettings { registry: registry?, origin }]))
        }
        ExternalLogin {
            docker_config: None,
            registries,
            registry: Some(host),
            username,
            password: None,
            generator: Some(generator),
        } if registries.is_empty() => {
            let registry = registry(host, place, problems);
            let origin = generated(generator, username.as_ref(), place, problems);
            Some(Content::Logins(vec![ExternalLoginSettings { registry: registry?, origin: origin? }]))
        }
        _ => {
            let hint =
                "give `dockerConfig`, or `registry` with `username` and `password`, or `registry` with `generator`";
            problems.push(invalid(format!("{place} has none of the three forms"), hint));
            None
        }
    }
}

fn invalid(message: String, hint: &str) -> Diagnostic {
    Diagnostic::error(Code::InvalidLogin, message).hint(hint)
}

fn generated(
    generator: &Generator,
    username: Option<&ExternalUserName>,
    place: &str,
    problems: &mut Vec<Diagnostic>,
) -> Option<Origin> {
    match (generator.kind.given(), username) {
        (Given::Login | Given::Auth, None) => Some(Origin::Generator(generator.clone())),
        (Given::Token, None) => Some(Origin::TokenOf(generator.clone(), USER_OF_A_TOKEN.to_owned())),
        (Given::Token, Some(username)) => match stored_name(username, place, problems)? {
            StoredName::Literal(name) => Some(Origin::TokenOf(generator.clone(), name)),
            StoredName::Remote(_) => {
                let message = format!("{place} has a key for the user name of a generated token");
                problems.push(invalid(message, "write it as `value`, or leave it out"));
                None
            }
        },
        (Given::Login | Given::Auth, Some(_)) => {
            let message = format!("{place} has a `username`, and {} gives its own", generator.kind);
            problems.push(invalid(message, "leave it out"));
            None
        }
    }
}

/// The canonical key of a registry.
fn registry(text: &str, place: &str, problems: &mut Vec<Diagnostic>) -> Option<RegistryKey> {
    let key = logins::registry(text, place).map_err(|wrong| problems.extend(wrong));
    let (key, odd) = key.ok()?.canonical();
    problems.extend(odd);
    Some(key)
}

fn remote(key: &RemoteKey, place: &str, problems: &mut Vec<Diagnostic>) -> Option<RemoteKey> {
    if key.key.is_empty() || key.property.as_deref() == Some("") {
        let hint = "name the secret in the store, and the field of it if it has several";
        problems.push(invalid(format!("{place} has an empty `key` or `property`"), hint));
        return None;
    }
    Some(key.clone())
}

fn stored_name(username: &ExternalUserName, place: &str, problems: &mut Vec<Diagnostic>) -> Option<StoredName> {
    match username {
        ExternalUserName { value: Some(name), key: None, property: None, version: None, decoding_strategy: None } => {
            let (code, fault, hint) = if name.is_empty() {
                (Code::NoUsername, "is empty", "set it")
            } else if name.contains(':') {
                let hint = "in `auth` the first colon ends the user name: no registry can take it";
                (Code::UsernameWithColon, "has a colon", hint)
            } else if name.chars().any(char::is_control) {
                let hint = "set it without line ends or tabs in it";
                (Code::UsernameWithControlCharacter, "has a control character", hint)
            } else {
                return Some(StoredName::Literal(name.clone()));
            };
            problems.push(Diagnostic::error(code, format!("the `username` in {place} {fault}")).hint(hint));
            None
        }
        ExternalUserName { value: None, key: Some(key), property, version, decoding_strategy } => {
            let key = RemoteKey {
                key: key.clone(),
                property: property.clone(),
                version: version.clone(),
                decoding_strategy: *decoding_strategy,
            };
            remote(&key, place, problems).map(StoredName::Remote)
        }
        _ => {
            let message = format!("the `username` in {place} has neither `value` nor `key` alone");
            problems.push(invalid(message, "write `username: {value: acme-bot}`, or the `key` in the store"));
            None
        }
    }
}
