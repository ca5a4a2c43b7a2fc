//! Describes a file that `--output` should have.

use std::io;

use zeroize::Zeroizing;

use crate::files::marks::{Extent, Marks, Outdated};
use crate::files::stream::{self, Form};
use crate::files::{File, Protection, WriteError};
use crate::protect::Documents;
use crate::protect::encrypted::Encrypted;

/// A file that the folder should have.
pub struct Entry<'a> {
    /// The path relative to the folder, with `/` between the parts.
    pub path: String,
    /// The object in the file, if it is a single one.
    pub document: Option<String>,
    /// The first lines, which say that the file is ours.
    pub head: Vec<u8>,
    /// The content after these lines.
    pub content: Content<'a>,
    /// Which part of the content depends on the logins.
    pub logins: NeedsLogins,
}

/// Which part of a file depends on the logins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeedsLogins {
    /// No part.
    NotNeeded,
    /// The values of Secrets, and the registries of policies.
    ForValues,
    /// Perhaps all of it.
    ForAll,
}

/// The content of a file.
pub enum Content<'a> {
    /// These bytes.
    Ready(Zeroizing<Vec<u8>>, Protection),
    /// Documents, one after the other.
    Stream(&'a Documents<'a>, Form),
    /// One document that is encrypted only if the existing one is not current.
    Encrypted(Box<dyn Encrypted + 'a>),
}

impl From<File> for Entry<'_> {
    fn from(File { path, bytes, protection }: File) -> Self {
        let head = head_of(&path, &bytes);
        let logins = if protection == Protection::Plaintext { NeedsLogins::ForValues } else { NeedsLogins::NotNeeded };
        Self { path, document: None, head, content: Content::Ready(bytes, protection), logins }
    }
}

/// The beginning of our files that can have comments.
pub const HEADER: &[u8] = b"# Written by regcred\n";
/// The same as a comment of Helm's template language.
const TEMPLATE_HEADER: &[u8] = b"{{- /* Written by regcred */ -}}\n";

/// The lines that say that a file is ours, by its name; empty if the file has no room for them, or has them already.
pub fn head_of(path: &str, bytes: &[u8]) -> Vec<u8> {
    let head = match path.rsplit('.').next() {
        _ if bytes.starts_with(HEADER.trim_ascii_end()) => b"",
        Some("json") => b"",
        Some("tpl" | "txt") => TEMPLATE_HEADER,
        _ => HEADER,
    };
    head.to_vec()
}

/// Whether the beginning of a file says that we wrote it.
pub fn is_headed(text: &[u8]) -> bool {
    [HEADER, TEMPLATE_HEADER].iter().any(|head| text.starts_with(head.trim_ascii_end().split_at(20).0))
}

impl Content<'_> {
    /// Whether the file holds a secret, and how.
    pub fn protection(&self) -> Protection {
        match self {
            Self::Ready(_, protection) => *protection,
            Self::Stream(documents, _) => documents.protection(),
            Self::Encrypted(_) => Protection::Encrypted,
        }
    }
}

impl Entry<'_> {
    /// Whether it holds a secret in clear.
    pub fn holds_a_secret(&self) -> bool {
        self.content.protection() == Protection::Plaintext
    }

    /// Whether a mark covers everything after it, or only its document.
    pub fn extent(&self) -> Extent {
        match self.content {
            Content::Encrypted(_) => Extent::Rest,
            Content::Ready(..) | Content::Stream(..) => Extent::Document,
        }
    }

    /// Passes the parts of the file to `take` one after the other: first the head, then each document.
    ///
    /// # Errors
    /// The errors of `take` and of the protector.
    pub fn write(
        &self,
        marks: Option<&Marks<'_>>,
        outdated: Outdated,
        take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), WriteError> {
        take(&self.head)?;
        match (&self.content, marks) {
            (Content::Ready(bytes, _), _) => Ok(take(bytes)?),
            (Content::Stream(documents, form), marks) => {
                let marks = marks.filter(|_| *form == Form::Yaml);
                stream::each(documents, *form, marks.map(|marks| (marks, outdated)), take)
            }
            (Content::Encrypted(encrypted), Some(marks)) => {
                let mut text = Vec::new();
                marks.write(&**encrypted, &self.path, outdated, &mut text)?;
                Ok(take(&text)?)
            }
            (Content::Encrypted(_), None) => Err(io::Error::from(io::ErrorKind::InvalidInput).into()),
        }
    }
}
