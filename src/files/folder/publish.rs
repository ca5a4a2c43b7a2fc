//! Moves staged files to their places, and removes leftover files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::path::{Found, TreePath};
use super::root::Kind;
use super::staging::{self, Staging};
use super::turn::Turn;
use crate::files;
use regcred_core::diagnostic::Failure;

/// The work that is left in a folder. Many folders wait at once, so it holds nothing about unchanged files.
pub(super) struct Pending {
    pub root: PathBuf,
    pub kind: Kind,
    /// The files that wait under a number.
    pub staged: Vec<(String, usize)>,
    pub left_over: Vec<TreePath>,
    pub lock: Option<PathBuf>,
    pub staging: Staging,
    /// Held until the end, so that only one run works at a time.
    pub turn: Option<Turn>,
}

impl Pending {
    /// Moves everything to its place.
    /// Errors: the file system refuses; the next run completes the work.
    pub fn publish(self) -> Result<(), Failure> {
        let at = |error: io::Error| files::failure(error, self.kind.name());
        self.staging.commit();
        self.publish_folders().map_err(at)?;
        for (path, number) in &self.staged {
            let (temporary, place) = (self.staging.temporary(*number), self.kind.place(&self.root, path));
            let publish = || match fs::rename(&temporary, &place) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    place.parent().map_or(Ok(()), fs::create_dir_all)?;
                    fs::rename(&temporary, &place)
                }
                result => result,
            };
            publish().map_err(|error| match self.kind {
                Kind::Tree => files::failure(error, &format!("`{path}`")),
                Kind::File(_) => at(error),
            })?;
        }
        for path in &self.left_over {
            remove(path, &self.root).map_err(|error| files::failure(error, &format!("`{path}`")))?;
        }
        if let Some(lock) = &self.lock {
            staging::publish_journal(lock, &self.root).map_err(|error| files::failure(error, "the lock"))?;
        }
        self.staging.finish().map_err(at)?;
        drop(self.turn);
        Ok(())
    }

    /// The folders of a new tree are complete, and there are no others.
    fn publish_folders(&self) -> io::Result<()> {
        let folders = match fs::read_dir(self.staging.tree()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            folders => folders?,
        };
        for entry in folders {
            let entry = entry?;
            fs::rename(entry.path(), self.root.join(entry.file_name()))?;
        }
        Ok(())
    }
}

/// Removes a file of ours and the folders that it leaves empty.
fn remove(path: &TreePath, root: &Path) -> io::Result<()> {
    let Found::File = path.find(root)? else { return Ok(()) };
    fs::remove_file(path.under(root))?;
    for folder in path.folders() {
        // The folder is not empty: it stays, with its other files.
        if fs::remove_dir(root.join(folder)).is_err() {
            break;
        }
    }
    Ok(())
}
