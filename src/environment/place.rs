//! Finds the real place of a path, also before it exists, and the links in work trees that lead elsewhere.

use std::fs;
use std::io::ErrorKind;
use std::path::{self, Component, Path, PathBuf};

use super::read_text;

/// The number of links that Linux follows.
const LINKS: usize = 40;

/// The paths that a write to an absolute path changes: the path itself, and the target of a link there. Empty if nothing can be written
/// there.
///
/// # Errors
/// The path has `..` after a missing folder, or a link to a missing place, or this user may not read a folder.
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

/// Whether a link in a work tree leads out of that work tree, or into its `.git`: a merge request may have added the link.
pub fn goes_astray(path: &Path) -> bool {
    let mut walk = Walk { there: PathBuf::new(), links: LINKS, is_astray: false };
    walk.follow(&path::absolute(path).unwrap_or_default());
    walk.is_astray
}

/// A path that is resolved component by component.
struct Walk {
    /// The resolved part, without links.
    there: PathBuf,
    links: usize,
    is_astray: bool,
}

impl Walk {
    fn follow(&mut self, path: &Path) {
        for part in path.components() {
            match (part, fs::read_link(self.there.join(part))) {
                (Component::ParentDir, _) => drop(self.there.pop()),
                (Component::Normal(_), Ok(_)) if self.links == 0 => self.is_astray = true,
                (Component::Normal(_), Ok(target)) => self.follow_link(&target),
                _ => self.there.push(part),
            }
        }
    }

    fn follow_link(&mut self, target: &Path) {
        self.links -= 1;
        let top = self.there.ancestors().find(|folder| is_root(folder)).map(Path::to_path_buf);
        self.follow(target);
        self.is_astray |= top.is_some_and(|top| self.there.strip_prefix(top).map_or(true, is_of_git));
    }
}

/// Whether a component of a path is one of Git's own folders.
pub fn is_of_git(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str().eq_ignore_ascii_case(".git"))
}

/// Whether a folder is the top of a work tree: its `.git` is a file, or a folder with a `HEAD`; or the folder itself is laid out like `.git`.
pub fn is_root(folder: &Path) -> bool {
    let git = folder.join(".git");
    let has_git = match fs::metadata(&git) {
        Ok(metadata) if metadata.is_dir() => !is_missing(&git.join("HEAD")),
        Ok(metadata) => metadata.is_file(),
        Err(_) => !is_missing(&git),
    };
    has_git || is_its_own_work_tree(folder)
}

/// Whether a folder is laid out like `.git`, and its settings may name a work tree.
fn is_its_own_work_tree(folder: &Path) -> bool {
    let may_name_one = |text: String| ["worktree", "include"].iter().any(|word| text.to_lowercase().contains(word));
    let has = |name: &str| !is_missing(&folder.join(name));
    let names_one = || has("objects") && has("refs") && read_text(&folder.join("config")).map_or(true, may_name_one);
    has("HEAD") && (has("commondir") || names_one())
}

/// Whether the path surely does not exist: an unreadable one may exist.
fn is_missing(path: &Path) -> bool {
    use ErrorKind::{NotADirectory, NotFound};
    fs::symlink_metadata(path).is_err_and(|error| matches!(error.kind(), NotFound | NotADirectory))
}

#[cfg(test)]
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

    #[test]
    fn a_link_of_a_work_tree_leads_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["repo/.git", "repo/sub/inner/.git", "outside/deep"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        for name in ["repo/.git/HEAD", "repo/sub/inner/.git/HEAD", "repo/file", "outside/deep/file"] {
            fs::File::create(root.join(name)).unwrap();
        }
        for (target, name) in [
            ("../outside", "repo/out"),
            ("/proc/self/environ", "repo/sub/environ"),
            ("sub/../file", "repo/within"),
            ("sub/environ", "repo/twice"),
            ("../repo/sub", "repo/through-the-top"),
            (".git", "repo/git"),
            ("../none/yet", "repo/dangling"),
            ("again", "repo/again"),
            ("../../file", "repo/sub/inner/up"),
            ("../repo", "outside/to-the-tree"),
            ("deep/file", "outside/link"),
        ] {
            symlink(target, root.join(name)).unwrap();
        }
        for (path, expected) in [
            ("repo/file", false),
            ("repo/none", false),
            ("repo/within", false),
            ("repo/through-the-top/x", false),
            ("outside/link", false),
            ("outside/to-the-tree/file", false),
            ("outside/to-the-tree/within", false),
            ("repo/../outside/deep/file", false),
            ("repo/out", true),
            ("repo/out/deep/../x", true),
            ("repo/out/../repo/file", true),
            ("repo/sub/environ", true),
            ("repo/sub/../out/x", true),
            ("outside/../repo/out", true),
            ("outside/to-the-tree/out/x", true),
            ("repo/twice", true),
            ("repo/git/config", true),
            ("repo/dangling/x", true),
            ("repo/again", true),
            ("repo/sub/inner/up", true),
        ] {
            assert_eq!(goes_astray(&root.join(path)), expected, "{path}");
        }
    }
}
