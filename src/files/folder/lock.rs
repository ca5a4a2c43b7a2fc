//! Reads and writes `regcred.lock`, which lists the files of a folder that are ours.
//!
//! Each line is independent: it is bound to its path and has its own signature, so a merge takes the lines of both sides.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::Path;

use super::approved::Approved;
use super::entry::HEADER;
use super::path::{LOCK, TreePath};
use super::read;
use crate::files::Protection;
use crate::files::marks::digest::Digest;
use crate::files::marks::key::{Hasher, Key, Purpose};
use regcred_core::diagnostic::{Code, Diagnostic, Failure, reason};

const MARKERS: [&[u8]; 4] = [b"<<<<<<<", b"|||||||", b"=======", b">>>>>>>"];
/// The largest size: a lock of a million files is smaller.
const LIMIT: u64 = 256 * 1024 * 1024;

/// The lines of a lock by their paths; after a merge, the lines of both sides.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// The fingerprint of each file as it was written.
    pub files: BTreeMap<TreePath, Vec<Line>>,
    /// The approved recipients; after a merge, the lines of both sides.
    pub approved: Vec<Approved>,
    /// Whether it has the markers of a merge conflict.
    pub has_conflict: bool,
}

/// The facts about a file that we wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    hash: Option<Digest>,
    hmac: Option<Digest>,
    signature: Option<Digest>,
}

/// What a line says about the bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Same,
    /// They are other bytes, or the key is another one.
    Different,
    /// The line says nothing, or there is no key.
    Unknown,
}

impl Line {
    /// The line for a file with the hash of these bytes.
    pub fn new(path: &TreePath, hasher: Hasher, protection: Protection, key: &Key) -> Self {
        let (hash, hmac) = match protection {
            Protection::Public | Protection::Encrypted => (hasher.finish(), None),
            Protection::Plaintext => (None, hasher.finish()),
        };
        let line = Self { hash, hmac, signature: None };
        Self { signature: line.with_parts(path, |parts| key.sign(Purpose::Line, parts)), ..line }
    }

    /// Whether one of the keys has signed the line for this path.
    pub fn is_signed(&self, path: &TreePath, key: &Key) -> bool {
        self.with_parts(path, |parts| key.has_signed(self.signature.as_ref(), Purpose::Line, parts))
    }

    /// Whether these are the written bytes, apart from carriage returns.
    pub fn verify(&self, from: impl Read, key: &Key) -> io::Result<Verdict> {
        let (known, mut hashers) = match (&self.hash, &self.hmac) {
            (Some(hash), _) => (hash, vec![Hasher::public()]),
            (None, Some(hmac)) => (hmac, vec![Hasher::secret(key), Hasher::secret_before(key)]),
            (None, None) => return Ok(Verdict::Unknown),
        };
        read::each_part(from, |part| hashers.iter_mut().for_each(|hasher| hasher.update(part)))?;
        let digests: Vec<_> = hashers.into_iter().filter_map(Hasher::finish).collect();
        Ok(match digests.iter().any(|digest| digest.is(known)) {
            true => Verdict::Same,
            false if digests.is_empty() => Verdict::Unknown,
            false => Verdict::Different,
        })
    }

    /// Whether the line has a hash of the file, which shows whether the file changed.
    pub fn tells(&self) -> bool {
        self.hash.is_some() || self.hmac.is_some()
    }

    /// The part of the line that depends on no key.
    pub fn public(&self) -> Option<&Digest> {
        self.hash.as_ref()
    }

    fn with_parts<T>(&self, path: &TreePath, use_them: impl FnOnce(&[&[u8]]) -> T) -> T {
        let bytes = |digest: &Option<Digest>| digest.as_ref().map_or(Vec::new(), |digest| digest.as_bytes().to_vec());
        use_them(&[path.as_str().as_bytes(), &bytes(&self.hash), &bytes(&self.hmac)])
    }
}

impl Lock {
    /// Reads a lock, if there is one.
    /// Errors: the lock is no regular file, or cannot be read, or is malformed: the error names the line.
    pub fn read(path: &Path) -> Result<Option<Self>, Failure> {
        let failed = |error: &io::Error| {
            let message = format!("`{LOCK}` cannot be read: {}", reason(error));
            let hint =
                "it says which files under `--output` are regcred's; it must be a regular file that this user may read";
            Failure::of("the output", Diagnostic::error(Code::UnreadableFile, message).hint(hint))
        };
        match read::open(path).map_err(|error| failed(&error))? {
            None => Ok(None),
            Some(file) => {
                let is_too_long = file.get_ref().metadata().is_ok_and(|metadata| metadata.len() > LIMIT);
                if is_too_long {
                    return Err(failed(&io::ErrorKind::FileTooLarge.into()));
                }
                let mut bytes = Vec::new();
                file.take(LIMIT).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
                Self::parse(&bytes).map(Some).map_err(|problem| Failure::of("the output", problem))
            }
        }
    }

