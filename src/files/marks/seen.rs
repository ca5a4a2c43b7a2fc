//! Collects facts about the encrypted documents of a file.

use std::collections::{BTreeMap, BTreeSet};

use regcred_core::recipient::{Recipient, Recipients};

/// Facts about the documents that were asked for.
#[derive(Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact about any of the documents")]
pub struct Seen {
    /// A document is missing, or has to be encrypted.
    pub outdated: bool,
    /// It is not known which secret a document holds.
    pub unproven: bool,
    pub edited: bool,
    pub unsigned: bool,
    pub readdressed: bool,
    pub absent: bool,
    /// The mark of a document is written again, because the key has changed.
    pub resigned: bool,
    /// The recipients of the documents: reused, encrypted, or to be encrypted.
    pub recipients: Recipients,
    /// The recipients in the signed marks of the existing documents.
    pub signed: BTreeSet<String>,
    /// The recipients that could not open the existing document, with its name.
    pub moved: BTreeMap<Recipient, String>,
}

impl Seen {
    /// Adds the recipients of a document; `before` has the recipients of the existing document, if a key has signed it.
    pub fn address(&mut self, name: &str, before: Option<&BTreeSet<String>>, recipients: Recipients) {
        let could_not = |one: &&Recipient| before.is_some_and(|before| !before.contains(one.fingerprint()));
        self.moved.extend(recipients.iter().filter(could_not).map(|one| (one.clone(), name.to_owned())));
        self.recipients.extend(recipients);
    }
}
