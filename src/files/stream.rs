//! Writes documents one after the other, as YAML or as a `v1/List`.

use std::io::{self, BufWriter, IsTerminal, Write};

use rayon::prelude::*;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::marks::{Marks, Outdated};
use crate::protect::{Document, Documents, Protection, WriteError};
use regcred_core::diagnostic::Failure;

/// 100,000 documents take a few hundred writes of this size.
pub const BUFFER: usize = 64 * 1024;
/// Enough documents to keep all cores busy, and few enough for the memory: one group is encrypted while the previous one is written.
const GROUP: usize = 1024;
/// How many documents a core takes at a time: at the end of a group, no core is idle for longer than these take.
const AT_A_TIME: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Documents, `---` between them.
    Yaml,
    /// A `v1/List`.
    Json,
}

/// Writes the documents one after the other, and encrypts on all cores.
pub fn write(documents: &Documents<'_>, form: Form, into: &mut impl Write) -> Result<(), WriteError> {
    if documents.protection() == Protection::Encrypted {
        return each(documents, form, None, &mut |part| into.write_all(part));
    }
    into.write_all(form.head())?;
    in_blocks(documents, form, into)?;
    Ok(into.write_all(form.tail())?)
}

/// Collects plain documents in one buffer, and passes them on in blocks of the size of a pipe.
fn in_blocks(documents: &Documents<'_>, form: Form, into: &mut impl Write) -> Result<(), WriteError> {
    let mut text = Zeroizing::new(Vec::with_capacity(2 * BUFFER));
    for (number, document) in documents.iter().enumerate() {
        text.extend_from_slice(form.before(number));
        form.write(&document, &mut *text)?;
        while text.len() >= BUFFER {
            into.write_all(&text[..BUFFER])?;
            text.drain(..BUFFER);
        }
    }
    Ok(into.write_all(&text)?)
}

/// Passes the documents to `take` one after the other; with marks, reuses the existing encrypted documents that are current.
pub fn each(
    documents: &Documents<'_>,
    form: Form,
    marks: Option<(&Marks<'_>, Outdated)>,
    take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), WriteError> {
    let text_of = |(number, document): &(usize, Document<'_>)| {
        let mut text = form.before(*number).to_vec();
        match (document.encryption(), marks) {
            (Some(encryption), Some((marks, outdated))) => marks.write(&encryption, "", outdated, &mut text)?,
            _ => form.write(document, &mut text)?,
        }
        Ok(text)
    };
    take(form.head())?;
    if documents.protection() == Protection::Encrypted {
        in_groups(documents, take, text_of)?;
    } else {
        documents
            .iter()
            .enumerate()
            .try_for_each(|document| Ok::<_, WriteError>(take(&Zeroizing::new(text_of(&document)?))?))?;
    }
    Ok(take(form.tail())?)
}

/// Encrypts a group while the previous one is taken.
fn in_groups(
    documents: &Documents<'_>,
    take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    text_of: impl Fn(&(usize, Document<'_>)) -> Result<Vec<u8>, WriteError> + Sync,
) -> Result<(), WriteError> {
    let mut documents = documents.iter().enumerate();
    let mut texts = Vec::new();
    loop {
        let group: Vec<_> = documents.by_ref().take(GROUP).collect();
        let mut next = Ok(Vec::new());
        rayon::in_place_scope(|scope| {
            scope.spawn(|_| next = group.par_iter().with_max_len(AT_A_TIME).map(&text_of).collect::<Result<_, _>>());
            texts.iter().try_for_each(|text: &Vec<u8>| take(text))
        })?;
        if group.is_empty() {
            return Ok(());
        }
        texts = next?;
    }
}

impl Form {
    fn head(self) -> &'static [u8] {
        match self {
            Self::Yaml => b"",
            Self::Json => b"{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[",
        }
    }

    fn before(self, number: usize) -> &'static [u8] {
        match (self, number) {
            (Self::Yaml, 0) => b"",
            (Self::Yaml, _) => b"---\n",
            (Self::Json, 0) => b"\n",
            (Self::Json, _) => b",\n",
        }
    }

    fn tail(self) -> &'static [u8] {
        match self {
            Self::Yaml => b"",
            Self::Json => b"\n]}\n",
        }
    }

    fn write(self, document: &Document<'_>, into: &mut impl Write) -> Result<(), WriteError> {
        match self {
            Self::Yaml => document.write_yaml("", into),
            Self::Json => document.write_json(into),
        }
    }
}

fn redacted(documents: &Documents<'_>, into: &mut impl Write) -> Result<(), WriteError> {
    for (number, document) in documents.iter().enumerate() {
        into.write_all(Form::Yaml.before(number))?;
        document.write_redacted(into)?;
    }
    Ok(())
}

/// Writes the documents to stdout; a terminal does not show the values of Secrets.
/// Errors: a closed pipe, or a device that is full.
pub fn print(documents: &Documents<'_>, form: Form) -> Result<Shown, Failure> {
    let stdout = io::stdout();
    let shown = if stdout.is_terminal() && documents.hold_a_secret() { Shown::Redacted } else { Shown::InFull };
    let mut into = BufWriter::with_capacity(BUFFER, stdout.lock());
    let written = match shown {
        Shown::Redacted => redacted(documents, &mut into),
        Shown::InFull => write(documents, form, &mut into),
    };
    written.and_then(|()| Ok(into.flush()?)).map_err(|error| super::failure(error, "standard output"))?;
    Ok(shown)
}

/// Whether the values of Secrets were shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    InFull,
    /// No, because stdout is a terminal.
    Redacted,
}

/// A secret value as it may be shown: the value itself, or only its length.
#[expect(clippy::disallowed_methods, reason = "the value is what was asked for")]
pub fn show(value: &SecretString, shown: Shown) -> Zeroizing<String> {
    let value = value.expose_secret();
    Zeroizing::new(match shown {
        Shown::InFull => value.to_owned(),
        Shown::Redacted => format!("<redacted, {} bytes>", value.len()),
    })
}

/// Writes one secret value to stdout, with a line end; a terminal shows only its length.
/// Errors: a closed pipe, or a device that is full.
pub fn print_secret(value: &SecretString) -> Result<Shown, Failure> {
    print_shown(|shown| {
        let mut line = show(value, shown);
        line.push('\n');
        Ok(Zeroizing::new(line.as_bytes().to_vec()))
    })
}

/// Writes the result of `make` to stdout: in full, or for a terminal without the secret values.
/// Errors: a closed pipe, a device that is full, or the errors of `make`.
pub fn print_shown(make: impl FnOnce(Shown) -> Result<Zeroizing<Vec<u8>>, Failure>) -> Result<Shown, Failure> {
    let shown = if io::stdout().is_terminal() { Shown::Redacted } else { Shown::InFull };
    print_bytes(&make(shown)?).map(|()| shown)
}

/// Writes public text to stdout.
/// Errors: a closed pipe, or a device that takes no more.
pub fn print_text(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes())
}

fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| super::failure(error, "standard output"))
}
