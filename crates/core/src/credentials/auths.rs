//! Reads the `auths` of a Docker config as a kubelet reads them, and names everything a kubelet would trip over.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::json::{Config, Entry, Field, Written};
use super::{Credential, damage, mistaken};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::docker_config::registry::{InvalidRegistry, RegistryKey};

/// What to do with entries whose logins are in a credential helper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Helpers {
    /// They are asked.
    Ask,
    /// They are left out, with a warning.
    Leave,
}

/// A login that a credential helper knows.
pub struct Kept {
    /// The key of the entry.
    pub registry: RegistryKey,
    /// The key as it was written, which is what the helper is asked for.
    pub server: String,
    /// The name of the helper, after `docker-credential-`.
    pub helper: String,
}

/// What the Docker config in `json` has: logins, and those that a credential helper is to be asked for. What is wrong with each
/// entry is added to `problems`.
#[expect(clippy::disallowed_methods, reason = "the JSON is read here")]
pub fn read(
    json: &SecretString,
    source: &str,
    helpers: Helpers,
    problems: &mut Vec<Diagnostic>,
) -> (Vec<Credential>, Vec<Kept>) {
    let json = json.expose_secret();
    let config = match Config::parse(json) {
        Ok(config) => config,
        Err(None) => {
            problems.push(mistaken::not_an_object(json, source));
            return Default::default();
        }
        Err(Some((line, column))) => {
            problems.push(
                Diagnostic::error(
                    Code::InvalidJson,
                    format!("{source} is not valid JSON: line {line}, column {column} is where it breaks"),
                )
                .hint("check it with `jq . < FILE`; a value pasted into a CI variable loses what is quoted wrongly"),
            );
            return Default::default();
        }
    };
    let asks = helpers == Helpers::Ask && !config.cred_helpers.is_empty();
    if config.auths.is_empty() && !asks {
        problems.push(mistaken::without_auths(json, source));
        return Default::default();
    }
    entries(&config, source, helpers, problems)
}

/// Reads user name and password from the answer of a credential helper; an identity token has neither.
#[must_use]
pub fn login_of_helper(answer: &[u8]) -> Option<(SecretString, SecretString)> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        username: String,
        secret: String,
    }
    let Answer { username, secret } = serde_json::from_slice(answer).ok()?;
    let is_login = !matches!(username.as_str(), "" | "<token>") && !secret.is_empty();
    is_login.then(|| (username.into(), secret.into()))
}

/// The keys under which the Docker CLI keeps its own tokens after a login by browser; they are no registries.
const TOKENS_OF_THE_CLI: [&str; 2] =
    ["https://index.docker.io/v1/access-token", "https://index.docker.io/v1/refresh-token"];

fn entries(
    config: &Config,
    source: &str,
    helpers: Helpers,
    problems: &mut Vec<Diagnostic>,
) -> (Vec<Credential>, Vec<Kept>) {
    let (mut logins, mut kept, mut found) = (Vec::new(), Vec::new(), Vec::new());
    let is_token = |key: &str| TOKENS_OF_THE_CLI.contains(&key);
    if config.auths.iter().any(|(key, _)| is_token(key)) {
        let message = format!(
            "{source} also holds the Docker CLI's own tokens (`access-token`, `refresh-token`), which were left out"
        );
        found.push(Diagnostic { severity: Severity::Note, ..Diagnostic::warning(Code::TokenOfTheCli, message) });
    }
    for (number, (text, entry)) in config.auths.iter().enumerate().filter(|(_, (key, _))| !is_token(key)) {
        let key = match text.parse::<RegistryKey>() {
            Ok(key) => key,
            Err(invalid) => {
                let message = format!(
                    "entry {} of `auths` in {source} {invalid}; it was left out, as no image matches it",
                    number + 1
                );
                found.push(Diagnostic::warning(Code::InvalidRegistry, message).hint(InvalidRegistry::hint()));
                continue;
            }
        };
        let helper = config.helper_of(text);
        let (registry, odd) = key.canonical();
        found.extend(odd);
        match login(entry, helper.is_some()) {
            Ok(Login { username, password, email }) => logins.push(Credential {
                registry,
                username,
                password,
                email,
                source: source.to_owned(),
                username_source: source.to_owned(),
                public_username: false,
            }),
            Err(Fault::EmptyWithHelper) => kept.push((registry, text.clone(), helper)),
            Err(fault) => found.push(fault.explain(&registry, source)),
        }
    }
    for (server, helper) in &config.cred_helpers {
        let Ok(registry) = server.parse::<RegistryKey>() else { continue };
        let registry = registry.canonical().0;
        let is_same = |other: &RegistryKey| other.index() == registry.index();
        if !logins.iter().any(|login| is_same(&login.registry)) && !kept.iter().any(|(other, ..)| is_same(other)) {
            kept.push((registry, server.clone(), Some(helper.as_str())));
        }
    }
    if helpers == Helpers::Leave && !kept.is_empty() {
        found.push(in_helpers(&kept.iter().map(|(registry, ..)| registry).collect::<Vec<_>>(), source));
    }
    let asked = kept
        .into_iter()
        .filter(|_| helpers == Helpers::Ask)
        .filter_map(|(registry, server, helper)| Some(Kept { registry, server, helper: helper?.to_owned() }));
    let asked: Vec<_> = asked.collect();
    // Where nothing is left, what was left out is the reason.
    if logins.is_empty() && asked.is_empty() && !found.iter().any(Diagnostic::is_error) {
        found
            .iter_mut()
            .filter(|problem| problem.code != Code::RegistryAlias)
            .for_each(|problem| problem.severity = Severity::Error);
    }
    problems.extend(found);
    (logins, asked)
}

