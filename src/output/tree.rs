//! A tree of files: files in, a directory that holds exactly them out, whole or not at all.
//!
//! Everything is first written under `.regcred-new`, then renamed into place; `regcred.lock` comes last. Killed at any moment, each
//! file is old or new, and the next run completes the rest: the new lock, still under `.regcred-new`, tells which files are ours.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use secrecy::SecretString;

use super::lock::{self, Entry, Lock};
use super::{File, Protection};
use crate::problem::{Failure, Problem};

const STAGE: &str = ".regcred-new";

/// What happened to the files.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// New or different ones.
    pub written: usize,
    /// Those that were current.
    pub unchanged: usize,
    /// Ours, and no longer wanted.
    pub removed: usize,
    /// What did not stop the work.
    pub warnings: Vec<Problem>,
}

/// How a tree differs from what it should be.
#[derive(Debug, PartialEq, Eq)]
pub enum Difference {
    /// The file is not there.
    Missing(String),
    /// Its bytes are others.
    Outdated(String),
    /// It is ours, and no longer wanted.
    LeftOver(String),
}

/// What can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Everything.
    All,
    /// Not what depends on the logins: of those files only whether they are there.
    NotTheLogins,
}

/// Makes `root` hold these files: writes what differs, removes what is ours and stale, never touches another's.
///
/// # Errors
/// A file that is not ours stands where one of these goes, or the file system refuses: then nothing has changed, or the next run
/// completes it.
pub fn write(
    root: &Path,
    files: impl Iterator<Item = io::Result<File>>,
    key: Option<&SecretString>,
) -> Result<Written, Failure> {
    let failed = |error: io::Error| super::failure(&error, "the directory of `--output`");
    let stage = root.join(STAGE);
    directory_or_new(root)?;
    let old = recover(root, &stage)?;
    folder(&stage).map_err(failed)?;
    let staged = stage_all(root, &stage, files, &old, key);
    let (lock, mut written, renames) = match staged {
        Ok(staged) => staged,
        Err(failure) => {
            // The failure is what the user must hear of; the next run clears the stage, too.
            let _ = fs::remove_dir_all(&stage);
            return Err(failure);
        }
    };
    let text = lock.to_text();
    create(&stage.join(lock::NAME), text.as_bytes(), Protection::Public).map_err(failed)?;
    for path in &renames {
        let target = root.join(path);
        target.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
        fs::rename(stage.join(path), target).map_err(failed)?;
    }
    for path in old.files.keys().filter(|path| !lock.files.contains_key(*path)) {
        written.removed += remove(root, path).map_err(failed)?;
    }
    if fs::read_to_string(root.join(lock::NAME)).is_ok_and(|current| current == text) {
        fs::remove_dir_all(&stage).map_err(failed)?;
        return Ok(written);
    }
    fs::rename(stage.join(lock::NAME), root.join(lock::NAME))
        .and_then(|()| fs::remove_dir_all(&stage))
        .map_err(failed)?;
    Ok(written)
}

