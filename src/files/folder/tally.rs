//! Counts what was seen of the encrypted files, and decides who may open them.

use std::collections::{BTreeMap, BTreeSet};

use crate::files::marks::Marks;
use crate::files::marks::mark::Mark;
use crate::files::marks::seen::Seen;
use regcred_core::recipient::{Authority, Recipient, Recipients};

/// What was seen of the encrypted files.
#[derive(Default)]
pub(super) struct Tally {
    pub encrypted: usize,
    /// Those whose marks the key has not signed.
    pub unsigned: Vec<String>,
    /// How many have marks that it has signed.
    pub signed_files: usize,
    /// How many are for other recipients than are wanted.
    pub readdressed: usize,
    /// Whether the lock proves that one was there, of which the marks are gone.
    pub was_ours: bool,
    /// Whether an encrypted document is there, signed or not.
    pub finds_one: bool,
    /// The recipients that the key has signed for in the documents that are wanted.
    pub signed: BTreeSet<String>,
    /// The recipients that it has signed for in any document.
    pub signed_anywhere: BTreeSet<String>,
    /// The recipients that marks name without a proof.
    pub named: BTreeSet<String>,
    /// The recipients of what is kept, and of what was, or would be, encrypted.
    pub recipients: Recipients,
    /// Those of them who could not open a document before, with its name.
    pub moved: BTreeMap<Recipient, String>,
}

impl Tally {
    /// Adds what the marks of a file say; of those that no key has signed, only these are taken at their word.
    pub(super) fn note(&mut self, marks: &Marks<'_>, is_believed: impl Fn(&Mark) -> bool) {
        let Seen { readdressed, mut signed, .. } = marks.seen();
        self.readdressed += usize::from(readdressed);
        self.finds_one |= marks.finds_one();
        self.signed.append(&mut signed);
        self.signed_anywhere.append(&mut marks.signed_recipients());
        self.named.append(&mut marks.named_recipients(is_believed));
    }

    /// Adds the recipients of what was, or would be, encrypted.
    pub(super) fn address(&mut self, seen: Option<Seen>) {
        let Seen { recipients, moved, .. } = seen.unwrap_or_default();
        self.recipients.extend(recipients);
        self.moved.extend(moved);
    }

    /// The recipients of a single file, which has no lock: those of the documents that are wanted, where a key has signed any of them.
    pub(super) fn of_a_single_file(&self) -> Option<BTreeSet<String>> {
        [&self.signed, &self.signed_anywhere].into_iter().find(|signed| !signed.is_empty()).cloned()
    }

    /// The recipients that an earlier run has approved, and those that are accepted now. `is_signed` says that the lock shows an earlier run.
    ///
    /// Where the key has signed nothing, as before there was a key, the marks are taken at their word, so that the recipient does not change in
    /// the same run. A document without a mark approves nobody.
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
