//! Counts the encrypted files that were seen, and decides who may open them.

use std::collections::{BTreeMap, BTreeSet};

use crate::files::marks::Marks;
use crate::files::marks::mark::Mark;
use crate::files::marks::seen::Seen;
use regcred_core::recipient::{Authority, Recipient, Recipients};

/// The facts about the encrypted files that were seen.
#[derive(Default)]
pub(super) struct Tally {
    pub encrypted: usize,
    pub unsigned: Vec<String>,
    /// The files that hold a login in clear.
    pub in_clear: Vec<String>,
    pub signed_files: usize,
    /// The number of files for other recipients than the wanted ones.
    pub readdressed: usize,
    /// Whether the lock proves that there was a file whose marks are gone.
    pub was_ours: bool,
    pub finds_one: bool,
    /// The recipients in the signed marks of the wanted documents.
    pub signed: BTreeSet<String>,
    /// The recipients in all signed marks.
    pub signed_anywhere: BTreeSet<String>,
    pub named: BTreeSet<String>,
    /// The recipients of the wanted documents: kept, encrypted, or to be encrypted.
    pub recipients: Recipients,
    /// The recipients who could not open a document before, with its name.
    pub moved: BTreeMap<Recipient, String>,
}

impl Tally {
    /// Adds the marks of a file; `named` gets the recipients of the marks that `is_believed` accepts.
    pub(super) fn note(&mut self, marks: &Marks<'_>, is_believed: impl Fn(&Mark) -> bool) {
        let Seen { readdressed, mut signed, .. } = marks.seen();
        self.readdressed += usize::from(readdressed);
        self.finds_one |= marks.finds_one();
        self.signed.append(&mut signed);
        self.signed_anywhere.append(&mut marks.signed_recipients());
        self.named.append(&mut marks.named_recipients(is_believed));
    }

    /// Adds the recipients of the wanted documents of a file.
    pub(super) fn address(&mut self, seen: Option<Seen>) {
        let Seen { recipients, moved, .. } = seen.unwrap_or_default();
        self.recipients.extend(recipients);
        self.moved.extend(moved);
    }

    /// The recipients of a single file, which has no lock: those in signed marks of the wanted documents, else in any signed mark.
    pub(super) fn of_a_single_file(&self) -> Option<BTreeSet<String>> {
        [&self.signed, &self.signed_anywhere].into_iter().find(|signed| !signed.is_empty()).cloned()
    }

    /// The recipients that an earlier run has approved, and the recipients that are accepted now. `is_signed` says that the lock shows an
    /// earlier run.
    ///
    /// If the key has signed nothing, as in files from before the key, unsigned marks count, so that the recipient does not change in the
    /// same run. A document without a mark approves no recipient.
    pub(super) fn history(
        &self,
        approved: Option<BTreeSet<String>>,
        is_signed: bool,
        accepted: &[String],
    ) -> Authority {
        let known = match approved {
            Some(approved) => approved,
            None if self.was_ours || is_signed || !self.signed_anywhere.is_empty() => BTreeSet::new(),
            None if self.finds_one => self.named.clone(),
            None => return Authority::Nobody,
        };
        Authority::History(known.into_iter().chain(accepted.iter().cloned()).collect())
    }
}
