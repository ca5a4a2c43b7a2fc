//! Plans the changes of a folder group by group, and writes a temporary for each file that changes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufWriter, Write};

use rayon::prelude::*;

use super::compare::{Observer, Seen, hasher};
use super::entry::{Content, Entry};
use super::line::Line;
use super::lock::Lock;
use super::path::TreePath;
use super::root::{Kind, Root, State};
use super::staging::Staging;
use super::tally::Tally;
use super::{Mode, Prepared, warnings};
use crate::files::git::Guard;
use crate::files::marks::key::Key;
use crate::files::marks::{Marks, Outdated};
use crate::files::new_paths::NewPaths;
use crate::files::{self, Protection, WriteError, stream};
use crate::settings::target::Target;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::plan::{self, Action, Change, Encryption, Reason, Wanted};
use regcred_core::recipient::Recipient;
use regcred_core::spec::Open;

/// Fewer plain files than this are not worth a second thread.
const FEW: usize = 64;
/// The text about what happens to an edited file.
pub(super) const REWRITTEN: &str = "and is written again";

/// A run, with its results and files so far.
pub(super) struct Run<'a> {
    pub(super) root: &'a Root,
    pub(super) target: &'a Target<'a>,
    pub(super) key: &'a Key,
    pub(super) mode: Mode,
    pub(super) new_paths: &'a NewPaths,
    pub(super) staging: Option<Staging>,
    pub(super) guard: Option<Guard<'a>>,
    pub(super) lock: Lock,
    pub(super) wanted: BTreeSet<String>,
    pub(super) staged: Vec<(String, usize)>,
    pub(super) holds_a_secret: bool,
    pub(super) tally: Tally,
    pub(super) prepared: Prepared,
}

