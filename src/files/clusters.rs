//! Finds the folders of a fleet, also the folders of removed clusters.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::folder::path;
use super::folder::turn::{self, Turn};
use super::git;
use super::new_paths::NewPaths;
use crate::settings::{Destination, Settings};
use regcred_core::diagnostic::{Code, Diagnostic, Failure};

pub struct Folders {
    paths: Vec<PathBuf>,
    directory: PathBuf,
    writes: bool,
    pub compares: bool,
}

impl Folders {
    /// The folders of these clusters; their relative paths begin at `directory`.
    pub fn of(members: &[Settings], directory: &Path) -> Self {
        let is = |meant: fn(&Destination) -> bool| members.iter().any(|settings| meant(&settings.destination));
        Self {
            paths: members.iter().filter_map(Settings::folder).map(|path| directory.join(path)).collect(),
            directory: directory.to_path_buf(),
            writes: is(|destination| matches!(destination, Destination::Write(_))),
            compares: is(|destination| matches!(destination, Destination::Check(_))),
        }
    }

    /// A warning for each folder with our lock that belongs to no cluster any more: a tool that reads all folders still applies it.
    ///
    /// The folder stays, because another regcred.yaml may write its clusters to the same place.
    pub fn left_over(&self) -> Vec<Diagnostic> {
        let known: HashSet<_> = self.paths.iter().map(PathBuf::as_path).collect();
        let Some(root) = self.paths.first().and_then(|folder| folder.parent()) else { return Vec::new() };
        let mut gone: Vec<_> = fs::read_dir(root)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| !known.contains(path.as_path()) && path.join(path::LOCK).is_file())
            .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
            .collect();
        gone.sort_unstable();
        let warning = |name: String| {
            let message =
                format!("regcred wrote `{name}` under `--output`, but regcred.yaml has no cluster of that name");
            Diagnostic::warning(Code::ClusterGone, message).hint(
                "remove the folder, if no other regcred.yaml writes it: a tool that reads all folders still applies it",
            )
        };
        gone.into_iter().map(warning).collect()
    }

    /// Locks the folder of all clusters, so that two runs for several clusters work one after the other. A folder that is created
    /// here is added to `new_paths`. Errors: another run holds the lock too long, or the folder cannot be created.
    pub fn take_turn(&self, new_paths: &NewPaths) -> Result<Option<Turn>, Failure> {
        let [path, _, ..] = self.paths.as_slice() else { return Ok(None) };
        if !self.writes {
            return Ok(None);
        }
        allow_open_files(self.paths.len())?;
        let folder = path.parent().unwrap_or(path);
        git::check_place(folder)?;
        let name = "the directory of `--output`";
        super::check_folder(folder, &self.directory, name)?;
        new_paths.create_folder(folder).map_err(|error| super::failure(error, name))?;
        turn::take_turn(folder, turn::A_MINUTE)
    }
}

/// Room for the files that are not folders of clusters.
const OTHER_FILES: usize = 32;

/// Raises the limit of open files, so that this many clusters can wait at once: each holds its folder open.
fn allow_open_files(clusters: usize) -> Result<(), Failure> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // If the limit cannot be raised, it stays: perhaps it is high enough.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    if let Some(limit) = maximum
        && usize::try_from(limit).is_ok_and(|limit| limit < clusters + OTHER_FILES)
    {
        let message = format!("{clusters} clusters are too many at once: a program may open {limit} files here");
        let hint = "raise the limit (`ulimit -n`), or render fewer at a time with --cluster: nothing was written";
        return Err(Failure::of("the output", Diagnostic::error(Code::TooManyClusters, message).hint(hint)));
    }
    Ok(())
}

impl Settings {
    /// The folder of a cluster of a fleet.
    pub(super) fn folder(&self) -> Option<&Path> {
        match (&self.cluster, &self.destination) {
            _ if self.combination.format.is_one_file() => None,
            (Some(_), Destination::Write(path) | Destination::Check(path)) => Some(path),
            _ => None,
        }
    }
}
