//! The one file of a cluster's folder: its documents, and the file that is there, in; an entry of its tree out.

use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use super::Protection;
use super::evidence::Known;
use super::evidence::carried::{Carried, Extent};
use super::product::Product;
use super::stream::{self, Form};
use super::target::Target;
use super::tree::entry::{Content, Entry};
use crate::problem::{Failure, Problem};
use crate::protect::Documents;
use crate::settings::Settings;

/// Whether a file of this path is that of a cluster.
#[must_use]
pub fn is_it(path: &str) -> bool {
    [Form::Yaml, Form::Json].iter().any(|form| path == name(*form))
}

fn name(form: Form) -> String {
    format!("manifests.{}", form.extension())
}

/// All documents of a cluster, one after the other.
pub struct ClusterFile<'a> {
    documents: &'a Documents,
    form: Form,
    /// What the file that is there tells of what is encrypted in it.
    carried: Option<Carried>,
}

impl<'a> ClusterFile<'a> {
    /// The file, if the product is a stream that goes into the folder of a cluster; `target` makes a place of a path.
    ///
    /// # Errors
    /// Those of the key of fingerprints.
    pub fn of<'t>(
        product: &'a Product<'_>,
        settings: &Settings,
        target: impl Fn(&Path) -> Target<'t>,
        known: Known,
    ) -> Result<Option<Self>, Failure> {
        let (Product::Stream(documents, form), Some(folder)) = (product, settings.folder()) else { return Ok(None) };
        let mut file = Self { documents, form: *form, carried: None };
        if documents.protection() == Protection::Encrypted {
            let place = target(&folder.join(name(*form)));
            file.carried = Some(Carried::read(&place, settings, known, Extent::Document)?);
        }
        Ok(Some(file))
    }

    /// The file, made when it is asked for.
    ///
    /// # Errors
    /// The serializer's, and the protector's.
    pub fn entry(&self) -> io::Result<Entry<'static>> {
        let mut bytes = Zeroizing::new(Vec::new());
        match &self.carried {
            Some(carried) => stream::write_file(self.documents, carried, &mut *bytes)?,
            None => stream::write(self.documents, self.form, &mut *bytes)?,
        }
        Ok(Entry { path: name(self.form), content: Content::Ready(bytes, self.documents.protection()) })
    }

    /// What else there is to say of what is encrypted in it, now that it is made.
    #[must_use]
    pub fn warnings(&self) -> Vec<Problem> {
        self.carried.as_ref().map_or(Vec::new(), Carried::warnings)
    }

    /// Whether it is compared without a key which logins it holds.
    #[must_use]
    pub fn is_unproven(&self) -> bool {
        self.carried.as_ref().is_some_and(|carried| !carried.has_a_key())
    }
}
