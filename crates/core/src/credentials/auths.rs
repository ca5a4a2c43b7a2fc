//! The `auths` of a Docker config that somebody wrote: JSON in, one login an entry out, and everything a kubelet would trip over.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::pairs::Pairs;
use super::{Credential, mistaken};
use crate::diagnostic::{Code, Diagnostic};
use crate::docker_config::registry::{InvalidRegistry, RegistryKey};

/// The logins in `json`, with the problems of each entry added to `problems`.
#[expect(clippy::disallowed_methods, reason = "the JSON is read here")]
pub fn read(json: &SecretString, source: &str, problems: &mut Vec<Diagnostic>) -> Vec<Credential> {
    match serde_json::from_str::<Value>(json.expose_secret()) {
        Err(error) => problems.push(
            Diagnostic::error(
                Code::InvalidJson,
                format!(
                    "{source} is not valid JSON: line {}, column {} is where it breaks",
                    error.line(),
                    error.column()
                ),
            )
            .hint("check it with `jq . < FILE`; a value pasted into a CI variable loses what is quoted wrongly"),
        ),
        Ok(Value::Object(config)) => match config.get("auths") {
            Some(Value::Object(auths)) if !auths.is_empty() => {
                match serde_json::from_str::<Written>(json.expose_secret()) {
                    Ok(written) => return entries(&written.auths, &config, source, problems),
                    Err(_) => problems.push(
                        Diagnostic::error(Code::Conflict, format!("{source} holds `auths` more than once"))
                            .hint("write all its entries into one `auths`"),
                    ),
                }
            }
            _ => problems.push(mistaken::without_auths(&config, source)),
        },
        Ok(other) => problems.push(mistaken::not_an_object(&other, source)),
    }
    Vec::new()
}

/// The Docker config with every entry and every field of one that was written: a map would keep only the last of one name.
#[derive(Deserialize)]
struct Written {
    auths: Pairs<Entry>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Object(Pairs<Value>),
    Other(IgnoredAny),
}

fn entries(
    auths: &Pairs<Entry>,
    config: &Map<String, Value>,
    source: &str,
    problems: &mut Vec<Diagnostic>,
) -> Vec<Credential> {
    let helper = config.contains_key("credsStore") || config.contains_key("credHelpers");
    let mut logins = Vec::new();
    for (number, (key, entry)) in auths.0.iter().enumerate() {
        match key.parse::<RegistryKey>() {
            Err(invalid) => problems.push(
                Diagnostic::error(
                    Code::InvalidRegistry,
                    format!("entry {} of `auths` in {source} {invalid}", number + 1),
                )
                .hint(InvalidRegistry::hint()),
            ),
            Ok(key) => {
                let (registry, odd) = key.canonical();
                problems.extend(odd);
                match login(entry, helper) {
                    Ok(Login { username, password, email }) => logins.push(Credential {
                        registry,
                        username,
                        password,
                        email,
                        source: source.to_owned(),
                        username_source: source.to_owned(),
                        public_username: false,
                    }),
                    Err(fault) => problems.push(fault.explain(&registry, source)),
                }
            }
        }
    }
    logins
}

