//! Compares a wanted file with the existing one. It follows no link, and writes nothing.

use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::Mode;
use super::clear::in_clear;
use super::cursor::Cursor;
use super::entry::{Content, Entry, NeedsLogins, is_headed};
use super::line::{Hashes, Line, Verdict};
use super::parsed::DOCKER_CONFIG;
use super::path::{Found, LOCK, TreePath};
use super::read;
use super::root::{Kind, Root, State};
use crate::files::marks::key::{Hasher, Key};
use crate::files::marks::{Known, Marks, Outdated, merge};
use crate::files::stream::Form;
use crate::files::{Protection, WriteError, git};
use regcred_core::plan::{self, Actual, History, Owner};

/// The folder, and what is known for the comparison.
pub struct Observer<'a> {
    pub root: &'a Root,
    pub key: &'a Key,
    /// Whether the plan is executed, or else how much a comparison can know.
    pub mode: Mode,
}

/// The result for a file.
pub struct Seen<'a> {
    /// The result of the comparison; `None` if the file does not exist.
    pub actual: Option<Actual>,
    /// The line of the lock, if the file stays.
    pub line: Line,
    /// The encrypted documents in it.
    pub marks: Option<Marks<'a>>,
    /// Whether a key has signed a line for this encrypted file, and the file is missing or differs; false with a journal.
    pub was_ours: bool,
    /// Whether a login in clear is where an encrypted one belongs.
    pub is_in_clear: bool,
}

