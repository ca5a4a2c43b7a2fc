//! Collects what was seen of the encrypted documents of a file.

use std::collections::{BTreeMap, BTreeSet};

use regcred_core::recipient::{Recipient, Recipients};

/// What was seen of the documents that were asked for.
#[derive(Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each may be seen of one document or another")]
pub struct Seen {
    /// One is missing, or has to be encrypted.
    pub outdated: bool,
    /// Nothing tells which secret one holds.
    pub unproven: bool,
    pub edited: bool,
    /// The mark of one was not signed with the key.
    pub unsigned: bool,
    pub readdressed: bool,
    pub absent: bool,
    /// The mark of one is written again, as the key has changed.
    pub resigned: bool,
    /// The recipients of those that were, or would be, encrypted.
    pub recipients: Recipients,
    /// The recipients that a key has signed for in those that are there.
    pub signed: BTreeSet<String>,
    /// The recipients that could not open the document that is there, with its name.
    pub moved: BTreeMap<Recipient, String>,
}

impl Seen {
    /// Adds who can open a document; `before` are those who can open the one that is there, where a key has signed it.
    pub fn address(&mut self, name: &str, before: Option<&BTreeSet<String>>, recipients: Recipients) {
        let could_not = |one: &&Recipient| before.is_some_and(|before| !before.contains(one.fingerprint()));
        self.moved.extend(recipients.iter().filter(could_not).map(|one| (one.clone(), name.to_owned())));
        self.recipients.extend(recipients);
    }
}
