//! Fingerprints: the bytes of a file in, what may be written down about them out. A secret never has a plain hash.

use std::io::{self, Read, Write};
use std::path::Path;

use aws_lc_rs::{digest, hmac};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::digest::{Digest, same};

use crate::credentials::is_a_placeholder;
use crate::environment::{Environment, Reading};
use crate::files::Protection;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::names::VariableName;

/// The variable with the key of fingerprints of secrets.
pub const KEY_VARIABLE: &str = "REGCRED_FINGERPRINT_KEY";

/// From here on no list of guesses is long enough.
const SHORTEST_KEY: usize = 32;

/// The key of fingerprints of secrets, if there is one.
#[derive(Clone)]
pub struct Key(Option<hmac::Key>);

impl Key {
    /// Reads it; without it nothing that depends on a secret is written down.
    ///
    /// # Errors
    /// It is too short to be a key, or the path of one.
    #[expect(clippy::disallowed_methods, reason = "the key of an HMAC")]
    pub fn read(environment: &Environment) -> Result<Self, Failure> {
        let key = match environment.read(&VariableName::known(KEY_VARIABLE)) {
            Reading::Value(key) => key,
            Reading::Unset | Reading::Empty => return Ok(Self(None)),
            Reading::NotUnicode => return Err(unusable("is not UTF-8 text")),
        };
        // A line end comes along where a file is pasted.
        let key = key.expose_secret().trim_end_matches(['\r', '\n']);
        match key {
            "" => Ok(Self(None)),
            _ if key.len() < SHORTEST_KEY => Err(unusable("has fewer than 32 characters, and could be guessed")),
            _ if is_a_placeholder(key) => Err(unusable("holds what only stands for a value, and everybody knows that")),
            _ if Path::new(key).is_absolute() && Path::new(key).exists() => {
                Err(unusable("holds the path of a file, and everybody knows that"))
            }
            _ => Ok(Self(Some(hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes())))),
        }
    }

    /// Whether there is one.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// The HMAC of a secret and of what is public about it, with the length before each: nothing can be moved from one to the other.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "what goes into an HMAC")]
    pub(super) fn bind<const N: usize>(&self, secret: &SecretString, public: [&[u8]; N]) -> Option<Digest> {
        let mut context = hmac::Context::with_key(self.0.as_ref()?);
        for part in [secret.expose_secret().as_bytes()].into_iter().chain(public) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        Digest::new(context.sign().as_ref())
    }

    /// The same, with that it is ours, if there is a key.
    #[must_use]
    pub(super) fn sign(&self, fingerprint: Fingerprint) -> Fingerprint {
        Fingerprint { origin: self.origin(&fingerprint), ..fingerprint }
    }

    /// Whether what it says of an encrypted file was written with this key.
    #[must_use]
    pub(super) fn has_signed(&self, fingerprint: &Fingerprint) -> bool {
        same(&fingerprint.origin, &self.origin(fingerprint))
    }

    /// Whether it is of something encrypted, and not written with this key.
    #[must_use]
    pub fn disowns(&self, fingerprint: &Fingerprint, protection: Protection) -> bool {
        protection == Protection::Encrypted && self.is_there() && !self.has_signed(fingerprint)
    }

    /// The HMAC of all that is public, which is of one length: of one document, or of a file of several. No other text that is given to
    /// the key begins like these.
    fn origin(&self, fingerprint: &Fingerprint) -> Option<Digest> {
        let Fingerprint { sha256, context, recipient, .. } = fingerprint;
        let mut text = hmac::Context::with_key(self.0.as_ref()?);
        let digests = match (context, recipient) {
            (Some(context), Some(recipient)) => {
                text.update(b"regcred origin\0");
                vec![sha256.as_ref()?, context, recipient]
            }
            (None, None) => {
                text.update(b"regcred origin of several\0");
                vec![sha256.as_ref()?]
            }
            _ => return None,
        };
        for digest in digests {
            text.update(digest.as_bytes());
        }
        Digest::new(text.sign().as_ref())
    }

    /// What may be written down about these bytes.
    #[must_use]
    pub fn fingerprint(&self, bytes: &[u8], protection: Protection) -> Fingerprint {
        let mut hasher = self.hasher(protection);
        hasher.update(bytes);
        self.fingerprint_of(hasher, protection)
    }

    /// The same of bytes that come one after the other.
    #[must_use]
    pub fn fingerprint_of(&self, hasher: Hasher, protection: Protection) -> Fingerprint {
        match protection {
            Protection::Public => Fingerprint { sha256: hasher.finish(), ..Fingerprint::default() },
            Protection::Encrypted => self.sign(Fingerprint { sha256: hasher.finish(), ..Fingerprint::default() }),
            Protection::Plaintext => Fingerprint { hmac: hasher.finish(), ..Fingerprint::default() },
        }
    }

    /// Takes the bytes of a file.
    #[must_use]
    pub fn hasher(&self, protection: Protection) -> Hasher {
        match (protection, &self.0) {
            (Protection::Public | Protection::Encrypted, _) => Hasher::Public(digest::Context::new(&digest::SHA256)),
            (Protection::Plaintext, Some(key)) => Hasher::Secret(Box::new(hmac::Context::with_key(key))),
            (Protection::Plaintext, None) => Hasher::Unknown,
        }
    }

    /// Whether the fingerprint is of these bytes.
    #[must_use]
    pub fn verify(&self, fingerprint: &Fingerprint, bytes: &[u8]) -> Verdict {
        self.verify_all(fingerprint, &mut &*bytes).unwrap_or(Verdict::Unknown)
    }

    /// Whether the fingerprint is of all that comes.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn verify_all(&self, fingerprint: &Fingerprint, from: &mut impl Read) -> io::Result<Verdict> {
        let (known, protection) = match (&fingerprint.sha256, &fingerprint.hmac) {
            (Some(digest), _) => (digest, Protection::Public),
            (None, Some(digest)) => (digest, Protection::Plaintext),
            (None, None) => return Ok(Verdict::Unknown),
        };
        let mut hasher = self.hasher(protection);
        io::copy(from, &mut hasher)?;
        Ok(match hasher.finish() {
            None => Verdict::Unknown,
            Some(digest) if digest.is(known) => Verdict::Same,
            Some(_) => Verdict::Different,
        })
    }
}

