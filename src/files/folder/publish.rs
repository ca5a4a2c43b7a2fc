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

/// The work that remains for a folder. Many folders wait at once, so it holds nothing about unchanged files.
pub(super) struct Pending {
    pub root: PathBuf,
    pub kind: Kind,
    /// The files that wait under a number.
    pub staged: Vec<(String, usize)>,
    pub left_over: Vec<TreePath>,
    /// The journal that becomes the lock.
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
            let (from, to) = (self.staging.temporary(*number), self.kind.place(Path::new(""), path));
            let moved = act(Act::Put(&from), &self.root, &to);
            moved.map_err(|error| files::failure(error, &self.kind.shown(path)))?;
        }
        // Our `.gitignore` has the first name, so it goes last: it covers Secrets that are still there.
        for path in self.left_over.iter().rev() {
            remove(path, &self.root).map_err(|error| files::failure(error, &self.kind.shown(path.as_str())))?;
        }
        if let Some(lock) = &self.lock {
            staging::publish_journal(lock, &self.root).map_err(|error| files::failure(error, "the lock"))?;
        }
        self.staging.finish().map_err(at)?;
        drop(self.turn);
        Ok(())
    }

    /// Moves each folder of a new tree as a whole: it is complete, and the target has no folders yet.
    fn publish_folders(&self) -> io::Result<()> {
        let publish = |entry: fs::DirEntry| act(Act::Put(&entry.path()), &self.root, Path::new(&entry.file_name()));
        match fs::read_dir(self.staging.tree()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            folders => folders?.try_for_each(|entry| publish(entry?)),
        }
    }
}

/// Removes a file of ours and the folders that it leaves empty.
fn remove(path: &TreePath, root: &Path) -> io::Result<()> {
    let Found::File = path.find(root)? else { return Ok(()) };
    act(Act::RemoveFile, root, Path::new(path.as_str()))?;
    // A folder that is not empty stays, with its other files.
    let _ = path.folders().try_for_each(|folder| act(Act::RemoveFolder, root, Path::new(folder)));
    Ok(())
}

#[derive(Clone, Copy)]
enum Act<'a> {
    /// Moves something there, and creates the folders that are missing.
    Put(&'a Path),
    RemoveFile,
    RemoveFolder,
}

/// Acts on a path, and follows no link in place of the root or a folder below it, even if the link is created at this moment.
fn act(act: Act<'_>, root: &Path, path: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, Mode, OFlags, mkdirat, openat, renameat, unlinkat};
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut folder = openat(CWD, root, flags, Mode::empty())?;
    for part in path.parent().into_iter().flat_map(Path::components) {
        let open = || openat(&folder, part, flags, Mode::empty());
        folder = match open() {
            Err(rustix::io::Errno::NOENT) => mkdirat(&folder, part, Mode::from(0o777)).and_then(|()| open()),
            opened => opened,
        }?;
    }
    let name = path.file_name().unwrap_or_default();
    match act {
        Act::Put(from) => renameat(CWD, from, folder, name)?,
        Act::RemoveFile => unlinkat(folder, name, AtFlags::empty())?,
        Act::RemoveFolder => unlinkat(folder, name, AtFlags::REMOVEDIR)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::files::Protection;

    #[expect(clippy::disallowed_methods, reason = "a fixture")]
    /// Publishes new files and removes leftover files, after the folder `team` became a link.
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
                problem.contains(&format!("`{path}` cannot be written")) && problem.contains("became a link"),
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
        let root = folder.path().join("root");
        let error = act(Act::RemoveFile, &root, Path::new("team/old.yaml")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotADirectory);
        act(Act::RemoveFolder, &root, Path::new("team/deep")).unwrap_err();
        assert!(folder.path().join("target/old.yaml").is_file() && folder.path().join("target/deep").is_dir());
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a fixture")]
    fn a_root_that_became_a_link_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let [root, target, new] = ["root", "target", "new"].map(|name| folder.path().join(name));
        fs::create_dir(&target).unwrap();
        fs::write(&new, "kind: Secret").unwrap();
        symlink(&target, &root).unwrap();
        act(Act::Put(&new), &root, Path::new("new")).unwrap_err();
        assert!(fs::read_dir(target).unwrap().next().is_none());
    }
}
