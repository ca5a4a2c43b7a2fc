//! Reads and writes `regcred.lock`, which lists the files of a folder that are ours.
//!
//! Each line is independent: it is bound to its path and has its own signature, so a merge takes the lines of both sides.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::Path;

use super::approved::Approved;
use super::entry::HEADER;
use super::line::Line;
use super::path::{LOCK, TreePath};
use super::read;
use crate::files::marks::digest::Digest;
use regcred_core::diagnostic::{Code, Diagnostic, Failure, reason};

const MARKERS: [&[u8]; 4] = [b"<<<<<<<", b"|||||||", b"=======", b">>>>>>>"];
/// The largest size: a lock of a million files is smaller.
const LIMIT: u64 = 256 * 1024 * 1024;
/// The most lines of a lock.
const LINES: usize = 2_000_000;
/// The most different lines for one path, or for the recipients: a merge leaves one line of each side.
const SIDES: usize = 64;

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
        let Some(file) = read::open(path).map_err(|error| failed(&error))? else { return Ok(None) };
        if file.get_ref().metadata().is_ok_and(|metadata| metadata.len() > LIMIT) {
            return Err(failed(&io::ErrorKind::FileTooLarge.into()));
        }
        let mut bytes = Vec::new();
        file.take(LIMIT).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
        Self::parse(&bytes).map(Some).map_err(|problem| Failure::of("the output", problem))
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
            if number >= LINES {
                return Err(too_many(number + 1));
            }
            if MARKERS.iter().any(|marker| line.starts_with(marker)) {
                lock.has_conflict = true;
            } else if let Some(approved) = Approved::parse(line) {
                add(&mut lock.approved, approved);
                if lock.approved.len() > SIDES {
                    return Err(too_many(number + 1));
                }
            } else if !line.is_empty() && !line.starts_with(b"#") {
                let (path, line) = Line::parse(line).ok_or_else(|| malformed(number + 1))?;
                let lines = lock.files.entry(path).or_default();
                add(lines, line);
                if lines.len() > SIDES {
                    return Err(too_many(number + 1));
                }
            }
        }
        Ok(lock)
    }

    /// Adds a line, beside different lines of the same path. Returns whether it is new.
    pub fn add(&mut self, path: TreePath, line: Line) -> bool {
        add(self.files.entry(path).or_default(), line)
    }

    pub fn write(&self, into: &mut impl Write) -> io::Result<()> {
        into.write_all(HEADER)?;
        self.approved.iter().try_for_each(|approved| writeln!(into, "{approved}"))?;
        self.lines().try_for_each(|(path, line)| writeln!(into, "{path}{line}"))
    }

    /// Each line with its path.
    pub fn lines(&self) -> impl Iterator<Item = (&TreePath, &Line)> {
        self.files.iter().flat_map(|(path, lines)| lines.iter().map(move |line| (path, line)))
    }

    /// Whether both name the same files, with the same content as far as one can tell without a key.
    pub fn agrees_with(&self, other: &Self) -> bool {
        fn public<'a>((path, line): (&'a TreePath, &'a Line)) -> (&'a TreePath, Option<&'a Digest>) {
            (path, line.public())
        }
        self.lines().map(public).eq(other.lines().map(public))
    }
}

/// Adds a line unless it is there; the lines of a lock that was read are few. Returns whether it is new.
pub fn add<T: PartialEq>(lines: &mut Vec<T>, line: T) -> bool {
    let is_new = !lines.contains(&line);
    lines.extend(is_new.then_some(line));
    is_new
}

fn malformed(line: usize) -> Diagnostic {
    Diagnostic::error(Code::InvalidLock, format!("`{LOCK}` is malformed at line {line}")).hint(restore_or_remove())
}

fn too_many(line: usize) -> Diagnostic {
    let message =
        format!("`{LOCK}` has too many lines, at line {line}: at most {SIDES} for one path, and {LINES} together");
    Diagnostic::error(Code::InvalidLock, message).hint(restore_or_remove())
}

pub const RESTORE: &str = "restore it: `git checkout HEAD -- regcred.lock` in that folder; if a commit changed it, find the commit with `git log -- regcred.lock`, and run `git checkout COMMIT~ -- regcred.lock`";

pub fn restore_or_remove() -> String {
    format!("{RESTORE}; or remove what regcred wrote there, with the lock, and render again")
}

#[cfg(test)]
mod tests {
    use super::super::line::tests::{KEY, key, line};
    use super::*;
    use crate::files::Protection;

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

    #[test]
    fn a_path_has_few_lines() {
        let key = key(KEY);
        let path = || "a".parse::<TreePath>().unwrap();
        let other = |number: usize| line("a", &number.to_be_bytes(), Protection::Public, &key).1;
        let lines = (0..SIDES).map(other).collect();
        let mut lock = Lock { files: [(path(), lines)].into(), ..Lock::default() };
        let parsed = |lock: &Lock| {
            let mut text = Vec::new();
            lock.write(&mut text).unwrap();
            Lock::parse(&text)
        };
        assert_eq!(parsed(&lock).unwrap(), lock);
        assert!(lock.add(path(), other(SIDES)));
        assert!(parsed(&lock).unwrap_err().message.contains("too many lines, at line"));
    }
}
