//! The text of objects: a value in, YAML that Go readers agree with out; and texts with gaps where a namespace goes.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};

use serde::Serialize;
use zeroize::Zeroizing;

use crate::names::Namespace;

/// YAML that Go's reader takes for the same value.
///
/// # Errors
/// The serializer's, for a value that has no YAML form.
pub fn to_yaml(value: &impl Serialize) -> io::Result<Zeroizing<String>> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false, compact_list_indent: true };
    let mut text = Zeroizing::new(String::new());
    serde_saphyr::to_fmt_writer_with_options(&mut *text, value, options).map_err(io::Error::other)?;
    Ok(text)
}

/// A namespace as YAML writes it: quoted where a reader would take the plain word for something else.
pub(super) fn yaml_scalar(namespace: &Namespace) -> io::Result<Cow<'_, str>> {
    let name = namespace.as_str();
    // A word with a letter first and a hyphen in it is no number, date or boolean to any reader: most namespaces are such.
    if name.starts_with(|first: char| first.is_ascii_lowercase()) && name.contains('-') {
        return Ok(Cow::Borrowed(name));
    }
    Ok(Cow::Owned(to_yaml(&name)?.trim_end().to_owned()))
}

/// A text with gaps where a namespace goes.
pub(super) struct Stencil(Vec<Zeroizing<String>>);

impl fmt::Debug for Stencil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a text of {} pieces", self.0.len())
    }
}

impl Stencil {
    pub(super) fn cut(text: &str, slot: &str) -> Self {
        Self(text.split(slot).map(|piece| Zeroizing::new(piece.to_owned())).collect())
    }

    pub(super) fn fill(&self, into: &mut impl Write, scalar: &str) -> io::Result<()> {
        for (number, piece) in self.0.iter().enumerate() {
            if number > 0 {
                into.write_all(scalar.as_bytes())?;
            }
            into.write_all(piece.as_bytes())?;
        }
        Ok(())
    }
}
