//! Standing: an entry and what is at its path in, how the one relates to the other out. Follows no link, and writes nothing.

use std::fs;
use std::io;

use zeroize::Zeroizing;

use super::entry::Content;
use super::path::{Found, TreePath};
use super::root::{Root, State};
use crate::output::evidence::fingerprint::{Fingerprint, Key, Verdict};
use crate::output::evidence::{Evidence, Finding, Known};
use crate::output::git;

/// How what is there relates to what is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is there.
    Missing,
    /// Something that is no file of ours is there.
    InTheWay,
    /// It is as it should be, and this is what is known of it.
    Current(Fingerprint),
    /// It is as it was written, and something else is wanted now.
    Stale,
    /// It is as it was written, and encrypted for somebody else than is wanted now.
    Readdressed,
    /// It is as it was written, and encrypted: it cannot be told of which secret.
    Unproven(Fingerprint),
    /// It is another than was written.
    Edited,
    /// It is as the lock says, and whoever wrote that did not have our key.
    Disowned,
    /// It differs from what is wanted, and what was written is not known.
    Unknown,
}

/// Where to look, and what may be asked.
pub struct Observer<'a> {
    /// The directory.
    pub root: &'a Root,
    /// The key of fingerprints.
    pub key: &'a Key,
    /// Whether an encrypted file is asked for its secret.
    pub known: Known,
}

impl Observer<'_> {
    /// Looks.
    ///
    /// # Errors
    /// The file system's, and the serializer's.
    pub fn look(&self, path: &TreePath, content: &Content<'_>) -> io::Result<Standing> {
        // Nothing can stand in a folder that was just made, but our own .gitignore.
        if self.root.state == State::New && path.as_str() != git::IGNORE_FILE {
            return Ok(Standing::Missing);
        }
        match path.find(&self.root.path)? {
            Found::Nothing => return Ok(Standing::Missing),
            Found::Other => return Ok(Standing::InTheWay),
            Found::File => {}
        }
        let known = self.root.ours.files.get(path);
        let bytes = Zeroizing::new(fs::read(path.under(&self.root.path))?);
        match (content, known) {
            (Content::Ready(wanted, protection), _) if *bytes == **wanted => {
                Ok(Standing::Current(self.key.fingerprint(wanted, *protection)))
            }
            (_, None) => Ok(Standing::InTheWay),
            (Content::Ready(..), Some(known)) => Ok(match self.key.verify(known, &bytes) {
                Verdict::Same => Standing::Stale,
                Verdict::Different => Standing::Edited,
                Verdict::Unknown => Standing::Unknown,
            }),
            (Content::Encrypted(encrypted), Some(known)) => {
                let evidence = Evidence::of(&**encrypted, path.as_str())?;
                Ok(match evidence.weigh(known, &bytes, self.key, self.known)? {
                    Finding::Good(fingerprint) => Standing::Current(fingerprint),
                    Finding::Unproven => Standing::Unproven(known.clone()),
                    Finding::Outdated => Standing::Stale,
                    Finding::Readdressed => Standing::Readdressed,
                    Finding::Other => Standing::Edited,
                    Finding::Disowned => Standing::Disowned,
                })
            }
        }
    }
}
