//! Recognizes tokens of known services by how they begin, and reads the claims of JSON Web Tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// The beginnings of tokens that never have a blank in or around them.
pub const TOKENS: [&str; 12] = [
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "gldt-",
    "glcbt-",
    "dckr_pat_",
    "dckr_oat_",
    "nvapi-",
    "eyJ",
    "AKC",
];

/// Whether the word begins like a token, and no name begins in this way.
pub(crate) fn is_token(word: &str) -> bool {
    // Names may begin like the last two, JSON Web Tokens and Artifactory's tokens.
    TOKENS[..TOKENS.len() - 2].iter().any(|head| word.starts_with(head))
}

/// The claims of a JSON Web Token; `None` if the text is not such a token. The signature is not checked.
pub(crate) fn claims(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}
