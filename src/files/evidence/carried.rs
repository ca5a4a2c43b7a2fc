//! A file of several documents: what is to be encrypted in it and what is there in, each document under a line that tells of it out. One
//! that is still good stays as it is.
//!
//! The line is a comment with what a lock would say. No tool that applies a manifest reads it, and sops leaves comments out of what it
//! authenticates.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use zeroize::Zeroizing;

use super::digest::Digest;
use super::encrypted::Encrypted;
use super::fingerprint::{Fingerprint, Key};
use super::{Evidence, Finding, Known, warnings};
use crate::files::merge;
use crate::files::target::Target;
use crate::settings::{Destination, Reseal, Settings};
use regcred_core::diagnostic::{Diagnostic, Failure};

const MARK: &str = "# regcred fingerprint: ";
/// More than a fingerprint takes.
const LONGEST_MARK: usize = 512;
/// What stands in a text to compare in the place of a document that would be made anew.
const OUTDATED: &[u8] = b"# not current\n";
const SEPARATOR: &[u8] = b"---\n";

/// What is done with a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It is written: encrypted, unless what is there will do.
    Write(Reseal),
    /// It is compared, as far as this is known: nothing is encrypted.
    Compare(Known),
}

/// Of how much of the file a line tells.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All that comes after it.
    Rest,
    /// The document that it stands in.
    Document,
}

/// The encrypted documents of a file by their context: of a merge, perhaps one of either side.
type Documents = HashMap<Digest, Vec<(Fingerprint, Range<usize>)>>;

/// What the file that is there tells. Several threads ask at once.
pub struct Carried {
    key: Key,
    purpose: Purpose,
    text: Zeroizing<Vec<u8>>,
    documents: Documents,
    recipients: HashSet<Digest>,
    seen: Seen,
}

/// What was seen of the documents that were asked for.
#[derive(Default)]
struct Seen {
    /// One is not there, or not as it should be.
    outdated: AtomicBool,
    /// One is as it was written, of which secret could not be told.
    unproven: AtomicBool,
    /// One was written with our key.
    owned: AtomicBool,
    /// One is another than was written.
    edited: AtomicBool,
    /// One is as its line says, which was not written with our key.
    disowned: AtomicBool,
    /// One is for somebody for whom none was before.
    readdressed: AtomicBool,
}

impl Carried {
    /// Reads the file of the target, if it is there.
    ///
    /// # Errors
    /// Those of the key of fingerprints.
    pub fn read(target: &Target<'_>, settings: &Settings, known: Known, extent: Extent) -> Result<Self, Failure> {
        let purpose = match settings.destination {
            Destination::Check(_) => Purpose::Compare(known),
            Destination::Write(_) | Destination::Stdout => Purpose::Write(target.reseal),
        };
        // What else than a readable file may be there is for the writer to say.
        let text = if target.path.is_file() { fs::read(&target.path).unwrap_or_default() } else { Vec::new() };
        Ok(Self::of(text, Key::read(target.environment)?, purpose, extent))
    }

    /// What this text tells. Of one with a merge conflict, both sides.
    #[must_use]
    pub fn of(text: Vec<u8>, key: Key, purpose: Purpose, extent: Extent) -> Self {
        let text = match merge::sides(&text) {
            Some([ours, theirs]) => [&ours.concat(), SEPARATOR, &theirs.concat()].concat(),
            None => text,
        };
        let documents = parse(&text, extent);
        Self {
            key,
            purpose,
            text: Zeroizing::new(text),
            recipients: documents.values().flatten().filter_map(|(written, _)| written.recipient.clone()).collect(),
            documents,
            seen: Seen::default(),
        }
    }

    /// Writes the line and the encrypted document: the one that is there, if it will do.
    ///
    /// # Errors
    /// The protector's.
    pub fn settle(&self, encrypted: &dyn Encrypted, path: &str, into: &mut Vec<u8>) -> io::Result<()> {
        let evidence = Evidence::of(encrypted, path)?;
        let there = evidence.context().and_then(|context| self.documents.get(context));
        let mut findings = Vec::new();
        for (written, range) in there.into_iter().flatten() {
            let document = &self.text[range.clone()];
            let finding = evidence.weigh(written, document, &self.key, self.known())?;
            if self.key.is_there() && !matches!(finding, Finding::Other | Finding::Disowned) {
                note(&self.seen.owned);
            }
            match (finding, self.purpose) {
                (Finding::Good(_), Purpose::Write(Reseal::Always)) => {}
                (Finding::Good(fingerprint), _) => return marked(&fingerprint, document, into),
                (Finding::Unproven, Purpose::Compare(_)) => {
                    note(&self.seen.unproven);
                    return marked(written, document, into);
                }
                (finding, _) => findings.push(finding),
            }
        }
        for finding in findings {
            match finding {
                Finding::Other => note(&self.seen.edited),
                Finding::Disowned => note(&self.seen.disowned),
                Finding::Good(_) | Finding::Unproven | Finding::Outdated | Finding::Readdressed => {}
            }
        }
        let is_new = |recipient| !self.recipients.contains(recipient);
        if !self.recipients.is_empty() && evidence.recipient().is_some_and(is_new) {
            note(&self.seen.readdressed);
        }
        note(&self.seen.outdated);
        match self.purpose {
            Purpose::Compare(_) => {
                into.extend_from_slice(OUTDATED);
                Ok(())
            }
            Purpose::Write(_) => {
                let document = encrypted.encrypt(path)?;
                marked(&evidence.fingerprint(&document, &self.key), &document, into)
            }
        }
    }

