//! Completes a plan: leftover files, files in the way, the recipients, and the lock.

use std::collections::{BTreeMap, BTreeSet};

use super::approved::Approved;
use super::path::{LOCK, TreePath};
use super::publish::Pending;
use super::root::{Kind, State};
use super::run::{REWRITTEN, Run};
use super::{Mode, Prepared, compare, lock, warnings};
use crate::files::marks::Known;
use crate::files::{self, git, product};
use crate::protect::approval;
use regcred_core::diagnostic::{Code, Diagnostic, Failure, Severity};
use regcred_core::plan::{self, Action, Change, History, Reason};
use regcred_core::recipient::{Authority, Recipient};

impl Run<'_> {
    /// The changes, and the files that wait to be published.
    /// Errors: a file of somebody else is in the way, a login is in clear, a recipient is not approved, or the file system refuses.
    pub(super) fn finish(mut self) -> Result<(Prepared, Option<Pending>), Failure> {
        self.add_settings_of_git()?;
        match self.refuse_what_is_in_the_way() {
            Err(refusal) if self.mode == Mode::Write => return Err(refusal),
            result => self.prepared.refusal = result.err(),
        }
        let left_over = self.plan_left_over()?;
        self.check_uncovered(&left_over)?;
        self.check_what_is_in_clear()?;
        self.check_recipients()?;
        self.lock.approved =
            Approved::next(&self.root.ours.approved, &self.tally.recipients, self.key).into_iter().collect();
        self.warn();
        if let Mode::Check(known) = self.mode {
            self.compare_lock(known);
            return Ok((self.prepared, None));
        }
        self.seal(left_over)
    }

    fn plan_left_over(&mut self) -> Result<Vec<TreePath>, Failure> {
        let observer = self.observer();
        let mut actual = BTreeMap::new();
        for (path, lines) in self.root.ours.files.iter().filter(|(path, _)| !self.wanted.contains(path.as_str())) {
            let there = observer
                .left_over(path, lines)
                .map_err(|error| files::unreadable(error, &self.shown(path.as_str())))?;
            actual.extend(there.map(|there| (path.to_string(), there)));
        }
        let is_edited: BTreeSet<_> =
            actual.iter().filter(|(_, there)| there.history == History::Edited).map(|(path, _)| path.clone()).collect();
        let mut left_over = Vec::new();
        for change in plan::between(Vec::new(), actual) {
            let name = self.shown(&change.path);
            if self.mode == Mode::Write && is_edited.contains(&change.path) {
                let what = match change.action {
                    Action::Delete => "and is removed: nothing asks for it any more",
                    _ => "and stays, though nothing asks for it any more",
                };
                self.prepared.warnings.push(warnings::edited(&name, what));
            }
            if change.action == Action::Delete {
                left_over.extend(change.path.parse::<TreePath>());
                self.prepared.changes.push(change);
            }
        }
        Ok(left_over)
    }

    fn refuse_what_is_in_the_way(&self) -> Result<(), Failure> {
        const NAMED: usize = 10;
        let refused: Vec<_> = self.prepared.changes.iter().filter(|change| change.action == Action::Refuse).collect();
        let [first, ..] = refused.as_slice() else { return Ok(()) };
        let mut obstacles: Vec<_> = refused.iter().map(|change| self.obstacle(&change.path)).collect();
        obstacles.dedup();
        let mut names: Vec<_> = obstacles.iter().take(NAMED).map(|path| self.shown(path)).collect();
        if obstacles.len() > NAMED {
            names.push(format!("{} more", obstacles.len() - NAMED));
        }
        let (are, them) = if names.len() == 1 { ("is", "it") } else { ("are", "them") };
        let is_ours = |path: &&str| compare::starts_as_ours(&self.root.path.join(path)).unwrap_or(false);
        let looks_like_ours = obstacles.iter().any(is_ours);
        let is_lost = looks_like_ours && self.root.state == State::Unlisted;
        let message = match obstacles.as_slice() {
            _ if is_lost => format!("`{LOCK}` is missing, so nothing proves that regcred wrote {}", names.join(", ")),
            [only] if *only != first.path => {
                format!("`{only}` is a file or a link, and should be a folder: regcred did not write it")
            }
            [only] if self.root.path.join(only).is_dir() => {
                format!("{} is a directory, and should be a file", names[0])
            }
            _ => format!("{} {are} there, and regcred did not write {them}", names.join(", ")),
        };
        let restore = lock::restore_or_remove();
        let hint = if is_lost {
            &*restore
        } else if looks_like_ours {
            "this looks like regcred's and is not in `regcred.lock`, as when a merge took only one side of it: take both, with \
             `git checkout --merge regcred.lock` in that folder, or delete the file; then render again: nothing was written there"
        } else {
            "choose another --output, or move it away: nothing was written there"
        };
        Err(Failure::of("the output", Diagnostic::error(Code::NotOurs, message).hint(hint)))
    }

    /// The obstacle for a file: its first parent that is not a folder, or something in its own place.
    fn obstacle<'a>(&self, path: &'a str) -> &'a str {
        let is_no_folder =
            |parent: &&str| self.root.path.join(parent).symlink_metadata().is_ok_and(|metadata| !metadata.is_dir());
        path.match_indices('/').map(|(end, _)| &path[..end]).find(is_no_folder).unwrap_or(path)
    }

    /// If a login is in clear where it should be encrypted, a comparison fails. A run replaces the file, and warns.
    fn check_what_is_in_clear(&mut self) -> Result<(), Failure> {
        if self.tally.in_clear.is_empty() {
            return Ok(());
        }
        let problem = warnings::in_clear(&self.tally.in_clear);
        if self.mode != Mode::Write {
            return Err(Failure::of("the output", problem));
        }
        self.prepared.warnings.push(Diagnostic { severity: Severity::Warning, ..problem });
        Ok(())
    }

    /// Refuses recipients without approval, before anything is published.
    fn check_recipients(&mut self) -> Result<(), Failure> {
        let listed = approval::listed(self.target.environment);
        // If the lock is missing, a run fails. A comparison says so even without the key.
        let may_be_lost = self.mode != Mode::Write && listed.is_none() && self.root.state == State::Unlisted;
        let is_lost = may_be_lost && self.tally.finds_one;
        let authority = match listed {
            Some(list) => Authority::List(list),
            None if is_lost => Authority::History(self.target.accepted().iter().cloned().collect()),
            None if !self.key.is_there() => Authority::Nobody,
            None => self.history(),
        };
        let shown: Vec<_> = self.tally.recipients.iter().map(|one| one.fingerprint().to_owned()).collect();
        if authority == Authority::Nobody && self.key.is_there() && self.mode == Mode::Write && !shown.is_empty() {
            self.prepared.warnings.push(warnings::first(&shown));
        }
        let refused = authority.refuse(&self.tally.recipients);
        let is_accepted = |one: &Recipient| self.target.accepted().iter().any(|accepted| accepted == one.fingerprint());
        let problem = match (&authority, refused.as_slice()) {
            (Authority::List(_), [_, ..]) => approval::not_listed(&refused),
            (Authority::History(known), []) if !is_lost || !known.is_empty() => {
                let moved = self.tally.moved.iter().find(|(recipient, _)| !is_accepted(recipient));
                let Some((recipient, document)) = moved else { return Ok(()) };
                warnings::moved(document, recipient)
            }
            (Authority::List(_) | Authority::Nobody, []) => return Ok(()),
            (Authority::History(_) | Authority::Nobody, _) => warnings::refused(&refused, self.root),
        };
        if self.mode == Mode::Write || is_lost {
            return Err(Failure::of("the output", problem));
        }
        let differs = self.prepared.changes.iter().any(Change::differs);
        if self.root.state == State::Listed && !differs && !self.root.ours.has_conflict {
            self.prepared.changes.push(stale_lock());
        }
        self.tally.readdressed = 0;
        self.prepared.warnings.push(Diagnostic { severity: Severity::Warning, ..problem });
        for change in self.prepared.changes.iter_mut().filter(|change| change.reason == Reason::AnotherRecipient) {
            change.action = Action::Refuse;
        }
        Ok(())
    }

    /// The approved recipients of this folder or file, and the recipients that are accepted now.
    fn history(&self) -> Authority {
        let ours = &self.root.ours;
        let approved = match self.root.kind {
            Kind::Tree => Approved::latest(&ours.approved, self.key).map(|(_, approved)| approved),
            Kind::File(_) => self.tally.of_a_single_file(),
        };
        // A signed line of the lock shows an earlier run, even without its documents. A journal may be of an interrupted first run.
        let is_signed = !self.root.has_journal && ours.lines().any(|(path, line)| line.is_signed(path, self.key));
        self.tally.history(approved, is_signed, self.target.accepted())
    }

    fn warn(&mut self) {
        let (tally, warnings) = (&self.tally, &mut self.prepared.warnings);
        let is_executed = self.mode == Mode::Write;
        let replaces = self.prepared.changes.iter().any(|change| change.action == Action::Update);
        if is_executed && self.root.ours.has_conflict {
            warnings.insert(0, warnings::conflict());
        }
        if is_executed && tally.encrypted > 0 && !self.key.is_there() && (self.root.kind == Kind::Tree || replaces) {
            warnings.push(warnings::no_key());
        }
        if tally.signed_files > 0 {
            let edited = tally.unsigned.iter().filter(|_| is_executed);
            warnings.extend(edited.map(|name| warnings::edited(name, REWRITTEN)));
        } else if !tally.unsigned.is_empty() {
            warnings.push(warnings::unsigned(tally.unsigned.len()));
        }
        let is_missing = |change: &Change| change.reason == Reason::Missing;
        if self.root.state == State::Listed
            && self.prepared.changes.iter().any(is_missing)
            && git::is_sparse(&self.root.path)
        {
            warnings.push(warnings::sparse());
        }
        if tally.readdressed > 0 {
            // A run with the key or with a list has refused every recipient without approval.
            let is_approved = self.key.is_there() || approval::listed(self.target.environment).is_some();
            let tell = if is_executed && is_approved { warnings::reencrypted } else { warnings::readdressed };
            warnings.push(tell(tally.readdressed));
        }
    }

    /// Compares the lock that a run would write with the existing one.
    fn compare_lock(&mut self, known: Known) {
        if self.root.kind != Kind::Tree {
            return;
        }
        let ours = &self.root.ours;
        let has_lock = self.root.state == State::Listed;
        let agrees = match known {
            Known::All => ours.agrees_with(&self.lock),
            Known::NotTheLogins => ours.files.keys().eq(self.lock.files.keys()),
        };
        let approves = !self.key.is_there() || Approved::agree(&ours.approved, &self.lock.approved);
        let is_current = has_lock && agrees && approves && !self.root.is_interrupted;
        let differs = self.prepared.changes.iter().any(Change::differs);
        if ours.has_conflict || (!has_lock && self.refuses()) || (!differs && !is_current) {
            let missing = Change { action: Action::Create, reason: Reason::Missing, ..stale_lock() };
            self.prepared.changes.push(if has_lock { stale_lock() } else { missing });
        }
    }

    /// Writes the journal, and returns the work that remains.
    fn seal(mut self, left_over: Vec<TreePath>) -> Result<(Prepared, Option<Pending>), Failure> {
        let Some(staging) = self.staging.take() else { return Ok((self.prepared, None)) };
        let writes =
            self.prepared.changes.iter().any(|change| matches!(change.action, Action::Create | Action::Update))
                || !self.staged.is_empty();
        let is_tree = self.root.kind == Kind::Tree;
        let is_listed = !is_tree || (self.root.state == State::Listed && self.root.ours == self.lock);
        if !writes && left_over.is_empty() && is_listed {
            return Ok((self.prepared, None));
        }
        let mut all = self.lock.files.keys().chain(&left_over);
        if !left_over.is_empty() && all.any(|path| product::CLUSTER_FILES.contains(&path.as_str())) {
            self.prepared.warnings.push(warnings::of_another_format(left_over.len()));
        }
        let lock = if is_tree {
            let is_new = self.root.state == State::New;
            let journal = staging.seal(&self.lock, is_new).map_err(|error| files::failure(error, "the lock"))?;
            (!is_listed).then_some(journal)
        } else {
            None
        };
        let (root, kind) = (self.root.path.clone(), self.root.kind.clone());
        let pending = Pending { root, kind, staged: self.staged, left_over, lock, staging, turn: None };
        Ok((self.prepared, Some(pending)))
    }
}

fn stale_lock() -> Change {
    Change { path: LOCK.to_owned(), document: None, action: Action::Update, reason: Reason::Stale }
}
