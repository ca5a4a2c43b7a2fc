//! Leaves a journal as a killed run does.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Turns a lock into the journal of a killed run.
pub fn as_journal(lock: &Path, staging: &Path) {
    fs::set_permissions(staging, fs::Permissions::from_mode(0o700)).unwrap();
    fs::rename(lock, staging.join("lock")).unwrap();
    fs::set_permissions(staging.join("lock"), fs::Permissions::from_mode(0o400)).unwrap();
}