/// How `root` differs from these files. Writes nothing.
///
/// # Errors
/// A file or the lock cannot be read.
pub fn check(
    root: &Path,
    files: impl Iterator<Item = io::Result<File>>,
    known: Known,
) -> Result<Vec<Difference>, Failure> {
    directory_or_new(root)?;
    let mut differences = Vec::new();
    let mut ours = Lock::read(&root.join(lock::NAME))?.files;
    for file in files {
        let file = file.map_err(|error| super::failure(&error, "a manifest"))?;
        ours.remove(&file.path);
        let compared = known == Known::All || !file.depends_on_logins();
        match fs::read(root.join(&file.path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => differences.push(Difference::Missing(file.path)),
            Err(error) => return Err(super::failure(&error, "a file under `--output`")),
            Ok(bytes) if compared && bytes != *file.bytes => differences.push(Difference::Outdated(file.path)),
            Ok(_) => {}
        }
    }
    differences
        .extend(ours.into_keys().filter(|path| root.join(path).symlink_metadata().is_ok()).map(Difference::LeftOver));
    Ok(differences)
}

impl File {
    /// Whether its content cannot be told without credentials: a secret, or a policy for the registries of the logins.
    fn depends_on_logins(&self) -> bool {
        self.protection == Protection::Plaintext
            || self.path.starts_with("cluster/mutatingadmissionpolicy")
            || self.path == "templates/policies.yaml"
    }
}

fn directory_or_new(root: &Path) -> Result<(), Failure> {
    if root.is_dir() || root.symlink_metadata().is_err() {
        return Ok(());
    }
    let problem = Problem::error("not-a-directory", "`--output` is a file, and this shape is several files");
    Err(Failure::of("the output", problem.hint("name a directory, or choose `--shape yaml`")))
}

/// The files that are ours, after a run that was killed, too: its lock is still on the stage.
fn recover(root: &Path, stage: &Path) -> Result<Lock, Failure> {
    let failed = |error: io::Error| super::failure(&error, "the directory of `--output`");
    let mut lock = Lock::read(&root.join(lock::NAME))?;
    if stage.symlink_metadata().is_ok() {
        let killed = Lock::read(&stage.join(lock::NAME)).unwrap_or_default();
        if killed.files.keys().any(|path| !lock.files.contains_key(path)) {
            for (path, entry) in killed.files {
                lock.files.entry(path).or_insert(entry);
            }
            let noted = stage.join("recovered");
            create(&noted, lock.to_text().as_bytes(), Protection::Public)
                .and_then(|()| fs::rename(&noted, root.join(lock::NAME)))
                .map_err(failed)?;
        }
        fs::remove_dir_all(stage).map_err(failed)?;
    }
    if !lock.files.keys().all(|path| is_inside(path)) {
        let problem = Problem::error("invalid-lock", format!("{} names a file outside of its directory", lock::NAME));
        return Err(Failure::of("the output", problem.hint("take the last good version from Git")));
    }
    Ok(lock)
}

fn is_inside(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

type Staged = (Lock, Written, Vec<String>);

fn stage_all(
    root: &Path,
    stage: &Path,
    files: impl Iterator<Item = io::Result<File>>,
    old: &Lock,
    key: Option<&SecretString>,
) -> Result<Staged, Failure> {
    let failed = |error: io::Error| super::failure(&error, "the directory of `--output`");
    let (mut entries, mut written, mut renames, mut problems) =
        (BTreeMap::new(), Written::default(), Vec::new(), Vec::new());
    for file in files {
        let file = file.map_err(failed)?;
        let entry = Entry::of(&file, key);
        match state(root, &file, old).map_err(failed)? {
            State::Current => written.unchanged += 1,
            State::Foreign => problems.push(
                Problem::error(
                    "not-ours",
                    format!("`{}` under `--output` is there, and regcred did not write it", file.path),
                )
                .hint("move it away, or choose another directory"),
            ),
            differing => {
                if differing == State::Edited {
                    let warning = Problem::warning(
                        "edited-by-hand",
                        format!("`{}` was edited since regcred wrote it, and is written anew", file.path),
                    );
                    written.warnings.push(warning.hint("change what regcred is given instead"));
                }
                let target = stage.join(&file.path);
                target
                    .parent()
                    .map_or(Ok(()), fs::create_dir_all)
                    .and_then(|()| create(&target, &file.bytes, file.protection))
                    .map_err(failed)?;
                renames.push(file.path.clone());
                written.written += 1;
            }
        }
        entries.insert(file.path, entry);
    }
    Failure::unless_clean("the output", &problems)?;
    Ok((Lock::new(entries), written, renames))
}

#[derive(PartialEq, Eq)]
enum State {
    Absent,
    Current,
    Outdated,
    Edited,
    Foreign,
}

fn state(root: &Path, file: &File, old: &Lock) -> io::Result<State> {
    let path = root.join(&file.path);
    if is_behind_a_link(root, &path) {
        return Ok(State::Foreign);
    }
    let metadata = match path.symlink_metadata() {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound) => return Ok(State::Absent),
        other => other?,
    };
    let entry = old.files.get(&file.path);
    if !metadata.is_file() {
        return Ok(State::Foreign);
    }
    let bytes = zeroize::Zeroizing::new(fs::read(&path)?);
    if *bytes == *file.bytes && has_mode(&metadata, file.protection) {
        return Ok(State::Current);
    }
    let Some(entry) = entry else { return Ok(State::Foreign) };
    let found = File { path: String::new(), bytes, protection: Protection::Public };
    let edited = entry.sha256.is_some() && Entry::of(&found, None).sha256 != entry.sha256;
    Ok(if edited { State::Edited } else { State::Outdated })
}

/// Whether a folder between the root and the file is a link, which leads to another's files.
fn is_behind_a_link(root: &Path, path: &Path) -> bool {
    path.ancestors().skip(1).take_while(|folder| *folder != root).any(Path::is_symlink)
}

#[cfg(unix)]
fn has_mode(metadata: &fs::Metadata, protection: Protection) -> bool {
    use std::os::unix::fs::PermissionsExt;
    protection == Protection::Public || metadata.permissions().mode().trailing_zeros() >= 6
}

#[cfg(not(unix))]
fn has_mode(_: &fs::Metadata, _: Protection) -> bool {
    true
}

fn folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Creates a file that was not there, with its mode from the start.
pub(super) fn create(path: &Path, bytes: &[u8], protection: Protection) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(
        &mut options,
        if protection == Protection::Plaintext { 0o600 } else { 0o644 },
    );
    options.open(path)?.write_all(bytes)
}

/// Removes a file and the folders that it leaves empty; says how many files that were.
fn remove(root: &Path, path: &str) -> io::Result<usize> {
    let target: PathBuf = root.join(path);
    if is_behind_a_link(root, &target) {
        return Ok(0);
    }
    match fs::remove_file(&target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        other => other?,
    }
    for folder in target.ancestors().skip(1).take_while(|folder| *folder != root) {
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
    Ok(1)
}
