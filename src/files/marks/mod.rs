//! Reuses encrypted documents that are still current.
//!
//! Encryption is random, so the same secret would give other bytes in every run. The mark before each encrypted document names its
//! recipients. With the fingerprint key it proves what the document holds, and that we wrote it.

pub mod digest;
pub mod key;
pub mod mark;
pub mod merge;
pub mod seen;
pub mod weak;

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::protect::WriteError;
use crate::protect::encrypted::Encrypted;
use digest::Digest;
use key::{Key, Purpose};
use mark::{Mark, fingerprints};
use regcred_core::recipient::Recipient;
use seen::Seen;

/// The line between two YAML documents.
pub const SEPARATOR: &[u8] = b"---\n";
/// The text that is compared in place of a document that must be encrypted.
const OUTDATED: &[u8] = b"# not current\n";

/// How much a job can compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Everything.
    All,
    /// Everything that does not depend on the logins.
    NotTheLogins,
}

/// What to do with a document that is not current.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Outdated {
    Encrypt,
    /// Encrypt it, and the current ones, too.
    EncryptAll,
    /// Nothing, only compare.
    Compare(Known),
}

/// The part of a file that a mark covers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Everything after the mark.
    Rest,
    Document,
}

/// An existing encrypted document.
struct Marked {
    mark: Mark,
    range: Range<usize>,
    is_whole: bool,
    is_signed: bool,
}

/// The existing encrypted documents of a file. Several threads may use it at once.
pub struct Marks<'a> {
    key: &'a Key,
    text: Zeroizing<Vec<u8>>,
    documents: HashMap<String, Vec<Marked>>,
    seen: Mutex<Seen>,
}

/// How an existing document compares with the wanted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    /// The key proves that it holds the wanted secret.
    Current,
    /// Nothing differs, but nothing proves its secret.
    Unproven,
    /// Its secret or its context differs.
    Stale,
    /// Its recipients or rules differ.
    Readdressed,
    /// It does not match its mark.
    Edited,
    /// No key of ours has signed its mark.
    Unsigned,
}

/// The facts that decide whether a document is current.
struct Meaning<'a> {
    encrypted: &'a dyn Encrypted,
    context: Vec<u8>,
    digest: Digest,
    rules: Option<Digest>,
    recipients: Option<String>,
    variables: Vec<u8>,
}

impl<'a> Marks<'a> {
    /// The documents of this text, in which lines end with a line feed only; after a merge conflict, the documents of both sides.
    pub fn read(text: Vec<u8>, key: &'a Key, extent: Extent) -> Self {
        let text = match merge::sides(&text) {
            Some([ours, theirs]) => [&ours.concat(), SEPARATOR, &theirs.concat()].concat(),
            None => text,
        };
        let marked = Mark::all(&text, extent);
        let verify = |(mark, range): (Mark, Range<usize>)| {
            let is_whole = Digest::of(&text[range.clone()]) == mark.ciphertext;
            let is_signed = is_whole && mark.is_signed(key);
            Marked { mark, range, is_whole, is_signed }
        };
        let marked: Vec<_> = marked.into_par_iter().with_min_len(64).map(verify).collect();
        let mut documents: HashMap<String, Vec<Marked>> = HashMap::with_capacity(marked.len());
        for marked in marked {
            documents.entry(marked.mark.name.clone()).or_default().push(marked);
        }
        Self { key, text: Zeroizing::new(text), documents, seen: Mutex::default() }
    }

    /// The fingerprints of the recipients in signed marks.
    pub fn signed_recipients(&self) -> BTreeSet<String> {
        let signed = self.documents.values().flatten().filter(|marked| marked.is_signed);
        signed.flat_map(|marked| marked.mark.each_recipient()).collect()
    }

    /// The fingerprints of the recipients in these marks, signed or not.
    pub fn named_recipients(&self, is_meant: impl Fn(&Mark) -> bool) -> BTreeSet<String> {
        let marks = self.documents.values().flatten().map(|marked| &marked.mark);
        marks.filter(|mark| is_meant(mark)).flat_map(Mark::each_recipient).collect()
    }

    /// The recipients in the signed mark of this name; if a merge has left several, the recipients that all of them name.
    fn recipients_before(&self, name: &str) -> Option<BTreeSet<String>> {
        let signed = self.documents.get(name).into_iter().flatten().filter(|marked| marked.is_signed);
        signed.map(|marked| marked.mark.each_recipient().collect()).reduce(|one, other| &one & &other)
    }

    /// Whether there is an encrypted document, with or without a mark.
    pub fn finds_one(&self) -> bool {
        const SIGNS: [&[u8]; 2] = [b"encryptedData", b"ENC[AES256_GCM"];
        let has = |sign: &&[u8]| self.text.windows(sign.len()).any(|part| part == *sign);
        !self.documents.is_empty() || SIGNS.iter().any(has)
    }