/// A warning that names the registries whose logins are not in the Docker config.
fn in_helpers(registries: &[&RegistryKey], source: &str) -> Diagnostic {
    const NAMED: usize = 3;
    let names = registries.iter().take(NAMED).map(|registry| format!("`{registry}`")).collect::<Vec<_>>().join(", ");
    let more = match registries.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Diagnostic::warning(
        Code::CredentialHelper,
        format!("the logins of {source} for {names}{more} are in a credential helper, which a kubelet ignores; they were left out"),
    )
    .hint("`--credential-helpers` asks it; or name two variables: `--login HOST=USERVAR:PASSVAR`")
}

/// What is wrong with one entry.
enum Fault {
    NotAnObject,
    Twice(&'static str),
    NotText(&'static str),
    AuthNotBase64,
    AuthWithoutColon,
    AuthNotUtf8,
    AuthUtf16,
    AuthOfNothing,
    AuthDisagrees,
    IdentityToken,
    Empty,
    EmptyWithHelper,
    NoPassword,
}

impl Fault {
    fn explain(&self, registry: &RegistryKey, source: &str) -> Diagnostic {
        const WHOLE: &str = "one such entry breaks the whole Secret for the kubelet";
        const ENCODE: &str = "`auth` is base64 of `user:password`: `printf '%s:%s' \"$REGISTRY_USER\" \"$REGISTRY_PASSWORD\" | base64 -w0`";
        let (code, what, hint): (_, String, &str) = match self {
            Self::NotAnObject => (Code::EntryNotAnObject, format!("is not an object; {WHOLE}"), ENCODE),
            Self::Twice(field) => (
                Code::Conflict,
                format!("has `{field}` twice, with different values"),
                "leave one of the two out: of two, some programs read the first and others the last",
            ),
            Self::NotText(field) => (Code::EntryNotText, format!("has a `{field}` that is not text; {WHOLE}"), ENCODE),
            Self::AuthNotBase64 => (Code::AuthNotBase64, format!("has an `auth` that is not base64; {WHOLE}"), ENCODE),
            Self::AuthWithoutColon => (Code::AuthWithoutColon, format!("has an `auth` without a colon in it; {WHOLE}"), ENCODE),
            Self::AuthNotUtf8 => (Code::AuthNotUtf8, "has an `auth` that does not hold UTF-8 text".into(), ENCODE),
            Self::AuthUtf16 => (
                Code::AuthNotUtf8,
                "has an `auth` that holds UTF-16 text, as PowerShell's `[Text.Encoding]::Unicode` writes it".into(),
                "encode the bytes of `[Text.Encoding]::UTF8` instead",
            ),
            Self::AuthOfNothing => (
                Code::EntryEmpty,
                "has an `auth` that is base64 of `:`, an empty user name and an empty password".into(),
                "the two variables were empty when it was encoded: look where it was put together",
            ),
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
            Self::Empty | Self::EmptyWithHelper => {
                (Code::EntryEmpty, "has neither `auth` nor `username` and `password`".into(), ENCODE)
            }
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

/// The text of a field; empty if it is not there or null.
fn text<'a>(entry: &'a [(&'static str, Field)], name: &'static str) -> Result<&'a str, Fault> {
    let mut written =
        entry.iter().filter(|(field, value)| *field == name && *value != Written::Null).map(|(_, value)| value);
    let Some(value) = written.next() else { return Ok("") };
    if written.any(|other| other != value) {
        return Err(Fault::Twice(name));
    }
    match value {
        Written::Text(text) => Ok(text),
        Written::Null | Written::Object(_) | Written::Other => Err(Fault::NotText(name)),
    }
}

fn login(entry: &Entry, helper: bool) -> Result<Login, Fault> {
    let entry = match entry {
        Written::Object(fields) => fields.0.as_slice(),
        Written::Null => &[],
        Written::Text(_) | Written::Other => return Err(Fault::NotAnObject),
    };
    let (auth, username, password) = (text(entry, "auth")?, text(entry, "username")?, text(entry, "password")?);
    let email = Some(text(entry, "email")?).filter(|email| !email.is_empty()).map(str::to_owned);
    // A kubelet reads neither, whatever they are.
    let token = ["identitytoken", "registrytoken"].iter().any(|name| text(entry, name).is_ok_and(|it| !it.is_empty()));
    let decoded = if auth.is_empty() { None } else { Some(decode(auth)?) };
    let (auth_username, auth_password) =
        decoded.as_deref().and_then(|both| both.split_once(':')).unwrap_or((username, password));
    let differs = |given: &str, real: &str| !given.is_empty() && given != real;
    if differs(username, auth_username) || differs(password, auth_password) {
        return Err(Fault::AuthDisagrees);
    }
    match (auth_username.is_empty(), auth_password.is_empty()) {
        (_, true) if token => Err(Fault::IdentityToken),
        (true, true) if decoded.is_some() => Err(Fault::AuthOfNothing),
        (true, true) if helper => Err(Fault::EmptyWithHelper),
        (true, true) => Err(Fault::Empty),
        (_, true) => Err(Fault::NoPassword),
        _ => Ok(Login { username: auth_username.into(), password: auth_password.into(), email }),
    }
}

/// Base64 as Go decodes it: bits that are left over at the end do not count.
const PADDED: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));
const UNPADDED: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// User name and password of an `auth`; none where they are not UTF-8 text.
///
/// # Errors
/// A kubelet cannot decode it.
pub(super) fn decoded(auth: &str) -> Result<Option<(String, String)>, ()> {
    match decode(auth) {
        Ok(both) => Ok(both.split_once(':').map(|(username, password)| (username.to_owned(), password.to_owned()))),
        Err(Fault::AuthNotBase64 | Fault::AuthWithoutColon) => Err(()),
        Err(_) => Ok(None),
    }
}

/// `auth` as Go decodes it: the standard alphabet, padded or not, line ends ignored.
fn decode(auth: &str) -> Result<String, Fault> {
    let bare: String = auth.chars().filter(|character| !matches!(character, '\r' | '\n')).collect();
    let bytes = if bare.ends_with('=') { PADDED.decode(bare) } else { UNPADDED.decode(bare) };
    let bytes = bytes.map_err(|_| Fault::AuthNotBase64)?;
    if !bytes.contains(&b':') {
        return Err(Fault::AuthWithoutColon);
    }
    match String::from_utf8(bytes) {
        Ok(text) if text.contains('\0') && damage::text_of(text.clone().into_bytes()).is_some_and(|it| it != text) => {
            Err(Fault::AuthUtf16)
        }
        Ok(text) => Ok(text),
        Err(_) => Err(Fault::AuthNotUtf8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(json: &str) -> (usize, Vec<&'static str>) {
        let mut problems = Vec::new();
        let (logins, _) = read(&json.into(), "`A`", Helpers::Leave, &mut problems);
        (logins.len(), problems.into_iter().map(|problem| problem.code.as_str()).collect())
    }

    #[test]
    fn an_entry_is_read_from_auth_or_from_user_name_and_password() {
        for entry in [
            r#"{"auth":"dTpw"}"#,
            r#"{"auth":"dTpw\n"}"#,
            r#"{"auth":"dTpwcA=="}"#,
            r#"{"auth":"dTpwcA"}"#,
            r#"{"auth":"dTpwcB=="}"#,
            r#"{"username":"u","password":"p"}"#,
            r#"{"AUTH":"dTpw","identityToken":1}"#,
            r#"{"u\u017fername":"u","Password":"p","note":1e999}"#,
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
            ("null", "entry-empty"),
            (r#"{"auth":"Og=="}"#, "entry-empty"),
            (r#"{"auth":"dQA6AHAA"}"#, "auth-not-utf-8"),
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
            (r#"{"ghcr.io":{"auth":"dTpw"}}"#, "no-auths"),
            ("null", "not-an-object"),
            (r#"{"apiVersion":"v1","kind":"Secret","data":{".dockerconfigjson":"e30="}}"#, "manifest"),
            (r#"{".dockerconfigjson":"e30="}"#, "manifest"),
            (r#"{"auths":"{}"}"#, "no-auths"),
            (r#"{"value":"e30="}"#, "no-auths"),
            (r#"{"ServerURL":"x","Username":"u","Secret":"p"}"#, "credential-helper"),
            (r#"{"auths":"ENC[AES256_GCM,data:x]","sops":{}}"#, "encrypted"),
            (r#"{"credsStore":"desktop"}"#, "credential-helper"),
            (r#"{"auths":{"ghcr.io":{}},"credsStore":"desktop"}"#, "credential-helper"),
            (r#"{"auths":{"gh cr":{"auth":"dTpw"}}}"#, "invalid-registry"),
        ] {
            assert_eq!(codes(json), (0, vec![code]), "{json}");
        }
    }

    #[test]
    fn what_a_kubelet_reads_is_read() {
        let good = r#"{"auth":"dTpw"}"#;
        for (json, expected) in [
            (format!(r#"{{"AUTHS":{{"ghcr.io":{good}}}}}"#), (1, vec![])),
            (format!(r#"{{"auths":{{"ghcr.io":{good}}},"auths":{{"quay.io":{good}}}}}"#), (2, vec![])),
            (format!(r#"{{"auths":{{"ghcr.io":{good}}},"HttpHeaders":1e999}}"#), (1, vec![])),
            (format!(r#"{{"auths":{{"registry":{good},"ghcr.io":{good}}}}}"#), (1, vec!["invalid-registry"])),
            (format!(r#"{{"auths":{{"bot:x@ghcr.io":{good}}}}}"#), (1, vec![])),
            (
                format!(r#"{{"auths":{{"ghcr.io":{good}}},"credHelpers":{{"gcr.io":"gcloud","ghcr.io":"x"}}}}"#),
                (1, vec!["credential-helper"]),
            ),
            (
                format!(
                    r#"{{"auths":{{"https://index.docker.io/v1/":{good},"https://index.docker.io/v1/access-token":{good},"https://index.docker.io/v1/refresh-token":{good}}}}}"#
                ),
                (1, vec!["token-of-the-cli"]),
            ),
        ] {
            assert_eq!(codes(&json), expected, "{json}");
        }
    }

    #[test]
    fn the_answer_of_a_helper_is_a_login_or_nothing() {
        for (answer, good) in [
            (r#"{"ServerURL":"x","Username":"u","Secret":"p"}"#, true),
            (r#"{"ServerURL":"x","Username":"<token>","Secret":"p"}"#, false),
            (r#"{"Username":"u","Secret":""}"#, false),
            ("credentials not found in native keychain", false),
        ] {
            assert_eq!(login_of_helper(answer.as_bytes()).is_some(), good, "{answer}");
        }
    }

    #[test]
    fn a_login_in_a_helper_is_asked_for() {
        let json =
            r#"{"auths":{"https://index.docker.io/v1/":{}},"credsStore":"desktop","credHelpers":{"gcr.io":"gcloud"}}"#;
        let (logins, kept) = read(&json.into(), "`A`", Helpers::Ask, &mut Vec::new());
        let kept: Vec<_> = kept.iter().map(|kept| (kept.server.as_str(), kept.helper.as_str())).collect();
        assert_eq!((logins.len(), kept), (0, vec![("https://index.docker.io/v1/", "desktop"), ("gcr.io", "gcloud")]));
    }
}
