//! A tree of files: files one by one in, a directory that holds exactly them and its lock out.
//!
//! All temporaries are written first, then the journal. What waits so is published later, when the other trees of the run are as far: each
//! file is renamed, what is stale goes, and the lock comes last. A run that was killed leaves each file old or new; the next one reads the
//! journal and completes it.

mod changes;
pub mod check;
mod conflict;
pub mod entry;
pub mod lock;
pub mod path;
pub mod root;
mod run;
pub mod staging;
pub mod standing;
mod tally;

use std::io;

use rayon::prelude::*;
use zeroize::Zeroizing;

use crate::files::evidence::fingerprint::Key;
use crate::files::git::{self, Cover};
use crate::files::new_paths::NewPaths;
use crate::files::target::Target;
use crate::files::{self, File, Protection};
use changes::Changes;
use entry::{Content, Entry};
use path::TreePath;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use root::Root;
use run::Run;

/// How many entries are in memory at once.
const AT_ONCE: usize = 1024;
/// Fewer plain ones than this are not worth a second thread.
const FEW: usize = 64;

/// What a run did to a tree.
#[derive(Debug, Default)]
pub struct Written {
    /// Files that were not there, or differed.
    pub written: usize,
    /// Files that were left as they were.
    pub unchanged: usize,
    /// Files of ours that are no longer wanted.
    pub removed: usize,
    /// Files of ours that somebody had edited.
    pub warnings: Vec<Diagnostic>,
}

/// A tree of which everything is written, but not in its place: what is not published goes.
pub struct Prepared {
    result: Written,
    changes: Option<Changes>,
}

/// Writes what differs beside its place, so that nearly all that can fail has been done. `new_paths` are to be kept before it is published.
///
/// # Errors
/// Another's file is in the way, the file system refuses, or a plain Secret would enter Git.
pub fn prepare<'a>(
    mut entries: impl Iterator<Item = io::Result<Entry<'a>>>,
    target: &Target<'_>,
    new_paths: &NewPaths,
) -> Result<Prepared, Failure> {
    let key = Key::read(target.environment)?;
    let mut run = Run::new(Root::create(target, &key, new_paths)?, target, &key)?;
    let mut guard = None;
    loop {
        let some: Vec<_> = entries.by_ref().take(AT_ONCE).collect::<io::Result<_>>().map_err(at_root)?;
        if some.is_empty() {
            break;
        }
        let plain: Vec<_> =
            some.iter().filter(|entry| entry.holds_a_secret()).map(|entry| run.place(&entry.path)).collect();
        if !plain.is_empty() {
            let guard = match &mut guard {
                Some(guard) => guard,
                None => guard.insert(run.guard(new_paths)?),
            };
            guard.check(plain)?;
        }
        run.add(some)?;
    }
    if run.cover == Cover::Ours {
        let unchanged = run.result.unchanged;
        run.add(vec![ignore_file().into()])?;
        // It was placed by this very run, or is no part of what was asked for.
        run.result.unchanged = unchanged;
    }
    run.refuse_what_is_in_the_way()?;
    run.seal()
}

/// Does the same with each, in parallel where it is worth it; the answers are in order.
fn each<'a, T: Send>(
    entries: Vec<(TreePath, Content<'a>)>,
    work: impl Fn((TreePath, Content<'a>)) -> Result<T, Failure> + Sync + Send,
) -> Result<Vec<T>, Failure> {
    let encrypted = entries.iter().any(|(_, content)| matches!(content, Content::Encrypted(_)));
    if entries.len() > if encrypted { 1 } else { FEW } {
        entries.into_par_iter().map(work).collect()
    } else {
        entries.into_iter().map(work).collect()
    }
}

/// The `.gitignore` of a folder that we made.
fn ignore_file() -> File {
    let bytes = Zeroizing::new(git::IGNORE_ALL.to_vec());
    File { path: git::IGNORE_FILE.to_owned(), bytes, protection: Protection::Public }
}

/// The path of a file, or why it cannot be one.
fn path_of(path: String) -> Result<TreePath, Failure> {
    path.try_into().map_err(|_| {
        let problem = Diagnostic::error(Code::InvalidPath, "the name of an object cannot be the name of a file");
        Failure::of("the output", problem.hint("use --format yaml"))
    })
}

impl Prepared {
    /// Puts everything in its place.
    ///
    /// # Errors
    /// The file system refuses; the next run completes it.
    pub fn publish(mut self) -> Result<Written, Failure> {
        if let Some(changes) = self.changes {
            self.result.removed = changes.publish()?;
        }
        Ok(self.result)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` gives it by value")]
fn at_lock(error: io::Error) -> Failure {
    files::failure(&error, "the lock")
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` gives it by value")]
fn at_root(error: io::Error) -> Failure {
    files::failure(&error, "the directory of `--output`")
}
