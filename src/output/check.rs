//! `--check`: the files that a run would write in, how what is there differs from them out. Writes nothing.

use std::fmt;
use std::fs;
use std::io;

use zeroize::Zeroizing;

use super::File;
use super::fingerprint::{Key, Verdict};
use super::git;
use super::lock::{self, Lock};
use super::masked;
use super::path::{Found, TreePath};
use super::root::{Interrupted, Root};
use super::target::Target;
use super::tree::{ignore_file, path_of};
use crate::problem::Failure;
use crate::settings::PlaintextInGit;

/// What can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Everything.
    All,
    /// Not what depends on the logins: in those files it is masked.
    NotTheLogins,
}

impl File {
    /// Whether its content cannot be told without credentials: a secret, or a policy for the registries of the logins.
    fn depends_on_logins(&self) -> bool {
        self.holds_a_secret()
            || self.path.starts_with("cluster/mutatingadmissionpolicy")
            || self.path == "templates/policies.yaml"
    }
}

/// How a file is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is wanted, and not there.
    Missing,
    /// It is as it was written, and something else is wanted now.
    Stale,
    /// It is not as it should be.
    Different,
    /// It was written, and is no longer wanted.
    LeftOver,
    /// It is another's, and in the way.
    NotOurs,
}

/// A file that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its path.
    pub path: String,
    /// What is the matter.
    pub state: State,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "missing",
            Self::Stale => "stale",
            Self::Different => "different",
            Self::LeftOver => "left over",
            Self::NotOurs => "not regcred's",
        })
    }
}

/// Everything in the directory that a run would change.
///
/// # Errors
/// It is a file, or something in it cannot be read.
pub fn tree(
    files: impl Iterator<Item = io::Result<File>>,
    target: &Target<'_>,
    known: Known,
) -> Result<Vec<Difference>, Failure> {
    let at_root = |error| super::failure(&error, "the directory of `--output`");
    let Some(root) = Root::open(target)? else {
        let missing = |file: io::Result<File>| {
            file.map(|file| Difference { path: file.path, state: State::Missing }).map_err(at_root)
        };
        return files.map(missing).collect();
    };
    let mut comparison =
        Comparison { key: Key::read(target.environment), root: &root, known, wanted: Lock::default(), found: vec![] };
    let mut secret = false;
    for file in files {
        let file = file.map_err(at_root)?;
        secret |= file.holds_a_secret();
        comparison.add(&file)?;
    }
    let is_covered = root.ours.files.keys().any(|path| path.as_str() == git::IGNORE_FILE);
    if secret && is_covered && target.plaintext_in_git == PlaintextInGit::Refuse {
        comparison.add(&ignore_file())?;
    }
    Ok(comparison.finish())
}

struct Comparison<'a> {
    root: &'a Root,
    key: Key,
    known: Known,
    wanted: Lock,
    found: Vec<Difference>,
}

impl Comparison<'_> {
    fn add(&mut self, file: &File) -> Result<(), Failure> {
        let path = path_of(file)?;
        let at = |error| super::failure(&error, &format!("`{path}`"));
        let state = match path.find(&self.root.path).map_err(at)? {
            Found::Nothing => Some(State::Missing),
            Found::Other => Some(State::NotOurs),
            Found::File => {
                let bytes = Zeroizing::new(fs::read(path.under(&self.root.path)).map_err(at)?);
                self.compare(&path, file, &bytes)
            }
        };
        self.found.extend(state.map(|state| Difference { path: path.to_string(), state }));
        self.wanted.files.insert(path, self.key.fingerprint(&file.bytes, file.protection));
        Ok(())
    }

    fn compare(&self, path: &TreePath, file: &File, bytes: &[u8]) -> Option<State> {
        let verdict = self.root.ours.files.get(path).map(|known| self.key.verify(known, bytes));
        let known = self.known == Known::All || !file.depends_on_logins();
        let seen = known || (file.holds_a_secret() && !masked::are_same(bytes, &file.bytes));
        match verdict {
            _ if known && *bytes == **file.bytes => None,
            None => Some(State::NotOurs),
            Some(Verdict::Same) => seen.then_some(State::Stale),
            Some(Verdict::Different) if seen || !file.holds_a_secret() => Some(State::Different),
            Some(Verdict::Different | Verdict::Unknown) => seen.then_some(State::Different),
        }
    }

    fn finish(self) -> Vec<Difference> {
        let Self { root, known, wanted, mut found, .. } = self;
        let is_there = |path: &&TreePath| matches!(path.find(&root.path), Ok(Found::File));
        let left_over = root.ours.files.keys().filter(|path| !wanted.files.contains_key(path)).filter(is_there);
        found.extend(left_over.map(|path| Difference { path: path.to_string(), state: State::LeftOver }));
        let listed = root.lock.as_ref().is_some_and(|lock| match known {
            Known::All => lock.agrees_with(&wanted),
            Known::NotTheLogins => lock.files.keys().eq(wanted.files.keys()),
        });
        if found.is_empty() && (!listed || root.interrupted == Interrupted::Yes) {
            let state = if root.lock.is_some() { State::Stale } else { State::Missing };
            found.push(Difference { path: lock::NAME.to_owned(), state });
        }
        found
    }
}
