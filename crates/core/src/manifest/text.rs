//! Writes YAML that Go's readers read as the same values, and fills the gaps of serialized texts.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};

use serde::Serialize;
use zeroize::Zeroizing;

/// YAML that Go's reader reads as the same value.
///
/// # Errors
/// The serializer's, for a value that has no YAML form.
pub fn to_yaml(value: &impl Serialize) -> io::Result<Zeroizing<String>> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false, compact_list_indent: true };
    let mut text = Zeroizing::new(String::new());
    serde_saphyr::to_fmt_writer_with_options(&mut *text, value, options).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok(text)
}

/// A namespace in YAML, quoted if a reader would take the plain word for something else.
pub(super) fn yaml_scalar(namespace: &str) -> io::Result<Cow<'_, str>> {
    // No reader takes a word that begins with a letter and has a hyphen for a number, date or boolean: most namespaces are such words.
    if namespace.starts_with(|first: char| first.is_ascii_lowercase()) && namespace.contains('-') {
        return Ok(Cow::Borrowed(namespace));
    }
    Ok(Cow::Owned(to_yaml(&namespace)?.trim_end().to_owned()))
}

/// A text with gaps that all get the same scalar.
pub(super) struct GappedText {
    first: Zeroizing<String>,
    rest: Vec<Zeroizing<String>>,
}

impl fmt::Debug for GappedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a text with {} gaps", self.rest.len())
    }
}

impl GappedText {
    pub(super) fn new(text: &str, gap: &str) -> Self {
        let mut pieces = text.split(gap).map(|piece| Zeroizing::new(piece.to_owned()));
        Self { first: pieces.next().unwrap_or_default(), rest: pieces.collect() }
    }

    pub(super) fn fill(&self, into: &mut impl Write, scalar: &str) -> io::Result<()> {
        into.write_all(self.first.as_bytes())?;
        for piece in &self.rest {
            into.write_all(scalar.as_bytes())?;
            into.write_all(piece.as_bytes())?;
        }
        Ok(())
    }
}
