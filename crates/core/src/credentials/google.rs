//! Recognizes keys of Google's service accounts, and other text in their place.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::findings::Subject;

/// What to do if the password is not a key.
pub(super) const KEY: &str = "give the key file of a service account, or its JSON, as it was downloaded";

/// Whether the password should be a key.
pub(super) fn takes_keys(it: &Subject<'_>) -> bool {
    matches!(it.username, "_json_key" | "_json_key_base64")
}

/// The JSON of the key, if the password is its base64.
pub fn decoded_key(password: &str) -> Option<String> {
    let json = String::from_utf8(decoded(password)?).ok()?;
    object(&json).is_some_and(|key| is_key(&key)).then_some(json)
}

pub(super) fn is_encoded_key(it: &Subject<'_>) -> bool {
    it.username == "_json_key" && object(it.password).is_none() && encoded(it).is_some()
}

pub(super) fn is_plain_key(it: &Subject<'_>) -> bool {
    it.username == "_json_key_base64" && object(it.password).is_some()
}

pub(super) fn is_not_json(it: &Subject<'_>) -> bool {
    takes_keys(it) && key(it).is_none()
}

/// Whether the text would be a key if its line ends were escapes.
pub(super) fn is_broken_key(it: &Subject<'_>) -> bool {
    is_not_json(it)
        && it.password.contains("\"private_key\"")
        && object(&it.password.replace('\n', "\\n")).or_else(|| object(&it.password.replace('\n', " "))).is_some()
}

pub(super) fn is_of_type(it: &Subject<'_>, kind: &str) -> bool {
    takes_keys(it) && key(it).is_some_and(|key| text(&key, "type") == kind)
}

pub(super) fn has_escaped_line_ends(it: &Subject<'_>) -> bool {
    takes_keys(it)
        && key(it).is_some_and(|key| {
            let private_key = text(&key, "private_key");
            private_key.contains("\\n") && !private_key.contains('\n')
        })
}

/// Whether the lines of the key have become one: a PEM has a line each for its head, its base64 and its end.
pub(super) fn has_no_line_ends(it: &Subject<'_>) -> bool {
    let is_one_line = |pem: &str| pem.starts_with("-----BEGIN") && pem.trim_end().lines().count() < 3;
    takes_keys(it) && key(it).is_some_and(|key| is_one_line(text(&key, "private_key").trim_start()))
}

pub(super) fn is_another_object(it: &Subject<'_>) -> bool {
    takes_keys(it) && key(it).is_some_and(|key| !is_key(&key))
}

/// Whether it is a key with another user name than Google's registries expect.
pub(super) fn has_another_username(it: &Subject<'_>) -> bool {
    let host = it.registry.host();
    let is_of_google = host == "gcr.io" || host.ends_with(".gcr.io") || host.ends_with(".pkg.dev");
    is_of_google && !takes_keys(it) && key(it).is_some_and(|key| is_key(&key))
}

fn key(it: &Subject<'_>) -> Option<Map<String, Value>> {
    object(it.password).or_else(|| encoded(it))
}

fn encoded(it: &Subject<'_>) -> Option<Map<String, Value>> {
    serde_json::from_slice(&decoded(it.password)?).ok()
}

fn decoded(password: &str) -> Option<Vec<u8>> {
    STANDARD.decode(password.split_ascii_whitespace().collect::<String>()).ok()
}

fn object(json: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(json).ok()
}

fn is_key(key: &Map<String, Value>) -> bool {
    text(key, "type") == "service_account" && key.get("private_key").is_some_and(Value::is_string)
}

fn text<'a>(key: &'a Map<String, Value>, field: &str) -> &'a str {
    key.get(field).and_then(Value::as_str).unwrap_or_default()
}
