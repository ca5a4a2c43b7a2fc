//! Opens the folder of `--output`, and finds out which of its files are ours, also after a killed run.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::compare;
use super::lock::{self, Lock};
use super::path;
use super::read;
use super::staging;
use super::turn::{A_MINUTE, A_SECOND, Turn, take_turn};
use crate::environment::place::is_root;
use crate::files;
use crate::files::git::{self, IGNORE_ALL, IGNORE_FILE};
use crate::files::new_paths::NewPaths;
use crate::settings::target::Target;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};

/// A folder, and the facts about it.
pub struct Root {
    pub path: PathBuf,
    pub kind: Kind,
    pub state: State,
    /// Our files: the files in the lock, and the files in the journal of a killed run.
    pub ours: Lock,
    /// Whether an earlier run left its temporaries.
    pub is_interrupted: bool,
    /// Whether a run was killed while it published, so that lines of its journal are missing in the lock.
    pub has_journal: bool,
    /// Held until the end, so that only one run works at a time.
    pub turn: Option<Turn>,
}

/// The kind of place that `--output` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A folder with a lock.
    Tree,
    /// One file in a folder of somebody else, or a few related files: its name.
    File(OsString),
}

/// The state of a folder before the run writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The folder is empty: no file can be lost or in the way. Also the folder of a single file, which has no lock.
    New,
    /// The folder has files, but no lock.
    Unlisted,
    /// The folder has a lock, or a journal with lines for one.
    Listed,
}

impl Root {
    /// Opens the folder for writing, and creates it if it does not exist. The files of a killed run are added to the lock.
    /// Errors: it is a file, cannot be created or read, its lock is malformed, or another run works in it.
    pub fn create(target: &Target<'_>, kind: Kind, new_paths: &NewPaths) -> Result<Self, Failure> {
        let at = |error: io::Error| files::failure(error, kind.name());
        let folder = kind.folder(target)?;
        new_paths.create_folder(folder).map_err(at)?;
        let path = folder.canonicalize().map_err(at)?;
        let turn = take_turn(&path, if kind == Kind::Tree { A_SECOND } else { A_MINUTE })?;
        let mut root = Self::read(path, kind)?;
        root.turn = turn;
        root.check_nesting()?;
        Ok(root)
    }

    /// Opens the folder for reading; a missing one is empty.
    /// Errors: it is a file, or its lock is malformed.
    pub fn open(target: &Target<'_>, kind: Kind) -> Result<Self, Failure> {
        let folder = kind.folder(target)?;
        let root = match folder.canonicalize() {
            Ok(path) => Self::read(path, kind)?,
            Err(_) => Self::empty(folder.to_path_buf(), kind, State::New),
        };
        root.check_nesting()?;
        Ok(root)
    }

    fn empty(path: PathBuf, kind: Kind, state: State) -> Self {
        Self { path, kind, state, ours: Lock::default(), is_interrupted: false, has_journal: false, turn: None }
    }

    fn read(path: PathBuf, kind: Kind) -> Result<Self, Failure> {
        let mut root = Self::empty(path, kind, State::New);
        if root.kind != Kind::Tree {
            return Ok(root);
        }
        let listed = Lock::read(&root.path.join(path::LOCK))?;
        let journal = staging::journal(&root.path)?;
        root.is_interrupted = root.staging().symlink_metadata().is_ok();
        root.state = match (&listed, &journal) {
            (Some(_), _) => State::Listed,
            (None, None) if is_empty(&root.path) => State::New,
            (None, _) => State::Unlisted,
        };
        root.ours = listed.unwrap_or_default();
        let Lock { files, approved, .. } = journal.unwrap_or_default();
        for (name, lines) in files {
            for line in lines {
                root.has_journal |= root.ours.add(name.clone(), line);
            }
        }
        for line in approved {
            root.has_journal |= lock::add(&mut root.ours.approved, line);
        }
        if root.has_journal {
            root.state = State::Listed;
        }
        Ok(root)
    }

    /// Copies the lines of the journal into the lock, before the journal is discarded.
    /// Errors: the file system's.
    pub fn keep_journal(&self) -> io::Result<()> {
        if self.kind == Kind::Tree && self.has_journal {
            staging::publish_lock(&self.path, &self.ours)?;
        }
        Ok(())
    }

