//! A stream of documents: documents in, YAML or a `v1/List` out, on stdout or into any writer.

use std::io::{self, BufWriter, IsTerminal, Write};

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::problem::Failure;
use crate::protect::{Document, Documents};

/// Large enough that 100,000 documents are a few hundred writes.
const BUFFER: usize = 64 * 1024;

/// The form of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Documents, `---` between them.
    Yaml,
    /// A `v1/List`.
    Json,
}

/// Writes the documents one after the other.
///
/// # Errors
/// The writer's.
pub fn write(documents: &Documents, form: Form, into: &mut impl Write) -> io::Result<()> {
    match form {
        Form::Yaml => separated(documents, into, write_yaml),
        Form::Json => json(documents, into),
    }
}

/// Documents with `---` between them, each written by `write`.
fn separated<'a, W: Write>(
    documents: &'a Documents,
    into: &mut W,
    write: impl Fn(&Document<'a>, &mut W) -> io::Result<()>,
) -> io::Result<()> {
    for (number, document) in documents.iter().enumerate() {
        if number > 0 {
            into.write_all(b"---\n")?;
        }
        write(&document, into)?;
    }
    Ok(())
}

fn write_yaml<W: Write>(document: &Document<'_>, into: &mut W) -> io::Result<()> {
    document.write_yaml("", into)
}

fn json(documents: &Documents, into: &mut impl Write) -> io::Result<()> {
    into.write_all(b"{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[")?;
    for (number, document) in documents.iter().enumerate() {
        into.write_all(if number > 0 { b",\n" } else { b"\n" })?;
        document.write_json(into)?;
    }
    into.write_all(b"\n]}\n")
}

/// Writes the documents on stdout; on a terminal the values of Secrets are not shown.
///
/// # Errors
/// A closed pipe, or a device that takes no more.
pub fn print(documents: &Documents, form: Form) -> Result<Shown, Failure> {
    let stdout = io::stdout();
    let redacted = stdout.is_terminal() && documents.hold_a_secret();
    let mut into = BufWriter::with_capacity(BUFFER, stdout.lock());
    let written = if redacted {
        separated(documents, &mut into, Document::write_redacted)
    } else {
        write(documents, form, &mut into)
    };
    written.and_then(|()| into.flush()).map_err(|error| super::failure(&error, "standard output"))?;
    Ok(if redacted { Shown::Redacted } else { Shown::InFull })
}

/// Whether the values of Secrets were shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Yes.
    InFull,
    /// No: it was a terminal.
    Redacted,
}

/// A secret value as it may be shown: itself, or only how long it is.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the value is what was asked for")]
pub fn show(value: &SecretString, shown: Shown) -> Zeroizing<String> {
    let value = value.expose_secret();
    Zeroizing::new(match shown {
        Shown::InFull => value.to_owned(),
        Shown::Redacted => format!("<redacted, {} bytes>", value.len()),
    })
}

/// Writes one secret value on stdout, with a line end; on a terminal only its length.
///
/// # Errors
/// A closed pipe, or a device that takes no more.
pub fn print_secret(value: &SecretString) -> Result<Shown, Failure> {
    print_shown(|shown| {
        let mut line = show(value, shown);
        line.push('\n');
        Ok(Zeroizing::new(line.as_bytes().to_vec()))
    })
}

/// Writes on stdout what `make` makes of secrets: in full, or for a terminal without their values.
///
/// # Errors
/// A closed pipe, a device that takes no more, or what `make` says.
pub fn print_shown(make: impl FnOnce(Shown) -> Result<Zeroizing<Vec<u8>>, Failure>) -> Result<Shown, Failure> {
    let mut stdout = io::stdout().lock();
    let shown = if stdout.is_terminal() { Shown::Redacted } else { Shown::InFull };
    let bytes = make(shown)?;
    stdout
        .write_all(&bytes)
        .and_then(|()| stdout.flush())
        .map_err(|error| super::failure(&error, "standard output"))?;
    Ok(shown)
}

/// Writes text that is no secret on stdout.
///
/// # Errors
/// A closed pipe, or a device that takes no more.
pub fn print_text(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(|error| super::failure(&error, "standard output"))
}
