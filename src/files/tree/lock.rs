//! `regcred.lock`: which files of a tree are ours, and what we wrote into them. Its JSON in, its entries out, and back.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::conflict;
use super::path::{Found, LOCK, TreePath};
use crate::files::evidence::fingerprint::{Fingerprint, Key, Verdict};
use crate::files::merge;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};

const VERSION: u32 = 1;

/// The files of a tree that are ours, sorted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// What was written into each.
    pub files: BTreeMap<TreePath, Fingerprint>,
    /// Whether it has to be written anew whatever is in it.
    pub merge: Merge,
}

/// What a merge has made of a lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Merge {
    /// A lock as we write it.
    #[default]
    Settled,
    /// The lines of two branches, between Git's markers.
    Conflict {
        /// What their side has otherwise than ours.
        theirs: BTreeMap<TreePath, Fingerprint>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    version: u32,
    files: Vec<Line>,
}

#[derive(Deserialize)]
struct Head {
    version: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    path: TreePath,
    #[serde(default)]
    fingerprint: Fingerprint,
}

#[derive(Serialize)]
struct LineRef<'a> {
    path: &'a TreePath,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<&'a Fingerprint>,
}

impl Lock {
    /// Reads a lock, if there is one.
    ///
    /// # Errors
    /// It cannot be read, or it is none: with the line.
    pub fn read(path: &Path) -> Result<Option<Self>, Failure> {
        match fs::read(path) {
            Ok(bytes) => Self::parse(&bytes).map(Some).map_err(|problem| Failure::of("the output", problem)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(Failure::of(
                "the output",
                Diagnostic::error(Code::UnreadableFile, format!("`{LOCK}` cannot be read: {}", error.kind()))
                    .hint("it tells which files under `--output` are regcred's; check its mode"),
            )),
        }
    }

    /// Of a file that both sides of a conflict list, the entry that is of what is there.
    #[must_use]
    pub fn settle(mut self, root: &Path, key: &Key) -> Self {
        let Merge::Conflict { theirs } = &mut self.merge else { return self };
        let is_of = |fingerprint: &Fingerprint, path: &TreePath| {
            matches!(path.find(root), Ok(Found::File))
                && fs::read(path.under(root))
                    .is_ok_and(|bytes| key.verify(fingerprint, &Zeroizing::new(bytes)) == Verdict::Same)
        };
        for (path, fingerprint) in std::mem::take(theirs) {
            if is_of(&fingerprint, &path) {
                self.files.insert(path, fingerprint);
            }
        }
        self
    }

    /// What whoever writes it anew has to say.
    #[must_use]
    pub fn warnings(&self) -> Vec<Diagnostic> {
        match self.merge {
            Merge::Settled => Vec::new(),
            Merge::Conflict { .. } => vec![conflict::warning()],
        }
    }

    fn parse(bytes: &[u8]) -> Result<Self, Diagnostic> {
        let Some(sides) = merge::sides(bytes) else { return Self::parse_settled(bytes) };
        let [ours, theirs] = sides.map(|side| conflict::as_lock(&side));
        // Of a side that is none, the place in the whole text is said.
        let (Ok(Self { mut files, .. }), Ok(other)) = (Self::parse_settled(&ours), Self::parse_settled(&theirs)) else {
            return Self::parse_settled(bytes);
        };
        let mut theirs = BTreeMap::new();
        for (path, fingerprint) in other.files {
            match files.get(&path) {
                Some(ours) if *ours == fingerprint => {}
                Some(_) => drop(theirs.insert(path, fingerprint)),
                None => drop(files.insert(path, fingerprint)),
            }
        }
        Ok(Self { files, merge: Merge::Conflict { theirs } })
    }

    fn parse_settled(bytes: &[u8]) -> Result<Self, Diagnostic> {
        let newer = || {
            let message = format!("`{LOCK}` has a version that this regcred cannot read");
            Diagnostic::error(Code::InvalidLock, message).hint("use the newer regcred that wrote it")
        };
        match serde_json::from_slice::<Text>(bytes) {
            Ok(text) if text.version == VERSION => {
                let files = text.files.into_iter().map(|line| (line.path, line.fingerprint)).collect();
                Ok(Self { files, merge: Merge::Settled })
            }
            Ok(_) => Err(newer()),
            // Of another version only the number is known.
            Err(_) if serde_json::from_slice::<Head>(bytes).is_ok_and(|head| head.version != VERSION) => Err(newer()),
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                let message = format!("`{LOCK}` is malformed at line {line}, column {column}");
                Err(Diagnostic::error(Code::InvalidLock, message)
                    .hint("restore it from Git, or delete the whole directory that it lies in and render it again"))
            }
        }
    }