    fn parse(bytes: &[u8]) -> Result<Self, Diagnostic> {
        let mut lock = Self::default();
        if bytes.starts_with(b"{") {
            let message = format!("`{LOCK}` was written by an unreleased regcred, and is not read any more");
            return Err(Diagnostic::error(Code::InvalidLock, message).hint(
                "delete `regcred.lock` and the files below `--output` that begin with `# Written by regcred`, and run the same command",
            ));
        }
        for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let line = line.trim_ascii_end();
            if MARKERS.iter().any(|marker| line.starts_with(marker)) {
                lock.has_conflict = true;
            } else if let Some(approved) = Approved::parse(line) {
                Approved::add(&mut lock.approved, approved);
            } else if !line.is_empty() && !line.starts_with(b"#") {
                let (path, line) = parse_line(line).ok_or_else(|| malformed(number + 1))?;
                lock.add(path, line);
            }
        }
        Ok(lock)
    }

    /// Adds a line, beside different lines of the same path. Returns whether it is new.
    pub fn add(&mut self, path: TreePath, line: Line) -> bool {
        let lines = self.files.entry(path).or_default();
        let is_new = !lines.contains(&line);
        if is_new {
            lines.push(line);
        }
        is_new
    }

    pub fn write(&self, into: &mut impl Write) -> io::Result<()> {
        into.write_all(HEADER)?;
        self.approved.iter().try_for_each(|approved| writeln!(into, "{approved}"))?;
        for (path, line) in self.files.iter().flat_map(|(path, lines)| lines.iter().map(move |line| (path, line))) {
            write!(into, "{path}")?;
            for (field, digest) in [("sha256", &line.hash), ("hmac", &line.hmac), ("signature", &line.signature)] {
                if let Some(digest) = digest {
                    write!(into, " {field}={digest}")?;
                }
            }
            into.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Whether both name the same files, with the same content as far as one can tell without a key.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let public = |lock: &Self| -> Vec<(TreePath, Option<Digest>)> {
            let lines = lock.files.iter().flat_map(|(path, lines)| lines.iter().map(move |line| (path, line)));
            lines.map(|(path, line)| (path.clone(), line.public().cloned())).collect()
        };
        public(self) == public(other)
    }
}

fn parse_line(line: &[u8]) -> Option<(TreePath, Line)> {
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let path = words.next()?.parse().ok()?;
    let mut parsed = Line::default();
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

fn malformed(line: usize) -> Diagnostic {
    Diagnostic::error(Code::InvalidLock, format!("`{LOCK}` is malformed at line {line}"))
        .hint("restore it from Git, or remove what regcred wrote there, with the lock, and render again")
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

    #[test]
    fn a_lock_survives_its_text_with_any_line_ends_and_the_markers_of_a_merge() {
        let key = key(KEY);
        let mut lock = Lock::default();
        for (path, protection) in
            [("b", Protection::Public), ("a/c", Protection::Plaintext), ("d", Protection::Encrypted)]
        {
            let (path, line) = line(path, b"x", protection, &key);
            lock.add(path, line);
        }
        lock.add("z".parse().unwrap(), Line::default());
        let mut text = Vec::new();
        lock.write(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!((text.lines().count(), text.ends_with("\nz\n")), (5, true), "{text}");
        assert_eq!(Lock::parse(text.replace('\n', "\r\n").as_bytes()).unwrap(), lock);
        let conflict = text.replace("\nb ", "\n<<<<<<< ours\nb ").replace("\nd ", "\n=======\nd ") + ">>>>>>> theirs\n";
        assert_eq!(Lock::parse(conflict.as_bytes()).unwrap(), Lock { has_conflict: true, ..lock });
    }

    #[test]
    fn a_line_is_signed_for_its_path_and_its_content() {
        let ours = key(KEY);
        let (path, signed) = line("a", b"x", Protection::Public, &ours);
        assert!(signed.is_signed(&path, &ours) && !signed.is_signed(&"b".parse().unwrap(), &ours));
        assert!(!signed.is_signed(&path, &key("f1e0d3c2b5a497867968a5b4c3d2e1f0")));
        let forged = Line { hash: Digest::of(b"y"), ..signed.clone() };
        assert!(!forged.is_signed(&path, &ours));
        assert_eq!(signed.verify(&b"x"[..], &ours).unwrap(), Verdict::Same);
        assert_eq!(signed.verify(&b"y"[..], &ours).unwrap(), Verdict::Different);
    }

    #[test]
    fn a_secret_has_an_hmac_under_the_key_or_nothing() {
        let (_, unknown) = line("a", b"secret", Protection::Plaintext, &key(""));
        assert_eq!(unknown, Line::default());
        let (_, known) = line("a", b"secret", Protection::Plaintext, &key(KEY));
        assert!(known.hash.is_none() && known.hmac.is_some());
        assert_eq!(known.verify(&b"secret"[..], &key(KEY)).unwrap(), Verdict::Same);
        assert_eq!(known.verify(&b"secret"[..], &key("f1e0d3c2b5a497867968a5b4c3d2e1f0")).unwrap(), Verdict::Different);
        assert_eq!(known.verify(&b"secret"[..], &key("")).unwrap(), Verdict::Unknown);
    }

    #[test]
    fn a_malformed_lock_is_refused_with_its_line_and_without_its_text() {
        for (text, expected) in [
            ("# x\na\ncanary what=ever\n", "line 3"),
            ("../canary\n", "line 1"),
            ("a sha256=canary", "line 1"),
            ("{\"version\":1,\"files\":[]}", "unreleased"),
        ] {
            let message = Lock::parse(text.as_bytes()).unwrap_err().message;
            assert!(message.contains(expected) && !message.contains("canary"), "{message}");
        }
        for path in ["/etc/passwd", "../x", "a/../../x", "a//b", "regcred.lock", "a\\..\\b", ".git/config", "a/.GIT/x"]
        {
            assert!(Lock::parse(path.as_bytes()).is_err(), "{path}");
        }
    }
}
