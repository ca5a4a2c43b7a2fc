//! Finds the smallest change of a text that adds references.

use std::borrow::Cow;
use std::ops::Range;

use serde_saphyr::granit_parser::StructureStyle;

use super::lack::Lack;
use super::syntax::{Document, Id, Kind, Node, Writing};
use super::value::{is_word, quoted};

/// A change of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The part of the text that is replaced.
    pub range: Range<usize>,
    /// The new text.
    pub text: String,
}

/// The notation for words at a place.
#[derive(Clone, Copy)]
enum Words {
    Plain,
    /// As in JSON.
    Quoted,
}

impl Words {
    fn like(document: &Document<'_>, key: Id) -> Self {
        if let Kind::Scalar(_, Writing::Quoted) = document.node(key).kind { Self::Quoted } else { Self::Plain }
    }

    fn write(self, word: &str) -> Cow<'_, str> {
        match self {
            Self::Plain if !is_word(word) => Cow::Borrowed(word),
            _ => Cow::Owned(quoted(word)),
        }
    }

    fn field(self, path: &[String], names: &[&str]) -> String {
        let name = path.first().map_or("", String::as_str);
        format!("{}: {}", self.write(name), self.value(path, names))
    }

    fn reference(self, name: &str) -> String {
        format!("{{{}: {}}}", self.write("name"), self.write(name))
    }

    /// The value of the first field of the path, in flow style.
    fn value(self, path: &[String], names: &[&str]) -> String {
        match path {
            [_, inner @ ..] if !inner.is_empty() => format!("{{{}}}", self.field(inner, names)),
            [field] if !Lack::is_list(field) => self.write(names.first().copied().unwrap_or_default()).into_owned(),
            _ => format!("[{}]", names.iter().map(|name| self.reference(name)).collect::<Vec<_>>().join(", ")),
        }
    }
}

/// The change that adds the references after the existing ones.
///
/// `None` if no small change fits the form of the text. The caller checks the meaning of the changed text, so this function reads the text
/// only as far as it must.
pub fn add(text: &str, document: &Document<'_>, lack: &Lack<'_>) -> Option<Edit> {
    let holder = Holder::find(text, document, lack.holder)?;
    let field = lack.path.first()?;
    let own = holder.entries.iter().rev().find(|(key, _)| document.is_text(*key, field));
    match (own, lack.list) {
        (Some((key, value)), list) if list.is_none_or(|list| document.target(*value) == list) => {
            holder.extend(*key, *value, lack)
        }
        // A later merge key replaces the mapping's own list.
        (Some(_), _) => None,
        (None, None) => holder.first(lack.path, &lack.names),
        (None, Some(_)) => {
            // Go's readers take the last of equal keys, merged or not.
            let (_, merged) = holder.entries.iter().rev().find(|(key, _)| document.is_merge(*key))?;
            holder.after(*merged, lack.path, &[lack.present.as_deref()?, &lack.names].concat())
        }
    }
}

/// The mapping that gets the field.
struct Holder<'a, 'text> {
    text: &'a str,
    document: &'a Document<'text>,
    node: &'a Node<'text>,
    entries: &'a [(Id, Id)],
    style: StructureStyle,
}

impl<'a, 'text> Holder<'a, 'text> {
    fn find(text: &'a str, document: &'a Document<'text>, id: Id) -> Option<Self> {
        let node = document.node(id);
        let Kind::Mapping(entries, style) = &node.kind else { return None };
        Some(Self { text, document, node, entries, style: *style })
    }

    /// A new field before all others, where no earlier text can swallow what follows.
    fn first(&self, path: &[String], names: &[&str]) -> Option<Edit> {
        let at = self.node.start;
        if self.style == StructureStyle::Flow {
            let Some((key, _)) = self.entries.first() else {
                let at = self.node.end.checked_sub(1)?;
                return Some(Edit { range: at..at, text: Words::Quoted.field(path, names) });
            };
            // The white space before the first field also separates all other fields.
            let rest = self.text.get(at + 1..)?;
            let space = &rest[..rest.len() - rest.trim_start().len()];
            let end = if space.is_empty() { " " } else { "" };
            let field = Words::like(self.document, *key).field(path, names);
            return Some(Edit { range: at + 1..at + 1, text: format!("{space}{field},{end}") });
        }
        let line = line_start(self.text, at);
        let (indent, end) = (self.indent()?, line_end(self.text, line));
        let lines = block(path, names, &indent).join(end) + end;
        if self.text[line..at].contains('-') {
            let text = lines.trim_start().to_owned() + &indent;
            return Some(Edit { range: at..at, text });
        }
        // Above the comments of the first field.
        let at = above_comments(self.text, line);
        Some(Edit { range: at..at, text: lines })
    }

    /// A new field after the one with this value.
    fn after(&self, value: Id, path: &[String], names: &[&str]) -> Option<Edit> {
        if self.style == StructureStyle::Flow {
            let at = self.document.node(value).end;
            let field = Words::like(self.document, self.entries.first()?.0).field(path, names);
            return Some(Edit { range: at..at, text: format!(", {field}") });
        }
        insert_lines(self.text, self.document, value, &block(path, names, &self.indent()?))
    }

