//! Compares a file with the lines of `regcred.lock` about it. Each line is bound to its path, and signed alone.

use std::fmt;
use std::io::{self, Read};

use super::path::TreePath;
use super::read;
use crate::files::Protection;
use crate::files::marks::digest::Digest;
use crate::files::marks::key::{Hasher, Key, Purpose};

/// What is known of a file that we wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    hash: Option<Digest>,
    hmac: Option<Digest>,
    signature: Option<Digest>,
}

/// What a line says of the bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They are those that were written.
    Same,
    /// They are others, or the key is another.
    Different,
    /// It says nothing, or there is no key.
    Unknown,
}

/// The hashes of a file that its lines are compared with: a lock may have many lines for one path, and the file is read once.
#[derive(Debug, Default)]
pub struct Hashes {
    public: Vec<Digest>,
    secret: Vec<Digest>,
}

impl Hashes {
    /// Hashes the bytes, but for carriage returns, in the ways that these lines compare.
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

    /// Whether these are the hashes of the bytes that were written.
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

    /// Whether it has a hash of the file, so that a file can be told from another.
    pub fn tells(&self) -> bool {
        self.hash.is_some() || self.hmac.is_some()
    }

    /// The part that depends on no key.
    pub fn public(&self) -> Option<&Digest> {
        self.hash.as_ref()
    }

    fn with_parts<T>(&self, path: &TreePath, use_them: impl FnOnce(&[&[u8]]) -> T) -> T {
        let bytes = |digest: &Option<Digest>| digest.as_ref().map_or(Vec::new(), |digest| digest.as_bytes().to_vec());
        use_them(&[path.as_str().as_bytes(), &bytes(&self.hash), &bytes(&self.hmac)])
    }

    /// The line with its path, if it is one.
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
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::environment::Environment;
    use crate::files::marks::key::KEY_VARIABLE;

    fn key(key: &str) -> Key {
        Key::read(&Environment::new([(KEY_VARIABLE, key)], PathBuf::new()), None, "").unwrap()
    }

    const KEY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

    fn line(path: &str, bytes: &[u8], protection: Protection, key: &Key) -> (TreePath, Line) {
        let path = path.parse().unwrap();
        let mut hasher = if protection == Protection::Plaintext { Hasher::secret(key) } else { Hasher::public() };
        hasher.update(bytes);
        let line = Line::new(&path, hasher, protection, key);
        (path, line)
    }

    fn verify(line: &Line, bytes: &[u8], key: &Key) -> Verdict {
        line.verify(&Hashes::of(std::slice::from_ref(line), bytes, key).unwrap())
    }

    #[test]
    fn a_file_is_read_once_for_all_lines_of_its_path() {
        struct Once<'a>(&'a [u8], usize);
        impl Read for Once<'_> {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                self.1 += 1;
                self.0.read(into)
            }
        }
        let key = key(KEY);
        let (_, ours) = line("a", b"x", Protection::Public, &key);
        let (_, secret) = line("a", b"x", Protection::Plaintext, &key);
        let other = |number: usize| line("a", &number.to_be_bytes(), Protection::Public, &key).1;
        let lines: Vec<_> = (3_usize..64).map(other).chain([Line::default(), ours.clone(), secret.clone()]).collect();
        let mut file = Once(b"x", 0);
        let hashes = Hashes::of(&lines, &mut file, &key).unwrap();
        assert_eq!(file.1, 2, "one part, and the end");
        let same: Vec<_> = lines.iter().filter(|line| line.verify(&hashes) == Verdict::Same).collect();
        assert_eq!(same, [&ours, &secret]);
        let mut file = Once(b"x", 0);
        Hashes::of(&[Line::default()], &mut file, &key).unwrap();
        assert_eq!(file.1, 0, "nothing to compare");
    }

    #[test]
    fn a_line_is_signed_for_its_path_and_its_content() {
        let ours = key(KEY);
        let (path, signed) = line("a", b"x", Protection::Public, &ours);
        assert!(signed.is_signed(&path, &ours) && !signed.is_signed(&"b".parse().unwrap(), &ours));
        assert!(!signed.is_signed(&path, &key("f1e0d3c2b5a497867968a5b4c3d2e1f0")));
        let forged = Line { hash: Digest::of(b"y"), ..signed.clone() };
        assert!(!forged.is_signed(&path, &ours));
        assert_eq!(verify(&signed, b"x", &ours), Verdict::Same);
        assert_eq!(verify(&signed, b"y", &ours), Verdict::Different);
    }

    #[test]
    fn a_secret_has_an_hmac_under_the_key_or_nothing() {
        let (_, unknown) = line("a", b"secret", Protection::Plaintext, &key(""));
        assert_eq!(unknown, Line::default());
        let (_, known) = line("a", b"secret", Protection::Plaintext, &key(KEY));
        assert!(known.hash.is_none() && known.hmac.is_some());
        assert_eq!(verify(&known, b"secret", &key(KEY)), Verdict::Same);
        assert_eq!(verify(&known, b"secret", &key("f1e0d3c2b5a497867968a5b4c3d2e1f0")), Verdict::Different);
        assert_eq!(verify(&known, b"secret", &key("")), Verdict::Unknown);
    }
}
