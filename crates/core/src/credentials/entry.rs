//! Reads one entry of `auths` as a kubelet reads it, and says what is wrong with it.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::SecretString;

use super::json::{Entry, Field, Written};
use super::stand_in::{self, StandIn};
use super::{damage, other};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::docker_config::registry::RegistryKey;

/// The content of one entry.
pub(super) struct Login {
    pub username: SecretString,
    pub password: SecretString,
    pub email: Option<String>,
    /// Oddities of an entry that a kubelet still reads.
    pub odd: Vec<Fault>,
}

/// The problem of one entry.
pub(super) enum Fault {
    NotAnObject,
    NotText(&'static str),
    AuthNotBase64,
    AuthWithoutColon,
    /// What a template or a program left in the place of `auth`.
    AuthIsAPlaceholder(Code, &'static StandIn),
    AuthNotUtf8,
    AuthOfNothing,
    IdentityToken,
    Empty,
    EmptyWithHelper,
    NoPassword,
    NoUsername,
    AuthUtf16,
    AuthDisagrees,
    Twice(&'static str),
}

/// What happens to an entry with a problem.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Its login is used.
    Used,
    /// It is left out; other entries have logins.
    LeftOut,
    /// It is left out, and no other entry has a login.
    NothingLeft,
}

impl Fault {
    /// A warning if a kubelet can still pull; an error if the entry breaks the whole Secret, or no login is left.
    pub(super) fn explain(&self, registry: &RegistryKey, source: &str, fate: Fate) -> Diagnostic {
        const WHOLE: &str = "one such entry breaks the whole Secret for the kubelet";
        const ENCODE: &str = "`auth` is base64 of `user:password`: `printf '%s:%s' \"$REGISTRY_USER\" \"$REGISTRY_PASSWORD\" | base64 -w0`";
        let (code, what, hint): (_, String, &str) = match self {
            Self::NotAnObject => (Code::EntryNotAnObject, format!("is not an object; {WHOLE}"), ENCODE),
            Self::NotText(field) => (Code::EntryNotText, format!("has a `{field}` that is not text; {WHOLE}"), ENCODE),
            Self::AuthNotBase64 => (Code::AuthNotBase64, format!("has an `auth` that is not base64; {WHOLE}"), ENCODE),
            Self::AuthWithoutColon => {
                (Code::AuthWithoutColon, format!("has an `auth` without a colon in it; {WHOLE}"), ENCODE)
            }
            Self::AuthIsAPlaceholder(code, kind) => (*code, format!("has an `auth` that {}; {WHOLE}", kind.what), kind.remedy),
            Self::AuthNotUtf8 => (
                Code::AuthNotUtf8,
                "has an `auth` that does not hold UTF-8 text, so that a kubelet cannot hand it to the container runtime".into(),
                ENCODE,
            ),
            Self::AuthUtf16 => (
                Code::AuthNotUtf8,
                "has an `auth` that holds UTF-16 text, as PowerShell's `[Text.Encoding]::Unicode` or `BigEndianUnicode` writes it; UTF-8 is written instead"
                    .into(),
                "encode the bytes of `[Text.Encoding]::UTF8` in the source, too",
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
            Self::Twice(field) => (
                Code::Conflict,
                format!("has `{field}` twice, with different values; a kubelet uses the last"),
                "leave one of the two out: of two, some programs read the first and others the last",
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
            Self::NoUsername if other::is_ngc(registry) => (
                Code::NoUsername,
                "has no user name: `$oauthtoken` was probably expanded away".into(),
                "write `$oauthtoken`: in double quotes a shell expands it where the entry is put together",
            ),
            Self::NoUsername => (Code::NoUsername, "has no user name".into(), ENCODE),
        };
        let breaks = matches!(
            self,
            Self::NotAnObject
                | Self::NotText(_)
                | Self::AuthNotBase64
                | Self::AuthWithoutColon
                | Self::AuthIsAPlaceholder(..)
        );
        let severity = if breaks || fate == Fate::NothingLeft { Severity::Error } else { Severity::Warning };
        let left_out = if !breaks && fate == Fate::LeftOut { "; the entry was left out" } else { "" };
        let message = format!("the entry `{registry}` of {source} {what}{left_out}");
        Diagnostic { severity, ..Diagnostic::error(code, message).hint(hint).about(registry) }
    }
}

/// Reads the login of an entry; `helper` says whether a credential helper knows the login.
pub(super) fn login(entry: &Entry, helper: bool) -> Result<Login, Fault> {
    let entry = match entry {
        Written::Object(fields) => fields.0.as_slice(),
        Written::Null => &[],
        Written::Text(_) | Written::Other => return Err(Fault::NotAnObject),
    };
    let mut odd = Vec::new();
    let mut field = |name| text(entry, name, &mut odd);
    let (auth, username, password, email) = (field("auth")?, field("username")?, field("password")?, field("email")?);
    // A kubelet reads neither field, whatever it holds.
    let has_token = ["identitytoken", "registrytoken"]
        .iter()
        .any(|name| text(entry, name, &mut Vec::new()).is_ok_and(|token| !token.is_empty()));
    let decoded = if auth.is_empty() {
        None
    } else {
        Some(decode(auth, &mut odd).map_err(|fault| with_placeholder(auth, fault))?)
    };
    let (auth_username, auth_password) =
        decoded.as_deref().and_then(|both| both.split_once(':')).unwrap_or((username, password));
    let differs = |given: &str, real: &str| !given.is_empty() && given != real;
    if differs(username, auth_username) || differs(password, auth_password) {
        odd.push(Fault::AuthDisagrees);
    }
    match (auth_username.is_empty(), auth_password.is_empty()) {
        (_, true) if has_token => Err(Fault::IdentityToken),
        (true, _) if decoded.is_some() && auth_password.trim().is_empty() => Err(Fault::AuthOfNothing),
        (true, true) if helper => Err(Fault::EmptyWithHelper),
        (true, true) => Err(Fault::Empty),
        (_, true) => Err(Fault::NoPassword),
        (true, _) => Err(Fault::NoUsername),
        _ => {
            let email = Some(email).filter(|email| !email.is_empty()).map(str::to_owned);
            Ok(Login { username: auth_username.into(), password: auth_password.into(), email, odd })
        }
    }
}

/// The fault of an `auth`, replaced by the kind of placeholder if a kubelet cannot decode a placeholder.
fn with_placeholder(auth: &str, fault: Fault) -> Fault {
    match (fault, stand_in::find(auth)) {
        (Fault::AuthNotBase64 | Fault::AuthWithoutColon, Some((_, code, kind))) => {
            Fault::AuthIsAPlaceholder(code, kind)
        }
        (fault, _) => fault,
    }
}

/// Whether sops has encrypted a field of the entry.
pub(super) fn is_encrypted(entry: &Entry) -> bool {
    let Written::Object(fields) = entry else { return false };
    fields.0.iter().any(|(_, value)| matches!(value, Written::Text(text) if text.starts_with("ENC[AES256_GCM,")))
}

/// The text of a field, or the last text if the field is there twice; empty if the field is missing or null.
pub(super) fn text<'a>(
    entry: &'a [(&'static str, Field)],
    name: &'static str,
    odd: &mut Vec<Fault>,
) -> Result<&'a str, Fault> {
    let mut last: Option<&str> = None;
    for (_, value) in entry.iter().filter(|(field, _)| *field == name) {
        match value {
            Written::Null => {}
            Written::Text(text) => {
                if last.is_some_and(|last| last != text) {
                    odd.push(Fault::Twice(name));
                }
                last = Some(text);
            }
            Written::Object(_) | Written::Other => return Err(Fault::NotText(name)),
        }
    }
    Ok(last.unwrap_or_default())
}

