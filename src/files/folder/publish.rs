//! Moves staged files to their places, and removes leftover files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::held::Held;
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
        let root = Held::open(&self.root).map_err(at)?;
        self.publish_folders(&root).map_err(at)?;
        for (path, number) in &self.staged {
            let place = self.kind.place(Path::new(""), path);
            root.put(&self.staging.temporary(*number), &place).map_err(|error| match self.kind {
                Kind::Tree => files::failure(error, &format!("`{path}`")),
                Kind::File(_) => at(error),
            })?;
        }
        for path in &self.left_over {
            self.remove(path, &root).map_err(|error| files::failure(error, &format!("`{path}`")))?;
        }
        if let Some(lock) = &self.lock {
            staging::publish_journal(lock, &self.root).map_err(|error| files::failure(error, "the lock"))?;
        }
        self.staging.finish().map_err(at)?;
        drop(self.turn);
        Ok(())
    }

    /// The folders of a new tree are complete, and there are no others.
    fn publish_folders(&self, root: &Held) -> io::Result<()> {
        let folders = match fs::read_dir(self.staging.tree()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            folders => folders?,
        };
        for entry in folders {
            let entry = entry?;
            root.put(&entry.path(), Path::new(&entry.file_name()))?;
        }
        Ok(())
    }

    /// Removes a file of ours and the folders that it leaves empty.
    fn remove(&self, path: &TreePath, root: &Held) -> io::Result<()> {
        let Found::File = path.find(&self.root)? else { return Ok(()) };
        root.remove_file(Path::new(path.as_str()))?;
        // A folder that is not empty stays, with its other files.
        let _ = path.folders().try_for_each(|folder| root.remove_folder(Path::new(folder)));
        Ok(())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::files::Protection;

    /// A run with one new file and one leftover file, both in a folder that becomes a link when the files are staged.
    fn publish_through_a_link(new: &[&str], left_over: &[&str]) -> (tempfile::TempDir, Result<(), Failure>) {
        let folder = tempfile::tempdir().unwrap();
        let [root, target] = ["root", "target"].map(|name| folder.path().join(name));
        fs::create_dir_all(root.join("team/deep")).unwrap();
        fs::create_dir_all(target.join("deep")).unwrap();
        fs::write(target.join("old.yaml"), "of somebody else").unwrap();
        let staging = Staging::begin(root.join(".regcred-new")).unwrap();
        let stage = |path: &&str| {
            let (number, mut file) = staging.create(Protection::Plaintext).unwrap();
            file.write_all(b"kind: Secret").unwrap();
            ((*path).to_owned(), number)
        };
        let staged = new.iter().map(stage).collect();
        let left_over = left_over.iter().map(|path| path.parse().unwrap()).collect();
        fs::rename(root.join("team"), root.join("moved")).unwrap();
        symlink(&target, root.join("team")).unwrap();
        let kind = Kind::Tree;
        let result = Pending { root, kind, staged, left_over, lock: None, staging, turn: None }.publish();
        (folder, result)
    }

    #[test]
    fn no_file_goes_through_a_folder_that_became_a_link() {
        for path in ["team/new.yaml", "team/deep/new.yaml", "team/missing/new.yaml"] {
            let (folder, result) = publish_through_a_link(&["other/new.yaml", path], &[]);
            let problem = format!("{:?}", result.unwrap_err());
            assert!(
                problem.contains(&format!("`{path}` cannot be written")) && problem.contains("a link"),
                "{problem}"
            );
            let names = |path: &str| fs::read_dir(folder.path().join(path)).unwrap().count();
            assert_eq!((names("target"), names("target/deep")), (2, 0), "{path}");
            assert!(folder.path().join("root/other/new.yaml").is_file(), "other folders are created");
        }
    }

    #[test]
    fn no_file_is_removed_through_a_folder_that_became_a_link() {
        let (folder, _) = publish_through_a_link(&[], &["team/old.yaml"]);
        assert!(folder.path().join("target/old.yaml").is_file());
        let root = Held::open(&folder.path().join("root")).unwrap();
        let error = root.remove_file(Path::new("team/old.yaml")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotADirectory);
        root.remove_folder(Path::new("team/deep")).unwrap_err();
        assert!(folder.path().join("target/old.yaml").is_file() && folder.path().join("target/deep").is_dir());
    }

    #[test]
    fn a_root_that_became_a_link_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        symlink("/", folder.path().join("root")).unwrap();
        assert!(Held::open(&folder.path().join("root")).is_err());
    }
}
