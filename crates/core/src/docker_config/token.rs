//! Recognizes tokens of known services by how they begin.

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

/// Whether the word begins as a token that no name is like.
pub(crate) fn is_token(word: &str) -> bool {
    // The last two are heads of JSON Web Tokens and of Artifactory's tokens, which names may begin with.
    TOKENS[..TOKENS.len() - 2].iter().any(|head| word.starts_with(head))
}
