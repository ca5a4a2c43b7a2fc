//! Fingerprints: the bytes of a file in, what may be written down about them out. A secret never has a plain hash.

use std::fmt;

use aws_lc_rs::{constant_time, digest, hmac};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::Protection;
use crate::environment::{Environment, Reading};
use crate::names::VariableName;

/// The variable with the key of fingerprints of secrets.
pub const KEY_VARIABLE: &str = "REGCRED_FINGERPRINT_KEY";

/// The key of fingerprints of secrets, if there is one.
pub struct Key(Option<hmac::Key>);

impl Key {
    /// Reads it; without it files that hold a secret have no fingerprint.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the key of an HMAC")]
    pub fn read(environment: &Environment) -> Self {
        match environment.read(&VariableName::known(KEY_VARIABLE)) {
            Reading::Value(key) => Self(Some(hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret().as_bytes()))),
            Reading::Unset | Reading::Empty | Reading::NotUnicode => Self(None),
        }
    }

    /// What may be written down about these bytes.
    #[must_use]
    pub fn fingerprint(&self, bytes: &[u8], protection: Protection) -> Fingerprint {
        match (protection, &self.0) {
            (Protection::Public | Protection::Encrypted, _) => {
                Fingerprint { sha256: Digest::new(digest::digest(&digest::SHA256, bytes).as_ref()), hmac: None }
            }
            (Protection::Plaintext, Some(key)) => {
                Fingerprint { sha256: None, hmac: Digest::new(hmac::sign(key, bytes).as_ref()) }
            }
            (Protection::Plaintext, None) => Fingerprint::default(),
        }
    }

    /// Whether the fingerprint is of these bytes.
    #[must_use]
    pub fn verify(&self, fingerprint: &Fingerprint, bytes: &[u8]) -> Verdict {
        let (known, protection) = match (&fingerprint.sha256, &fingerprint.hmac) {
            (Some(digest), _) => (digest, Protection::Public),
            (None, Some(digest)) => (digest, Protection::Plaintext),
            (None, None) => return Verdict::Unknown,
        };
        let computed = self.fingerprint(bytes, protection);
        match computed.sha256.or(computed.hmac) {
            None => Verdict::Unknown,
            Some(digest) if constant_time::verify_slices_are_equal(&digest.0, &known.0).is_ok() => Verdict::Same,
            Some(_) => Verdict::Different,
        }
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hmac: Option<Digest>,
}

impl Fingerprint {
    /// The part that depends on no key.
    #[must_use]
    pub fn public(&self) -> Option<&Digest> {
        self.sha256.as_ref()
    }
}

/// 32 bytes, written as 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    fn new(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().map(Self).ok()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut bytes = [0; 32];
        let digits = text.as_bytes();
        if digits.len() != 64 || !text.is_ascii() {
            return Err("64 hexadecimal digits are wanted");
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
            match (digit(pair[0]), digit(pair[1])) {
                (Some(high), Some(low)) => *byte = high << 4 | low,
                _ => return Err("64 hexadecimal digits are wanted"),
            }
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn key(value: &str) -> Key {
        Key::read(&Environment::new([(KEY_VARIABLE, value)], PathBuf::new()))
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

    #[test]
    fn a_digest_survives_its_text() {
        let digest = key("").fingerprint(b"", Protection::Public).sha256.unwrap();
        assert_eq!(Digest::try_from(digest.to_string()), Ok(digest));
        for bad in ["", "00", &"g".repeat(64), &"é".repeat(32)] {
            assert!(Digest::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
