//! One Pod spec: its tree and the references that it lacks in, the smallest change of its text out.

use std::borrow::Cow;
use std::ops::Range;

use serde_saphyr::granit_parser::StructureStyle;

use super::document::{Document, Field, Id, Kind, Writing};
use super::value::{is_word, quoted};

/// The field of a Pod spec.
pub const FIELD: &str = "imagePullSecrets";

/// A change of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What goes.
    pub range: Range<usize>,
    /// What comes.
    pub text: String,
}

/// How words are written at a place.
#[derive(Clone, Copy)]
enum Words {
    Plain,
    /// As JSON needs it.
    Quoted,
}

impl Words {
    fn of(document: &Document<'_>, key: Id) -> Self {
        match document.node(key).kind {
            Kind::Scalar(_, Writing::Quoted) => Self::Quoted,
            _ => Self::Plain,
        }
    }

    fn write(self, word: &str) -> Cow<'_, str> {
        match self {
            Self::Plain if !is_word(word) => Cow::Borrowed(word),
            _ => Cow::Owned(quoted(word)),
        }
    }

    fn reference(self, name: &str) -> String {
        format!("{{{}: {}}}", self.write("name"), self.write(name))
    }

    fn references<'a>(self, names: impl Iterator<Item = &'a str>) -> String {
        names.map(|name| self.reference(name)).collect::<Vec<_>>().join(", ")
    }
}

/// The change that adds references of these names to the Pod spec, after those that it has.
///
/// `None` where the text is written in a way that no small change fits. What comes of a change is to be compared with what
/// was meant: this looks at the text only as far as it must.
#[must_use]
pub fn add(text: &str, document: &Document<'_>, pod_spec: Id, names: &[&str]) -> Option<Edit> {
    match document.field(pod_spec, FIELD) {
        Some(field) if field.own => extend(text, document, field, names),
        Some(merged) => new(text, document, pod_spec, &[&present(document, merged.value)?, names].concat()),
        None => new(text, document, pod_spec, names),
    }
}

/// The names in a list of references that have nothing but a name.
fn present<'a>(document: &'a Document<'_>, list: Id) -> Option<Vec<&'a str>> {
    if document.is_null(list) {
        return Some(Vec::new());
    }
    let name = |item: &Id| match document.entries(*item) {
        [(key, value)] if document.text(*key) == Some("name") => document.text(*value),
        _ => None,
    };
    document.items(list).iter().map(name).collect()
}

/// A new field, the first of the Pod spec: nothing that stands there can end in a way that swallows what follows.
fn new(text: &str, document: &Document<'_>, pod_spec: Id, names: &[&str]) -> Option<Edit> {
    let node = document.node(pod_spec);
    let Kind::Mapping(entries, style) = &node.kind else { return None };
    if *style == StructureStyle::Flow {
        let Some((key, _)) = entries.first() else {
            let references = Words::Quoted.references(names.iter().copied());
            return Some(Edit { range: node.start..node.end, text: format!("{{\"{FIELD}\": [{references}]}}") });
        };
        let words = Words::of(document, *key);
        let at = node.start + 1;
        // The white space before the first field is that between fields.
        let rest = text.get(at..)?;
        let space = &rest[..rest.len() - rest.trim_start().len()];
        let after = if space.is_empty() { " " } else { "" };
        let references = words.references(names.iter().copied());
        let text = format!("{space}{}: [{references}],{after}", words.write(FIELD));
        return Some(Edit { range: at..at, text });
    }
    let line = line_start(text, node.start);
    let before = text.get(line..node.start)?;
    if !before.bytes().all(|byte| matches!(byte, b' ' | b'-')) {
        return None;
    }
    let (indent, end) = (" ".repeat(before.len()), line_end(text, line));
    let item = |name: &&str| format!("{indent}- name: {}{end}", Words::Plain.write(name));
    let items = names.iter().map(item).collect::<Vec<_>>().concat();
    if before.contains('-') {
        return Some(Edit { range: node.start..node.start, text: format!("{FIELD}:{end}{items}{indent}") });
    }
    // Above the comments that belong to the first field.
    let at = above_comments(text, line);
    Some(Edit { range: at..at, text: format!("{indent}{FIELD}:{end}{items}") })
}

