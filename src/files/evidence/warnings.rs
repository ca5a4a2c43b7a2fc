//! What there is to say of encrypted files: how many, or which, in, a warning out.

use super::fingerprint::KEY_VARIABLE;
use regcred_core::diagnostic::{Code, Diagnostic};

/// What happens to a file that was edited.
pub const ANEW: &str = "and is written anew";

/// That the file of this name was edited, and what happens to it.
#[must_use]
pub fn edited_by_hand(name: &str, what: &str) -> Diagnostic {
    Diagnostic::warning(Code::EditedByHand, format!("{name} was edited since regcred wrote it, {what}"))
        .hint("change the settings or the templates, not the files under `--output`")
}

/// That there is no key of fingerprints.
#[must_use]
pub fn always_anew() -> Diagnostic {
    let message = format!("`{KEY_VARIABLE}` is not set, so every run makes all encrypted files anew");
    Diagnostic::warning(Code::NoFingerprintKey, message)
        .hint("set it to the output of `openssl rand -hex 32`, the same for every run, and what has not changed stays as it is")
}

/// That this many are for others than before.
#[must_use]
pub fn readdressed(count: usize) -> Diagnostic {
    let (files, are) = if count == 1 { ("file", "is") } else { ("files", "are") };
    let message = format!("{count} encrypted {files} {are} for another key than before, or by another rule of sops");
    Diagnostic::warning(Code::AnotherRecipient, message)
        .hint("whoever has that key can open the logins: make sure that the change was meant, and by whom")
}

/// That this many were not written with the key of fingerprints that is set.
#[must_use]
pub fn disowned(count: usize) -> Diagnostic {
    let (files, were) = if count == 1 { ("file", "was") } else { ("files", "were") };
    let message =
        format!("{count} encrypted {files} {were} edited, or written without `{KEY_VARIABLE}` or under another");
    Diagnostic::warning(Code::AnotherFingerprintKey, message).hint(
        "with another key everything is encrypted anew, once; if the key is the same as ever, look who has written `regcred.lock`",
    )
}
