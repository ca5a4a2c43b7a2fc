//! `--check`: the files that a run would write in, how what is there differs from them out. Writes nothing.

use std::fmt;
use std::fs;
use std::io;

use zeroize::Zeroizing;

use super::entry::{Content, Entry};
use super::lock::{Lock, Merge};
use super::path::{self, Found, TreePath};
use super::root::{self, Interrupted, Root};
use super::standing::{Addressee, Observer, Standing};
use super::tally::Tally;
use super::{AT_ONCE, each, ignore_file, path_of};
use crate::files::evidence::Known;
use crate::files::evidence::carried::Purpose;
use crate::files::evidence::fingerprint::{Fingerprint, Key};
use crate::files::target::Target;
use crate::files::{self, Protection, git, masked};
use crate::settings::PlaintextInGit;
use regcred_core::diagnostic::{Diagnostic, Failure};

impl Content<'_> {
    /// Whether its bytes cannot be told without credentials: a secret in clear, or perhaps a policy for the registries of the logins.
    fn depends_on_logins(&self, path: &TreePath) -> bool {
        let path = path.as_str();
        self.protection() == Protection::Plaintext
            || path.starts_with("cluster/mutatingadmissionpolicy")
            || path == "templates/policies.yaml"
            || matches!(self, Self::Stream(_))
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

/// What a comparison has found.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Everything in the directory that a run would change.
    pub differences: Vec<Difference>,
    /// How many encrypted files are as they were written, and of which secret could not be told.
    pub unproven: usize,
    /// What there is to say of many encrypted files at once.
    pub warnings: Vec<Diagnostic>,
}

/// Compares the directory with what a run would make of it.
///
/// # Errors
/// It is a file, or something in it cannot be read.
pub fn tree<'a>(
    mut entries: impl Iterator<Item = io::Result<Entry<'a>>>,
    target: &Target<'_>,
    known: Known,
) -> Result<Comparison, Failure> {
    let at_root = |error| files::failure(&error, "the directory of `--output`");
    let key = Key::read(target.environment)?;
    let Some(root) = Root::open(target, &key)? else {
        let missing = |entry: io::Result<Entry<'_>>| {
            entry.map(|entry| Difference { path: entry.path, state: State::Missing }).map_err(at_root)
        };
        let differences = entries.map(missing).collect::<Result<_, _>>()?;
        return Ok(Comparison { differences, ..Comparison::default() });
    };
    let observer = Observer { root: &root, key: &key, known };
    let mut run = Run { observer, wanted: Lock::default(), tally: Tally::default(), found: Comparison::default() };
    let mut secret = false;
    loop {
        let some: Vec<_> = entries.by_ref().take(AT_ONCE).collect::<io::Result<_>>().map_err(at_root)?;
        if some.is_empty() {
            break;
        }
        secret |= some.iter().any(Entry::holds_a_secret);
        run.add(some)?;
    }
    let is_covered = root.ours.files.keys().any(|path| path.as_str() == git::IGNORE_FILE);
    if secret && is_covered && target.plaintext_in_git == PlaintextInGit::Refuse {
        run.add(vec![ignore_file().into()])?;
    }
    Ok(run.finish())
}

struct Run<'a> {
    observer: Observer<'a>,
    wanted: Lock,
    tally: Tally,
    found: Comparison,
}

/// What is known of a wanted file, or how what is there differs from it.
struct Seen {
    path: TreePath,
    protection: Protection,
    standing: Standing,
    addressee: Addressee,
    fingerprint: Fingerprint,
    state: Option<State>,
}

