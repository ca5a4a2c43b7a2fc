//! What waits in a tree: temporaries, stale files and the new lock in, each in its place or gone out.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::path::{self, Found, TreePath};
use super::root::Turn;
use super::staging::Staging;
use super::{at_lock, at_root};
use crate::files;
use regcred_core::diagnostic::Failure;

/// What is left to do in a tree. Many wait at once, so nothing is kept of the files that stay.
pub(super) struct Changes {
    /// The directory.
    pub root: PathBuf,
    /// The files that wait under a number.
    pub staged: Vec<(TreePath, usize)>,
    /// The files of ours that nobody wants any more.
    pub stale: Vec<TreePath>,
    /// The new lock, if it differs.
    pub lock: Option<PathBuf>,
    /// Where everything waits.
    pub staging: Staging,
    /// Held to the end: one run at a time.
    pub turn: Option<Turn>,
}

impl Changes {
    /// Puts everything in its place: how many files were removed.
    ///
    /// # Errors
    /// The file system refuses; the next run completes it.
    pub fn publish(self) -> Result<usize, Failure> {
        self.staging.commit();
        self.publish_folders().map_err(at_root)?;
        self.publish_each()?;
        let mut removed = 0;
        for path in &self.stale {
            removed += remove(path, &self.root).map_err(|error| files::failure(&error, &format!("`{path}`")))?;
        }
        if let Some(lock) = &self.lock {
            fs::rename(lock, self.root.join(path::LOCK)).map_err(at_lock)?;
        }
        self.staging.finish().map_err(at_root)?;
        drop(self.turn);
        Ok(removed)
    }

    /// The folders of a new tree are complete; there are none of another.
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

    fn publish_each(&self) -> Result<(), Failure> {
        for (path, number) in &self.staged {
            let (temporary, place) = (self.staging.temporary(*number), path.under(&self.root));
            let publish = || match fs::rename(&temporary, &place) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    place.parent().map_or(Ok(()), fs::create_dir_all)?;
                    fs::rename(&temporary, &place)
                }
                result => result,
            };
            publish().map_err(|error| files::failure(&error, &format!("`{path}`")))?;
        }
        Ok(())
    }
}

/// Removes a file of ours and the folders that it leaves empty: how many files went.
fn remove(path: &TreePath, root: &Path) -> io::Result<usize> {
    let Found::File = path.find(root)? else { return Ok(0) };
    fs::remove_file(path.under(root))?;
    for folder in path.folders() {
        // Not empty: something else is in it, and it stays.
        if fs::remove_dir(root.join(folder)).is_err() {
            break;
        }
    }
    Ok(1)
}