/// What is wrong with one entry.
enum Fault {
    NotAnObject,
    Twice(&'static str),
    NotText(&'static str),
    AuthNotBase64,
    AuthWithoutColon,
    AuthNotUtf8,
    AuthDisagrees,
    IdentityToken,
    Empty,
    EmptyWithHelper,
    NoPassword,
}

impl Fault {
    fn explain(&self, registry: &RegistryKey, source: &str) -> Diagnostic {
        const WHOLE: &str = "one bad entry breaks the whole Secret for the kubelet";
        const ENCODE: &str = "`auth` is base64 of `user:password`: `printf '%s:%s' \"$REGISTRY_USER\" \"$REGISTRY_PASSWORD\" | base64 -w0`";
        let (code, what, hint): (_, String, &str) = match self {
            Self::NotAnObject => (Code::EntryNotAnObject, format!("is no object; {WHOLE}"), ENCODE),
            Self::Twice(field) => (
                Code::Conflict,
                format!("has `{field}` twice, with different values"),
                "leave one of the two out: of two, some programs read the first and others the last",
            ),
            Self::NotText(field) => (Code::EntryNotText, format!("has a `{field}` that is no text; {WHOLE}"), ENCODE),
            Self::AuthNotBase64 => (Code::AuthNotBase64, format!("has an `auth` that is not base64; {WHOLE}"), ENCODE),
            Self::AuthWithoutColon => (Code::AuthWithoutColon, format!("has an `auth` without a colon in it; {WHOLE}"), ENCODE),
            Self::AuthNotUtf8 => (Code::AuthNotUtf8, "has an `auth` that does not hold UTF-8 text".into(), ENCODE),
            Self::AuthDisagrees => (
                Code::AuthDisagrees,
                "has an `auth` that differs from its `username` and `password`; a kubelet uses `auth`".into(),
                "leave out the one that is outdated",
            ),
            Self::IdentityToken => (
                Code::IdentityToken,
                "holds only a token (`identitytoken`, `registrytoken`), which a kubelet ignores: it would pull without a login".into(),
                "use a service principal, a repository token or a robot account; `az acr login` does not make a pull secret",
            ),
            Self::EmptyWithHelper => (
                Code::CredentialHelper,
                "is empty, as its login is in a credential helper, which a kubelet ignores".into(),
                "name the two variables of the login instead: `--login HOST=USERVAR:PASSVAR`",
            ),
            Self::Empty => (Code::EntryEmpty, "has neither `auth` nor `username` and `password`".into(), ENCODE),
            Self::NoPassword => (Code::NoPassword, "has no password".into(), ENCODE),
        };
        Diagnostic::error(code, format!("the entry `{registry}` of {source} {what}")).hint(hint).about(registry)
    }
}

/// What one entry says.
struct Login {
    username: SecretString,
    password: SecretString,
    email: Option<String>,
}

impl Pairs<Value> {
    /// The text of a field; empty if it is not there.
    fn text(&self, field: &'static str) -> Result<&str, Fault> {
        let mut written = self.0.iter().filter(|(name, _)| name == field).map(|(_, value)| value);
        let Some(value) = written.next() else { return Ok("") };
        if written.any(|other| other != value) {
            return Err(Fault::Twice(field));
        }
        match value {
            Value::Null => Ok(""),
            Value::String(text) => Ok(text),
            _ => Err(Fault::NotText(field)),
        }
    }
}

fn login(entry: &Entry, helper: bool) -> Result<Login, Fault> {
    let Entry::Object(entry) = entry else { return Err(Fault::NotAnObject) };
    let text = |field| entry.text(field);
    let (auth, username, password) = (text("auth")?, text("username")?, text("password")?);
    let email = Some(text("email")?).filter(|email| !email.is_empty()).map(str::to_owned);
    let token = !text("identitytoken")?.is_empty() || !text("registrytoken")?.is_empty();
    let decoded = if auth.is_empty() { None } else { Some(decode(auth)?) };
    let (auth_username, auth_password) =
        decoded.as_deref().and_then(|both| both.split_once(':')).unwrap_or((username, password));
    let differs = |given: &str, real: &str| !given.is_empty() && given != real;
    if differs(username, auth_username) || differs(password, auth_password) {
        return Err(Fault::AuthDisagrees);
    }
    match (auth_username.is_empty(), auth_password.is_empty()) {
        (_, true) if token => Err(Fault::IdentityToken),
        (true, true) if helper => Err(Fault::EmptyWithHelper),
        (true, true) => Err(Fault::Empty),
        (_, true) => Err(Fault::NoPassword),
        _ => Ok(Login { username: auth_username.into(), password: auth_password.into(), email }),
    }
}

/// `auth` as Go decodes it: the standard alphabet, padded or not, line ends ignored.
fn decode(auth: &str) -> Result<String, Fault> {
    let bare: String = auth.chars().filter(|character| !matches!(character, '\r' | '\n')).collect();
    let bytes = if bare.ends_with('=') { STANDARD.decode(bare) } else { STANDARD_NO_PAD.decode(bare) };
    let text = String::from_utf8(bytes.map_err(|_| Fault::AuthNotBase64)?).map_err(|_| Fault::AuthNotUtf8)?;
    if text.contains(':') { Ok(text) } else { Err(Fault::AuthWithoutColon) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(json: &str) -> (usize, Vec<&'static str>) {
        let mut problems = Vec::new();
        let logins = read(&json.into(), "`A`", &mut problems);
        (logins.len(), problems.into_iter().map(|problem| problem.code.as_str()).collect())
    }

    #[test]
    fn an_entry_is_read_from_auth_or_from_user_name_and_password() {
        for entry in [
            r#"{"auth":"dTpw"}"#,
            r#"{"auth":"dTpw\n"}"#,
            r#"{"auth":"dTpwcA=="}"#,
            r#"{"auth":"dTpwcA"}"#,
            r#"{"username":"u","password":"p"}"#,
            r#"{"username":"u","password":"p","auth":"dTpw","email":null}"#,
        ] {
            assert_eq!(codes(&format!(r#"{{"auths":{{"ghcr.io":{entry}}}}}"#)), (1, vec![]), "{entry}");
        }
    }

    #[test]
    fn what_a_kubelet_trips_over_is_named() {
        for (entry, code) in [
            ("[]", "entry-not-an-object"),
            (r#"{"username":1}"#, "entry-not-text"),
            (r#"{"auth":"?"}"#, "auth-not-base64"),
            (r#"{"auth":"dXA="}"#, "auth-without-colon"),
            (r#"{"auth":"OoA="}"#, "auth-not-utf-8"),
            (r#"{"auth":"dTpw","password":"q"}"#, "auth-disagrees"),
            (r#"{"auth":"dTo=","identitytoken":"x"}"#, "identity-token"),
            (r#"{"identitytoken":"x"}"#, "identity-token"),
            ("{}", "entry-empty"),
            (r#"{"username":"u"}"#, "no-password"),
        ] {
            assert_eq!(codes(&format!(r#"{{"auths":{{"ghcr.io":{entry}}}}}"#)), (0, vec![code]), "{entry}");
        }
    }

    #[test]
    fn a_key_that_is_written_twice_is_read_twice() {
        assert_eq!(codes(r#"{"auths":{"ghcr.io":{"auth":"dTpw"},"ghcr.io":{"auth":"dTpx"}}}"#), (2, vec![]));
    }

    #[test]
    fn a_field_that_is_written_twice_is_merged_if_equal_and_an_error_if_not() {
        for (entry, expected) in [
            (r#"{"auth":"dTpw","auth":"dTpw"}"#, (1, vec![])),
            (r#"{"auth":"dTpw","auth":"dTpx"}"#, (0, vec!["conflict"])),
            (r#"{"username":"u","password":"p","password":"q"}"#, (0, vec!["conflict"])),
            (r#"{"auth":"dTpw","note":1,"note":2}"#, (1, vec![])),
        ] {
            assert_eq!(codes(&format!(r#"{{"auths":{{"ghcr.io":{entry}}}}}"#)), expected, "{entry}");
        }
    }

    #[test]
    fn what_is_no_docker_config_is_told_apart() {
        for (json, code) in [
            ("{", "invalid-json"),
            ("[]", "not-an-object"),
            ("{}", "no-auths"),
            (r#"{"auths":{}}"#, "no-auths"),
            (r#"{"auths":[]}"#, "no-auths"),
            (r#"{"auths":{"ghcr.io":{}},"auths":{"ghcr.io":{}}}"#, "conflict"),
            (r#"{"ghcr.io":{"auth":"dTpw"}}"#, "no-auths"),
            ("null", "not-an-object"),
            (r#"{"apiVersion":"v1","kind":"Secret","data":{".dockerconfigjson":"e30="}}"#, "manifest"),
            (r#"{".dockerconfigjson":"e30="}"#, "manifest"),
            (r#"{"credsStore":"desktop"}"#, "credential-helper"),
            (r#"{"auths":{"ghcr.io":{}},"credsStore":"desktop"}"#, "credential-helper"),
            (r#"{"auths":{"gh cr":{"auth":"dTpw"}}}"#, "invalid-registry"),
        ] {
            assert_eq!(codes(json), (0, vec![code]), "{json}");
        }
    }
}
