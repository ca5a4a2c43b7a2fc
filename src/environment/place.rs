//! Finds where a path really is, also one that does not exist yet.

use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

/// What writing to an absolute path changes: the name itself, and the file that a link there leads to. Empty if nothing can be
/// written there.
///
/// # Errors
/// The path goes back from a folder that is missing, through a link to nowhere, or where this user may not look.
pub fn resolve(path: &Path) -> Result<Vec<PathBuf>, &'static str> {
    const NOWHERE: &str = "goes through a link to nowhere, or a folder that cannot be read";
    let mut there = PathBuf::new();
    let mut parts = path.components().peekable();
    while let Some(part) = parts.peek() {
        let next = there.join(part);
        match fs::symlink_metadata(&next) {
            Err(error) if error.kind() == ErrorKind::NotFound => break,
            Err(error) if matches!(error.kind(), ErrorKind::NotADirectory | ErrorKind::InvalidFilename) => {
                return Ok(Vec::new());
            }
            Err(_) => return Err(NOWHERE),
            Ok(_) => there = next,
        }
        parts.next();
    }
    let missing: Vec<_> = parts.collect();
    if missing.iter().any(|part| !matches!(part, Component::Normal(_))) {
        return Err("goes back with `..` from a folder that is missing");
    }
    let real = |path: &Path| path.canonicalize().map_err(|_| NOWHERE);
    let place = real(&there)?.join(missing.iter().collect::<PathBuf>());
    let name = match (missing.is_empty(), there.parent(), there.file_name()) {
        (true, Some(folder), Some(name)) => Some(real(folder)?.join(name)),
        _ => None,
    };
    Ok(name.into_iter().filter(|name| *name != place).chain([place.clone()]).collect())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_is_both_its_name_and_what_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("repo/sub")).unwrap();
        fs::File::create(root.join("repo/file")).unwrap();
        symlink("repo/sub", root.join("link")).unwrap();
        symlink("../repo/file", root.join("repo/sub/file")).unwrap();
        symlink("repo/file", root.join("outside")).unwrap();
        symlink("repo/none", root.join("dangling")).unwrap();
        let at = |parts: &[&str]| Ok(parts.iter().map(|part| root.join(part)).collect::<Vec<_>>());
        for (path, expected) in [
            ("repo/file", at(&["repo/file"])),
            ("outside", at(&["outside", "repo/file"])),
            ("link/new/x", at(&["repo/sub/new/x"])),
            ("link/../x", at(&["repo/x"])),
            ("./repo/./x", at(&["repo/x"])),
            ("repo/file/x", Ok(Vec::new())),
        ] {
            assert_eq!(resolve(&root.join(path)), expected, "{path}");
        }
        for path in ["missing/../x", "missing/../repo/x", "dangling", "dangling/x", "link/dangling/../x"] {
            assert!(resolve(&root.join(path)).is_err(), "{path}");
        }
    }
}
