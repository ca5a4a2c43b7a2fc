//! Makes a folder or a single file hold exactly the wanted content, or reports the differences.
//!
//! A run first writes all temporaries, then the journal. It publishes them when the other folders of the run are ready, too: it
//! renames each file, removes leftover files, and writes the lock last. A killed run leaves each file old or new; the next run reads
//! the journal and completes the work.

mod approved;
mod clear;
mod compare;
mod cursor;
pub mod entry;
mod finish;
mod for_git;
pub mod line;
pub mod lock;
pub mod parsed;
pub mod path;
mod publish;
pub mod read;
pub mod root;
mod run;
pub mod staging;
mod tally;
pub mod turn;
mod warnings;

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::files::git;
use crate::files::marks::Known;
use crate::files::marks::key::Key;
use crate::files::new_paths::NewPaths;
use crate::files::{Protection, WriteError};
use crate::settings::target::Target;
use entry::Entry;
use publish::Pending;
use regcred_core::diagnostic::{Diagnostic, Failure};
use regcred_core::plan::Change;
use root::{Kind, Root};
use run::Run;
use staging::Staging;

/// The number of entries in memory at once.
const AT_ONCE: usize = 1024;

/// What to do with the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Execute it.
    Write,
    /// Only print it, as far as this is known.
    Check(Known),
}

/// A plan, with the temporaries for it; unpublished temporaries are removed.
#[derive(Default)]
pub struct Prepared {
    /// The changes. Unchanged files are only counted.
    pub changes: Vec<Change>,
    /// The number of unchanged files.
    pub unchanged: usize,
    /// The number of encrypted files whose secret is not known.
    pub unproven: usize,
    /// The warnings.
    pub warnings: Vec<Diagnostic>,
    /// The note of a first run.
    pub notes: Vec<String>,
    /// The error that a run would end with: something of somebody else is in the way.
    pub refusal: Option<Failure>,
    pending: Option<Pending>,
}

/// Plans the changes after which the folder holds these entries. To execute the plan, it also writes the changed files beside their
/// places, so that little can fail afterwards. Call [`NewPaths::keep`] before you publish the plan.
///
/// # Errors
/// A file of somebody else is in the way, the file system refuses, a recipient is new, or a plain Secret would enter Git.
pub fn prepare<'a>(
    mut entries: impl Iterator<Item = Result<Entry<'a>, WriteError>>,
    kind: Kind,
    target: &Target<'_>,
    mode: Mode,
    new_paths: &NewPaths,
) -> Result<Prepared, Failure> {
    git::check_place(&target.path)?;
    let key = Key::read(target.environment, target.cluster, &git::name_in_work_tree(target))?;
    let name = kind.name();
    let at = |error: WriteError| crate::files::failure(error, name);
    let root = match mode {
        Mode::Write => {
            let root = Root::create(target, kind, new_paths)?;
            root.check_staging()?;
            root
        }
        Mode::Check(_) => Root::open(target, kind)?,
    };
    let mut run = Run::new(&root, target, &key, mode, new_paths).map_err(|error| at(error.into()))?;
    loop {
        let some: Vec<_> = entries.by_ref().take(AT_ONCE).collect::<Result<_, _>>().map_err(at)?;
        if some.is_empty() {
            break;
        }
        run.add(some)?;
    }
    let (mut prepared, pending) = run.finish()?;
    if root.kind != Kind::Tree {
        prepared.changes.iter_mut().for_each(|change| change.path = root.kind.shown(&change.path));
    }
    prepared.pending = pending.map(|pending| Pending { turn: root.turn, ..pending });
    Ok(prepared)
}

impl Prepared {
    /// Moves everything to its place.
    ///
    /// # Errors
    /// The file system refuses; the next run completes the work.
    pub fn publish(&mut self) -> Result<(), Failure> {
        self.pending.take().map_or(Ok(()), Pending::publish)
    }
}

/// Makes a file hold these public bytes, whatever its content was.
/// Errors: it is no regular file, or the file system's.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Err(root::a_directory()) };
    git::check_place(path)?;
    root::check_file(path)?;
    let new_paths = NewPaths::default();
    let replace = || {
        new_paths.create_folder(folder)?;
        let staging = Staging::begin(folder.join(path::staging_beside(name)))?;
        let (number, mut file) = staging.create(Protection::Public)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(staging.temporary(number), path)?;
        new_paths.keep();
        staging.finish()
    };
    replace().map_err(|error| crate::files::failure(error, "the file of `--output`"))
}
