//! Prints documents and values, or writes them to files. Nothing else prints data.

pub mod chart;
pub mod cluster_run;
pub mod clusters;
pub mod folder;
pub mod git;
pub mod helm_values;
pub mod layout;
pub mod marks;
pub mod new_files;
pub mod new_paths;
pub mod product;
pub mod stream;

use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use regcred_core::diagnostic::{Code, Diagnostic, Failure, reason};

pub use crate::protect::{Protection, WriteError};

/// A file of a tree: where it goes, relative to the root with `/` between the parts, and what is in it.
#[derive(Clone)]
pub struct File {
    pub path: String,
    pub bytes: Zeroizing<Vec<u8>>,
    /// Whether a secret is among them.
    pub protection: Protection,
}

impl File {
    /// Whether it holds a secret in clear.
    pub fn holds_a_secret(&self) -> bool {
        self.protection == Protection::Plaintext
    }
}

/// What a writer's error means to the user: a closed pipe is a success, a full disk is named.
pub fn failure(error: impl Into<WriteError>, target: &str) -> Failure {
    match error.into() {
        WriteError::Protector(failure) => failure,
        WriteError::Io(error) if error.kind() == io::ErrorKind::BrokenPipe => Failure::ClosedPipe,
        WriteError::Io(error) => Failure::of(
            "the output",
            Diagnostic::error(Code::Unwritable, format!("{target} cannot be written: {}", reason(&error)))
                .hint("check that the place exists, that this user may write there, and that it is not full"),
        ),
    }
}

/// A file with a secret is its owner's alone, also when only its mode has changed.
fn protect(path: &Path, protection: Protection) -> io::Result<()> {
    #[cfg(unix)]
    if protection == Protection::Plaintext {
        use std::fs;
        use std::os::unix::fs::PermissionsExt;
        if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        }
    }
    #[cfg(not(unix))]
    let _ = (path, protection);
    Ok(())
}
