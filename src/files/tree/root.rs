//! The root of a tree: the directory of `--output` in, what of it is ours, also after a run that was killed, out.

use std::fs::{self, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::lock::Lock;
use super::path::{self, Found};
use super::staging;
use crate::files;
use crate::files::evidence::fingerprint::{Key, Verdict};
use crate::files::git::{self, IGNORE_ALL, IGNORE_FILE};
use crate::files::new_paths::NewPaths;
use crate::files::target::Target;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};

/// A directory, and what we know of it.
pub struct Root {
    /// Its real path.
    pub path: PathBuf,
    /// Whether anything is there.
    pub state: State,
    /// The files that are ours: those of the lock, and of the journal of a run that was killed.
    pub ours: Lock,
    /// Whether an earlier run was killed.
    pub interrupted: Interrupted,
    /// How many of our files the lock does not tell of as the journal does.
    unlisted: usize,
    /// Held until the end: one run at a time.
    pub turn: Option<Turn>,
}

/// That no other run works in the directory, for as long as it is held.
pub struct Turn(#[expect(dead_code, reason = "it is held open")] fs::File);

/// What a directory is to us before we write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is empty: nothing can be lost or in the way.
    New,
    /// There is no lock, but something else.
    Unlisted,
    /// There is a lock.
    Listed,
}

/// Whether an earlier run has left its temporaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupted {
    /// It was killed, and the next one completes it.
    Yes,
    /// It came to its end.
    No,
}

impl Root {
    /// The directory for writing: made if it is not there; what a killed run left is claimed in the lock.
    ///
    /// # Errors
    /// It is a file, cannot be made or read, its lock is malformed, or another run is at work in it.
    pub fn create(target: &Target<'_>, key: &Key, new_paths: &NewPaths) -> Result<Self, Failure> {
        let at = |error: io::Error| files::failure(&error, "the directory of `--output`");
        if target.path.exists() && !target.path.is_dir() {
            return Err(no_directory());
        }
        new_paths.create_folder(&target.path).map_err(at)?;
        let path = target.path.canonicalize().map_err(at)?;
        let turn = take_turn(&path)?;
        let mut root = Self::read(path, key)?;
        root.turn = turn;
        if root.unlisted > 0 {
            // Before the journal that says so is discarded.
            staging::publish_lock(&root.path, &root.ours).map_err(at)?;
            root.state = State::Listed;
        }
        Ok(root)
    }

    /// The directory for reading, if it is there.
    ///
    /// # Errors
    /// It is a file, or its lock is malformed.
    pub fn open(target: &Target<'_>, key: &Key) -> Result<Option<Self>, Failure> {
        match target.path.canonicalize() {
            Ok(path) if path.is_dir() => Self::read(path, key).map(Some),
            Ok(_) => Err(no_directory()),
            Err(_) => Ok(None),
        }
    }

    fn read(path: PathBuf, key: &Key) -> Result<Self, Failure> {
        let lock = Lock::read(&path.join(path::LOCK))?.map(|lock| lock.settle(&path, key));
        let journal = Lock::read(&staging::journal(&path))?;
        let left = path.join(path::STAGING).symlink_metadata().is_ok();
        let interrupted = if left { Interrupted::Yes } else { Interrupted::No };
        let state = match (&lock, &journal) {
            (Some(_), _) => State::Listed,
            (None, None) if is_empty(&path) => State::New,
            (None, _) => State::Unlisted,
        };
        let (mut ours, mut unlisted) = (lock.unwrap_or_default(), 0);
        for (name, fingerprint) in journal.into_iter().flat_map(|journal| journal.files) {
            let is_new = || match name.find(&path) {
                Ok(Found::File) => fs::read(name.under(&path))
                    .is_ok_and(|bytes| key.verify(&fingerprint, &bytes) != Verdict::Different),
                _ => false,
            };
            let listed = ours.files.get(&name);
            if listed != Some(&fingerprint) && (listed.is_none() || is_new()) {
                ours.files.insert(name, fingerprint);
                unlisted += 1;
            }
        }
        Ok(Self { path, state, ours, interrupted, unlisted, turn: None })
    }

    /// Where its temporaries go.
    #[must_use]
    pub fn staging(&self) -> PathBuf {
        self.path.join(path::STAGING)
    }

    /// Whether our `.gitignore` belongs there: it already does, or the folder is in a work tree and has nothing of anybody's.
    #[must_use]
    pub fn is_to_be_covered(&self) -> bool {
        let listed = self.ours.files.keys().any(|path| path.as_str() == IGNORE_FILE);
        listed || (git::in_work_tree(&self.path) && (self.has_our_ignore_file() || is_empty(&self.path)))
    }

    fn has_our_ignore_file(&self) -> bool {
        fs::read(self.path.join(IGNORE_FILE)).is_ok_and(|bytes| bytes == IGNORE_ALL)
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder)
        .is_ok_and(|mut entries| entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == path::STAGING)))
}

fn no_directory() -> Failure {
    Failure::of(
        "the output",
        Diagnostic::error(Code::NotADirectory, "there is a file where the directory of `--output` should be")
            .hint("name a directory, or move the file away"),
    )
}

/// Waits for nobody: two runs in one tree would undo each other's work.
///
/// # Errors
/// Another run is at work there.
pub fn take_turn(path: &Path) -> Result<Option<Turn>, Failure> {
    let Ok(folder) = fs::File::open(path) else { return Ok(None) };
    match folder.try_lock() {
        Err(TryLockError::WouldBlock) => Err(Failure::of(
            "the output",
            Diagnostic::error(Code::Busy, "another regcred is writing to the directory of `--output`")
                .hint("run one after the other"),
        )),
        // Some file systems know no locks.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(Turn(folder))),
    }
}
