//! The one file of a cluster's folder: its documents, and the file that is there, in; its bytes out, never held as a whole.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use super::Protection;
use super::evidence::carried::{Carried, Extent, Purpose};
use super::evidence::fingerprint::Key;
use super::stream::{self, Form};
use super::tree::entry::{Content, Entry};
use crate::protect::Documents;

/// All documents of a cluster, one after the other.
#[derive(Clone, Copy)]
pub struct ClusterFile<'a> {
    documents: &'a Documents,
    form: Form,
}

const YAML: &str = "manifests.yaml";
const JSON: &str = "manifests.json";
/// What it may be called.
pub const NAMES: [&str; 2] = [YAML, JSON];

/// The file as the only entry of a tree.
#[must_use]
pub fn entry(documents: &Documents, form: Form) -> Entry<'_> {
    let path = match form {
        Form::Yaml => YAML,
        Form::Json => JSON,
    };
    Entry { path: path.to_owned(), content: Content::Stream(ClusterFile { documents, form }) }
}

impl ClusterFile<'_> {
    /// Whether a secret is in it, and how.
    #[must_use]
    pub fn protection(&self) -> Protection {
        self.documents.protection()
    }

    /// What the file that is there tells of what is encrypted in it, if anything is.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn carried(&self, there: Option<&Path>, key: &Key, purpose: Purpose) -> io::Result<Option<Carried>> {
        if self.protection() != Protection::Encrypted {
            return Ok(None);
        }
        let text = there.map_or(Ok(Vec::new()), fs::read)?;
        Ok(Some(Carried::of(text, key.clone(), purpose, Extent::Document)))
    }

    /// Writes it, with what is still good of what is there.
    ///
    /// # Errors
    /// The writer's, and the protector's.
    pub fn write(&self, carried: Option<&Carried>, mut into: &mut dyn Write) -> io::Result<()> {
        match carried {
            Some(carried) => stream::write_file(self.documents, carried, &mut into),
            None => stream::write(self.documents, self.form, &mut into),
        }
    }
}
