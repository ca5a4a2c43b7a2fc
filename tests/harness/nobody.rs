//! Runs `regcred` as a user without rights to most files.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const NOBODY: u32 = 65534;

/// The command for this user, or for nobody if this user is root: then nobody gets the folder and these paths.
pub fn regcred(folder: &Path, theirs: impl IntoIterator<Item = PathBuf>) -> Command {
    let program = folder.join("regcred");
    // Another program writes the file: other tests' programs would inherit a descriptor that is open for writing here, and keep it busy.
    let copy = Command::new("cp").args([Path::new(env!("CARGO_BIN_EXE_regcred")), &program]).status().unwrap();
    assert!(copy.success());
    let mut command = Command::new(&program);
    // If this user is root, files of this user belong to root.
    if is_root() {
        for path in theirs.into_iter().chain([folder.to_owned(), program]) {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
    become_nobody(&mut command);
    command.env_clear().current_dir(folder).stdin(Stdio::null());
    command
}

/// Lets the command run as nobody, if this user is root.
pub fn become_nobody(command: &mut Command) {
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
}

fn is_root() -> bool {
    fs::metadata(tempfile::tempdir().unwrap().path()).unwrap().uid() == 0
}
