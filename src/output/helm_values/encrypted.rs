//! Values encrypted by sops: a file in clear and the one that is there in, the file to write out. One that still holds the same
//! stays as it is.
//!
//! A single file has no lock beside it, so it carries its own line of one: an HMAC, in a comment, of what went in, for whom, and
//! of the ciphertext. sops leaves comments out of what it authenticates.

use std::fs;
use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use crate::output::fingerprint::{Fingerprint, Key, Verdict};
use crate::output::{File, Protection};
use crate::protect::sops::{Form, Sops};
use crate::settings::Reseal;

const OURS: &str = "# Written by regcred";
const MARK: &str = "# regcred fingerprint: ";

/// What is done with a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It is written: encrypted, unless what is there will do.
    Write(Reseal),
    /// It is compared: nothing is encrypted.
    Compare,
}

/// How files are encrypted.
pub struct Encryption<'a> {
    /// By whom.
    pub sops: &'a Sops,
    /// The key of fingerprints.
    pub key: &'a Key,
    /// What for.
    pub purpose: Purpose,
}

impl Encryption<'_> {
    /// The file encrypted, where `place` is what may be there already.
    ///
    /// # Errors
    /// The file system's, and those of sops.
    pub fn apply(&self, file: &File, form: Form, place: &Path) -> io::Result<File> {
        let text = std::str::from_utf8(&file.bytes).map_err(|_| io::ErrorKind::InvalidData)?;
        let (head, body) = split(text);
        let recipient = self.sops.recipient(&file.path, form)?;
        // What else than a readable file may be there is for the writer to say.
        let there = fs::read_to_string(place).ok().map(Zeroizing::new);
        let (there_head, there_body) = there.as_deref().map(|text| split(text)).unwrap_or_default();
        let kept = self.is_current(there_head, there_body, body, &recipient);
        let ciphertext = match self.purpose {
            Purpose::Write(Reseal::WhenChanged) | Purpose::Compare if kept == Verdict::Same => there_body.to_owned(),
            Purpose::Compare if kept == Verdict::Unknown => {
                // Whether it holds the same cannot be told.
                return Ok(encrypted(file, there.as_deref().map(|text| text.as_bytes().to_vec()).unwrap_or_default()));
            }
            Purpose::Compare => String::new(),
            Purpose::Write(_) => {
                let bytes = self.sops.encrypt_text(body, &file.path, form)?;
                String::from_utf8(bytes.to_vec()).map_err(|_| io::ErrorKind::InvalidData)?
            }
        };
        let head = if head.is_empty() { format!("{OURS}.\n") } else { head.to_owned() };
        let fingerprint = self.key.fingerprint(&material(body, &recipient, &ciphertext), Protection::Plaintext);
        let mark = match serde_json::to_string(&fingerprint) {
            Ok(text) if fingerprint != Fingerprint::default() => format!("{MARK}{text}\n"),
            _ => String::new(),
        };
        Ok(encrypted(file, [head, mark, ciphertext].concat().into_bytes()))
    }

    /// Whether the ciphertext that is there is of this body for this recipient, as its own line says.
    fn is_current(&self, head: &str, ciphertext: &str, body: &str, recipient: &[u8]) -> Verdict {
        let written = head.lines().find_map(|line| line.strip_prefix(MARK));
        match written.and_then(|text| serde_json::from_str::<Fingerprint>(text).ok()) {
            Some(fingerprint) => self.key.verify(&fingerprint, &material(body, recipient, ciphertext)),
            // Without a key nothing was written down, and nothing can be told.
            None if self.key.fingerprint(b"", Protection::Plaintext) == Fingerprint::default() => Verdict::Unknown,
            None => Verdict::Different,
        }
    }
}

fn encrypted(file: &File, bytes: Vec<u8>) -> File {
    File { path: file.path.clone(), bytes: Zeroizing::new(bytes), protection: Protection::Encrypted }
}

/// What a fingerprint is of: each part with its length.
fn material(body: &str, recipient: &[u8], ciphertext: &str) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(body.len() + recipient.len() + ciphertext.len() + 24));
    for part in [body.as_bytes(), recipient, ciphertext.as_bytes()] {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

/// The comments at the beginning, and the rest.
fn split(text: &str) -> (&str, &str) {
    let length = text.split_inclusive('\n').take_while(|line| line.starts_with('#')).map(str::len).sum();
    text.split_at(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comments_at_the_beginning_are_the_head() {
        assert_eq!(split("# a\n# b\nc: 1\n# d\n"), ("# a\n# b\n", "c: 1\n# d\n"));
        assert_eq!(split("c: 1\n"), ("", "c: 1\n"));
        assert_eq!(split("# a"), ("# a", ""));
        assert_eq!(split(""), ("", ""));
    }

    #[test]
    fn no_byte_moves_between_the_parts_of_a_fingerprint() {
        assert_ne!(material("ab", b"c", ""), material("a", b"bc", ""));
        assert_ne!(material("ab", b"", "c"), material("ab", b"c", ""));
    }
}
