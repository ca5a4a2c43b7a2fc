//! Recognizes user names and passwords that belong somewhere else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::findings::Subject;
use super::{google, lifetime, mistaken};
use crate::docker_config::registry::RegistryKey;
use crate::docker_config::token::{TOKENS, is_token};

/// Whether the user name is, or was meant as, `$oauthtoken`, the user name of NGC, which only looks like a variable.
pub(super) fn is_for_ngc(it: &Subject<'_>) -> bool {
    is_ngc(it.registry) && it.username.to_ascii_lowercase().contains("oauthtoken")
}

/// Whether it is a registry of NVIDIA, whose user name for API keys is `$oauthtoken`.
pub fn is_ngc(registry: &RegistryKey) -> bool {
    matches!(registry.host(), "nvcr.io" | "helm.ngc.nvidia.com") || registry.host().ends_with(".nvcr.io")
}

/// Whether the user name is the id of an AWS key, for a registry of ECR.
pub(super) fn is_key_id_of_aws(it: &Subject<'_>) -> bool {
    let is_id = |head| it.username.len() == 20 && it.username.starts_with(head);
    lifetime::is_host_of_ecr(it.registry.host()) && ["AKIA", "ASIA", "AIDA", "AROA"].into_iter().any(is_id)
}

/// Whether the user name is a robot of Harbor with an escape that no program reads.
pub(super) fn is_robot_with_escape(it: &Subject<'_>) -> bool {
    let rest = it.username.get(..5).filter(|head| head.eq_ignore_ascii_case("robot")).map(|_| &it.username[5..]);
    let quoted = ["'$'", "\"$\"", "`$", "^$", "${", "$("];
    rest.is_some_and(|rest| ESCAPES.iter().chain(&quoted).any(|escape| rest.starts_with(escape)))
}

/// The ways to escape a `$`, for programs that read the escape as one `$`.
pub(super) const ESCAPES: [&str; 11] =
    ["＄", "﹩", "$$", "\\$", "\\\\$", "%24", "%%24", "$%24", "&#36;", "\\u0024", "\\x24"];

/// Whether the user name is a token, or the password the name of an account that a registry made.
pub(super) fn is_swapped(it: &Subject<'_>) -> bool {
    let names_an_account = ["robot$", "gitlab+deploy-token-"].iter().any(|head| it.password.starts_with(head));
    names_an_account || (is_token(it.username) && !is_token(it.password) && it.password != "x-oauth-basic")
}

/// Whether the password is base64 of `USER:PASSWORD`: with this user name, with `AWS`, or with a token as the password.
pub(super) fn is_user_and_password(it: &Subject<'_>) -> bool {
    decoded(it).is_some_and(|bytes| {
        let mut halves = bytes.splitn(2, |byte| *byte == b':');
        let (Some(name), Some(rest)) = (halves.next(), halves.next()) else { return false };
        let is_token = TOKENS.iter().any(|head| rest.starts_with(head.as_bytes())) && name.is_ascii();
        !name.is_empty() && (name == it.username.as_bytes() || name == b"AWS" || is_token)
    })
}

/// Whether the password is base64 of text that has the form of a user name and a password.
pub(super) fn may_be_user_and_password(it: &Subject<'_>) -> bool {
    let text = decoded(it).filter(|bytes| bytes.len() >= 8 && bytes.iter().all(u8::is_ascii_graphic));
    text.and_then(|bytes| String::from_utf8(bytes).ok()).is_some_and(|text| mistaken::is_user_and_password(&text))
}

fn decoded(it: &Subject<'_>) -> Option<Vec<u8>> {
    let bare = it.password.trim_end_matches('=');
    STANDARD.decode(bare.to_owned() + ["", "", "==", "="][bare.len() % 4]).ok()
}

/// Whether the password is the whole answer of a command or a server.
pub(super) fn is_answer(it: &Subject<'_>) -> bool {
    let is_page = it.password.get(..5).is_some_and(|head| ["<html", "<!doc"].contains(&&*head.to_ascii_lowercase()));
    let is_json = match serde_json::from_str::<Value>(it.password) {
        Ok(Value::Object(_)) => true,
        Ok(Value::Array(items)) => items.iter().any(Value::is_object),
        _ => false,
    };
    is_page || (is_json && !google::takes_keys(it) && !google::has_another_username(it))
}
