//! Google's key files as passwords: a user name and a password in, why the two do not go together out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// What is wrong with a password, and what to do about it.
pub(super) type Fault = (&'static str, &'static str);

const KEY: &str = "give the key file of a service account, or its JSON, as it was downloaded";

/// Why the password is none for `_json_key`, which takes the key's JSON, or `_json_key_base64`, which takes base64 of that.
pub(super) fn fault(username: &str, password: &str) -> Option<Fault> {
    let decoded = || {
        STANDARD
            .decode(password.split_ascii_whitespace().collect::<String>())
            .ok()
            .and_then(|json| serde_json::from_slice(&json).ok())
    };
    let (plain, encoded): (Option<Value>, Option<Value>) = match username {
        "_json_key" | "_json_key_base64" => (serde_json::from_str(password).ok(), decoded()),
        _ => return None,
    };
    match (username, plain.filter(Value::is_object), encoded.filter(Value::is_object)) {
        ("_json_key", Some(key), _) | ("_json_key_base64", _, Some(key)) => not_a_key(&key),
        ("_json_key", None, Some(_)) => Some((
            "is base64 of a key, which goes with the user name `_json_key_base64`",
            "give the JSON itself, or write HOST=USERVAR:PASSVAR with that user name",
        )),
        (_, Some(_), None) => Some((
            "is the JSON of a key, which goes with the user name `_json_key`",
            "encode it: `base64 -w0 key.json`",
        )),
        _ => Some(("is no key of a service account: not JSON, nor base64 of it", KEY)),
    }
}

fn not_a_key(key: &Value) -> Option<Fault> {
    match key.get("type").and_then(Value::as_str) {
        Some("service_account") if key.get("private_key").is_some_and(Value::is_string) => None,
        Some("external_account") => Some((
            "is no key, but says how to get a token by workload identity",
            "a registry takes only keys and tokens: give a key file, or let the nodes' own service account pull",
        )),
        Some("authorized_user") => Some(("is no key, but the login of a person", KEY)),
        _ => Some(("is JSON, but no key of a service account", KEY)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_goes_with_the_user_name_or_it_is_said_why_not() {
        let key = r#"{"type":"service_account","private_key":"x"}"#;
        for (username, password, expected) in [
            ("_json_key", key, None),
            ("_json_key", &STANDARD.encode(key), Some("base64 of a key")),
            ("_json_key", r#"{"type":"external_account"}"#, Some("workload identity")),
            ("_json_key", r#"{"type":"authorized_user"}"#, Some("of a person")),
            ("_json_key", "{}", Some("no key of a service account")),
            ("_json_key", "hunter2", Some("not JSON")),
            ("_json_key_base64", &STANDARD.encode(key), None),
            ("_json_key_base64", key, Some("`_json_key`")),
            ("_json_key_base64", "hunter2", Some("not JSON")),
            ("oauth2accesstoken", "hunter2", None),
        ] {
            let found = fault(username, password).map(|(what, _)| what);
            assert_eq!(found.is_some(), expected.is_some(), "{username} {password}");
            assert!(
                found.unwrap_or_default().contains(expected.unwrap_or_default()),
                "{username} {password}: {found:?}"
            );
        }
    }
}