    /// Whether each document that was asked for was there and will do: if not, what was written to compare it with means nothing.
    pub fn is_current(&self) -> bool {
        !is_noted(&self.seen.outdated)
    }

    /// Whether of one that will do it could not be told which secret it is.
    pub fn is_unproven(&self) -> bool {
        is_noted(&self.seen.unproven)
    }

    /// Whether one was written with our key.
    pub fn is_owned(&self) -> bool {
        is_noted(&self.seen.owned)
    }

    /// Whether a document that is there was edited.
    pub fn is_edited(&self) -> bool {
        is_noted(&self.seen.edited)
    }

    /// Whether one was not written with our key.
    pub fn is_disowned(&self) -> bool {
        is_noted(&self.seen.disowned)
    }

    /// Whether one is for somebody for whom none was before.
    pub fn is_readdressed(&self) -> bool {
        is_noted(&self.seen.readdressed)
    }

    /// What there is to say of a file that has no lock.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        let disowned = self.is_disowned().then(|| warnings::disowned(1));
        let readdressed = self.is_readdressed().then(|| warnings::readdressed(1));
        disowned.into_iter().chain(readdressed).collect()
    }

    fn known(&self) -> Known {
        match self.purpose {
            Purpose::Write(_) => Known::All,
            Purpose::Compare(known) => known,
        }
    }
}

fn note(what: &AtomicBool) {
    what.store(true, Ordering::Relaxed);
}

fn is_noted(what: &AtomicBool) -> bool {
    what.load(Ordering::Relaxed)
}

fn marked(fingerprint: &Fingerprint, document: &[u8], into: &mut Vec<u8>) -> io::Result<()> {
    into.reserve(MARK.len() + LONGEST_MARK + document.len());
    into.extend_from_slice(MARK.as_bytes());
    serde_json::to_writer(&mut *into, fingerprint)?;
    into.push(b'\n');
    into.extend_from_slice(document);
    Ok(())
}

fn parse(text: &[u8], extent: Extent) -> Documents {
    let mut documents = Documents::new();
    let mut open: Option<(Fingerprint, usize)> = None;
    let mut close = |open: Option<(Fingerprint, usize)>, end: usize| {
        if let Some((fingerprint, start)) = open
            && let Some(context) = fingerprint.context.clone()
        {
            documents.entry(context).or_default().push((fingerprint, start..end));
        }
    };
    let mut place = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let next = place + line.len();
        if extent == Extent::Document && line == SEPARATOR {
            close(open.take(), place);
        } else if open.is_none()
            && let Some(json) = line.strip_prefix(MARK.as_bytes())
        {
            open = serde_json::from_slice(json).ok().map(|fingerprint| (fingerprint, next));
        }
        place = next;
    }
    close(open, place);
    documents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_of_its_document_or_of_all_the_rest() {
        let line = |context: &str| {
            let fingerprint = Fingerprint { context: Digest::of(context.as_bytes()), ..Fingerprint::default() };
            let mut text = Vec::new();
            marked(&fingerprint, b"", &mut text).unwrap();
            String::from_utf8(text).unwrap()
        };
        let text = format!("a: 1\n---\n{}b: 2\n# c\n---\nd: 3\n---\n{}e: 4\n", line("b"), line("e"));
        let found = |extent, context: &str| {
            let documents = parse(text.as_bytes(), extent);
            let (_, range) = documents.get(&Digest::of(context.as_bytes()).unwrap())?.first()?;
            Some(text[range.clone()].to_owned())
        };
        assert_eq!(found(Extent::Document, "b").unwrap(), "b: 2\n# c\n");
        assert_eq!(found(Extent::Document, "e").unwrap(), "e: 4\n");
        assert!(found(Extent::Rest, "b").unwrap().ends_with("e: 4\n"));
        assert!(found(Extent::Rest, "e").is_none() && parse(b"# regcred fingerprint: {\n", Extent::Rest).is_empty());
    }
}
