//! Describes a file that `--output` should have.

use std::io;

use zeroize::Zeroizing;

use crate::files::marks::{Extent, Marks, Outdated};
use crate::files::stream::{self, Form};
use crate::files::{File, Protection, WriteError};
use crate::protect::Documents;
use crate::protect::encrypted::Encrypted;

/// What a folder should have at a path.
pub struct Entry<'a> {
    /// The path relative to the folder, with `/` between the parts.
    pub path: String,
    /// What is in it, where that is a single object.
    pub document: Option<String>,
    /// The lines that come first; they say that the file is ours.
    pub head: Vec<u8>,
    /// What follows.
    pub content: Content<'a>,
    /// What of it needs the logins to be known.
    pub logins: NeedsLogins,
}

/// What of a file needs the logins to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeedsLogins {
    /// Nothing.
    NotNeeded,
    /// The values of Secrets, and the registries of policies.
    ForValues,
    /// All of it, as far as anybody can tell.
    ForAll,
}

/// The content of a file.
pub enum Content<'a> {
    /// These bytes.
    Ready(Zeroizing<Vec<u8>>, Protection),
    /// Documents, one after the other.
    Stream(&'a Documents<'a>, Form),
    /// One document that is encrypted only when what is there is no longer current.
    Encrypted(Box<dyn Encrypted + 'a>),
}

impl From<File> for Entry<'_> {
    fn from(File { path, bytes, protection }: File) -> Self {
        let head = head_of(&path, &bytes);
        let logins = if protection == Protection::Plaintext { NeedsLogins::ForValues } else { NeedsLogins::NotNeeded };
        Self { path, document: None, head, content: Content::Ready(bytes, protection), logins }
    }
}

/// What begins a file of ours that has comments.
pub const HEADER: &[u8] = b"# Written by regcred\n";
/// The same where Helm's template language has the comments.
const TEMPLATE_HEADER: &[u8] = b"{{- /* Written by regcred */ -}}\n";

/// The lines that say that a file is ours, by its name; none where there is no place for them, or they are there.
#[must_use]
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
#[must_use]
pub fn is_headed(text: &[u8]) -> bool {
    [HEADER, TEMPLATE_HEADER].iter().any(|head| text.starts_with(head.trim_ascii_end().split_at(20).0))
}

impl Content<'_> {
    /// Whether a secret is in it, and how.
    #[must_use]
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
    #[must_use]
    pub fn holds_a_secret(&self) -> bool {
        self.content.protection() == Protection::Plaintext
    }

    /// Whether a mark is about all that follows, or about its document.
    #[must_use]
    pub fn extent(&self) -> Extent {
        match self.content {
            Content::Encrypted(_) => Extent::Rest,
            Content::Ready(..) | Content::Stream(..) => Extent::Document,
        }
    }

    /// Gives the parts of the file to `take` one after the other: the head, then each document.
    ///
    /// # Errors
    /// Those of `take` and of the protector.
    pub fn write(
        &self,
        marks: Option<&Marks<'_>>,
        outdated: Outdated,
        take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), WriteError> {
        if !self.head.is_empty() {
            take(&self.head)?;
        }
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
