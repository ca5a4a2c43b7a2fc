//! Finds the JSON of a Docker config in every form in which it arrives.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::{ExposeSecret, SecretString};

use super::findings::WITHOUT_QUOTES;
use super::stand_in::{self, is_in_quotes};
use super::{answers, damage, mistaken};
use crate::diagnostic::{Code, Diagnostic};

/// Standard base64, padded or not.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Where the text of a Docker config came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the variable itself.
    Variable,
    /// In a file that a flag or a variable names.
    File,
}

/// The JSON in the text of `source`: JSON itself, or its base64 (padded or not, URL-safe, wrapped, twice). Warnings are added to
/// `problems`.
///
/// # Errors
/// The text holds no Docker config: what it is instead, or why each form failed, by position, never by content.
#[expect(clippy::disallowed_methods, reason = "decoding needs the text")]
pub fn docker_config(
    text: &SecretString,
    source: &str,
    place: Place,
    problems: &mut Vec<Diagnostic>,
) -> Result<SecretString, Diagnostic> {
    let text = trimmed(text.expose_secret());
    if text.is_empty() {
        return Err(Diagnostic::error(Code::Empty, format!("{source} holds nothing but white space")));
    }
    if is_in_quotes(text) {
        let is_json_string =
            serde_json::from_str::<String>(text).is_ok_and(|inner| inner.trim_start().starts_with('{'));
        let hint = if is_json_string && text.contains("\\\"") {
            "it is JSON inside of a JSON string: `jq -r` prints it without quotes and escapes"
        } else {
            WITHOUT_QUOTES
        };
        return Err(Diagnostic::error(Code::InQuotes, format!("{source} is in quotes")).hint(hint));
    }
    if (text.starts_with('{') && !text.starts_with("{{")) || is_valid_json(text) {
        return Ok(text.into());
    }
    if answers::is_file_of_sops(text) {
        return Err(mistaken::encrypted_by_sops(source));
    }
    if let Some((_, code, stand_in)) = stand_in::find(text).filter(|_| !answers::is_windows_path(text)) {
        let message = format!("{source} holds no Docker config: it {}", stand_in.what);
        return Err(Diagnostic::error(code, message).hint(stand_in.remedy));
    }
    if is_json(text) {
        return Ok(text.into());
    }
    if let Some(mistake) = mistaken::text(text, source) {
        return Err(mistake);
    }
    if mistaken::is_plain_user_and_password(text) {
        return Err(mistaken::user_and_password(source, "`user:password`"));
    }
    let once = base64(text).map_err(|why| neither(text, source, place, &why))?;
    let decoded = trimmed(&once);
    if is_json(decoded) {
        if serde_json::from_str::<serde::de::IgnoredAny>(decoded).is_err_and(|error| error.is_eof()) {
            let message = format!("{source} was decoded from base64, and its JSON ends early: it was probably cut");
            return Err(Diagnostic::error(Code::InvalidJson, message)
                .hint("encode the file again and copy all of it: `base64 -w0 ~/.docker/config.json`"));
        }
        return Ok(decoded.into());
    }
    if let Ok(twice) = base64(decoded)
        && trimmed(&twice).starts_with('{')
    {
        problems.push(
            Diagnostic::warning(Code::EncodedTwice, format!("{source} is encoded twice in base64"))
                .hint("encode it once; `kubectl create secret` and Helm's b64enc encode by themselves"),
        );
        return Ok(trimmed(&twice).into());
    }
    if let Some(mistake) = mistaken::text(decoded, source) {
        return Err(mistake);
    }
    if mistaken::is_user_and_password(decoded) {
        return Err(mistaken::user_and_password(source, "base64 of `user:password`"));
    }
    Err(neither(text, source, place, "valid base64, but the decoded text is not JSON"))
}

/// Whether the text is meant as JSON: an object or a list, perhaps a broken one, or any other value.
fn is_json(text: &str) -> bool {
    text.starts_with(['{', '[', '"']) || is_valid_json(text)
}

