//! Recognizes the text that commands, files and people put around a token, or in its place.

use super::decode::base64;
use super::findings::Subject;
use super::lifetime;
use crate::docker_config::token::is_token;

/// Whether the password is an HTTP header that contains the token.
pub(super) fn is_header(it: &Subject<'_>) -> bool {
    let text = it.password.trim_start();
    let text = strip(text, "authorization:").unwrap_or(text).trim_start();
    ["bearer ", "basic ", "token "].iter().any(|scheme| strip(text, scheme).is_some_and(|rest| !rest.trim().is_empty()))
}

/// Whether the password is a line of a file with variables, `NAME=…` or `NAME: …`.
pub(super) fn is_line(it: &Subject<'_>) -> bool {
    const THINGS: [&str; 8] = ["TOKEN", "PASSWORD", "PASSWD", "PASS", "SECRET", "PAT", "AUTH", "APIKEY"];
    let text = it.password.strip_prefix("export ").unwrap_or(it.password);
    let Some((name, value)) = text.split_once('=').or_else(|| text.split_once(": ")) else { return false };
    let name = name.trim_matches(['"', ' ']).to_ascii_uppercase();
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let names_a_secret = name.split(['_', '-']).any(|word| THINGS.contains(&word));
    is_name && names_a_secret && !value.trim().is_empty()
}

/// Whether it is what a command says when it fails.
pub(super) fn is_what_a_command_said(text: &str) -> bool {
    const HEADS: [&str; 9] = [
        "error",
        "fatal:",
        "usage:",
        "warning:",
        "an error occurred",
        "no value found",
        "login succeeded",
        "unauthorized",
        "denied:",
    ];
    let text = text.to_ascii_lowercase();
    let is_of_a_shell = text.ends_with("command not found") || text.ends_with(": not found");
    let is_sentence = text.contains(' ') && HEADS.iter().any(|head| text.starts_with(head));
    is_of_a_shell || is_sentence
}

/// Whether the password is a command that logs in, or the flags of one.
pub(super) fn is_command(it: &Subject<'_>) -> bool {
    let text = it.password;
    let has_flags = [" -p ", " --password ", " --password="].iter().any(|flag| text.contains(flag));
    text.starts_with("docker login ") || (has_flags && (text.starts_with('-') || text.contains(" login ")))
}

/// Whether the password is a certificate or a key in text form.
pub(super) fn is_pem(it: &Subject<'_>) -> bool {
    it.password.starts_with("-----BEGIN ")
}

/// Whether the password is a whole Docker config, or base64 that begins like one.
pub(super) fn is_docker_config(it: &Subject<'_>) -> bool {
    let has_entries = |json: &str| {
        let config = serde_json::from_str::<serde_json::Map<_, serde_json::Value>>(json);
        config.is_ok_and(|config| config.get("auths").is_some_and(serde_json::Value::is_object))
    };
    let text = it.password.trim();
    has_entries(text)
        || base64(text).is_ok_and(|json| has_entries(&json))
        || ["eyJhdXRocyI6", "eyAiYXV0aHMi", "ewogICJhdXRocyI", "ewoJImF1dGhzI", "eyJjcmVkc"]
            .iter()
            .any(|head| text.starts_with(head))
}

/// Whether the password is the id of a key of AWS, for a registry of ECR.
pub(super) fn is_key_id(it: &Subject<'_>) -> bool {
    let is_id = it.password.len() == 20 && ["AKIA", "ASIA"].iter().any(|head| it.password.starts_with(head));
    is_id && lifetime::is_host_of_ecr(it.registry.host())
}

/// Whether the password begins with the user name and a colon.
pub(super) fn has_the_username(it: &Subject<'_>) -> bool {
    let rest = it.password.strip_prefix(it.username).and_then(|rest| rest.strip_prefix(':'));
    it.username.len() > 2 && rest.is_some_and(|rest| !rest.is_empty())
}

/// Whether the password is an address, or the registry itself.
pub(super) fn is_address(it: &Subject<'_>) -> bool {
    it.password.starts_with("https://") || it.password.starts_with("http://") || it.password == it.registry.host()
}

