//! Counts what was seen of the encrypted files, and decides who may open them.

use std::collections::BTreeSet;

use crate::files::marks::Marks;
use regcred_core::recipient::{Authority, Recipients};

/// What was seen of the encrypted files.
#[derive(Default)]
pub(super) struct Tally {
    /// How many there are.
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
    /// The recipients that the key has signed for.
    pub signed: BTreeSet<String>,
    /// The recipients that marks name without a proof.
    pub named: BTreeSet<String>,
    /// The recipients of what was, or would be, encrypted.
    pub recipients: Recipients,
}

impl Tally {
    /// Adds what the marks of a file say.
    pub(super) fn note(&mut self, marks: &Marks<'_>) {
        self.readdressed += usize::from(marks.seen().readdressed);
        self.finds_one |= marks.finds_one();
        self.signed.append(&mut marks.signed_recipients());
        self.named.append(&mut marks.named_recipients());
    }

    /// The recipients that an earlier run chose, and those that are accepted now. `is_signed` says that the lock shows an earlier run.
    ///
    /// Where the key has signed nothing, as before there was a key, the marks are taken at their word, so that the recipient does not change in
    /// the same run. A document without a mark approves nobody.
    pub(super) fn history(&self, is_signed: bool, accepted: &[String]) -> Authority {
        let known = match self.was_ours || !self.signed.is_empty() || is_signed {
            true => &self.signed,
            false if self.finds_one => &self.named,
            false => return Authority::Nobody,
        };
        Authority::History(known.iter().chain(accepted).cloned().collect())
    }
}
