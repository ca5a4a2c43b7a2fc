//! Reads what a document means to kubectl: aliases, merge keys and duplicate keys are resolved as its YAML reader does.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::Write;

use super::syntax::{Document, Id, Kind, Writing};

/// How many values aliases and merges may add to the written ones, and how deep values may be nested.
const MOST: usize = 1_000_000;
const DEEPEST: usize = 1_000;

/// A value, and the node that it was read from. Two values are equal if their contents are equal.
#[derive(Clone, Debug)]
pub struct Value<'a> {
    /// The node, after aliases.
    pub id: Id,
    /// Its content.
    pub content: Content<'a>,
}

/// The content of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Content<'a> {
    /// A word that may be a number, a boolean or null, perhaps with a tag that changes its meaning.
    Word(&'a str, Option<&'a str>),
    /// A scalar that is a text, unless such a tag says otherwise.
    Text(&'a str, Option<&'a str>),
    /// A list.
    Sequence(Vec<Value<'a>>),
    /// A mapping, each key once.
    Mapping(BTreeMap<Value<'a>, Value<'a>>),
}

/// The document is nested too deep, or its aliases and merges add too many values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMuch;

impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.content == other.content
    }
}

impl Eq for Value<'_> {}

impl PartialOrd for Value<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.content.cmp(&other.content)
    }
}

impl<'a> Value<'a> {
    /// The value of a document; `None` if it is empty.
    ///
    /// # Errors
    /// The values are too many, or nested too deep.
    pub fn read(document: &'a Document<'_>) -> Result<Option<Self>, TooMuch> {
        let mut reader = Reader { document, left: document.size() + MOST };
        document.root().map(|root| reader.read(root, DEEPEST)).transpose()
    }

    /// A text that is not in the document yet; `id` is the node in which it will be written.
    pub fn text_at(id: Id, text: &'a str) -> Self {
        Self { id, content: Content::Text(text, None) }
    }

    /// A mapping of one field.
    pub fn field_at(id: Id, name: &'a str, value: Self) -> Self {
        Self { id, content: Content::Mapping(BTreeMap::from([(Self::text_at(id, name), value)])) }
    }

    /// The field of a mapping.
    pub fn get(&self, name: &'a str) -> Option<&Self> {
        let Content::Mapping(fields) = &self.content else { return None };
        fields.get(&Self::text_at(self.id, name))
    }

    /// The field of a mapping, to change it.
    pub fn get_mut(&mut self, name: &'a str) -> Option<&mut Self> {
        let Content::Mapping(fields) = &mut self.content else { return None };
        fields.get_mut(&Self::text_at(self.id, name))
    }

    /// The items of a list; empty for any other value.
    pub fn items(&self) -> &[Self] {
        if let Content::Sequence(items) = &self.content { items } else { &[] }
    }

    /// The text of a scalar that is not null.
    pub fn text(&self) -> Option<&'a str> {
        match self.content {
            Content::Word(text, _) | Content::Text(text, _) if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// The text of a field.
    pub fn text_of(&self, name: &'a str) -> Option<&'a str> {
        self.get(name)?.text()
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self.content, Content::Word("~" | "null" | "Null" | "NULL", _))
    }

    /// Writes the value in YAML's flow style, which is JSON apart from words, at this depth. A tag is lost.
    pub fn write(&self, depth: usize, into: &mut String) {
        match &self.content {
            Content::Word(word, _) => into.push_str(word),
            Content::Text(text, _) => into.push_str(&quoted(text)),
            Content::Sequence(items) => write_collection(['[', ']'], items, depth, into, |item, into| {
                item.write(depth + 1, into);
            }),
            Content::Mapping(fields) => write_collection(['{', '}'], fields, depth, into, |(key, value), into| {
                key.write(depth + 1, into);
                into.push_str(": ");
                value.write(depth + 1, into);
            }),
        }
    }
}

fn write_collection<I>(
    marks: [char; 2],
    items: impl IntoIterator<Item = I>,
    depth: usize,
    into: &mut String,
    mut write: impl FnMut(I, &mut String),
) {
    let line = |depth: usize, into: &mut String| {
        into.push('\n');
        into.extend(std::iter::repeat_n("  ", depth));
    };
    into.push(marks[0]);
    let mut is_empty = true;
    for item in items {
        if !std::mem::take(&mut is_empty) {
            into.push(',');
        }
        line(depth + 1, into);
        write(item, into);
    }
    if !is_empty {
        line(depth, into);
    }
    into.push(marks[1]);
}

/// A text in double quotation marks. Every character that a YAML reader might change is escaped.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' '..='~' => quoted.push(character),
            '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' if !matches!(character, '\u{2028}' | '\u{2029}') => {
                quoted.push(character);
            }
            // Writing into a String cannot fail.
            other if u32::from(other) <= 0xffff => drop(write!(quoted, "\\u{:04x}", u32::from(other))),
            other => drop(write!(quoted, "\\U{:08x}", u32::from(other))),
        }
    }
    quoted.push('"');
    quoted
}

