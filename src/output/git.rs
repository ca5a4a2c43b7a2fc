//! Plaintext does not enter Git by accident: a target and the environment in, permission or a refusal out.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use super::{File, Protection};
use crate::environment::Environment;
use crate::names::VariableName;
use crate::problem::{Failure, Problem};

/// What a folder of ours has, so that Git leaves it alone.
const IGNORE_ALL: &str = "# Written by regcred: what is here holds secrets in clear.\n*\n";

/// Who asks Git, and what must not reach it.
pub struct Guard<'a> {
    /// Ours, for the program's environment.
    pub environment: &'a Environment,
    /// The variables that hold credentials: Git does not get them.
    pub sources: &'a [VariableName],
}

impl Guard<'_> {
    /// Lets a tree with a secret in clear be written under `root`. A folder that is new or ours in a work tree gets a `.gitignore`.
    ///
    /// # Errors
    /// `root` is in a work tree, and Git would take what is written there.
    pub fn tree(&self, root: &Path) -> Result<Option<File>, Failure> {
        let Some(_) = work_tree(root) else { return Ok(None) };
        let new = std::fs::read_dir(root).map_or(true, |mut entries| entries.next().is_none());
        match own_ignore(root) {
            Some(ours) => Ok(Some(ours)),
            None if new => Ok(Some(ignore())),
            None => self.ignored(&root.join("namespaces/any/secret-any.yaml")).map(|()| None),
        }
    }

    /// Lets a file with a secret in clear be written at `path`.
    ///
    /// # Errors
    /// It is in a work tree, and tracked or not ignored.
    pub fn file(&self, path: &Path) -> Result<(), Failure> {
        if work_tree(path).is_some() { self.ignored(path) } else { Ok(()) }
    }

    /// Lets secrets in clear be written to standard output, unless the shell redirects it into a work tree.
    ///
    /// # Errors
    /// It is a file there, tracked or not ignored.
    pub fn stdout(&self) -> Result<(), Failure> {
        match std::fs::read_link("/proc/self/fd/1") {
            Ok(path) if path.is_file() => self.file(&path),
            _ => Ok(()),
        }
    }

    fn ignored(&self, path: &Path) -> Result<(), Failure> {
        let folder = path.ancestors().skip(1).find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
        let status = Command::new("git")
            .current_dir(folder)
            .args(["check-ignore", "--quiet", "--"])
            .arg(path)
            .env_clear()
            .envs(self.environment.without(self.sources))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let what = match status {
            Ok(status) if status.success() => return Ok(()),
            Ok(_) => "where Git tracks it or does not ignore it",
            Err(_) => "and there is no `git` here to say whether that is ignored",
        };
        Err(Failure::of(
            "the output",
            Problem::error("plaintext-in-git", format!("a Secret in clear would be written into a Git work tree, {what}")).hint(
                "write to a path that .gitignore covers, to a new folder (it gets a .gitignore), outside of the work tree, or into a pipe; \
                 --allow-plaintext-in-git insists",
            ),
        ))
    }
}

/// The `.gitignore` that we wrote in this folder of a work tree, if it is there.
#[must_use]
pub fn own_ignore(root: &Path) -> Option<File> {
    let ours = std::fs::read_to_string(root.join(".gitignore")).is_ok_and(|text| text == IGNORE_ALL);
    (ours && work_tree(root).is_some()).then(ignore)
}

fn ignore() -> File {
    let bytes = Zeroizing::new(IGNORE_ALL.as_bytes().to_vec());
    File { path: ".gitignore".to_owned(), bytes, protection: Protection::Public }
}

/// The work tree that the path is or will be in.
fn work_tree(path: &Path) -> Option<PathBuf> {
    let existing = path.ancestors().find(|folder| folder.is_dir())?;
    let existing = existing.canonicalize().ok()?;
    existing.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_path_buf)
}