/// Whether a token of a known form has extra text: the escape of a line end, a quotation mark, a comma.
pub(super) fn has_more_than_a_token(it: &Subject<'_>) -> bool {
    let text = it.password.trim_start_matches(['"', '\'', ',', ' ', '“', '‘', '«', '(', '[', '<']);
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    is_token(text) && !it.password.chars().all(is_letter)
}

/// Whether it is a file of YAML or of variables with the fields of sops.
pub(super) fn is_file_of_sops(text: &str) -> bool {
    let is_field = |line: &str| ["sops:", "sops_", "[sops]"].iter().any(|head| line.starts_with(head));
    text.contains("ENC[AES256_GCM,") && text.lines().any(is_field)
}

/// Whether it is a path of Windows, from a drive, a share or a variable.
pub(super) fn is_windows_path(text: &str) -> bool {
    let bytes = text.as_bytes();
    let has_drive = bytes.len() > 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' && b"\\/".contains(&bytes[2]);
    let variable = text.strip_prefix('%').and_then(|rest| rest.split_once("%\\"));
    let of_powershell = text.get(..5).filter(|head| head.eq_ignore_ascii_case("$env:")).map(|_| &text[5..]);
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_()".contains(&byte))
    };
    text.starts_with(r"\\")
        || text.starts_with(r"~\")
        || has_drive
        || variable.or_else(|| of_powershell?.split_once('\\')).is_some_and(|(name, _)| is_name(name))
}

/// The text after the head, which is compared without case.
fn strip<'a>(text: &'a str, head: &str) -> Option<&'a str> {
    text.get(..head.len()).filter(|start| start.eq_ignore_ascii_case(head)).map(|_| &text[head.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker_config::registry::RegistryKey;

    #[test]
    fn what_is_around_a_token_or_in_its_place_is_recognized_and_a_password_is_not() {
        type Kind = fn(&Subject<'_>) -> bool;
        const KINDS: [Kind; 10] = [
            is_header,
            is_line,
            |it| is_what_a_command_said(it.password),
            is_command,
            is_pem,
            is_docker_config,
            is_key_id,
            has_the_username,
            is_address,
            has_more_than_a_token,
        ];
        let registry: RegistryKey = "1.dkr.ecr.eu-west-1.amazonaws.com".parse().unwrap();
        let kind = |password: &str| {
            let subject = Subject { registry: &registry, username: "acme", password, text: password };
            KINDS.iter().position(|is| is(&subject))
        };
        for (password, expected) in [
            ("Bearer abc", 0),
            ("token ghp_abc", 0),
            ("Authorization: Basic dTpw", 0),
            ("GHCR_TOKEN=abc", 1),
            ("export REGISTRY_PASSWORD=abc", 1),
            ("password: abc", 1),
            ("\"token\": \"abc\"", 1),
            ("Error: no such secret", 2),
            ("An error occurred (AccessDenied) when calling", 2),
            ("/bin/sh: 1: aws: not found", 2),
            ("docker login -u x -p y ghcr.io", 3),
            ("-u acme -p y", 3),
            ("-----BEGIN CERTIFICATE-----", 4),
            ("eyJhdXRocyI6eyJnaGNyLmlvIjp7fX19", 5),
            ("AKIAIOSFODNN7EXAMPLE", 6),
            ("acme:ghp_abc", 7),
            ("https://x@ghcr.io", 8),
            ("ghp_abc\\n", 9),
            ("glpat-abc,", 9),
            ("\"ghp_abc", 9),
            ("dckr_pat_abc%0A", 9),
        ] {
            assert_eq!(kind(password), Some(expected), "{password}");
        }
        for password in [
            "p",
            "bearer",
            "a=b",
            "abc==",
            "error",
            "PASS=",
            "ghp_abc",
            "glpat-a_b-c.d",
            "eyJ.a.b",
            "acme",
            "no: way",
            "tokens are fun",
        ] {
            assert_eq!(kind(password), None, "{password}");
        }
    }
}
