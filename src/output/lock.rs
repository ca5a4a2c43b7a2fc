//! `regcred.lock`: which files of a tree are ours and what was in them; its text in, entries by path out, and back.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::Path;

use aws_lc_rs::{digest, hmac};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{File, Protection};
use crate::problem::{Failure, Problem};

/// Its name.
pub const NAME: &str = "regcred.lock";
/// The variable with the key of the fingerprints.
pub const KEY: &str = "REGCRED_FINGERPRINT_KEY";

/// The files that we wrote into a tree.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    version: u32,
    /// What is known of each, by path.
    pub files: BTreeMap<String, Entry>,
}

/// What is known of a file. Of one with a secret in clear never a plain hash, by which the secret could be guessed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The SHA-256 of its bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The HMAC-SHA-256 of its bytes under the user's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hmac: Option<String>,
}

impl Entry {
    /// What is noted of the file.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the key of the fingerprint")]
    pub fn of(file: &File, key: Option<&SecretString>) -> Self {
        match (file.protection, key) {
            (Protection::Public, _) => {
                Self { sha256: Some(hex(digest::digest(&digest::SHA256, &file.bytes).as_ref())), hmac: None }
            }
            (Protection::Plaintext, Some(key)) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret().as_bytes());
                Self { sha256: None, hmac: Some(hex(hmac::sign(&key, &file.bytes).as_ref())) }
            }
            (Protection::Plaintext, None) => Self::default(),
        }
    }
}

impl Lock {
    /// A lock of these files.
    #[must_use]
    pub fn new(files: BTreeMap<String, Entry>) -> Self {
        Self { version: 1, files }
    }

    /// Reads the lock at `path`; none is an empty one.
    ///
    /// # Errors
    /// It cannot be read, or is no lock.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = match std::fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            other => other.map_err(|error| super::failure(&error, NAME))?,
        };
        serde_json::from_str(&text).map_err(|error| {
            Failure::of(
                "the output",
                Problem::error(
                    "invalid-lock",
                    format!("{NAME} is damaged: line {}, column {}", error.line(), error.column()),
                )
                .hint("take the last good version from Git, or remove it with the files that regcred wrote"),
            )
        })
    }

    /// Its text: a line a file, so that a merge conflict is about the files that differ.
    #[must_use]
    pub fn to_text(&self) -> String {
        let lines: Vec<_> = self
            .files
            .iter()
            .map(|(path, entry)| {
                let (path, entry) = (serde_json::json!(path), serde_json::to_string(entry).unwrap_or_default());
                format!("{path}:{entry}")
            })
            .collect();
        format!("{{\"version\":1,\"files\":{{\n{}\n}}}}\n", lines.join(",\n"))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    #[test]
    fn a_lock_is_read_back_as_it_was_and_holds_no_plain_hash_of_a_secret() {
        let file = |protection| File { path: "a".into(), bytes: Zeroizing::new(b"x".to_vec()), protection };
        let key = SecretString::from("k");
        let (public, secret) =
            (Entry::of(&file(Protection::Public), None), Entry::of(&file(Protection::Plaintext), Some(&key)));
        assert!(secret.sha256.is_none() && secret.hmac.is_some() && secret.hmac != public.sha256);
        assert_eq!(Entry::of(&file(Protection::Plaintext), None), Entry::default());
        let lock = Lock::new(BTreeMap::from([("a \"b\"".to_owned(), public), ("c".to_owned(), secret)]));
        assert_eq!(serde_json::from_str::<Lock>(&lock.to_text()).unwrap(), lock);
    }
}