    /// Writes the mark and the encrypted document; reuses the existing document if it is current.
    pub fn write(
        &self,
        encrypted: &dyn Encrypted,
        path: &str,
        outdated: Outdated,
        into: &mut Vec<u8>,
    ) -> Result<(), WriteError> {
        let name = encrypted.name();
        let meaning = Meaning::of(encrypted, path)?;
        let known = if let Outdated::Compare(known) = outdated { known } else { Known::All };
        let before = self.recipients_before(&name);
        self.note(|seen| seen.signed.extend(before.iter().flatten().cloned()));
        let address = |recipients| self.note(|seen| seen.address(&name, before.as_ref(), recipients));
        let mut findings = Vec::new();
        for marked in self.documents.get(&name).into_iter().flatten() {
            let document = &self.text[marked.range.clone()];
            let finding = self.compare(marked, document, &meaning, known)?;
            match (finding, outdated) {
                (Finding::Current, Outdated::EncryptAll) => {}
                (Finding::Current, _) => {
                    let mark = self.put(&meaning, marked.mark.clone(), document, into);
                    self.note(|seen| {
                        seen.resigned |= mark != marked.mark;
                        seen.recipients.extend(mark.each_recipient().map(|name| Recipient::named(&name)));
                    });
                    return Ok(());
                }
                (Finding::Unproven, Outdated::Compare(_)) => {
                    into.extend_from_slice(marked.mark.line().as_bytes());
                    into.extend_from_slice(document);
                    self.note(|seen| seen.unproven = true);
                    address(encrypted.recipients().unwrap_or_default());
                    return Ok(());
                }
                (finding, _) => findings.push(finding),
            }
        }
        self.note(|seen| {
            seen.outdated = true;
            seen.absent |= findings.is_empty();
            seen.edited |= findings.contains(&Finding::Edited);
            seen.unsigned |= findings.contains(&Finding::Unsigned);
            seen.readdressed |= findings.contains(&Finding::Readdressed);
        });
        if let Outdated::Compare(_) = outdated {
            address(encrypted.recipients().unwrap_or_default());
            into.extend_from_slice(OUTDATED);
            return Ok(());
        }
        let document = encrypted.encrypt(path)?;
        let recipients = encrypted.recipients_of(&document);
        let mark = Mark {
            name: name.clone(),
            recipients: fingerprints(&recipients),
            rules: meaning.rules.clone(),
            context: meaning.digest.clone(),
            ciphertext: Digest::of(&document),
            content: None,
            signature: None,
        };
        address(recipients);
        self.put(&meaning, mark, &document, into);
        Ok(())
    }

    /// Writes a current document under a mark that the current key signs.
    fn put(&self, meaning: &Meaning<'_>, mut mark: Mark, document: &[u8], into: &mut Vec<u8>) -> Mark {
        mark.content = meaning.with_parts(|parts| self.key.sign(Purpose::Content, parts));
        let mark = mark.signed(self.key);
        let line = mark.line();
        into.reserve(line.len() + document.len());
        into.extend_from_slice(line.as_bytes());
        into.extend_from_slice(document);
        mark
    }

    fn compare(&self, marked: &Marked, document: &[u8], wanted: &Meaning<'_>, known: Known) -> io::Result<Finding> {
        let Marked { mark, is_whole, is_signed, .. } = marked;
        if !is_whole {
            return Ok(Finding::Edited);
        }
        if self.key.is_there() && !is_signed {
            return Ok(Finding::Unsigned);
        }
        if known == Known::All && self.key.is_there() {
            let proven = wanted.with_parts(|parts| self.key.has_signed(mark.content.as_ref(), Purpose::Content, parts));
            if proven {
                return Ok(Finding::Current);
            }
        }
        let readdressed = mark.rules != wanted.rules
            || wanted.recipients.as_ref().is_some_and(|recipients| *recipients != mark.recipients);
        Ok(if readdressed {
            Finding::Readdressed
        } else if mark.context != wanted.digest || (known == Known::All && self.key.is_there()) {
            Finding::Stale
        } else if wanted.encrypted.has_form(document)?
            && fingerprints(&wanted.encrypted.recipients_of(document)) == mark.recipients
        {
            Finding::Unproven
        } else {
            Finding::Edited
        })
    }

    /// The facts about the documents that were asked for.
    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, note: impl FnOnce(&mut Seen)) {
        note(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Whether a key has signed any of the marks.
    pub fn has_signed(&self) -> bool {
        self.documents.values().flatten().any(|marked| marked.is_signed)
    }
}

impl<'a> Meaning<'a> {
    fn of(encrypted: &'a dyn Encrypted, path: &str) -> io::Result<Self> {
        let context = encrypted.context(path)?;
        Ok(Self {
            encrypted,
            digest: Digest::of(&context),
            context,
            rules: encrypted.rules().map(|rules| Digest::of(&rules)),
            recipients: encrypted.recipients().as_ref().map(fingerprints),
            variables: encrypted.recipients_in_variables()?,
        })
    }

    #[expect(clippy::disallowed_methods, reason = "what goes into an HMAC")]
    fn with_parts<T>(&self, use_them: impl FnOnce(&[&[u8]]) -> T) -> T {
        use_them(&[self.encrypted.secret().expose_secret().as_bytes(), &self.context, &self.variables])
    }
}
