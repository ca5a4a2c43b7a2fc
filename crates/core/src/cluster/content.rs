//! Compares the Docker config that is wanted with the one in a Secret.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::docker_config::credential::is_public_username;
use crate::docker_config::registry::RegistryKey;

/// How two Docker configs compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Byte by byte the same.
    Same,
    /// The same logins, written in another way.
    Equivalent,
    /// Different logins, or no Docker config.
    Different,
}

/// What differs for one registry. It holds no password, and no user name that may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The key of the entry, or `None` for a key that does not parse and is not shown.
    pub registry: Option<String>,
    /// What differs.
    pub what: What,
}

/// What differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The login is new.
    Added,
    /// The login is removed.
    Removed,
    /// Another user name; the old one, if it is known to be public.
    Username(Option<String>),
    /// The same user name, another password.
    Password,
}

/// The user name and password of each entry, by its key.
type Logins = BTreeMap<String, (String, String)>;

/// Compares the wanted Docker config with the one that was found.
#[expect(clippy::disallowed_methods, reason = "compares, and lets nothing out")]
pub fn compare(wanted: &SecretString, found: Option<&SecretString>) -> Content {
    match found {
        Some(found) if found.expose_secret() == wanted.expose_secret() => Content::Same,
        Some(found) if logins(found).is_some_and(|found| Some(found) == logins(wanted)) => Content::Equivalent,
        _ => Content::Different,
    }
}

/// What differs between two Docker configs, by registry.
pub fn differences(wanted: &SecretString, found: Option<&SecretString>) -> Vec<Difference> {
    let wanted = logins(wanted).unwrap_or_default();
    let mut found = found.and_then(logins).unwrap_or_default();
    let mut differences = Vec::new();
    let mut add = |key: &str, what| {
        let registry = key.parse::<RegistryKey>().ok().map(|key| key.as_str().to_owned());
        differences.push(Difference { registry, what });
    };
    for (key, (username, password)) in &wanted {
        match found.remove(key) {
            None => add(key, What::Added),
            Some((old, _)) if old != *username => {
                add(key, What::Username(Some(old).filter(|old| is_public_username(old))));
            }
            Some((_, old)) if old != *password => add(key, What::Password),
            Some(_) => {}
        }
    }
    for key in found.keys() {
        add(key, What::Removed);
    }
    differences
}

/// Whether a text quotes the Docker config, or a user name or password in it.
#[expect(clippy::disallowed_methods, reason = "compares, and lets nothing out")]
pub fn mentions(docker_config: &SecretString, text: &str) -> bool {
    let json = docker_config.expose_secret();
    let values = logins(docker_config).into_iter().flatten().flat_map(|(_, (username, password))| {
        let auth = STANDARD.encode(format!("{username}:{password}"));
        [username, password, auth]
    });
    let whole = [json.to_owned(), STANDARD.encode(json)];
    values.chain(whole).any(|value| !value.is_empty() && text.contains(&value))
}

/// The entries of `auths` as a kubelet reads them; `None` without `auths`, or if an entry cannot be read.
#[expect(clippy::disallowed_methods, reason = "the entries are compared, and stay here")]
fn logins(docker_config: &SecretString) -> Option<Logins> {
    let value: Value = serde_json::from_str(docker_config.expose_secret()).ok()?;
    let auths = value.get("auths")?.as_object()?;
    auths.iter().map(|(key, entry)| Some((key.clone(), login(entry)?))).collect()
}

/// `auth`, with or without padding, wins over `username` and `password`.
fn login(entry: &Value) -> Option<(String, String)> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
    let auth = text("auth");
    if auth.is_empty() {
        return Some((text("username").to_owned(), text("password").to_owned()));
    }
    let decoded = GeneralPurpose::new(&base64::alphabet::STANDARD, CONFIG).decode(auth).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (username, password) = decoded.split_once(':')?;
    Some((username.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        text.to_owned().into()
    }

    const WANTED: &str = r#"{"auths":{"a.io":{"username":"u","password":"p","auth":"dTpw"}}}"#;

    #[test]
    fn the_same_logins_in_another_form_are_equivalent() {
        for (found, expected) in [
            (WANTED, Content::Same),
            (r#"{"auths": {"a.io": {"auth": "dTpw"}}}"#, Content::Equivalent),
            (r#"{"auths":{"a.io":{"username":"u","password":"p"}}}"#, Content::Equivalent),
            (r#"{"auths":{"a.io":{"username":"u","password":"q"}}}"#, Content::Different),
            (r#"{"auths":{"a.io":{"auth":"dTpw"},"b.io":{"auth":"dTpw"}}}"#, Content::Different),
            (r#"{"auths":{"a.io":{"auth":"no"}}}"#, Content::Different),
            ("{}", Content::Different),
            ("nonsense", Content::Different),
        ] {
            assert_eq!(compare(&secret(WANTED), Some(&secret(found))), expected, "{found}");
        }
        assert_eq!(compare(&secret(WANTED), None), Content::Different);
    }

    #[test]
    fn a_text_that_quotes_a_login_in_any_form_is_recognized() {
        let config = secret(r#"{"auths":{"a.io":{"username":"robot","password":"hunter2","auth":""}}}"#);
        for text in [
            "no: hunter2",
            "user robot",
            "data cm9ib3Q6aHVudGVyMg== is bad",
            "{\"auths\":{\"a.io\":{\"username\":\"robot",
        ] {
            assert!(mentions(&config, text), "{text}");
        }
        assert!(!mentions(&config, "exceeded quota: secrets in a.io"));
    }

    #[test]
    fn a_difference_names_the_registry_and_no_value() {
        let differ = |found: &str| {
            let all = differences(&secret(WANTED), Some(&secret(found)));
            all.into_iter().map(|one| (one.registry.unwrap_or_default(), one.what)).collect::<Vec<_>>()
        };
        let one = |registry: &str, what| vec![(registry.to_owned(), what)];
        assert!(differ(WANTED).is_empty());
        assert_eq!(differ(r#"{"auths":{"a.io":{"username":"u","password":"q"}}}"#), one("a.io", What::Password));
        assert_eq!(differ(r#"{"auths":{"a.io":{"username":"v","password":"p"}}}"#), one("a.io", What::Username(None)));
        let public = r#"{"auths":{"a.io":{"username":"robot$ci","password":"p"}}}"#;
        assert_eq!(differ(public), one("a.io", What::Username(Some("robot$ci".to_owned()))));
        assert_eq!(differ("{}"), one("a.io", What::Added));
        let more = r#"{"auths":{"a.io":{"auth":"dTpw"},"b.io":{},"hunter2 canary":{}}}"#;
        assert_eq!(differ(more), [one("b.io", What::Removed), one("", What::Removed)].concat());
    }
}