impl<'a> Observer<'a> {
    pub fn compare(&self, entry: &Entry<'_>, path: Option<&TreePath>) -> Result<Seen<'a>, WriteError> {
        let encrypted = entry.content.protection() == Protection::Encrypted;
        let lines = path.and_then(|path| self.root.ours.files.get(path)).map_or(&[][..], Vec::as_slice);
        let is_signed = path.is_some_and(|path| lines.iter().any(|line| line.is_signed(path, self.key)));
        let mut seen = Seen {
            actual: None,
            line: Line::default(),
            marks: None,
            was_ours: is_signed && encrypted && !self.root.has_journal,
            is_in_clear: false,
        };
        let (found, place) = self.find(entry, path)?;
        match found {
            Found::Nothing => {
                seen.marks = encrypted.then(|| Marks::read(Vec::new(), self.key, entry.extent()));
                // Asks the protector for the recipients of a missing file.
                if self.mode != Mode::Write && encrypted {
                    entry.write(seen.marks.as_ref(), Outdated::Compare(self.known()), &mut |_| Ok(()))?;
                }
                return Ok(seen);
            }
            Found::Other => {
                seen.actual = Some(Actual {
                    owner: Owner::Another,
                    content: plan::Content::Different,
                    history: History::Unknown,
                });
                return Ok(seen);
            }
            Found::File => {}
        }
        let is_long = matches!(entry.content, Content::Stream(..)) && !encrypted && self.known() == Known::All;
        let text = if is_long { None } else { Some(read::text(&place)?.unwrap_or_default()) };
        let is_merged = text.as_ref().is_some_and(|text| merge::sides(text).is_some());
        seen.marks = match (&text, encrypted) {
            (Some(text), true) => Some(Marks::read(text.to_vec(), self.key, entry.extent())),
            _ => None,
        };
        let content = match &text {
            None => compare_hashes(entry, &place)?,
            Some(text) => self.compare_text(entry, text, seen.marks.as_ref())?,
        };
        let there = Hashes::of(lines, open(&place)?, self.key)?;
        let verdict = match lines.iter().find(|line| line.verify(&there) == Verdict::Same) {
            Some(line) => {
                seen.line = line.clone();
                Verdict::Same
            }
            None if lines.iter().any(|line| line.verify(&there) == Verdict::Different) => Verdict::Different,
            None => Verdict::Unknown,
        };
        seen.was_ours &= verdict != Verdict::Same;
        let is_proven = is_signed && verdict == Verdict::Same;
        seen.is_in_clear = encrypted && !is_proven && text.as_deref().is_some_and(|text| in_clear(text));
        if let (Some(path), plan::Content::Same | plan::Content::Unproven) = (path, content) {
            let mut hasher = hasher(entry.content.protection(), self.key);
            read::each_part(open(&place)?, |part| hasher.update(part))?;
            seen.line = Line::new(path, hasher, entry.content.protection(), self.key);
        }
        let (marks, documents) = (seen.marks.as_ref(), seen.marks.as_ref().map(Marks::seen).unwrap_or_default());
        let owner = match self.root.kind {
            Kind::Tree if lines.is_empty() && marks.is_some_and(Marks::has_signed) => Owner::Proven,
            Kind::Tree if lines.is_empty() => Owner::Another,
            Kind::Tree if is_signed || (verdict == Verdict::Same && is_ours(&entry.path, &place)?) => Owner::Proven,
            Kind::Tree if is_merged || is_ours(&entry.path, &place)? => Owner::Claimed,
            // A login in clear never stays.
            Kind::Tree if encrypted => Owner::Claimed,
            // Anybody can write a line that is not signed: it is believed only without a key, for an edited file, which gets a warning, and
            // for JSON, which has no header.
            Kind::Tree if !self.key.is_there() && verdict == Verdict::Different => Owner::Claimed,
            Kind::Tree
                if !self.key.is_there() && verdict == Verdict::Same && place.extension() == Some("json".as_ref()) =>
            {
                Owner::Claimed
            }
            Kind::File(_) if starts_as_ours(&place)? => Owner::Proven,
            Kind::Tree | Kind::File(_) => Owner::Another,
        };
        let is_unsigned =
            encrypted && self.key.is_there() && self.root.kind == Kind::Tree && !lines.is_empty() && !is_signed;
        let is_a_single_document = matches!(entry.content, Content::Encrypted(_));
        let history = match verdict {
            _ if is_merged || (self.root.ours.has_conflict && verdict == Verdict::Different) => History::Merged,
            Verdict::Different if !(is_a_single_document && documents.unsigned) => History::Edited,
            _ if is_unsigned || documents.unsigned => History::Unsigned,
            _ if documents.edited || (is_a_single_document && documents.absent) => History::Edited,
            _ if is_a_single_document
                && content == plan::Content::Different
                && !documents.outdated
                && !documents.resigned =>
            {
                History::Edited
            }
            Verdict::Same => History::AsWritten,
            Verdict::Different => History::Edited,
            Verdict::Unknown if encrypted && self.root.kind != Kind::Tree => History::AsWritten,
            Verdict::Unknown => History::Unknown,
        };
        seen.actual = Some(Actual { owner, content, history });
        Ok(seen)
    }

    /// The state of a file that is no longer wanted.
    pub fn left_over(&self, path: &TreePath, lines: &[Line]) -> io::Result<Option<Actual>> {
        let Found::File = path.find(&self.root.path)? else { return Ok(None) };
        let place = path.under(&self.root.path);
        let is_signed = lines.iter().any(|line| line.is_signed(path, self.key));
        let hashes = Hashes::of(lines, open(&place)?, self.key)?;
        let is_same = lines.iter().any(|line| line.verify(&hashes) == Verdict::Same);
        let is_as_written = is_same || !lines.iter().any(Line::tells);
        // We write no `.gitignore` below the top. Git was asked while this one existed: without it, a Secret in clear could enter Git.
        let is_foreign_ignore_file = path.folders().next().is_some() && place.ends_with(git::IGNORE_FILE);
        let is_in_another_tree = path.folders().any(|folder| self.root.path.join(folder).join(LOCK).exists());
        let owner = match is_ours(path.as_str(), &place)? {
            _ if is_foreign_ignore_file => Owner::Another,
            _ if is_signed => Owner::Proven,
            _ if is_in_another_tree => Owner::Another,
            // Without its key, the HMAC of a secret in clear says nothing.
            true if is_as_written || !lines.iter().any(|line| line.public().is_some()) => Owner::Proven,
            _ => Owner::Claimed,
        };
        let history = if is_as_written { History::AsWritten } else { History::Edited };
        Ok(Some(Actual { owner, content: plan::Content::Different, history }))
    }

    fn known(&self) -> Known {
        match self.mode {
            Mode::Write => Known::All,
            Mode::Check(known) => known,
        }
    }

    fn find(&self, entry: &Entry<'_>, path: Option<&TreePath>) -> io::Result<(Found, PathBuf)> {
        let Some(path) = path else {
            let place = self.root.kind.place(&self.root.path, &entry.path);
            let found = match place.symlink_metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Found::Nothing,
                Err(error) => return Err(error),
                Ok(metadata) if metadata.is_file() => Found::File,
                Ok(_) => Found::Other,
            };
            return Ok((found, place));
        };
        // A new folder can hold only our own .gitignore.
        let is_new = self.root.state == State::New && path.as_str() != git::IGNORE_FILE;
        let found = if is_new { Found::Nothing } else { path.find(&self.root.path)? };
        Ok((found, path.under(&self.root.path)))
    }