    /// Refuses a new tree in another tree, or directly around one: a tool that reads the outer tree applies the inner objects too.
    /// Errors: there is such a tree.
    fn check_nesting(&self) -> Result<(), Failure> {
        if self.kind != Kind::Tree || self.state == State::Listed {
            return Ok(());
        }
        let is_a_tree = |folder: &Path| compare::has_our_header(&folder.join(path::LOCK)).unwrap_or(false);
        let mut entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        let place = self.path.ancestors().find_map(|folder| folder.canonicalize().ok()).unwrap_or_default();
        let top = place.ancestors().find(|folder| is_root(folder));
        let uid = |path: &Path| path.metadata().map(|there| there.uid()).ok();
        // Outside of a work tree, a folder above may be another user's.
        let is_related = |folder: &Path| match top {
            Some(top) => folder.starts_with(top),
            None => uid(&folder.join(path::LOCK)) == uid(&place),
        };
        let output = self.kind.name();
        let outer = place.ancestors().find(|folder| is_a_tree(folder) && is_related(folder));
        let (what, hint) = if let Some(outer) = outer {
            (format!("{output} belongs to the tree {}", outer.display()), "name a folder outside of it")
        } else if let Some(inner) = entries.find(|entry| is_a_tree(&entry.path())) {
            (
                format!("`{}` in {output} is a tree", inner.file_name().display()),
                "name another folder, or the inner one",
            )
        } else {
            return Ok(());
        };
        let message = format!("{what}, as its `{}` says, and trees are not nested", path::LOCK);
        let hint = format!("{hint}; if no run writes that tree any more, remove it first");
        Err(Failure::of("the output", Diagnostic::error(Code::NotOurs, message).hint(hint)))
    }

    /// Refuses a folder where a file or link, such as a committed link, is in the way of the temporaries.
    /// Errors: something is in the way.
    pub fn check_staging(&self) -> Result<(), Failure> {
        match self.staging().symlink_metadata() {
            Ok(metadata) if !metadata.is_dir() => {
                let what = if self.kind == Kind::Tree { "`.regcred-new`" } else { "a file beside it" };
                let message = format!("{what} is in the way, so {} cannot be written", self.kind.name());
                let problem = Diagnostic::error(Code::NotOurs, message).hint("remove it: new files wait there");
                Err(Failure::of("the output", problem))
            }
            _ => Ok(()),
        }
    }

    /// The path of its temporaries.
    pub fn staging(&self) -> PathBuf {
        self.path.join(match &self.kind {
            Kind::Tree => path::STAGING.to_owned(),
            Kind::File(name) => path::staging_beside(name),
        })
    }

    /// Whether to write a settings file for Git: the lock lists it, or the folder is in a work tree, and is empty or has our `.gitignore`.
    pub fn takes_settings_of_git(&self, name: &str) -> bool {
        let is_ours = || is_empty(&self.path) || self.has_our_ignore_file();
        self.kind == Kind::Tree && (self.lists(name) || (git::in_work_tree(&self.path) && is_ours()))
    }

    pub fn lists(&self, name: &str) -> bool {
        self.ours.files.keys().any(|path| path.as_str() == name)
    }

    fn has_our_ignore_file(&self) -> bool {
        read::text(&self.path.join(IGNORE_FILE)).is_ok_and(|text| text.is_some_and(|text| **text == *IGNORE_ALL))
    }
}

impl Kind {
    /// The path of a file in a folder. The name of a single file may be no UTF-8.
    pub fn place(&self, folder: &Path, path: &str) -> PathBuf {
        match self {
            Self::File(name) if name.to_string_lossy() == path => folder.join(name),
            Self::File(_) | Self::Tree => folder.join(path),
        }
    }

    /// Its name in messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Tree => "the directory of `--output`",
            Self::File(_) => "the file of `--output`",
        }
    }

    /// The name of a file in messages: what the user typed after `--output` is not repeated.
    pub fn shown(&self, path: &str) -> String {
        match self {
            Self::Tree => format!("`{path}`"),
            Self::File(name) if name.to_string_lossy() == path => self.name().to_owned(),
            Self::File(_) if path.ends_with(".guard.yaml") => "the policies beside the file of `--output`".to_owned(),
            Self::File(_) => "the Secret beside the file of `--output`".to_owned(),
        }
    }

    fn folder<'a>(&self, target: &'a Target<'_>) -> Result<&'a Path, Failure> {
        let folder = match self {
            Self::Tree if target.path.exists() && !target.path.is_dir() => {
                let message = "there is a file where the directory of `--output` should be";
                let problem = Diagnostic::error(Code::NotADirectory, message);
                return Err(Failure::of("the output", problem.hint("name a directory, or move the file away")));
            }
            Self::Tree => &target.path,
            Self::File(_) => {
                check_file(&target.path)?;
                target.path.parent().ok_or_else(a_directory)?
            }
        };
        files::check_folder(folder, target.environment.directory(), self.name())?;
        Ok(folder)
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder)
        .is_ok_and(|mut entries| entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == path::STAGING)))
}

/// Refuses a path that cannot be replaced as a file.
/// Errors: it is a directory, a link, a pipe or a device.
pub fn check_file(path: &Path) -> Result<(), Failure> {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_file() => Ok(()),
        Ok(_) if path.is_dir() => Err(a_directory()),
        Ok(_) => {
            let message = "`--output` is a link, a pipe or a device, and not a file that can be replaced";
            let hint = "name a file, or leave --output out and redirect standard output";
            Err(Failure::of("the output", Diagnostic::error(Code::NotAFile, message).hint(hint)))
        }
        Err(_) => Ok(()),
    }
}

pub(super) fn a_directory() -> Failure {
    let problem = Diagnostic::error(Code::IsADirectory, "`--output` is a directory, and this format is one file");
    Failure::of("the output", problem.hint("name a file, or use --format directory"))
}
