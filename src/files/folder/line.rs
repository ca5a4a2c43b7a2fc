//! Compares a file with the lines of `regcred.lock` about it. Each line is bound to its path, and signed alone.

use std::fmt;
use std::io::{self, Read};

use super::path::TreePath;
use super::read;
use crate::files::Protection;
use crate::files::marks::digest::Digest;
use crate::files::marks::key::{Hasher, Key, Purpose};

/// A line of the lock: the facts about a file that we wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    hash: Option<Digest>,
    hmac: Option<Digest>,
    signature: Option<Digest>,
}

/// The result of comparing the bytes of a file with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The bytes are unchanged.
    Same,
    /// The bytes differ, or the key differs.
    Different,
    /// The line has no hash, or there is no key.
    Unknown,
}

/// The hashes of a file that its lines are compared with: a lock may have many lines for one path, and the file is read once.
pub struct Hashes {
    public: Vec<Digest>,
    secret: Vec<Digest>,
}

impl Hashes {
    /// Hashes the bytes, without carriage returns before line feeds, in the ways that these lines need.
    pub fn of(lines: &[Line], from: impl Read, key: &Key) -> io::Result<Self> {
        let hashers =
            |is_needed: bool, hashers: fn(&Key) -> Vec<Hasher>| if is_needed { hashers(key) } else { Vec::new() };
        let mut public = hashers(lines.iter().any(|line| line.hash.is_some()), |_| vec![Hasher::public()]);
        let mut secret = hashers(lines.iter().any(|line| line.hash.is_none() && line.hmac.is_some()), |key| {
            vec![Hasher::secret(key), Hasher::secret_before(key)]
        });
        if !(public.is_empty() && secret.is_empty()) {
            read::each_part(from, |part| public.iter_mut().chain(&mut secret).for_each(|hasher| hasher.update(part)))?;
        }
        let finish = |hashers: Vec<Hasher>| hashers.into_iter().filter_map(Hasher::finish).collect();
        Ok(Self { public: finish(public), secret: finish(secret) })
    }
}

impl Line {
    /// The line of a file of which these bytes were hashed.
    pub fn new(path: &TreePath, hasher: Hasher, protection: Protection, key: &Key) -> Self {
        let (hash, hmac) = match protection {
            Protection::Public | Protection::Encrypted => (hasher.finish(), None),
            Protection::Plaintext => (None, hasher.finish()),
        };
        let line = Self { hash, hmac, signature: None };
        Self { signature: line.with_parts(path, |parts| key.sign(Purpose::Line, parts)), ..line }
    }

    /// Whether one of the keys has signed it for this path.
    pub fn is_signed(&self, path: &TreePath, key: &Key) -> bool {
        self.with_parts(path, |parts| key.has_signed(self.signature.as_ref(), Purpose::Line, parts))
    }

    /// Compares the hashes of a file with those in the line.
    pub fn verify(&self, hashes: &Hashes) -> Verdict {
        let (known, digests) = match (&self.hash, &self.hmac) {
            (Some(hash), _) => (hash, &hashes.public),
            (None, Some(hmac)) => (hmac, &hashes.secret),
            (None, None) => return Verdict::Unknown,
        };
        match digests.iter().any(|digest| digest.is(known)) {
            true => Verdict::Same,
            false if digests.is_empty() => Verdict::Unknown,
            false => Verdict::Different,
        }
    }

    /// Whether it has a hash of the file, so that a change of the file can be detected.
    pub fn tells(&self) -> bool {
        self.hash.is_some() || self.hmac.is_some()
    }

    /// The part that depends on no key.
    pub fn public(&self) -> Option<&Digest> {
        self.hash.as_ref()
    }

    fn with_parts<T>(&self, path: &TreePath, use_them: impl FnOnce(&[&[u8]]) -> T) -> T {
        let [hash, hmac] = [&self.hash, &self.hmac].map(|digest| digest.as_ref().map_or(&[][..], Digest::as_bytes));
        use_them(&[path.as_str().as_bytes(), hash, hmac])
    }

    /// The path and the line, if the text is a line of the lock.
    pub fn parse(line: &[u8]) -> Option<(TreePath, Self)> {
        let mut words = std::str::from_utf8(line).ok()?.split(' ');
        let path = words.next()?.parse().ok()?;
        let mut parsed = Self::default();
        for word in words {
            let (field, digest) = word.split_once('=')?;
            let digest = Some(digest.parse().ok()?);
            match field {
                "sha256" => parsed.hash = digest,
                "hmac" => parsed.hmac = digest,
                "signature" => parsed.signature = digest,
                _ => return None,
            }
        }
        Some((path, parsed))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (field, digest) in [("sha256", &self.hash), ("hmac", &self.hmac), ("signature", &self.signature)] {
            if let Some(digest) = digest {
                write!(f, " {field}={digest}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests;
