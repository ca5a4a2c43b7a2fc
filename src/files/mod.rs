//! Prints documents and values, or writes them to files.

pub mod chart;
pub mod cluster_run;
pub mod clusters;
pub mod folder;
pub mod git;
pub mod helm_values;
pub mod in_cluster;
pub mod layout;
pub mod marks;
pub mod new_files;
pub mod new_paths;
pub mod product;
pub mod stream;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use zeroize::Zeroizing;

use regcred_core::diagnostic::{Code, Diagnostic, Failure, reason};

pub use crate::protect::{Protection, WriteError};

/// A file of a tree: its path relative to the root, with `/` between the parts, and its content.
#[derive(Clone)]
pub struct File {
    pub path: String,
    pub bytes: Zeroizing<Vec<u8>>,
    pub protection: Protection,
}

impl File {
    /// A file without a secret.
    pub fn public(path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: path.to_owned(), bytes: Zeroizing::new(bytes.into()), protection: Protection::Public }
    }

    pub fn holds_a_secret(&self) -> bool {
        self.protection == Protection::Plaintext
    }
}

const BELOW_A_FILE: &str = "a part of its path is a file, or became a link: name another place, or move it away";

/// Refuses a folder that is a file, or is below a file. That file exists, so its name is not a secret that somebody typed by mistake.
/// Errors: the file, relative to `directory` if it is below.
pub fn check_folder(folder: &Path, directory: &Path, target: &str) -> Result<(), Failure> {
    let there = folder.ancestors().find(|part| part.symlink_metadata().is_ok());
    let Some(file) = there.filter(|part| !part.is_dir()) else { return Ok(()) };
    let name = file.strip_prefix(directory).unwrap_or(file).display();
    let problem =
        Diagnostic::error(Code::NotADirectory, format!("`{name}` is not a folder, and {target} needs one there"));
    Err(Failure::of("the output", problem.hint(BELOW_A_FILE)))
}

/// The meaning of a writer's error for the user: a closed pipe is a success, a full disk is named.
pub fn failure(error: impl Into<WriteError>, target: &str) -> Failure {
    match error.into() {
        WriteError::Protector(failure) => failure,
        WriteError::Io(error) if error.kind() == io::ErrorKind::BrokenPipe => Failure::ClosedPipe,
        WriteError::Io(error) => {
            let message = format!("{target} cannot be written: {}", reason(&error));
            let hint = match error.kind() {
                io::ErrorKind::NotADirectory => BELOW_A_FILE,
                io::ErrorKind::InvalidFilename => {
                    "its name is too long for the file system, or has a letter that it does not take"
                }
                _ => "check that the place exists, that this user may write there, and that it is not full",
            };
            Failure::of("the output", Diagnostic::error(Code::Unwritable, message).hint(hint))
        }
    }
}

/// The meaning of a reader's error about a file to compare.
pub fn unreadable(error: impl Into<WriteError>, target: &str) -> Failure {
    use io::ErrorKind::{FileTooLarge, PermissionDenied};
    match error.into() {
        WriteError::Io(error) if matches!(error.kind(), FileTooLarge | PermissionDenied) => {
            let message = format!("{target} exists, but cannot be read: {}", reason(&error));
            let hint = "regcred has to compare this file: let this user read it, or move it away";
            Failure::of("the output", Diagnostic::error(Code::UnreadableFile, message).hint(hint))
        }
        other => failure(other, target),
    }
}

/// Makes a file with a secret readable only by its owner, also if its content is unchanged.
fn protect(path: &Path, protection: Protection) -> io::Result<()> {
    if protection == Protection::Plaintext && fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}
