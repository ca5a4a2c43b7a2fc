//! The text of objects: a value in, YAML that Go readers agree with out; and texts with gaps where a namespace goes.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};

use serde::Serialize;
use zeroize::Zeroizing;

use crate::names::Namespace;

/// Stands where the namespace goes until it is put in. No name can be this: it has a capital letter.
pub const NAMESPACE_SLOT: &str = "Regcred-Puts-The-Namespace-Here";
/// Stands where an encrypted value goes until it is put in.
pub const VALUE_SLOT: &str = "Regcred-Puts-The-Value-Here";

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

/// A text with gaps for a namespace, and with one for an encrypted value.
#[derive(Debug)]
pub struct Frame {
    before: Stencil,
    after: Stencil,
}

impl Frame {
    pub(super) fn cut(text: &str) -> Self {
        let (before, after) = text.split_once(VALUE_SLOT).unwrap_or((text, ""));
        Self { before: Stencil::cut(before, NAMESPACE_SLOT), after: Stencil::cut(after, NAMESPACE_SLOT) }
    }

    /// Writes the text with a namespace, and with a value as YAML has it, in their places.
    ///
    /// # Errors
    /// The writer's.
    pub fn fill(&self, into: &mut impl Write, namespace: Option<&Namespace>, value: &str) -> io::Result<()> {
        let scalar = namespace.map_or(Ok(Cow::default()), yaml_scalar)?;
        self.before.fill(into, &scalar)?;
        into.write_all(value.as_bytes())?;
        self.after.fill(into, &scalar)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_filled_frame_is_what_the_serializer_writes() {
        let object = |namespace: &str, value: &str| json!({"a": namespace, "b": {"value": value, "c": {"namespace": namespace}}});
        let frame = Frame::cut(&to_yaml(&object(NAMESPACE_SLOT, VALUE_SLOT)).unwrap());
        // As long as a value sealed for a key of 4096 bits, and none.
        for (value, scalar) in [("AgB/+9==".repeat(120), "AgB/+9==".repeat(120)), (String::new(), "\"\"".to_owned())] {
            for namespace in ["team-a", "on", "1e3"] {
                let mut text = Vec::new();
                frame.fill(&mut text, Some(&namespace.parse().unwrap()), &scalar).unwrap();
                let expected: Value = object(namespace, &value);
                assert_eq!(String::from_utf8(text).unwrap(), *to_yaml(&expected).unwrap());
            }
        }
    }
}