/// The bytes of a file, so far: a secret is hashed with a key, or not at all.
pub enum Hasher {
    /// Nothing in them is secret.
    Public(digest::Context),
    /// A secret is in clear.
    Secret(Box<hmac::Context>),
    /// One is, and there is no key.
    Unknown,
}

impl Hasher {
    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Public(context) => context.update(bytes),
            Self::Secret(context) => context.update(bytes),
            Self::Unknown => {}
        }
    }

    fn finish(self) -> Option<Digest> {
        match self {
            Self::Public(context) => Digest::new(context.finish().as_ref()),
            Self::Secret(context) => Digest::new(context.sign().as_ref()),
            Self::Unknown => None,
        }
    }
}

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a fingerprint says of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They are those it was made of.
    Same,
    /// They are others, or the key is another.
    Different,
    /// It says nothing, or there is no key.
    Unknown,
}

/// The SHA-256 of what is public, the HMAC-SHA-256 of what is secret; nothing of a secret when there is no key.
///
/// An encrypted document has both, the SHA-256 of its context and of its recipient, and an HMAC of these and of its own; a file of several
/// has its SHA-256, and an HMAC of that which tells that it is ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) context: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) recipient: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) origin: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hmac: Option<Digest>,
}

impl Fingerprint {
    /// The part that depends on no key.
    #[must_use]
    pub fn public(&self) -> Option<&Digest> {
        self.sha256.as_ref()
    }
}

