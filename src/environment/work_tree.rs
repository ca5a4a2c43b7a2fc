//! Finds the work tree around a folder, and whether a path stays in it.

use std::fs;
use std::path::{Component, Path};

use super::place;

/// Whether a file is below a folder, or in the outermost work tree around that folder.
#[cfg(feature = "cluster")]
#[must_use]
pub fn is_beside(file: &Path, folder: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let (file, folder) = (real(file), real(folder));
    let top = folder.ancestors().filter(|ancestor| is_root(ancestor)).last().unwrap_or(&folder);
    file.starts_with(top) || file.starts_with(&folder)
}

/// Whether writing to a path changes only what is below a folder, or in the outermost work tree around that folder.
#[must_use]
pub fn is_inside(path: &Path, folder: &Path) -> bool {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    let top = folder.ancestors().filter(|ancestor| is_root(ancestor)).last().unwrap_or(&folder);
    place::resolve(path).is_ok_and(|places| places.iter().all(|place| place.starts_with(top)))
}

/// Whether a path that begins in the work tree around a folder leads out of it by a link.
#[must_use]
pub fn leaves(path: &Path, folder: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let real_folder = real(folder);
    let Some(top) = real_folder.ancestors().filter(|ancestor| is_root(ancestor)).last() else { return false };
    let named = path.strip_prefix(folder).map_or_else(|_| path.to_path_buf(), |below| real_folder.join(below));
    let goes_up = named.components().any(|part| part == Component::ParentDir);
    !goes_up && named.starts_with(top) && !is_inside(&named, folder)
}

/// Whether a folder is the top of a work tree: its `.git` is a file, or a folder with a `HEAD`.
#[must_use]
pub fn is_root(folder: &Path) -> bool {
    let git = folder.join(".git");
    match fs::metadata(&git) {
        Ok(metadata) if metadata.is_dir() => is_there(&git.join("HEAD")),
        Ok(metadata) => metadata.is_file(),
        Err(_) => git.is_symlink() || !is_missing(&git),
    }
}

fn is_there(path: &Path) -> bool {
    path.is_symlink() || !is_missing(path)
}

/// Whether there is certainly nothing: what cannot be looked at may be there.
fn is_missing(path: &Path) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    fs::symlink_metadata(path).is_err_and(|error| matches!(error.kind(), NotFound | NotADirectory))
}
