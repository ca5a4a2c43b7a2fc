//! Keeps new files beside their places until all of them are written. Several threads write at once.
//!
//! The new files are in one folder of mode 0700 that Git ignores, so a killed run leaves nothing elsewhere. The name of a file is a
//! number, or, in a folder of a new tree, its later path below a subfolder. The folder's `lock` is a journal: it is
//! complete before the first file of the target changes.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::lock::Lock;
use super::path::{self, TreePath};
use crate::files::{Protection, git};
use regcred_core::diagnostic::Failure;

const TREE: &str = "tree";
const JOURNAL: &str = "lock";

/// The temporaries of one run; unpublished ones are removed on drop.
pub struct Staging {
    folder: PathBuf,
    count: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Untouched,
    Open,
    /// The target is changing: the next run may need the journal.
    Committed,
}

/// The journal of a killed run, unless Git could have written it: a checkout has no file of mode 0400 in a folder of mode 0700.
pub fn journal(root: &Path) -> Result<Option<Lock>, Failure> {
    let folder = root.join(path::STAGING);
    let journal = folder.join(JOURNAL);
    if !folder.symlink_metadata().is_ok_and(|metadata| metadata.is_dir() && has_mode(&metadata, 0o700))
        || !journal.symlink_metadata().is_ok_and(|metadata| metadata.is_file() && has_mode(&metadata, 0o400))
    {
        return Ok(None);
    }
    Lock::read(&journal)
}

fn has_mode(metadata: &fs::Metadata, mode: u32) -> bool {
    metadata.permissions().mode() & 0o777 == mode
}

impl Staging {
    /// Removes the files of an earlier run, and creates nothing yet.
    pub fn begin(folder: PathBuf) -> io::Result<Self> {
        discard(&folder)?;
        Ok(Self { folder, count: AtomicUsize::new(0), state: Mutex::new(State::Untouched) })
    }

    /// A new temporary and its number. If it will hold a secret in clear, only its owner can read it.
    pub fn create(&self, protection: Protection) -> io::Result<(usize, File)> {
        self.open()?;
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        Ok((number, create(&self.temporary(number), protection)?))
    }

    pub fn temporary(&self, number: usize) -> PathBuf {
        self.folder.join(number.to_string())
    }

    /// A new temporary at its later path in a new tree.
    pub fn create_in_place(&self, path: &TreePath, protection: Protection) -> io::Result<File> {
        self.open()?;
        let path = path.under(&self.tree());
        match create(&path, protection) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                path.parent().map_or(Ok(()), fs::create_dir_all)?;
                create(&path, protection)
            }
            result => result,
        }
    }

    /// The folder with the files that are at their later paths.
    pub fn tree(&self) -> PathBuf {
        self.folder.join(TREE)
    }

    /// Writes the journal, by which the next run recognizes the files of a killed run; the target has not changed yet. Unless the target
    /// is new, waits until the journal is on the disk: a power failure must not lose it.
    pub fn seal(&self, lock: &Lock, is_new: bool) -> io::Result<PathBuf> {
        self.open()?;
        let journal = self.folder.join(JOURNAL);
        fs::rename(write_lock(&self.folder.join("unfinished"), lock, 0o400, !is_new)?, &journal)?;
        Ok(journal)
    }

    /// From now on the target changes: the journal stays until all changes are done.
    pub fn commit(&self) {
        self.set(State::Committed);
    }

    /// Removes the folder, after everything in it was published.
    pub fn finish(self) -> io::Result<()> {
        self.set(State::Untouched);
        discard(&self.folder)
    }

    fn open(&self) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if *state == State::Untouched {
            private_folder(&self.folder)?;
            *state = State::Open;
            create(&self.folder.join(git::IGNORE_FILE), Protection::Public)?.write_all(git::IGNORE_ALL)?;
        }
        Ok(())
    }

    fn set(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

impl Drop for Staging {
    /// Removes everything with a secret; keeps the journal if the target may have changed already.
    fn drop(&mut self) {
        match self.state.get_mut().unwrap_or_else(PoisonError::into_inner) {
            State::Untouched => {}
            State::Open => drop(discard(&self.folder)),
            State::Committed => drop(discard_all_but(&[JOURNAL, git::IGNORE_FILE], &self.folder)),
        }
    }
}

/// Moves a journal to the place of the lock.
pub fn publish_journal(journal: &Path, root: &Path) -> io::Result<()> {
    let lock = root.join(path::LOCK);
    fs::rename(journal, &lock)?;
    fs::set_permissions(&lock, fs::Permissions::from_mode(0o644))
}

/// Replaces the lock of a tree. A separate folder holds the new lock until it is complete.
pub fn publish_lock(root: &Path, lock: &Lock) -> io::Result<()> {
    let folder = root.join(format!("{}-lock", path::STAGING));
    discard(&folder)?;
    private_folder(&folder)?;
    let published = write_lock(&folder.join(JOURNAL), lock, 0o644, true)
        .and_then(|written| fs::rename(written, root.join(path::LOCK)));
    discard(&folder)?;
    published
}

fn write_lock(path: &Path, lock: &Lock, mode: u32, waits_for_the_disk: bool) -> io::Result<PathBuf> {
    let mut into = BufWriter::new(OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?);
    lock.write(&mut into)?;
    into.flush()?;
    if waits_for_the_disk {
        into.get_ref().sync_data()?;
    }
    Ok(path.to_path_buf())
}

fn create(path: &Path, protection: Protection) -> io::Result<File> {
    let mode = if protection == Protection::Plaintext { 0o600 } else { 0o666 };
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}

fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// Removes a folder of temporaries. Anything but a folder is not ours, and an error.
fn discard(folder: &Path) -> io::Result<()> {
    match folder.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(folder),
        Ok(_) => Err(io::ErrorKind::NotADirectory.into()),
    }
}

fn discard_all_but(names: &[&str], folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            discard(&entry.path())?;
        } else if names.iter().all(|name| entry.file_name() != *name) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporaries_that_are_not_published_are_removed() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join(path::STAGING);
        let staging = Staging::begin(folder.clone()).unwrap();
        assert!(!folder.exists());
        let (number, _) = staging.create(Protection::Plaintext).unwrap();
        assert!(staging.temporary(number).exists());
        staging.seal(&Lock::default(), true).unwrap();
        drop(staging);
        assert!(!folder.exists());
    }

    #[test]
    fn once_the_target_changes_the_journal_stays_without_the_secrets() {
        let root = tempfile::tempdir().unwrap();
        let staging = Staging::begin(root.path().join(path::STAGING)).unwrap();
        let (number, _) = staging.create(Protection::Plaintext).unwrap();
        let path = staging.temporary(number);
        staging.seal(&Lock::default(), true).unwrap();
        staging.commit();
        drop(staging);
        assert!(!path.exists());
        assert_eq!(journal(root.path()).unwrap(), Some(Lock::default()));
        // As in a checkout.
        let file = root.path().join(path::STAGING).join(JOURNAL);
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(journal(root.path()).unwrap(), None);
    }

    #[test]
    fn only_the_owner_can_read_a_temporary_with_a_secret_from_the_start() {
        let root = tempfile::tempdir().unwrap();
        let staging = Staging::begin(root.path().join(path::STAGING)).unwrap();
        let (_, file) = staging.create(Protection::Plaintext).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let folder = fs::metadata(root.path().join(path::STAGING)).unwrap();
        assert_eq!(folder.permissions().mode() & 0o777, 0o700);
    }
}
