//! An entry of a tree: a document in, its path and its bytes, or how they are encrypted when they are needed, out.

use std::io;

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::{File, Protection};
use crate::protect::Encryption;

/// What a tree is to have at a path, relative to its root with `/` between the parts.
pub struct Entry<'a> {
    /// Its path.
    pub path: String,
    /// What is to be there.
    pub content: Content<'a>,
}

/// The content of a file.
pub enum Content<'a> {
    /// These bytes.
    Ready(Zeroizing<Vec<u8>>, Protection),
    /// A secret that is encrypted only when what is there is no longer good: that is slow, and other bytes each time.
    Encrypted(Box<dyn Encrypted + 'a>),
}

/// A secret, and for whom it is encrypted. Several threads work at once.
pub trait Encrypted: Send + Sync {
    /// All that anybody may know of the result: what stands in it in clear, and who can read it.
    ///
    /// # Errors
    /// The serializer's.
    fn context(&self, path: &str) -> io::Result<Vec<u8>>;

    /// For whom it is besides, as variables say that a job may not see which only compares.
    ///
    /// # Errors
    /// The serializer's.
    fn recipients_in_variables(&self) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    /// Who can read the result.
    ///
    /// # Errors
    /// The serializer's.
    fn recipient(&self, path: &str) -> io::Result<Vec<u8>>;

    /// Whether these bytes are as the result would be, as far as anybody can tell who cannot open it.
    ///
    /// # Errors
    /// The serializer's.
    fn has_form(&self, bytes: &[u8]) -> io::Result<bool>;

    /// The canonical JSON of the Docker config.
    fn secret(&self) -> &SecretString;

    /// The encrypted document: another at every call.
    ///
    /// # Errors
    /// The protector's.
    fn encrypt(&self, path: &str) -> io::Result<Zeroizing<Vec<u8>>>;
}

impl Encrypted for Encryption<'_> {
    fn context(&self, path: &str) -> io::Result<Vec<u8>> {
        self.context(path)
    }

    fn recipients_in_variables(&self) -> io::Result<Vec<u8>> {
        self.recipients_in_variables()
    }

    fn recipient(&self, path: &str) -> io::Result<Vec<u8>> {
        self.recipient(path)
    }

    fn has_form(&self, bytes: &[u8]) -> io::Result<bool> {
        self.has_form(bytes)
    }

    fn secret(&self) -> &SecretString {
        &self.secret().docker_config
    }

    fn encrypt(&self, path: &str) -> io::Result<Zeroizing<Vec<u8>>> {
        self.encrypt(path)
    }
}

impl From<File> for Entry<'_> {
    fn from(File { path, bytes, protection }: File) -> Self {
        Self { path, content: Content::Ready(bytes, protection) }
    }
}

impl Content<'_> {
    /// Whether a secret is in it, and how.
    #[must_use]
    pub fn protection(&self) -> Protection {
        match self {
            Self::Ready(_, protection) => *protection,
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
}