    /// More references in an existing field.
    fn extend(&self, key: Id, value: Id, lack: &Lack<'_>) -> Option<Edit> {
        let node = self.document.node(value);
        let words = Words::like(self.document, key);
        match &node.kind {
            Kind::Alias(_) => {
                let names = [lack.present.as_deref()?, &lack.names].concat();
                Some(Edit { range: node.start..node.end, text: words.value(lack.path, &names) })
            }
            Kind::Scalar(..) if node.tag.is_some() => None,
            Kind::Scalar(..) if node.start < node.end => {
                Some(Edit { range: node.start..node.end, text: words.value(lack.path, &lack.names) })
            }
            Kind::Scalar(..) => {
                let key = self.document.node(key).end;
                let colon = key + self.text.get(key..)?.find(':')? + 1;
                Some(Edit { range: colon..colon, text: format!(" {}", words.value(lack.path, &lack.names)) })
            }
            Kind::Sequence(items, StructureStyle::Flow) => {
                let references: Vec<_> = lack.names.iter().map(|name| words.reference(name)).collect();
                let (Some(first), Some(last)) = (items.first(), items.last()) else {
                    let at = node.end.checked_sub(1)?;
                    return Some(Edit { range: at..at, text: references.join(", ") });
                };
                let between = self.text.get(node.start + 1..self.document.node(*first).start)?;
                let space = if between.contains('\n') && between.trim().is_empty() { between } else { " " };
                let at = self.document.node(*last).end;
                Some(Edit { range: at..at, text: format!(",{space}{}", references.join(&format!(",{space}"))) })
            }
            Kind::Sequence(items, StructureStyle::Block) => {
                let dash = dash(self.text, node.start)?;
                let lines: Vec<_> =
                    lack.names.iter().map(|name| format!("{dash}name: {}", Words::Plain.write(name))).collect();
                insert_lines(self.text, self.document, *items.last()?, &lines)
            }
            Kind::Mapping(..) => None,
        }
    }

    /// The white space before each field of a block.
    fn indent(&self) -> Option<String> {
        let before = self.text.get(line_start(self.text, self.node.start)..self.node.start)?;
        before.bytes().all(|byte| matches!(byte, b' ' | b'-')).then(|| " ".repeat(before.len()))
    }
}

/// The lines of a new field in a block.
fn block(path: &[String], names: &[&str], indent: &str) -> Vec<String> {
    match path {
        [field] if Lack::is_list(field) => std::iter::once(format!("{indent}{field}:"))
            .chain(names.iter().map(|name| format!("{indent}- name: {}", Words::Plain.write(name))))
            .collect(),
        _ => vec![format!("{indent}{}", Words::Plain.field(path, names))],
    }
}

/// The change that inserts these lines after the line on which a node ends.
fn insert_lines(text: &str, document: &Document<'_>, id: Id, lines: &[String]) -> Option<Edit> {
    let last = last_node(document, id)?;
    let end = line_end(text, line_start(text, last.start));
    let is_block = matches!(last.kind, Kind::Scalar(_, Writing::Block));
    let last = if is_block { text.get(..last.end)?.trim_end().len() } else { last.end };
    let rest = text.get(last..)?.split('\n').next()?;
    let is_comment = rest.trim_start().starts_with('#') && rest.starts_with([' ', '\t']);
    if !rest.trim().is_empty() && !is_comment {
        return None;
    }
    let at = last + rest.len();
    // Without a line end, the text stops here.
    Some(if text.get(at..).is_some_and(|rest| rest.starts_with('\n')) {
        Edit { range: at + 1..at + 1, text: lines.join(end) + end }
    } else {
        Edit { range: at..at, text: format!("{end}{}", lines.join(end)) }
    })
}

/// The last node inside a node, if its end is known.
fn last_node<'a, 'text>(document: &'a Document<'text>, id: Id) -> Option<&'a Node<'text>> {
    let node = document.node(id);
    match &node.kind {
        Kind::Scalar(..) if node.start == node.end => None,
        Kind::Sequence(items, StructureStyle::Block) => last_node(document, *items.last()?),
        Kind::Mapping(entries, StructureStyle::Block) => last_node(document, entries.last()?.1),
        _ => Some(node),
    }
}

/// The dash of a block's items with the white space around it: the first at or above this place.
fn dash(text: &str, at: usize) -> Option<String> {
    let mut line = line_start(text, at);
    loop {
        let rest = text.get(line..)?.split(['\n', '\r']).next()?;
        if let Some(item) = rest.trim_start_matches(' ').strip_prefix('-')
            && (item.is_empty() || item.starts_with(' '))
        {
            let content = item.trim_start_matches(' ');
            let dash = &rest[..rest.len() - content.len()];
            return Some(if content.is_empty() { dash.trim_end().to_owned() + " " } else { dash.to_owned() });
        }
        line = line_start(text, line.checked_sub(1)?);
    }
}

fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
}

/// The line end of the line before this one, or else of this one.
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
