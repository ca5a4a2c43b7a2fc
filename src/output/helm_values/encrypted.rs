//! Values encrypted by sops: a file in clear and the one that is there in, the file to write out. One that still holds the same
//! stays as it is.
//!
//! A single file has no lock beside it, so it carries its own line of one, in a comment: a hash of the ciphertext, a hash of what
//! stands in clear and for whom, and with a key an HMAC of all that went in. sops leaves comments out of what it authenticates.

use std::fs;
use std::io;
use std::path::Path;

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::output::check::Known;
use crate::output::fingerprint::{Digest, Fingerprint, Key, Verdict};
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
    /// It is compared, as far as this is known: nothing is encrypted.
    Compare(Known),
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
        let wanted = Wanted {
            body,
            recipients: self.sops.recipients_in_variables()?,
            public: self.sops.public(body, &file.path, form)?,
            form,
        };
        // What else than a readable file may be there is for the writer to say.
        let there = fs::read_to_string(place).ok().map(Zeroizing::new);
        let (there_head, there_body) = there.as_deref().map(|text| split(text)).unwrap_or_default();
        let written = there_head.lines().find_map(|line| line.strip_prefix(MARK));
        let written = written.and_then(|text| serde_json::from_str::<Fingerprint>(text).ok());
        let kept = written.as_ref().map_or(Verdict::Different, |written| self.judge(written, there_body, &wanted));
        let (fingerprint, ciphertext) = match (self.purpose, kept) {
            (Purpose::Write(Reseal::WhenChanged), Verdict::Same)
            | (Purpose::Compare(_), Verdict::Same | Verdict::Unknown) => {
                (written.unwrap_or_default(), there_body.to_owned())
            }
            (Purpose::Compare(_), Verdict::Different) => Default::default(),
            (Purpose::Write(_), _) => {
                let bytes = self.sops.encrypt_text(body, &file.path, form)?;
                let text = String::from_utf8(bytes.to_vec()).map_err(|_| io::ErrorKind::InvalidData)?;
                (self.fingerprint(&text, &wanted), text)
            }
        };
        let head = if head.is_empty() { format!("{OURS}.\n") } else { head.to_owned() };
        let mark = format!("{MARK}{}\n", serde_json::to_string(&fingerprint)?);
        Ok(encrypted(file, [head, mark, ciphertext].concat().into_bytes()))
    }

    fn fingerprint(&self, ciphertext: &str, wanted: &Wanted<'_>) -> Fingerprint {
        Fingerprint {
            sha256: Digest::of(ciphertext.as_bytes()),
            context: Digest::of(&wanted.public),
            hmac: self.hmac(ciphertext, wanted),
        }
    }

    /// What only the key can tell: of which body, and for whom, the ciphertext is.
    fn hmac(&self, ciphertext: &str, wanted: &Wanted<'_>) -> Option<Digest> {
        self.key.bind(&SecretString::from(wanted.body), [&wanted.public, &wanted.recipients, ciphertext.as_bytes()])
    }

    /// Whether the ciphertext that is there is of this body for this recipient, as its own line says; unknown is at most of which
    /// logins it is.
    fn judge(&self, written: &Fingerprint, ciphertext: &str, wanted: &Wanted<'_>) -> Verdict {
        let public = Fingerprint { hmac: None, ..self.fingerprint(ciphertext, wanted) };
        let is_intact = Fingerprint { hmac: None, ..written.clone() } == public
            && Sops::is_encrypted(wanted.body, ciphertext, wanted.form);
        match &written.hmac {
            _ if !is_intact => Verdict::Different,
            _ if self.purpose == Purpose::Compare(Known::NotTheLogins) || !self.key.is_there() => Verdict::Unknown,
            Some(written) if self.hmac(ciphertext, wanted).is_some_and(|hmac| hmac.is(written)) => Verdict::Same,
            Some(_) | None => Verdict::Different,
        }
    }
}

/// What is to be in the file.
struct Wanted<'a> {
    body: &'a str,
    /// All of it that anybody may know, and what the rules say of for whom it is.
    public: Vec<u8>,
    /// What variables say of that.
    recipients: Vec<u8>,
    form: Form,
}

fn encrypted(file: &File, bytes: Vec<u8>) -> File {
    File { path: file.path.clone(), bytes: Zeroizing::new(bytes), protection: Protection::Encrypted }
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
}