struct Compared<'a, 'b> {
    entry: Entry<'b>,
    path: Option<TreePath>,
    seen: Seen<'a>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        root: &'a Root,
        target: &'a Target<'a>,
        key: &'a Key,
        mode: Mode,
        new_paths: &'a NewPaths,
    ) -> io::Result<Self> {
        let staging = match mode {
            Mode::Write => {
                root.keep_journal()?;
                Some(Staging::begin(root.staging())?)
            }
            Mode::Check(_) => None,
        };
        Ok(Self {
            root,
            target,
            key,
            mode,
            new_paths,
            staging,
            guard: None,
            lock: Lock::default(),
            wanted: BTreeSet::new(),
            staged: Vec::new(),
            holds_a_secret: false,
            tally: Tally::default(),
            prepared: Prepared::default(),
        })
    }

    /// Plans some entries, and writes the changed files.
    pub(super) fn add(&mut self, entries: Vec<Entry<'_>>) -> Result<(), Failure> {
        self.check_git(&entries)?;
        let encrypts = entries.iter().any(|entry| entry.content.protection() == Protection::Encrypted);
        let mut named = Vec::with_capacity(entries.len());
        for entry in entries {
            if !self.wanted.insert(entry.path.clone()) {
                let message = format!("two objects would both be the file `{}`", entry.path);
                let problem = Diagnostic::error(Code::SameFile, message);
                return Err(Failure::of("the output", problem.hint("give them different names, or use --format yaml")));
            }
            let path = if self.root.kind == Kind::Tree { Some(path_of(&entry.path)?) } else { None };
            named.push((entry, path));
        }
        let observer = self.observer();
        let compared = each(named, encrypts, |(entry, path)| {
            let seen = observer
                .compare(&entry, path.as_ref())
                .map_err(|error| files::unreadable(error, &self.shown(&entry.path)))?;
            Ok(Compared { entry, path, seen })
        })?;
        let wanted = compared.iter().map(|Compared { entry, .. }| self.wanted(entry)).collect();
        let actual = compared.iter().filter_map(|one| Some((one.entry.path.clone(), one.seen.actual?)));
        let changes = plan::between(wanted, actual.collect::<BTreeMap<_, _>>());
        self.prepared.changes.reserve(changes.len());
        let mut to_write = Vec::new();
        for (compared, change) in compared.into_iter().zip(changes) {
            self.note(&compared, &change);
            match change.action {
                Action::Keep => self.keep(compared)?,
                Action::Create | Action::Update => to_write.push((compared, change)),
                Action::Delete | Action::Refuse => self.prepared.changes.push(change),
            }
        }
        // Avoids slow work for a run that fails anyway.
        if self.staging.is_none() || self.refuses() {
            for (compared, change) in to_write {
                self.tally.address(compared.seen.marks.as_ref().map(Marks::seen));
                self.list(compared.path, compared.seen.line);
                self.prepared.changes.push(change);
            }
            return Ok(());
        }
        let written = each(to_write, encrypts, |(compared, change)| {
            let written = self.stage(&compared).map_err(|error| self.failed(error, &compared.entry.path))?;
            let seen = compared.seen.marks.as_ref().map(Marks::seen);
            Ok((written, seen, compared.path, change))
        })?;
        for ((temporary, line), seen, path, change) in written {
            self.tally.address(seen);
            self.staged.extend(temporary.map(|number| (change.path.clone(), number)));
            self.list(path, line);
            self.prepared.changes.push(change);
        }
        Ok(())
    }

    fn wanted(&self, Entry { path, document, content, .. }: &Entry<'_>) -> Wanted {
        let encryption = match content.protection() {
            Protection::Encrypted if self.target.options.reseal.or_default() => Encryption::Always,
            Protection::Encrypted => Encryption::WhenChanged,
            Protection::Public | Protection::Plaintext => Encryption::None,
        };
        Wanted { path: path.clone(), document: document.clone(), encryption }
    }

    pub(super) fn observer(&self) -> Observer<'a> {
        Observer { root: self.root, key: self.key, mode: self.mode }
    }

    /// Collects the messages about a file, and the facts from its marks.
    fn note(&mut self, Compared { entry, seen, .. }: &Compared<'_, '_>, change: &Change) {
        let name = self.shown(&entry.path);
        let is_executed = self.mode == Mode::Write;
        match change.reason {
            _ if seen.is_in_clear => self.tally.in_clear.push(name),
            Reason::Edited if is_executed => self.prepared.warnings.push(warnings::edited(&name, REWRITTEN)),
            Reason::Merged if is_executed => self.prepared.warnings.push(warnings::merged(&name)),
            Reason::Unsigned => self.tally.unsigned.push(name),
            Reason::Unproven => self.prepared.unproven += 1,
            Reason::NotCompared => {
                self.prepared.unproven += usize::from(entry.content.protection() == Protection::Encrypted);
            }
            _ => {}
        }
        if entry.content.protection() == Protection::Encrypted {
            self.tally.encrypted += 1;
            self.tally.was_ours |= seen.was_ours;
        }
        if let Some(marks) = &seen.marks {
            self.tally.signed_files += usize::from(marks.has_signed() && change.reason != Reason::Unsigned);
            // In a fleet, the key of another cluster may have signed it.
            let is_one_of_many = self.target.cluster.is_some();
            self.tally.note(marks, |mark| mark.signature.is_none() || !is_one_of_many);
        }
    }

    fn keep(&mut self, Compared { entry, path, seen }: Compared<'_, '_>) -> Result<(), Failure> {
        self.prepared.unchanged += 1;
        if self.mode == Mode::Write {
            let place = self.root.kind.place(&self.root.path, &entry.path);
            files::protect(&place, entry.content.protection()).map_err(|error| self.failed(error, &entry.path))?;
        }
        let documents = seen.marks.as_ref().map(Marks::seen).unwrap_or_default();
        self.tally.recipients.extend(documents.signed.iter().map(|one| Recipient::named(one)));
        self.tally.address(Some(documents));
        self.list(path, seen.line);
        Ok(())
    }

    fn list(&mut self, path: Option<TreePath>, line: Line) {
        if let Some(path) = path {
            self.lock.add(path, line);
        }
    }

    /// Writes a file under a number, or at its later path in a new tree. Returns the number, and the line of the lock.
    fn stage(&self, Compared { entry, path, seen }: &Compared<'_, '_>) -> Result<(Option<usize>, Line), WriteError> {
        let staging = self.staging.as_ref().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let protection = entry.content.protection();
        let (temporary, file) = match path {
            Some(path) if self.root.state == State::New && path.folders().next().is_some() => {
                (None, staging.create_in_place(path, protection)?)
            }
            _ => {
                let (number, file) = staging.create(protection)?;
                (Some(number), file)
            }
        };
        let outdated = if self.target.options.reseal.or_default() { Outdated::EncryptAll } else { Outdated::Encrypt };
        let mut hasher = hasher(protection, self.key);
        let mut into = BufWriter::with_capacity(
            if matches!(entry.content, Content::Stream(..)) { stream::BUFFER } else { 0 },
            file,
        );
        entry.write(seen.marks.as_ref(), outdated, &mut |part| {
            hasher.update(part);
            into.write_all(part)
        })?;
        into.flush()?;
        if self.root.kind != Kind::Tree {
            into.get_ref().sync_all()?;
        }
        let line = path.as_ref().map_or_else(Line::default, |path| Line::new(path, hasher, protection, self.key));
        Ok((temporary, line))
    }

    pub(super) fn refuses(&self) -> bool {
        self.prepared.changes.iter().any(|change| change.action == Action::Refuse)
    }

    pub(super) fn failed(&self, error: impl Into<WriteError>, path: &str) -> Failure {
        files::failure(error, &self.shown(path))
    }

    pub(super) fn shown(&self, path: &str) -> String {
        self.root.kind.shown(path)
    }
}

/// Does the same for each element, in parallel if that is worth it; the results are in order.
fn each<A: Send, B: Send>(
    some: Vec<A>,
    encrypts: bool,
    work: impl Fn(A) -> Result<B, Failure> + Sync + Send,
) -> Result<Vec<B>, Failure> {
    if some.len() > FEW || (some.len() > 1 && encrypts) {
        some.into_par_iter().map(work).collect()
    } else {
        some.into_iter().map(work).collect()
    }
}

/// The path of a file, or why the text is not one.
fn path_of(path: &str) -> Result<TreePath, Failure> {
    path.parse().map_err(|()| {
        let problem = Diagnostic::error(Code::InvalidPath, "the name of an object cannot be the name of a file");
        Failure::of("the output", problem.hint("use --format yaml"))
    })
}
