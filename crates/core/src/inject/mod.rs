//! Adds references to pull secrets to the Pods of manifests.
//!
//! The text changes only where a reference is added: comments, quoting and the order of keys stay. Every changed document is read again,
//! and must mean what is intended.

pub mod edit;
mod images;
pub mod kinds;
pub mod lack;
mod listed;
pub mod pods;
mod report;
pub mod rules;
pub mod stream;
pub mod syntax;
pub mod value;
mod visit;

use edit::Edit;
use lack::Lack;
use report::Report;
use rules::Rules;
use syntax::{Broken, Document};
use value::{TooMuch, Value};

use crate::diagnostic::Diagnostic;

pub use listed::images;

/// The result for a stream of manifests.
#[derive(Debug, Default)]
pub struct Injected {
    /// The changes, in the order of the text.
    pub edits: Vec<Edit>,
    /// The number of Pod specs.
    pub found: usize,
    /// The added references, in the order of the text.
    pub added: Vec<Added>,
    /// Warnings about the manifests.
    pub warnings: Vec<Diagnostic>,
    /// Why Pods get no reference, although a login matches.
    pub left_out: Option<Diagnostic>,
}

/// The references that one Pod spec gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// The number of the document, from 1.
    pub document: usize,
    /// The object: its kind, and its name if that is valid.
    pub object: String,
    /// The names of the pull secrets.
    pub names: Vec<String>,
}

/// Finds the changes that give Pods their references.
///
/// # Errors
/// A document is not YAML, or no change fits it. The error names its number and the line, never its content.
pub fn inject(text: &str, rules: &Rules) -> Result<Injected, Diagnostic> {
    let mut report = Report::default();
    let (mut edits, mut added) = (Vec::new(), Vec::new());
    for range in stream::documents(text) {
        report.document += 1;
        let manifest = Manifest { text: &text[range.clone()] };
        let (found, names) = manifest
            .read(|document, reading| manifest.inject(document, reading, rules, &mut report))
            .map_err(|Broken { line }| report.broken(text, &range, line))??;
        edits.extend(found.into_iter().map(|Edit { range: part, text }| {
            let range = part.start + range.start..part.end + range.start;
            Edit { range, text }
        }));
        added.extend(names);
    }
    let (found, left_out) = (report.found, report.left_out());
    Ok(Injected { edits, found, added, left_out, warnings: report.into_warnings() })
}

/// The text with the changes made.
pub fn changed(text: &str, edits: &[Edit]) -> String {
    let mut changed = String::with_capacity(text.len() + edits.iter().map(|edit| edit.text.len()).sum::<usize>());
    let mut from = 0;
    for Edit { range, text: new } in edits {
        changed.push_str(&text[from..range.start]);
        changed.push_str(new);
        from = range.end;
    }
    changed.push_str(&text[from..]);
    changed
}

/// One document.
struct Manifest<'a> {
    text: &'a str,
}

/// How a document was read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Unchanged.
    Exact,
    /// Without the text that only Go's readers accept: values may differ.
    Simplified,
}

impl Manifest<'_> {
    /// Reads what kubectl reads, and passes the document to `with`.
    fn read<R>(&self, with: impl FnOnce(&Document<'_>, Reading) -> R) -> Result<R, Broken> {
        match Document::parse(self.text) {
            Ok(document) => Ok(with(&document, Reading::Exact)),
            Err(broken) => match Document::parse(&stream::simplified(self.text)) {
                Ok(document) => Ok(with(&document, Reading::Simplified)),
                Err(_) => Err(broken),
            },
        }
    }

    fn inject(
        &self,
        document: &Document<'_>,
        reading: Reading,
        rules: &Rules,
        report: &mut Report,
    ) -> Result<(Vec<Edit>, Vec<Added>), Diagnostic> {
        let mut value = match Value::read(document) {
            Ok(Some(value)) => value,
            // Pods have containers, and other objects with references have images.
            Err(TooMuch) if self.text.contains("containers") || self.text.contains("image") => {
                return Err(report.too_much());
            }
            Ok(None) | Err(TooMuch) => return Ok(Default::default()),
        };
        let lacks = pods::add_references(&mut value, rules, report);
        let Some(first) = lacks.first() else { return Ok(Default::default()) };
        let small = self.small(document, &lacks).filter(|edits| self.means(edits, &value));
        let edits = if let Some(edits) = small {
            edits
        } else {
            let rewritten = vec![self.rewritten(document, &value)];
            if reading == Reading::Simplified || !self.means(&rewritten, &value) {
                return Err(report.not_editable(&first.label));
            }
            report.note_rewritten();
            rewritten
        };
        let added = |lack: &Lack<'_>| Added {
            document: report.document,
            object: lack.label.clone(),
            names: lack.names.iter().map(|name| (*name).to_owned()).collect(),
        };
        Ok((edits, lacks.iter().map(added).collect()))
    }

    /// A small change for each place; one change if several places are the same through an alias.
    fn small(&self, document: &Document<'_>, lacks: &[Lack<'_>]) -> Option<Vec<Edit>> {
        let text = stream::with_line_feeds(self.text);
        let mut edits = lacks.iter().map(|lack| edit::add(&text, document, lack)).collect::<Option<Vec<_>>>()?;
        edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
        edits.dedup();
        edits.windows(2).all(|pair| pair[0].range.end < pair[1].range.start).then_some(edits)
    }

    /// The whole document as JSON that keeps the words of YAML.
    fn rewritten(&self, document: &Document<'_>, value: &Value<'_>) -> Edit {
        let start = document.node(value.id).start;
        let line = self.text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let is_alone = self.text[line..start].trim().is_empty();
        let mut text = if is_alone { String::new() } else { "\n".to_owned() };
        value.write(0, &mut text);
        text.push('\n');
        Edit { range: if is_alone { line } else { start }..self.text.len(), text }
    }

    /// Whether the document means this after the changes.
    fn means(&self, edits: &[Edit], intended: &Value<'_>) -> bool {
        let text = changed(self.text, edits);
        let again = Manifest { text: &text };
        again.read(|document, _| Value::read(document).is_ok_and(|value| value.as_ref() == Some(intended))) == Ok(true)
    }
}