    /// Writes it: a line a file.
    ///
    /// # Errors
    /// The writer's.
    pub fn write(&self, into: &mut impl Write) -> io::Result<()> {
        write!(into, "{{\"version\":{VERSION},\"files\":[")?;
        for (number, (path, fingerprint)) in self.files.iter().enumerate() {
            into.write_all(if number > 0 { b",\n" } else { b"\n" })?;
            let fingerprint = Some(fingerprint).filter(|fingerprint| **fingerprint != Fingerprint::default());
            serde_json::to_writer(&mut *into, &LineRef { path, fingerprint })?;
        }
        into.write_all(b"\n]}\n")
    }

    /// Whether both name the same files, with the same content as far as it can be known without a key.
    #[must_use]
    pub fn agrees_with<'a>(&'a self, other: &'a Self) -> bool {
        let public = |lock: &'a Self| lock.files.iter().map(|(path, fingerprint)| (path, fingerprint.public()));
        public(self).eq(public(other))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::environment::Environment;
    use crate::files::Protection;

    fn message(text: &str) -> String {
        Lock::parse(text.as_bytes()).unwrap_err().message
    }

    #[test]
    fn a_lock_survives_its_text() {
        let key = Key::read(&Environment::new([("REGCRED_FINGERPRINT_KEY", "k".repeat(32))], PathBuf::new())).unwrap();
        let mut lock = Lock::default();
        for (path, protection) in [("b", Protection::Public), ("a/c", Protection::Plaintext)] {
            lock.files.insert(path.parse().unwrap(), key.fingerprint(b"x", protection));
        }
        lock.files.insert("z".parse().unwrap(), Fingerprint::default());
        let mut text = Vec::new();
        lock.write(&mut text).unwrap();
        assert_eq!(Lock::parse(&text).unwrap(), lock);
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text.lines().count(), 5, "{text}");
        assert!(text.contains("\n{\"path\":\"z\"}\n"), "{text}");
    }

    #[test]
    fn a_conflict_is_the_union_of_both_sides_and_a_side_that_is_no_lock_is_refused() {
        let conflict = |ours: &str, theirs: &str| {
            format!(
                "{{\"version\":1,\"files\":[\n{{\"path\":\"a\"}},\n<<<<<<< x\n{ours}\n=======\n{theirs}\n>>>>>>> y\n]}}\n"
            )
        };
        let lock = Lock::parse(conflict("{\"path\":\"b\"}", "{\"path\":\"c\"}").as_bytes()).unwrap();
        assert!(lock.files.keys().map(TreePath::as_str).eq(["a", "b", "c"]));
        assert_eq!((lock.merge.clone(), lock.warnings().len()), (Merge::Conflict { theirs: BTreeMap::new() }, 1));
        for bad in ["canary", "{\"path\":\"../canary\"}", "{\"path\":\"/canary\"}"] {
            let text = message(&conflict("{\"path\":\"b\"}", bad));
            assert!(text.contains("malformed at line 3") && !text.contains("canary"), "{text}");
        }
    }

    #[test]
    fn of_what_both_sides_list_the_entry_of_the_file_that_is_there_counts() {
        let root = tempfile::tempdir().unwrap();
        let key = Key::read(&Environment::new([("REGCRED_FINGERPRINT_KEY", "k".repeat(32))], PathBuf::new())).unwrap();
        let path: TreePath = "a".parse().unwrap();
        for (there, expected) in [("ours", "ours"), ("theirs", "theirs"), ("else", "ours")] {
            #[expect(clippy::disallowed_methods, reason = "a fixture is a file")]
            fs::write(root.path().join("a"), there).unwrap();
            for protection in [Protection::Public, Protection::Plaintext] {
                let of = |text: &str| BTreeMap::from([(path.clone(), key.fingerprint(text.as_bytes(), protection))]);
                let lock = Lock { files: of("ours"), merge: Merge::Conflict { theirs: of("theirs") } };
                assert_eq!(lock.settle(root.path(), &key).files, of(expected), "{there}");
            }
        }
    }

    #[test]
    fn a_malformed_lock_is_refused_with_its_line_and_without_its_text() {
        let text = message("{\"version\":1,\"files\":[\n{\"path\":\"a\"},\n{\"path\":\"canary\",\"x\":1}\n]}");
        assert!(text.contains("line 3") && !text.contains("canary"), "{text}");
        assert!(message("").contains("line 1"));
        for newer in ["{\"version\":2,\"files\":[]}", "{\"version\":2,\"trees\":[{\"x\":1}]}"] {
            assert!(message(newer).contains("version"), "{newer}");
        }
    }

    #[test]
    fn a_lock_cannot_name_a_file_outside_of_the_tree() {
        for path in ["/etc/passwd", "../x", "a/../../x", "", "a//b", "regcred.lock", "a\\\\..\\\\b"] {
            let text = message(&format!("{{\"version\":1,\"files\":[\n{{\"path\":\"{path}\"}}\n]}}"));
            assert!(text.contains("line 2"), "{path}: {text}");
        }
    }
}
