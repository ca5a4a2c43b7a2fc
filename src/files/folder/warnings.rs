//! Writes the warnings about the files of a folder.

use super::approved::Approved;
use super::lock::RESTORE;
use super::path::LOCK;
use super::root::{Kind, Root, State};
use crate::files::marks::key::KEY_VARIABLE;
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::recipient::Recipient;

const WHO_CHANGED: &str =
    "check who changed the certificate or `.sops.yaml`, since the owner of that key could open the logins";

/// A file was edited; the warning says what happens to it.
pub fn edited(name: &str, what: &str) -> Diagnostic {
    Diagnostic::warning(Code::EditedByHand, format!("{name} was edited since regcred wrote it, {what}"))
        .hint("change the settings or the templates, not the files under `--output`")
}

pub fn in_clear(names: &[String]) -> Diagnostic {
    let (is, a_login) = if names.len() == 1 { ("holds", "a login") } else { ("hold", "logins") };
    let message = format!("{} {is} {a_login} in clear, where it should be encrypted", names.join(", "));
    Diagnostic::error(Code::PlaintextInGit, message).hint(
        "rotate the login, because everyone who can read the branch can read it, even after the file is replaced; then run `regcred render`, and commit what it writes",
    )
}

pub fn merged(name: &str) -> Diagnostic {
    Diagnostic::warning(Code::FileConflict, format!("{name} has a merge conflict, and is written again")).hint(
        "encrypted documents of both sides that are still wanted keep their bytes: commit it, with `regcred.lock` if there is one",
    )
}

pub fn conflict() -> Diagnostic {
    let message = format!("`{LOCK}` has a merge conflict: both sides were read, and it is written again");
    Diagnostic::warning(Code::LockConflict, message).hint("commit it with the files that were written")
}

pub fn no_key() -> Diagnostic {
    let message = format!("`{KEY_VARIABLE}` is not set, so every run re-encrypts all files");
    Diagnostic::warning(Code::NoFingerprintKey, message).hint(
        "set it to the output of `openssl rand -hex 32`, the same for every run: then unchanged files keep their bytes",
    )
}

/// Files are for other recipients than before. Only sops reads its rules, so a comparison may not know the recipients.
pub fn readdressed(count: usize) -> Diagnostic {
    let (files, are) = if count == 1 { ("file", "is") } else { ("files", "are") };
    let message = format!("{count} encrypted {files} {are} for another recipient than before, or by another sops rule");
    Diagnostic::warning(Code::AnotherRecipient, message).hint(format!(
        "{WHO_CHANGED}; with `{KEY_VARIABLE}`, a run names a new recipient, and refuses it without `--accept-recipient`"
    ))
}

/// Files are for other recipients than before, and each is approved.
pub fn reencrypted(count: usize) -> Diagnostic {
    let (files, are) = if count == 1 { ("file", "is") } else { ("files", "are") };
    let message = format!("{count} encrypted {files} {are} encrypted again: approved recipients or sops rules changed");
    Diagnostic::note(Code::AnotherRecipient, message)
}

/// No mark was signed with the current key.
pub fn unsigned(count: usize) -> Diagnostic {
    let (files, were) = if count == 1 { ("file", "was") } else { ("files", "were") };
    let message = format!(
        "{count} encrypted {files} {were} edited, or written without `{KEY_VARIABLE}`, with another key or at another path"
    );
    Diagnostic::warning(Code::AnotherFingerprintKey, message).hint(format!(
        "with another key everything is re-encrypted once, unless `{KEY_VARIABLE}_PREVIOUS` holds the old one; if neither the \
         key nor the path changed, check who edited the files"
    ))
}

/// A missing file may be in Git.
pub fn sparse() -> Diagnostic {
    let message = "this is a sparse checkout: a file that Git leaves out counts as missing";
    Diagnostic::warning(Code::NoSuchFile, message)
        .hint("add the folder of `--output` with `git sparse-checkout add`, or check out everything")
}

/// No existing file is wanted any more.
pub fn of_another_format(count: usize) -> Diagnostic {
    let (files, were) = if count == 1 { ("file", "was") } else { ("files", "were") };
    let message = format!("{count} {files} of another `--format` {were} removed, and everything is re-encrypted");
    Diagnostic::warning(Code::AnotherFormat, message).hint("set `format` once for all runs in regcred.yaml")
}

/// Nothing approves these recipients. A comparison without the lock may know none.
pub fn refused(refused: &[&Recipient], root: &Root) -> Diagnostic {
    let shown = refused.iter().map(|one| one.fingerprint()).collect::<Vec<_>>().join(", ");
    let shown = if refused.is_empty() { "their recipients" } else { &shown };
    let (is, them) = if refused.len() == 1 { ("is", "it") } else { ("are", "them") };
    let names = refused.iter().map(|one| one.fingerprint()).chain(refused.is_empty().then_some("FINGERPRINT"));
    let flags: Vec<_> = names.map(|name| format!("--accept-recipient {name}")).collect();
    let mut message = format!("the files are for another recipient than before: {shown} {is} not approved");
    let check = match root.state {
        State::Unlisted => {
            message = format!("`{LOCK}` is missing although encrypted files exist, so {shown} {is} not approved");
            format!("{RESTORE}; if it is gone for good, {WHO_CHANGED}")
        }
        _ if refused.iter().all(|one| Approved::is_named(&root.ours.approved, one.fingerprint())) => format!(
            "{WHO_CHANGED}; if nobody did, `{LOCK}` names {them}, signed with another `{KEY_VARIABLE}`, for another folder or \
             cluster, or outside of a fleet: set the old key here or as `{KEY_VARIABLE}_PREVIOUS`, or put the folder or the name of \
             the cluster back"
        ),
        State::New | State::Listed if root.kind == Kind::Tree && root.ours.approved.is_empty() => {
            message = format!("`{LOCK}` names no recipient, so {shown} {is} not approved");
            format!(
                "that is so if `protect` is new in this folder, or no run had `{KEY_VARIABLE}`; otherwise somebody has removed a \
                 line of the lock: {WHO_CHANGED}"
            )
        }
        State::New | State::Listed => WHO_CHANGED.to_owned(),
    };
    Diagnostic::error(Code::AnotherRecipient, message)
        .hint(format!("{check}; if it was meant, add `{}`", flags.join(" ")))
}

/// A document is for a recipient that only other documents were for.
pub fn moved(document: &str, recipient: &Recipient) -> Diagnostic {
    let name = recipient.fingerprint();
    let message = format!(
        "`{document}` is for another recipient than before: {name} opens other documents here, but not this one"
    );
    Diagnostic::error(Code::AnotherRecipient, message)
        .hint(format!("{WHO_CHANGED}; if it was meant, add `--accept-recipient {name}`"))
}

pub fn first(recipients: &[String]) -> Diagnostic {
    let message =
        format!("first run: encrypted for {}; from now on another recipient is an error", recipients.join(", "));
    Diagnostic::note(Code::AnotherRecipient, message)
}
