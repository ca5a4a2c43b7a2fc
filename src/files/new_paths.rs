//! Removes the files of a run that fails.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The new files and folders of a run, which are removed unless the run succeeds. Several threads may add to them.
#[derive(Default)]
pub struct NewPaths(Mutex<Vec<PathBuf>>);

impl NewPaths {
    /// Creates a folder and its missing parents.
    ///
    /// # Errors
    /// The file system's.
    pub fn create_folder(&self, path: &Path) -> io::Result<()> {
        let missing: Vec<_> = path.ancestors().take_while(|ancestor| !ancestor.exists()).collect();
        for folder in missing.into_iter().rev() {
            match fs::create_dir(folder) {
                Ok(()) => self.add(folder.to_path_buf()),
                // Another cluster's run was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Adds a path that was created.
    pub fn add(&self, path: PathBuf) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(path);
    }

    /// Keeps the paths, because the run succeeds.
    pub fn keep(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Drop for NewPaths {
    /// The content of a folder is removed before the folder.
    fn drop(&mut self) {
        let paths = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        paths.sort_unstable();
        for path in paths.iter().rev() {
            drop(if path.is_dir() { fs::remove_dir(path) } else { fs::remove_file(path) });
        }
    }
}
