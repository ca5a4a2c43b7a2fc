//! Cuts a stream of manifests into its documents.

use std::borrow::Cow;
use std::ops::Range;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// The place of a document in its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its bytes.
    pub range: Range<usize>,
    /// How it is read.
    pub language: Language,
}

/// The language of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// An object of JSON.
    Json,
    /// YAML.
    Yaml,
}

/// The places of the documents: YAML between `---` and `...`, and JSON objects one after the other, which YAML does not know.
/// A byte-order mark before a document is not a part of it.
#[must_use]
pub fn documents(text: &str) -> Vec<Place> {
    let each = |range: Range<usize>| {
        let objects = json_objects(&text[range.clone()]);
        if objects.is_empty() {
            return vec![Place { range, language: Language::Yaml }];
        }
        let place = |object: Range<usize>| object.start + range.start..object.end + range.start;
        objects.into_iter().map(|object| Place { range: place(object), language: Language::Json }).collect()
    };
    yaml_documents(text).into_iter().flat_map(each).collect()
}

fn yaml_documents(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut start, mut content) = (0, Seen::Nothing);
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        let at = end;
        end += line.len();
        let bare = line.trim_start_matches(BYTE_ORDER_MARK);
        if is_mark(bare, "---") {
            if content != Seen::Nothing {
                found.push(start..at);
                start = at;
            }
            content = if rest_is_blank(&bare[3..]) { Seen::Mark } else { Seen::Content };
        } else if is_mark(bare, "...") {
            if content != Seen::Nothing {
                found.push(start..at);
            }
            (start, content) = (end, Seen::Nothing);
            continue;
        } else if !rest_is_blank(bare) && !(content == Seen::Nothing && bare.starts_with('%')) {
            if content == Seen::Content {
                continue;
            }
            content = Seen::Content;
        }
        if bare.len() < line.len() {
            start = end - bare.len();
        }
    }
    if content != Seen::Nothing {
        found.push(start..text.len());
    }
    found
}

/// What a document has so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Nothing,
    Mark,
    Content,
}

fn is_mark(line: &str, mark: &str) -> bool {
    line.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

fn rest_is_blank(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.is_empty() || rest.starts_with('#')
}

/// The places of the JSON objects that the text consists of; none if it is not JSON.
fn json_objects(text: &str) -> Vec<Range<usize>> {
    let body = text.strip_prefix("---").unwrap_or(text);
    if !body.trim_start().starts_with('{') {
        return Vec::new();
    }
    let offset = text.len() - body.len();
    let mut objects = serde_json::Deserializer::from_str(body).into_iter::<serde::de::IgnoredAny>();
    let mut found = Vec::new();
    let mut start = offset;
    while let Some(object) = objects.next() {
        if object.is_err() {
            return Vec::new();
        }
        let end = offset + objects.byte_offset();
        found.push(start..end);
        start = end;
    }
    found
}

/// JSON without what only JSON allows in a text: other characters take the place of some controls and of half surrogate pairs.
/// Every byte keeps its place.
#[must_use]
pub fn json_as_yaml(text: &str) -> Cow<'_, str> {
    let is_control =
        |character: char| matches!(character, '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}');
    if !text.contains(is_control) && !text.contains("\\ud") && !text.contains("\\uD") {
        return Cow::Borrowed(text);
    }
    let mut yaml = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let length = match (character, escaped(rest)) {
            ('\\', Some(0xd800..=0xdbff)) if matches!(rest.get(6..).and_then(escaped), Some(0xdc00..=0xdfff)) => 12,
            ('\\', Some(0xd800..=0xdfff)) => {
                yaml.push_str("\\u003f");
                rest = &rest[6..];
                continue;
            }
            ('\\', _) => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            (other, _) if is_control(other) => {
                yaml.extend(std::iter::repeat_n('?', other.len_utf8()));
                rest = &rest[other.len_utf8()..];
                continue;
            }
            (other, _) => other.len_utf8(),
        };
        yaml.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    Cow::Owned(yaml)
}

