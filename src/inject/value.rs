//! What a document means: its tree in; aliases and merges spelled out, to compare before and after, or to write it anew, out.

use std::fmt::Write;

use super::document::{Document, Id, Kind, Writing};

/// How many values more than are written a document may come to when its aliases are spelled out, and how deep.
const MOST: usize = 1_000_000;
const DEEPEST: usize = 1_000;

/// A document without anything that only serves its writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A word that may be a number, a boolean or null, with its tag.
    Word(&'a str, Option<&'a str>),
    /// What can only be a text, with its tag.
    Text(&'a str, Option<&'a str>),
    /// A list.
    Sequence(Vec<Value<'a>>),
    /// A mapping in the order of its keys; merged ones come last.
    Mapping(Vec<(Value<'a>, Value<'a>)>),
}

/// The aliases of the document come to far more than is written, or lead round in a circle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMuch;

/// A step down from a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// To the field of this name.
    Field(String),
    /// To the item of this number.
    Item(usize),
}

impl<'a> Value<'a> {
    /// What the node means.
    ///
    /// # Errors
    /// Aliases without end.
    pub fn of(document: &'a Document<'_>, id: Id) -> Result<Self, TooMuch> {
        Reading { document, left: document.size() + MOST }.read(id, DEEPEST)
    }

    /// A mapping of one field.
    #[must_use]
    pub fn reference(name: &'a str) -> Self {
        Self::Mapping(vec![(Self::Text("name", None), Self::Text(name, None))])
    }

    /// The value below, for a change.
    pub fn below(&mut self, steps: &[Step]) -> Option<&mut Self> {
        steps.iter().try_fold(self, |value, step| match (step, value) {
            (Step::Field(name), Self::Mapping(entries)) => {
                entries.iter_mut().rev().find(|(key, _)| key.is(name)).map(|(_, value)| value)
            }
            (Step::Item(number), Self::Sequence(items)) => items.get_mut(*number),
            _ => None,
        })
    }

    /// Whether it is this text, as a key is.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        matches!(self, Self::Word(word, _) | Self::Text(word, _) if *word == text)
    }

    /// The same as YAML in flow style, which is JSON but for its words, at this depth.
    pub fn write(&self, depth: usize, into: &mut String) {
        let line = |depth: usize, into: &mut String| {
            into.push('\n');
            into.extend(std::iter::repeat_n("  ", depth));
        };
        let collection = |into: &mut String, marks: [char; 2], count: usize, each: &dyn Fn(usize, &mut String)| {
            into.push(marks[0]);
            for number in 0..count {
                line(depth + 1, into);
                each(number, into);
                if number + 1 < count {
                    into.push(',');
                }
            }
            if count > 0 {
                line(depth, into);
            }
            into.push(marks[1]);
        };
        match self {
            Self::Word(word, tag) => into.extend([&written(*tag), *word]),
            Self::Text(text, tag) => into.extend([written(*tag), quoted(text)]),
            Self::Sequence(items) => {
                collection(into, ['[', ']'], items.len(), &|number, into| items[number].write(depth + 1, into));
            }
            Self::Mapping(entries) => collection(into, ['{', '}'], entries.len(), &|number, into| {
                let (key, value) = &entries[number];
                key.write(depth + 1, into);
                into.push_str(": ");
                value.write(depth + 1, into);
            }),
        }
    }
}

fn written(tag: Option<&str>) -> String {
    tag.map_or(String::new(), |tag| if tag.starts_with('!') { format!("{tag} ") } else { format!("!<{tag}> ") })
}

/// A text in double quotation marks, with every character escaped that a YAML reader might not take as it is.
#[must_use]
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
            // Writing to a String cannot fail.
            other if u32::from(other) <= 0xffff => drop(write!(quoted, "\\u{:04x}", u32::from(other))),
            other => drop(write!(quoted, "\\U{:08x}", u32::from(other))),
        }
    }
    quoted.push('"');
    quoted
}

struct Reading<'a, 'text> {
    document: &'a Document<'text>,
    left: usize,
}