    fn compare_text(
        &self,
        entry: &Entry<'_>,
        text: &[u8],
        marks: Option<&Marks<'_>>,
    ) -> Result<plan::Content, WriteError> {
        let outdated = Outdated::Compare(self.known());
        let leaves_out = self.known() == Known::NotTheLogins && entry.logins != NeedsLogins::NotNeeded;
        let mut cursor = Cursor { rest: text, is_same: true, has_left_out: false, leaves_out };
        if let Content::Stream(_, Form::Json) | Content::Ready(..) = entry.content {
            let mut wanted = Zeroizing::new(Vec::new());
            entry.write(None, outdated, &mut |part| {
                wanted.extend_from_slice(part);
                Ok(())
            })?;
            cursor.compare(&wanted, text);
            cursor.rest = &[];
        } else {
            entry.write(marks, outdated, &mut |part| {
                cursor.take(part);
                Ok(())
            })?;
        }
        let seen = marks.map(Marks::seen).unwrap_or_default();
        Ok(match cursor {
            Cursor { is_same: true, rest: [], has_left_out, .. } if !seen.outdated => {
                match (seen.unproven || has_left_out, self.known()) {
                    (false, _) => plan::Content::Same,
                    (true, Known::All) => plan::Content::Unproven,
                    (true, Known::NotTheLogins) => plan::Content::NotCompared,
                }
            }
            _ if leaves_out && entry.logins == NeedsLogins::ForAll => plan::Content::NotCompared,
            _ if seen.readdressed => plan::Content::AnotherRecipient,
            _ => plan::Content::Different,
        })
    }
}

/// A long file of plain documents is never held in memory as a whole.
fn compare_hashes(entry: &Entry<'_>, place: &Path) -> Result<plan::Content, WriteError> {
    let (mut wanted, mut there) = (Hasher::public(), Hasher::public());
    entry.write(None, Outdated::Encrypt, &mut |part| {
        wanted.update(part);
        Ok(())
    })?;
    read::each_part(open(place)?, |part| there.update(part))?;
    Ok(if wanted.finish() == there.finish() { plan::Content::Same } else { plan::Content::Different })
}

pub fn hasher(protection: Protection, key: &Key) -> Hasher {
    match protection {
        Protection::Public | Protection::Encrypted => Hasher::public(),
        Protection::Plaintext => Hasher::secret(key),
    }
}

fn open(place: &Path) -> io::Result<impl io::Read> {
    read::open(place)?.ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Whether the content of a file says that we wrote it; an empty file counts as ours.
pub fn starts_as_ours(place: &Path) -> io::Result<bool> {
    let start = start_of(place)?;
    let is_a_docker_config = DOCKER_CONFIG.iter().any(|ours| start.starts_with(ours.as_bytes()));
    Ok(start.is_empty() || is_a_docker_config || is_marked(place, &start, b"regcred")?)
}

/// Whether a file has our header.
pub fn has_our_header(place: &Path) -> io::Result<bool> {
    Ok(is_headed(&start_of(place)?))
}

/// Whether a file is surely ours: it has our header, or is our `.gitignore`, or JSON with a label of our objects.
fn is_ours(path: &str, place: &Path) -> io::Result<bool> {
    let is_ignore_file = path == git::IGNORE_FILE;
    Ok(is_marked(place, &start_of(place)?, b"\"app.kubernetes.io/managed-by\":\"regcred\"")?
        || (is_ignore_file && **read::text(place)?.unwrap_or_default() == *git::IGNORE_ALL))
}

/// Whether a file has our header, or is JSON, which has no comment at its beginning, with this text.
fn is_marked(place: &Path, start: &[u8], mark: &[u8]) -> io::Result<bool> {
    let text = if start.starts_with(b"{") { read::text(place)?.unwrap_or_default() } else { Zeroizing::default() };
    Ok(is_headed(start) || text.windows(mark.len()).any(|window| window == mark))
}

fn start_of(place: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    const LONGEST_START: u64 = 64;
    let mut start = Zeroizing::new(Vec::new());
    io::Read::read_to_end(&mut io::Read::take(open(place)?, LONGEST_START), &mut start)?;
    Ok(start)
}