fn unusable(what: &str) -> Failure {
    Failure::of(
        "the environment",
        Diagnostic::error(Code::UnusableKey, format!("`{KEY_VARIABLE}` {what}")).hint(
            "set it to the output of `openssl rand -hex 32`, the same for every run; or leave it out, and nothing that \
             depends on a secret is written down",
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn read(value: &str) -> Result<Key, Failure> {
        Key::read(&Environment::new([(KEY_VARIABLE, value)], PathBuf::new()))
    }

    fn key(value: &str) -> Key {
        read(&value.repeat(SHORTEST_KEY)).unwrap()
    }

    #[test]
    fn no_byte_moves_between_the_parts_of_a_fingerprint() {
        let bind = |body: &str, recipient: &[u8], ciphertext: &str| {
            key("k").bind(&body.into(), [recipient, ciphertext.as_bytes()]).unwrap()
        };
        assert_ne!(bind("ab", b"c", ""), bind("a", b"bc", ""));
        assert_ne!(bind("ab", b"", "c"), bind("ab", b"c", ""));
    }

    #[test]
    fn a_key_that_could_be_guessed_is_none() {
        for bad in [
            "k",
            &"k".repeat(31),
            &format!("{}\n", "k".repeat(31)),
            env!("CARGO_MANIFEST_DIR"),
            "${{ secrets.REGCRED_FINGERPRINT_KEY }}",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        let (plain, pasted) = (key("k"), read(&format!("{}\r\n", "k".repeat(32))).unwrap());
        let fingerprint = plain.fingerprint(b"secret", Protection::Plaintext);
        assert_eq!(pasted.verify(&fingerprint, b"secret"), Verdict::Same);
        assert!(!read("").unwrap().is_there() && !read("\n").unwrap().is_there());
    }

    #[test]
    fn what_moves_from_one_part_to_the_next_is_noticed() {
        let bind = |secret: &str, public| key("k").bind(&secret.into(), public).unwrap();
        assert_eq!(bind("ab", [b"c", b"d"]), bind("ab", [b"c", b"d"]));
        assert_ne!(bind("ab", [b"c", b"d"]), bind("a", [b"bc", b"d"]));
        assert_ne!(bind("ab", [b"c", b"d"]), bind("ab", [b"cd", b""]));
        assert!(key("").bind(&"ab".into(), [b"c", b"d"]).is_none());
    }

    #[test]
    fn what_is_ours_is_signed_as_a_whole_and_by_one_key() {
        let digest = |text: &str| Digest::of(text.as_bytes());
        let (sha256, context, recipient) = (digest("a"), digest("b"), digest("c"));
        let signed = key("k").sign(Fingerprint { sha256, context, recipient, ..Fingerprint::default() });
        assert!(key("k").has_signed(&signed) && !key("other").has_signed(&signed) && !key("").has_signed(&signed));
        for forged in [
            Fingerprint { sha256: digest("x"), ..signed.clone() },
            Fingerprint { context: signed.recipient.clone(), recipient: signed.context.clone(), ..signed.clone() },
            Fingerprint { recipient: None, ..signed.clone() },
            Fingerprint { origin: None, ..signed.clone() },
        ] {
            assert!(!key("k").has_signed(&forged), "{forged:?}");
        }
    }

    #[test]
    fn what_is_public_has_its_sha_256() {
        let fingerprint = key("").fingerprint(b"abc", Protection::Public);
        assert_eq!(
            fingerprint.public().unwrap().to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(key("k").verify(&fingerprint, b"abc"), Verdict::Same);
        assert_eq!(key("k").verify(&fingerprint, b"abd"), Verdict::Different);
    }

    #[test]
    fn a_secret_has_an_hmac_under_the_key_or_nothing() {
        assert_eq!(key("").fingerprint(b"secret", Protection::Plaintext), Fingerprint::default());
        let fingerprint = key("k").fingerprint(b"secret", Protection::Plaintext);
        assert!(fingerprint.sha256.is_none() && fingerprint.hmac.is_some());
        assert_eq!(key("k").verify(&fingerprint, b"secret"), Verdict::Same);
        assert_eq!(key("other").verify(&fingerprint, b"secret"), Verdict::Different);
        assert_eq!(key("").verify(&fingerprint, b"secret"), Verdict::Unknown);
    }
}
