//! Names files of a folder by paths that cannot leave it.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::files::marks::digest::Digest;

/// The name of the lock at the root of a tree.
pub const LOCK: &str = "regcred.lock";
/// The name of the folder in it where new files wait.
pub const STAGING: &str = ".regcred-new";

/// The longest file name of usual file systems, in bytes.
pub const LONGEST: usize = 255;

/// The name of the folder beside a single file, where its new content waits.
pub fn staging_beside(name: &OsStr) -> String {
    let whole = format!(".{}{STAGING}", name.display());
    if whole.len() <= LONGEST {
        return whole;
    }
    format!(".{}{STAGING}", Digest::of(name.as_encoded_bytes()))
}

/// The path of a file below a root: parts joined by `/`, without white space, and never `..` or `.git`, or one of our two names at the root.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TreePath(String);

impl FromStr for TreePath {
    /// The caller's message names the path.
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let good = |part: &str| {
            !matches!(part, "" | "." | "..")
                && !part.contains(|letter: char| letter == '\\' || letter.is_control() || letter.is_whitespace())
                && !part.eq_ignore_ascii_case(".git")
        };
        let first = text.split('/').next().unwrap_or_default();
        let reserved = first == STAGING || text == LOCK;
        if text.split('/').all(good) && !reserved { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The kind of thing at a path.
pub enum Found {
    Nothing,
    /// A regular file, reached through real folders only.
    File,
    /// A folder, a link or a device; or a parent is no folder.
    Other,
}

impl TreePath {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The place of the file under a root.
    pub fn under(&self, root: &Path) -> PathBuf {
        root.join(&self.0)
    }

    /// Looks at the path, and follows no link below the root.
    pub fn find(&self, root: &Path) -> io::Result<Found> {
        let mut path = root.to_path_buf();
        let mut parts = self.0.split('/').peekable();
        while let Some(part) = parts.next() {
            path.push(part);
            let metadata = match fs::symlink_metadata(&path) {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
                Err(error) => return Err(error),
            };
            if parts.peek().is_none() {
                return Ok(if metadata.is_file() { Found::File } else { Found::Other });
            }
            if !metadata.is_dir() {
                return Ok(Found::Other);
            }
        }
        Ok(Found::Nothing)
    }

    /// Its folders below the root, the innermost first.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        let mut rest = self.0.as_str();
        std::iter::from_fn(move || {
            rest = rest.rsplit_once('/')?.0;
            Some(rest)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_a_tree_stays_in_it() {
        for good in ["a", "a/b.yaml", ".gitignore", "a/regcred.lock", "a..b/c"] {
            assert!(good.parse::<TreePath>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "/a",
            "a/",
            "a//b",
            "..",
            "a/../b",
            "./a",
            "a\\b",
            "a\0",
            "regcred.lock",
            ".regcred-new/x",
            ".git/config",
            "a/.Git/x",
            "a b",
        ] {
            assert!(bad.parse::<TreePath>().is_err(), "{bad}");
        }
    }

    #[test]
    fn folders_come_from_the_inside_out() {
        let path: TreePath = "a/b/c.yaml".parse().unwrap();
        assert_eq!(path.folders().collect::<Vec<_>>(), ["a/b", "a"]);
    }

    #[test]
    fn a_link_in_the_path_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/", folder.path().join("root")).unwrap();
        let path: TreePath = "root/etc/passwd".parse().unwrap();
        assert!(matches!(path.find(folder.path()).unwrap(), Found::Other));
    }
}