impl<'a> Reading<'a, '_> {
    fn read(&mut self, id: Id, depth: usize) -> Result<Value<'a>, TooMuch> {
        self.left = self.left.checked_sub(1).ok_or(TooMuch)?;
        let depth = depth.checked_sub(1).ok_or(TooMuch)?;
        let node = self.document.node(id);
        let tag = node.tag.as_deref();
        Ok(match &node.kind {
            Kind::Scalar(text, writing) => scalar(text, *writing, tag),
            Kind::Alias(target) => self.read(*target, depth)?,
            Kind::Sequence(items, _) => {
                Value::Sequence(items.iter().map(|item| self.read(*item, depth)).collect::<Result<_, _>>()?)
            }
            Kind::Mapping(entries, _) => Value::Mapping(self.mapping(entries, depth)?),
        })
    }

    fn mapping(&mut self, entries: &[(Id, Id)], depth: usize) -> Result<Vec<(Value<'a>, Value<'a>)>, TooMuch> {
        let mut own = Vec::with_capacity(entries.len());
        let mut merged = Vec::new();
        for (key, value) in entries {
            if self.document.is_merge(*key) {
                merged.push(*value);
            } else {
                own.push((self.read(*key, depth)?, self.read(*value, depth)?));
            }
        }
        for value in merged {
            let from = match self.read(value, depth)? {
                Value::Sequence(several) => several,
                one => vec![one],
            };
            for mapping in from {
                let Value::Mapping(entries) = mapping else { continue };
                for (key, value) in entries {
                    if !own.iter().any(|(other, _)| *other == key) {
                        own.push((key, value));
                    }
                }
            }
        }
        Ok(own)
    }
}

/// What a reader of some version of YAML takes for a number, a date, a boolean or null when it is written plainly.
#[must_use]
pub fn is_word(text: &str) -> bool {
    const WORDS: [&str; 11] = ["~", "y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan"];
    let possible = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._~".contains(&byte);
    let begins = text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first));
    text.bytes().all(possible) && (begins || WORDS.iter().any(|word| text.eq_ignore_ascii_case(word)))
}

fn scalar<'a>(text: &'a str, writing: Writing, tag: Option<&'a str>) -> Value<'a> {
    match (text, writing) {
        ("", Writing::Plain) => Value::Word("~", tag),
        (word, Writing::Plain) if is_word(word) => Value::Word(word, tag),
        _ => Value::Text(text, tag),
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::Documents;
    use super::*;

    #[test]
    fn what_is_written_anew_means_the_same() {
        let text = "a: &a [1, '1', yes, \"on\", ~, , null, 2001-12-14, !!str 3, \"\\u2028\\u0001\\U0001f600\"]\n\
            b: {<<: {x: 1, y: 2}, x: *a}\n? {c: d}\n: |\n  - x\n  \te: #\nempty: {}\nnone: []\nthree: !mine [1.10]\n";
        let text = text.replace(", ,", ",");
        let document = Documents::of(&text).next().unwrap().unwrap();
        let before = Value::of(&document, document.root().unwrap()).unwrap();
        let mut anew = String::new();
        before.write(0, &mut anew);
        let again = Documents::of(&anew).next().unwrap().unwrap();
        assert_eq!(Value::of(&again, again.root().unwrap()).unwrap(), before, "{anew}");
    }

    #[test]
    fn aliases_without_end_are_refused() {
        let mut text = "a0: &a0 [x, x]\n".to_owned();
        let mut merges = "a0: &a0 {x: y}\n".to_owned();
        for level in 1..40 {
            writeln!(merges, "a{level}: &a{level} {{<<: [*a{0}, *a{0}]}}", level - 1).unwrap();
            writeln!(text, "a{level}: &a{level} [*a{0}, *a{0}]", level - 1).unwrap();
        }
        for text in [text.as_str(), "a: &a {b: *a}\n", "a: &a {<<: *a}\n"] {
            let document = Documents::of(text).next().unwrap().unwrap();
            assert_eq!(Value::of(&document, document.root().unwrap()), Err(TooMuch));
            assert!(document.field(document.root().unwrap(), "nothing").is_none());
        }
        // A look for a field goes to each mapping once.
        merges += "<<: *a39\n";
        let document = Documents::of(&merges).next().unwrap().unwrap();
        assert!(document.field(document.root().unwrap(), "nothing").is_none());
        assert!(document.field(document.root().unwrap(), "x").is_some_and(|field| !field.own));
    }
}