/// The code of the escape `\uXXXX` that the text begins with.
fn escaped(text: &str) -> Option<u32> {
    u32::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

/// YAML whose flow collections are indented with spaces instead of tabs, which Go's reader takes there. Every byte keeps its
/// place.
#[must_use]
pub fn without_tabs(text: &str) -> String {
    let mut yaml = String::with_capacity(text.len());
    let mut flow = Flow::default();
    for line in text.split_inclusive('\n') {
        let rest = line.trim_start_matches([' ', '\t']);
        if flow.depth > 0 && flow.quote.is_none() {
            yaml.extend(std::iter::repeat_n(' ', line.len() - rest.len()));
            yaml.push_str(rest);
        } else {
            yaml.push_str(line);
        }
        flow.pass(rest);
    }
    yaml
}

/// How many flow collections are open after a text, and the quotation mark that is.
#[derive(Default)]
struct Flow {
    depth: usize,
    quote: Option<char>,
}

impl Flow {
    fn pass(&mut self, line: &str) {
        let mut before = ' ';
        for character in line.chars() {
            let opens = before.is_whitespace() || "[{,:".contains(before);
            match (self.quote, character) {
                (Some('"'), _) if before == '\\' => {}
                (Some(quote), _) if quote == character => self.quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') if opens => self.quote = Some(character),
                (None, '#') if before.is_whitespace() => return,
                (None, '[' | '{') if opens || self.depth > 0 => self.depth += 1,
                (None, ']' | '}') => self.depth = self.depth.saturating_sub(1),
                (None, _) => {}
            }
            before = if before == '\\' && character == '\\' { ' ' } else { character };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_cut_at_its_marks() {
        let cut = |text: &'static str| {
            let of = |place: Place| (&text[place.range], place.language == Language::Json);
            documents(text).into_iter().map(of).collect::<Vec<_>>()
        };
        for (text, expected) in [
            ("", vec![]),
            ("# a\n\n", vec![]),
            ("a: 1\n", vec![("a: 1\n", false)]),
            ("a: 1\n---\nb: 2\n", vec![("a: 1\n", false), ("---\nb: 2\n", false)]),
            ("---\n---\r\nb: 2", vec![("---\n", false), ("---\r\nb: 2", false)]),
            ("%YAML 1.2\n# c\n--- a\n---b\n", vec![("%YAML 1.2\n# c\n--- a\n---b\n", false)]),
            ("a\n...\n%YAML 1.2\n---\nb\n", vec![("a\n", false), ("%YAML 1.2\n---\nb\n", false)]),
            (
                "\u{feff}a: 1\n\u{feff}---\nb\n---\n\u{feff}c\n",
                vec![("a: 1\n", false), ("---\nb\n", false), ("c\n", false)],
            ),
            (" {\"a\": 1}{}\n---\n{\"b\": 2}\n", vec![(" {\"a\": 1}", true), ("{}", true), ("\n{\"b\": 2}", true)]),
            ("{a: 1}\n", vec![("{a: 1}\n", false)]),
        ] {
            assert_eq!(cut(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_only_other_readers_take_is_replaced_in_its_place() {
        for (json, yaml) in [
            (r#""\ud800 \uDC00\ud83d\ude00\\ud800""#, r#""\u003f \u003f\ud83d\ude00\\ud800""#),
            ("\"\u{7f}\u{9f}\u{85}\u{ffff}é\"", "\"???\u{85}???é\""),
        ] {
            assert_eq!(json_as_yaml(json), yaml);
            assert_eq!(json.len(), yaml.len());
        }
        let text = "a: [ # [\n\t'[',\n \t\"]\\\"\n\t\", b]\n\tb: 'it''s'\n";
        assert_eq!(without_tabs(text), "a: [ # [\n '[',\n  \"]\\\"\n\t\", b]\n\tb: 'it''s'\n");
    }
}