impl Run<'_> {
    fn add(&mut self, entries: Vec<Entry<'_>>) -> Result<(), Failure> {
        let wanted = entries
            .into_iter()
            .map(|Entry { path, content }| Ok((path_of(path)?, content)))
            .collect::<Result<_, _>>()?;
        for seen in each(wanted, |(path, content)| self.see(path, &content))? {
            let Seen { path, protection, standing, addressee, fingerprint, state } = seen;
            self.found.differences.extend(state.map(|state| Difference { path: path.to_string(), state }));
            self.found.unproven += usize::from(matches!(standing, Standing::Unproven(_)));
            if protection == Protection::Encrypted {
                self.tally.add(&path, (&standing, addressee));
            }
            self.wanted.files.insert(path, fingerprint);
        }
        Ok(())
    }

    fn see(&self, path: TreePath, content: &Content<'_>) -> Result<Seen, Failure> {
        let at = |error| files::failure(&error, &format!("`{path}`"));
        let known = self.observer.known == Known::All || !content.depends_on_logins(&path);
        let (standing, addressee) = self.observer.look(&path, content).map_err(at)?;
        let state = match &standing {
            Standing::Missing => Some(State::Missing),
            Standing::InTheWay => Some(State::NotOurs),
            Standing::Stale if known || self.differs_beyond_logins(&path, content).map_err(at)? => Some(State::Stale),
            Standing::Readdressed => Some(State::Stale),
            Standing::Disowned | Standing::Merged => Some(State::Different),
            Standing::Edited if content.protection() != Protection::Plaintext => Some(State::Different),
            Standing::Edited | Standing::Unknown
                if known || self.differs_beyond_logins(&path, content).map_err(at)? =>
            {
                Some(State::Different)
            }
            Standing::Current(_) | Standing::Unproven(_) | Standing::Stale | Standing::Edited | Standing::Unknown => {
                None
            }
        };
        let fingerprint = match (&standing, content) {
            (Standing::Current(fingerprint) | Standing::Unproven(fingerprint), _) => fingerprint.clone(),
            (_, Content::Ready(bytes, protection)) => self.observer.key.fingerprint(bytes, *protection),
            (_, Content::Encrypted(_) | Content::Stream(_)) => Fingerprint::default(),
        };
        Ok(Seen { path, protection: content.protection(), standing, addressee, fingerprint, state })
    }

    /// Whether a file is another also where what depends on the logins is masked.
    fn differs_beyond_logins(&self, path: &TreePath, content: &Content<'_>) -> io::Result<bool> {
        let Observer { root, key, known } = self.observer;
        let place = path.under(&root.path);
        Ok(match content {
            Content::Ready(bytes, _) => !masked::are_same(&Zeroizing::new(fs::read(place)?), bytes),
            Content::Stream(file) => {
                let carried = file.carried(Some(&place), key, Purpose::Compare(known))?;
                let write = |into: &mut dyn io::Write| file.write(carried.as_ref(), into);
                !masked::is_same_as_file(&write, &mut fs::File::open(place)?)?
                    || carried.as_ref().is_some_and(|carried| !carried.is_current())
            }
            Content::Encrypted(_) => false,
        })
    }

    fn finish(self) -> Comparison {
        let Self { observer: Observer { root, known, .. }, wanted, tally, mut found } = self;
        found.warnings = tally.warnings();
        let is_there = |path: &&TreePath| matches!(path.find(&root.path), Ok(Found::File));
        let left_over = root.ours.files.keys().filter(|path| !wanted.files.contains_key(path)).filter(is_there);
        found.differences.extend(left_over.map(|path| Difference { path: path.to_string(), state: State::LeftOver }));
        let has_lock = root.state == root::State::Listed;
        let listed = has_lock
            && match known {
                Known::All => root.ours.agrees_with(&wanted),
                Known::NotTheLogins => root.ours.files.keys().eq(wanted.files.keys()),
            };
        let current = listed && root.interrupted == Interrupted::No;
        if root.ours.merge != Merge::Settled || (found.differences.is_empty() && !current) {
            let state = if has_lock { State::Stale } else { State::Missing };
            found.differences.push(Difference { path: path::LOCK.to_owned(), state });
        }
        found
    }
}
