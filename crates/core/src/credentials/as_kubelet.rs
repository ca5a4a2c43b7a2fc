//! Reads a Docker config exactly as a kubelet does: which logins it has, or why it breaks the whole Secret.
//!
//! The rules come from `pkg/credentialprovider/config.go`: unknown fields do not count, and one bad entry makes all other entries void.

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use super::Credential;
use super::entry::{decoded, text};
use super::json::{Config, Entry, Written};
use crate::docker_config::registry::RegistryKey;

/// Why a kubelet ignores a whole Docker config.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unreadable {
    /// It is not JSON.
    #[error("its Docker config is not JSON")]
    NotJson,
    /// It is not an object, or its `auths` is not an object.
    #[error("its Docker config has no object `auths`")]
    NotAnObject,
    /// The entry of this number, counted from 1, is not an object.
    #[error("entry {0} of `auths` is not an object")]
    Entry(usize),
    /// A field of the entry of this number is not text.
    #[error("entry {0} of `auths` has a field that is not text")]
    NotText(usize),
    /// The `auth` of the entry of this number is not base64 of `user:password`.
    #[error("entry {0} of `auths` has an `auth` that is not base64 of user:password")]
    Auth(usize),
}

/// The logins that a kubelet finds in the Docker config of a Secret; `source` names the Secret. Entries without a password are left
/// out, because a kubelet pulls without a login for them.
///
/// # Errors
/// A kubelet ignores the whole Docker config.
#[expect(clippy::disallowed_methods, reason = "the JSON is read here")]
pub fn read(json: &SecretString, source: &str) -> Result<Vec<Credential>, Unreadable> {
    let json = json.expose_secret();
    let config = match Config::parse(json) {
        Ok(config) => config,
        Err(None) if json.trim() == "null" => return Ok(Vec::new()),
        Err(None) => return Err(Unreadable::NotAnObject),
        Err(Some(_)) => return Err(Unreadable::NotJson),
    };
    if config.has_odd_auths {
        return Err(Unreadable::NotAnObject);
    }
    let mut logins: Vec<(&str, Option<Credential>)> = Vec::new();
    for (number, (key, entry)) in (1..).zip(&config.auths) {
        let login = login(entry, number)?;
        // If several entries have one key, the last one counts.
        logins.retain(|(other, _)| other != key);
        let registry = key.parse::<RegistryKey>().ok();
        let credential = registry
            .zip(login)
            .map(|(registry, (username, password))| Credential::from_one_source(registry, username, password, source));
        logins.push((key, credential));
    }
    Ok(logins.into_iter().filter_map(|(_, login)| login).collect())
}

type Pair = (SecretString, SecretString);

fn login(entry: &Entry, number: usize) -> Result<Option<Pair>, Unreadable> {
    let fields = match entry {
        Written::Object(fields) => fields.0.as_slice(),
        Written::Null => &[],
        Written::Text(_) | Written::Other => return Err(Unreadable::Entry(number)),
    };
    let field = |name| text(fields, name, &mut Vec::new()).map_err(|_| Unreadable::NotText(number));
    field("email")?;
    let (auth, username, password) = (field("auth")?, field("username")?, field("password")?);
    let pair = if auth.is_empty() {
        Some((username.to_owned(), password.to_owned()))
    } else {
        decoded(auth).map_err(|_| Unreadable::Auth(number))?
    };
    Ok(pair.filter(|(_, password)| !password.is_empty()).map(|(username, password)| (username.into(), password.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(json: &str) -> Result<Vec<String>, Unreadable> {
        let logins = read(&json.into(), "the Secret a/b")?;
        Ok(logins.iter().map(|login| login.registry.to_string()).collect())
    }

    #[test]
    fn what_a_kubelet_takes_is_taken_and_one_bad_entry_breaks_the_whole() {
        let entry = |text: &str| format!(r#"{{"auths":{{"a.io":{{"auth":"dTpw"}},"b.io":{text}}}}}"#);
        for (json, expected) in [
            ("null".to_owned(), Ok(&[][..])),
            ("{}".to_owned(), Ok(&[])),
            (r#"{"auths":null}"#.to_owned(), Ok(&[])),
            (r#"{"AUTHS":{"a.io":{"Auth":"dTpw"}},"more":[1e999]}"#.to_owned(), Ok(&["a.io"])),
            (entry(r#"{"username":"u","password":"p","note":1}"#), Ok(&["a.io", "b.io"])),
            (entry("null"), Ok(&["a.io"])),
            (entry("{}"), Ok(&["a.io"])),
            (entry(r#"{"auth":"dTo="}"#), Ok(&["a.io"])),
            (entry(r#"{"auth":"/zpw"}"#), Ok(&["a.io"])),
            (r#"{"auths":{"not a host":{"auth":"dTpw"}}}"#.to_owned(), Ok(&[])),
            ("[]".to_owned(), Err(Unreadable::NotAnObject)),
            (r#"{"auths":[]}"#.to_owned(), Err(Unreadable::NotAnObject)),
            ("{".to_owned(), Err(Unreadable::NotJson)),
            (String::new(), Err(Unreadable::NotJson)),
            (entry(r#""dTpw""#), Err(Unreadable::Entry(2))),
            (entry(r#"{"auth":"!"}"#), Err(Unreadable::Auth(2))),
            (entry(r#"{"auth":"dQ=="}"#), Err(Unreadable::Auth(2))),
            (entry(r#"{"auth":1}"#), Err(Unreadable::NotText(2))),
            (entry(r#"{"username":"u","password":"p","email":[]}"#), Err(Unreadable::NotText(2))),
        ] {
            let expected = expected.map(|keys| keys.iter().map(ToString::to_string).collect::<Vec<_>>());
            assert_eq!(keys(&json), expected, "{json}");
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a sample")]
    fn the_last_of_entries_with_one_key_counts() {
        let json = r#"{"auths":{"a.io":{"username":"u","password":"one"},"a.io":{"username":"u","password":"two"}}}"#;
        let logins = read(&json.into(), "").unwrap();
        assert!(logins.len() == 1 && logins[0].password.expose_secret() == "two");
    }
}
