//! An entry of a tree: a document in, its path and its bytes, or how they are encrypted when they are needed, out.

use zeroize::Zeroizing;

use crate::files::cluster_file::ClusterFile;
use crate::files::evidence::encrypted::Encrypted;
use crate::files::{File, Protection};

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
    /// Several documents.
    Stream(ClusterFile<'a>),
    /// A secret that is encrypted only when what is there is no longer good: that is slow, and other bytes each time.
    Encrypted(Box<dyn Encrypted + 'a>),
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
            Self::Stream(file) => file.protection(),
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