/// More items in a list that is there.
fn extend(text: &str, document: &Document<'_>, field: Field, names: &[&str]) -> Option<Edit> {
    let node = document.node(field.value);
    let words = Words::of(document, field.key);
    let references = words.references(names.iter().copied());
    match &node.kind {
        Kind::Alias(_) => {
            let all = words.references(present(document, field.value)?.into_iter().chain(names.iter().copied()));
            Some(Edit { range: node.start..node.end, text: format!("[{all}]") })
        }
        _ if node.anchored || node.tag.is_some() => None,
        Kind::Scalar(..) if node.start < node.end => {
            Some(Edit { range: node.start..node.end, text: format!("[{references}]") })
        }
        Kind::Scalar(..) => {
            let key = document.node(field.key).end;
            let colon = key + text.get(key..)?.find(':')? + 1;
            Some(Edit { range: colon..colon, text: format!(" [{references}]") })
        }
        Kind::Sequence(items, StructureStyle::Flow) => match (items.first(), items.last()) {
            (Some(first), Some(last)) => {
                let between = text.get(node.start + 1..document.node(*first).start)?;
                let space = if between.contains('\n') && between.trim().is_empty() { between } else { " " };
                let at = document.node(*last).end;
                let references: Vec<_> = names.iter().map(|name| words.reference(name)).collect();
                Some(Edit { range: at..at, text: format!(",{space}{}", references.join(&format!(",{space}"))) })
            }
            _ => Some(Edit { range: node.start..node.end, text: format!("[{references}]") }),
        },
        Kind::Sequence(items, StructureStyle::Block) => append(text, document, items, names),
        Kind::Mapping(..) => None,
    }
}

/// Lines after the last item of a block, with its indentation.
fn append(text: &str, document: &Document<'_>, items: &[Id], names: &[&str]) -> Option<Edit> {
    let mark = items.iter().find_map(|item| {
        let start = document.node(*item).start;
        let before = text.get(line_start(text, start)..start)?;
        let bare = before.trim_start_matches(' ').strip_prefix('-')?;
        (!bare.is_empty() && bare.trim_matches(' ').is_empty()).then_some(before)
    })?;
    let last = last_byte(document, *items.last()?)?;
    let rest = text.get(last..)?.split('\n').next()?;
    let is_comment = rest.trim_start().starts_with('#') && rest.starts_with([' ', '\t']);
    if !rest.trim().is_empty() && !is_comment {
        return None;
    }
    let (at, end) = (last + rest.len(), line_end(text, line_start(text, last)));
    let item = |name: &&str| format!("{mark}name: {}", Words::Plain.write(name));
    let lines: Vec<_> = names.iter().map(item).collect();
    // Without a line end the text stops here.
    Some(if text.get(at..).is_some_and(|rest| rest.starts_with('\n')) {
        Edit { range: at + 1..at + 1, text: lines.join(end) + end }
    } else {
        Edit { range: at..at, text: format!("{end}{}", lines.join(end)) }
    })
}

/// The byte after the last one of a node, where that is on the line of what ends it.
fn last_byte(document: &Document<'_>, id: Id) -> Option<usize> {
    let node = document.node(id);
    match &node.kind {
        Kind::Scalar(_, Writing::Block) => None,
        Kind::Scalar(..) if node.start == node.end => None,
        Kind::Sequence(items, StructureStyle::Block) => last_byte(document, *items.last()?),
        Kind::Mapping(entries, StructureStyle::Block) => last_byte(document, entries.last()?.1),
        _ => Some(node.end),
    }
}

fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
}

/// How lines end, by the one before this one, else the one that ends it.
fn line_end(text: &str, line: usize) -> &'static str {
    let before = text.get(..line).and_then(|before| before.strip_suffix('\n'));
    let here = || text.get(line..).and_then(|rest| rest.split_once('\n')).map(|(first, _)| first);
    let is_windows = before.or_else(here).is_some_and(|text| text.ends_with('\r'));
    if is_windows { "\r\n" } else { "\n" }
}

/// The beginning of the comments directly above a line.
fn above_comments(text: &str, mut line: usize) -> usize {
    while let Some(before) = text.get(..line).and_then(|before| before.strip_suffix('\n')) {
        let start = line_start(text, before.len());
        if !before[start..].trim_start().starts_with('#') {
            break;
        }
        line = start;
    }
    line
}