struct Reader<'a, 'text> {
    document: &'a Document<'text>,
    left: usize,
}

impl<'a> Reader<'a, '_> {
    fn read(&mut self, id: Id, depth: usize) -> Result<Value<'a>, TooMuch> {
        self.left = self.left.checked_sub(1).ok_or(TooMuch)?;
        let depth = depth.checked_sub(1).ok_or(TooMuch)?;
        let node = self.document.node(id);
        let tag = node.tag.as_deref();
        let content = match &node.kind {
            Kind::Alias(target) => {
                // A long text counts as several values.
                let copied = self.document.node(*target);
                self.left = self.left.checked_sub(copied.end.saturating_sub(copied.start) / 64).ok_or(TooMuch)?;
                return self.read(*target, depth);
            }
            Kind::Scalar(text, Writing::Plain) if text.is_empty() => Content::Word("~", tag),
            Kind::Scalar(text, Writing::Plain) if is_word(text) => Content::Word(text, tag),
            Kind::Scalar(text, _) => Content::Text(text, tag),
            Kind::Sequence(items, _) => {
                Content::Sequence(items.iter().map(|item| self.read(*item, depth)).collect::<Result<_, _>>()?)
            }
            Kind::Mapping(entries, _) => Content::Mapping(self.fields(entries, depth)?),
        };
        Ok(Value { id, content })
    }

    /// A later entry wins over an earlier one, also if one of them is merged: yaml.v2, and therefore kubectl, reads in this way.
    fn fields(&mut self, entries: &[(Id, Id)], depth: usize) -> Result<BTreeMap<Value<'a>, Value<'a>>, TooMuch> {
        let mut fields = BTreeMap::new();
        for (key, value) in entries {
            let value = self.read(*value, depth)?;
            if !self.document.is_merge(*key) {
                fields.insert(self.read(*key, depth)?, value);
                continue;
            }
            let merged = match value.content {
                // The first of several merged mappings wins.
                Content::Sequence(several) => several.into_iter().rev().collect(),
                _ => vec![value],
            };
            for from in merged {
                if let Content::Mapping(more) = from.content {
                    fields.extend(more);
                }
            }
        }
        Ok(fields)
    }
}

/// Whether some version of YAML reads the plain text as a number, a date, a boolean or null.
pub fn is_word(text: &str) -> bool {
    const WORDS: [&str; 11] = ["~", "y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan"];
    let possible = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._~".contains(&byte);
    let begins = text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first));
    (begins || WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))) && text.bytes().all(possible)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_means_the_same() {
        let text = "a: &a [1, '1', yes, \"on\", ~, null, 2001-12-14, !!str 3, ! null, !mine yes, !!binary aGk=, \"\\u2028\\u0001\\U0001f600\"]\n\
            b: {<<: {x: 1, y: 2}, x: *a}\n? {c: d}\n: |\n  - x\n  \te: #\nempty: {}\nnone: []\nthree: !mine [1.10]\n";
        let document = Document::parse(text).unwrap();
        let before = Value::read(&document).unwrap().unwrap();
        let mut written = String::new();
        before.write(0, &mut written);
        let again = Document::parse(&written).unwrap();
        assert_eq!(Value::read(&again).unwrap().unwrap(), before, "{written}");
    }

    #[test]
    fn the_later_of_two_entries_wins() {
        for (text, expected) in [
            ("{a: 1, a: 2}", "{a: 2}"),
            ("{a: 1, <<: {a: 2, b: 3}}", "{a: 2, b: 3}"),
            ("{<<: {a: 2, b: 3}, a: 1}", "{a: 1, b: 3}"),
            ("{<<: [{a: 1}, {a: 2, b: 3}]}", "{a: 1, b: 3}"),
            ("{'<<': {a: 2}}", "{'<<': {a: 2}}"),
        ] {
            let [document, expected] = [text, expected].map(|text| Document::parse(text).unwrap());
            assert_eq!(Value::read(&document), Value::read(&expected), "{text}");
        }
    }
}