/// Base64 as Go decodes it: extra bits at the end do not count.
pub(crate) const PADDED: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));
const UNPADDED: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// User name and password of an `auth`; `None` if they are not UTF-8.
///
/// # Errors
/// A kubelet cannot decode it.
pub(super) fn decoded(auth: &str) -> Result<Option<(String, String)>, Fault> {
    let mut odd = Vec::new();
    match decode(auth, &mut odd) {
        Ok(both) if odd.is_empty() => Ok(both.split_once(':').map(|(name, password)| (name.into(), password.into()))),
        Err(fault @ (Fault::AuthNotBase64 | Fault::AuthWithoutColon)) => Err(fault),
        Ok(_) | Err(_) => Ok(None),
    }
}

/// Decodes `auth` as Go does: the standard alphabet, padded or not, ignoring line ends. UTF-16 text is converted, and added to `odd`.
fn decode(auth: &str, odd: &mut Vec<Fault>) -> Result<String, Fault> {
    let bare: String = auth.chars().filter(|character| !matches!(character, '\r' | '\n')).collect();
    let bytes = if bare.ends_with('=') { PADDED.decode(bare) } else { UNPADDED.decode(bare) };
    let bytes = bytes.map_err(|_| Fault::AuthNotBase64)?;
    if !bytes.contains(&b':') {
        return Err(Fault::AuthWithoutColon);
    }
    let text = damage::text_of(bytes.clone()).ok_or(Fault::AuthNotUtf8)?;
    if text.as_bytes() != bytes && text.contains(':') {
        odd.push(Fault::AuthUtf16);
        return Ok(text);
    }
    String::from_utf8(bytes).map_err(|_| Fault::AuthNotUtf8)
}