fn is_valid_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Decodes base64 in any form, or says why the text is not base64.
pub(crate) fn base64(text: &str) -> Result<String, String> {
    let bare: String = text
        .chars()
        .filter(|character| !character.is_ascii_whitespace())
        .map(|character| match character {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    let bytes = LENIENT.decode(bare).map_err(|error| match error {
        base64::DecodeError::InvalidByte(position, _) => format!("character {} is not base64", position + 1),
        base64::DecodeError::InvalidLength(length) => format!("base64 of {length} characters is cut short"),
        _ => "its base64 ends in the middle of a character".to_owned(),
    })?;
    damage::text_of(bytes).ok_or_else(|| "valid base64, but the decoded bytes are not text".to_owned())
}

fn neither(text: &str, source: &str, place: Place, base64: &str) -> Diagnostic {
    if place == Place::File {
        let message = format!(
            "the file that {source} names is no Docker config: not JSON (it does not begin with `{{`), not base64 ({base64})"
        );
        return Diagnostic::error(Code::NotADockerConfig, message)
            .hint("name a file like ~/.docker/config.json, or one with base64 of it");
    }
    let path = if text.starts_with('/') { "no file of that path exists" } else { "it does not begin with `/`" };
    let hint = if text.starts_with(['/', '~']) || text.starts_with("./") {
        "a path must be absolute and name a file that is there; `~` and `./` are not resolved"
    } else {
        "encode the file: `base64 -w0 ~/.docker/config.json`"
    };
    Diagnostic::error(
        Code::NotADockerConfig,
        format!("{source} is no Docker config: not JSON (it does not begin with `{{`), not base64 ({base64}), not a file ({path})"),
    )
    .hint(hint)
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_whitespace() || damage::is_invisible(character))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    const JSON: &str = r#"{"auths":{"ghcr.io":{"auth":"dTpwPz8/"}}}"#;

    #[expect(clippy::disallowed_methods, reason = "the test looks at the value")]
    fn decode(text: &str) -> Result<(String, usize), &'static str> {
        let mut problems = Vec::new();
        docker_config(&text.into(), "`A`", Place::Variable, &mut problems)
            .map(|json| (json.expose_secret().to_owned(), problems.len()))
            .map_err(|problem| problem.code.as_str())
    }

    #[test]
    fn json_comes_in_many_forms() {
        let once = STANDARD.encode(JSON);
        let wrapped = once
            .as_bytes()
            .chunks(20)
            .map(|chunk| std::str::from_utf8(chunk).unwrap())
            .collect::<Vec<_>>()
            .join("\r\n");
        for (text, warnings) in [
            (JSON.to_owned(), 0),
            (format!("\u{feff} {JSON}\r\n"), 0),
            (once.clone(), 0),
            (once.trim_end_matches('=').to_owned(), 0),
            (URL_SAFE_NO_PAD.encode(JSON), 0),
            (wrapped, 0),
            (STANDARD.encode(&once), 1),
            (STANDARD.encode(JSON.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()), 0),
            (STANDARD.encode(JSON.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>()), 0),
        ] {
            assert_eq!(decode(&text), Ok((JSON.to_owned(), warnings)), "{text}");
        }
    }

    #[test]
    fn what_looks_like_a_path_gets_a_hint_about_paths() {
        for text in ["/no/such/file", "./config.json", "~/config.json"] {
            let problem = docker_config(&text.into(), "`A`", Place::Variable, &mut Vec::new()).unwrap_err();
            assert!(problem.hint.unwrap().contains("absolute"), "{text}");
        }
    }

    #[test]
    fn what_is_no_docker_config_says_what_it_is_instead() {
        for (text, code) in [
            ("  ", "empty"),
            ("user:pass", "user-and-password"),
            (&STANDARD.encode("org/user:pass word"), "user-and-password"),
            ("apiVersion: v1\nkind: Secret\n", "manifest"),
            (&STANDARD.encode("apiVersion: v1\nkind: Secret\n"), "manifest"),
            ("[MASKED]", "placeholder"),
            ("$DOCKERHUB_AUTH", "placeholder"),
            ("$(DOCKERHUB_AUTH)", "placeholder"),
            ("'{}'", "in-quotes"),
            ("DOCKERHUB_AUTH={\"auths\":{}}", "not-a-docker-config"),
            ("auths:\n  ghcr.io:\n    auth: dTpw", "not-a-docker-config"),
            ("machine ghcr.io login u password p", "not-a-docker-config"),
            ("{{ .Values.auth }}", "placeholder"),
            ("%!s(<nil>)", "placeholder"),
            ("auths: ENC[AES256_GCM,data:x]", "encrypted"),
            ("auths:\n  ghcr.io:\n    auth: ENC[AES256_GCM,data:x]\nsops:\n  mac: x", "encrypted"),
            (&STANDARD.encode("auths:\n  ghcr.io:\n    auth: ENC[AES256_GCM,data:x]\nsops:\n  mac: x"), "encrypted"),
            ("ghp_A1b2C3d4", "user-and-password"),
            ("glpat-A1b2C3d4", "user-and-password"),
            ("Error from server (NotFound): secrets \"x\" not found", "not-a-docker-config"),
            ("file:///home/me/.docker/config.json", "placeholder"),
            (r"%USERPROFILE%\.docker\config.json", "not-a-docker-config"),
            (r"$env:USERPROFILE\.docker\config.json", "not-a-docker-config"),
            ("Ogo=", "user-and-password"),
            (r"C:\Users\me\.docker\config.json", "not-a-docker-config"),
            ("Og==", "user-and-password"),
            (&STANDARD.encode("user:pass"), "user-and-password"),
            ("/no/such/file", "not-a-docker-config"),
            ("ref+vault://a/b", "helmfile-reference"),
            (&STANDARD.encode(JSON)[..40], "invalid-json"),
            ("hunter2!", "not-a-docker-config"),
            ("AAAA", "not-a-docker-config"),
        ] {
            assert_eq!(decode(text).unwrap_err(), code, "{text}");
        }
    }
}
