//! Checks with Git before the first secret is written, and writes the files that are meant for Git.

use std::fs;
use std::io::{self, Write};

use super::clear::in_clear;
use super::entry::Entry;
use super::path::TreePath;
use super::run::Run;
use super::{Mode, read, root::Kind};
use crate::files::File;
use crate::files::git::{self, Guard};
use regcred_core::diagnostic::{Code, Diagnostic, Failure};

/// The file that keeps Git from changing line ends, and lets Git merge the lock.
const ATTRIBUTES_FILE: &str = ".gitattributes";
const ATTRIBUTES: &[u8] = b"# Written by regcred\n* -text\nregcred.lock merge=union\n";

impl Run<'_> {
    /// Checks with Git before the first secret is written; a folder of ours gets its `.gitignore` now.
    pub(super) fn check_git(&mut self, entries: &[Entry<'_>]) -> Result<(), Failure> {
        self.holds_a_secret |= entries.iter().any(Entry::holds_a_secret);
        if self.mode != Mode::Write || entries.iter().all(|entry| !entry.holds_a_secret()) {
            return Ok(());
        }
        let secrets = entries.iter().filter(|entry| entry.holds_a_secret());
        let staging = self.root.staging();
        if let Kind::File(_) = &self.root.kind {
            let folder = self.target.path.parent().unwrap_or(&self.root.path);
            let outputs: Vec<_> = entries.iter().map(|entry| self.root.kind.place(folder, &entry.path)).collect();
            for Entry { path, .. } in secrets {
                let place = self.root.kind.place(folder, path);
                git::check_file(&place, &self.root.kind.shown(path), outputs.clone(), self.target)?;
            }
            return Guard::new(self.target, outputs).check_temporaries(&staging);
        }
        if self.guard.is_none() {
            if self.is_to_be_covered() {
                let path = self.root.path.join(git::IGNORE_FILE);
                if path.symlink_metadata().is_err() {
                    let place = || fs::File::create_new(&path)?.write_all(git::IGNORE_ALL);
                    place().map_err(|error| self.failed(error, git::IGNORE_FILE))?;
                    self.new_paths.add(path);
                }
            }
            let mut guard = Guard::new(self.target, [self.root.path.clone()]);
            guard.check_temporaries(&staging)?;
            self.guard = Some(guard);
        }
        let root = &self.root.path;
        let places = secrets.map(|Entry { path, .. }| (root.join(path), format!("`{path}`")));
        self.guard.as_mut().map_or(Ok(()), |guard| guard.check(places))
    }

    fn is_to_be_covered(&self) -> bool {
        !self.target.allows_plaintext_in_git() && self.root.takes_settings_of_git(git::IGNORE_FILE)
    }

    /// Adds the files for Git: `.gitignore` if a secret is in clear, `.gitattributes` otherwise.
    pub(super) fn add_settings_of_git(&mut self) -> Result<(), Failure> {
        if self.root.kind != Kind::Tree {
            return Ok(());
        }
        let covered = match self.mode {
            Mode::Write => self.is_to_be_covered(),
            Mode::Check(_) => self.is_to_be_covered() && self.root.lists(git::IGNORE_FILE),
        };
        let (name, bytes) = match self.holds_a_secret {
            true if covered => (git::IGNORE_FILE, git::IGNORE_ALL),
            false if self.root.takes_settings_of_git(ATTRIBUTES_FILE) => (ATTRIBUTES_FILE, ATTRIBUTES),
            _ => return Ok(()),
        };
        let (unchanged, changes) = (self.prepared.unchanged, self.prepared.changes.len());
        self.add(vec![Entry { head: Vec::new(), ..File::public(name, bytes).into() }])?;
        // The user did not ask for this file.
        self.prepared.unchanged = unchanged;
        if self.mode == Mode::Write && !self.refuses() {
            self.prepared.changes.truncate(changes);
        }
        Ok(())
    }

    /// Refuses to remove our `.gitignore` while another file in the folder holds a login in clear, because Git would add that file.
    pub(super) fn check_uncovered(&self, left_over: &[TreePath]) -> Result<(), Failure> {
        let goes = |path: &str| left_over.iter().any(|gone| gone.as_str() == path);
        if self.mode != Mode::Write
            || !goes(git::IGNORE_FILE)
            || self.target.allows_plaintext_in_git()
            || !git::in_work_tree(&self.root.path)
        {
            return Ok(());
        }
        let (mut folders, mut left) = (vec![self.root.path.clone()], Vec::new());
        let staging = self.root.staging();
        while let Some(folder) = folders.pop() {
            let each = || fs::read_dir(&folder)?.collect::<io::Result<Vec<_>>>();
            for place in each().map_err(|error| self.failed(error, "."))?.into_iter().map(|entry| entry.path()) {
                let path = place.strip_prefix(&self.root.path).unwrap_or(&place).to_string_lossy().into_owned();
                match place.symlink_metadata() {
                    Ok(there) if there.is_dir() && place != staging => folders.push(place),
                    Ok(there) if there.is_file() && !self.wanted.contains(&path) && !goes(&path) => {
                        let is_free = read::text(&place).is_ok_and(|text| !text.is_some_and(|text| in_clear(&text)));
                        left.extend((!is_free).then(|| self.shown(&path)));
                    }
                    _ => {}
                }
            }
        }
        left.sort_unstable();
        let problem = |name| {
            let message = format!(
                "{name} may hold a login in clear; regcred would remove the `.gitignore` that keeps this file out of Git"
            );
            Diagnostic::error(Code::PlaintextInGit, message)
                .hint("delete this file, or move it out of the folder, and run the same command again")
        };
        Failure::unless_clean("the output", &left.into_iter().map(problem).collect::<Vec<_>>())
    }
}
