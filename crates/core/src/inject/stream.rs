//! Cuts a stream of manifests into its documents.

use std::ops::Range;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// The places of the documents: YAML between `---` and `...`, and JSON objects one after the other, which YAML does not allow.
/// A byte-order mark before a document is not a part of it.
pub fn documents(text: &str) -> Vec<Range<usize>> {
    let each = |range: Range<usize>| {
        let objects = json_objects(&text[range.clone()]);
        if objects.is_empty() {
            return vec![range];
        }
        objects.into_iter().map(|object| object.start + range.start..object.end + range.start).collect()
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
            content = if is_blank_or_comment(&bare[3..]) { Seen::Mark } else { Seen::Content };
        } else if is_mark(bare, "...") {
            if content != Seen::Nothing {
                found.push(start..at);
            }
            (start, content) = (end, Seen::Nothing);
            continue;
        } else if !(is_blank_or_comment(bare) || content == Seen::Nothing && bare.starts_with('%')) {
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

/// The state of a document so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Nothing,
    Mark,
    Content,
}

fn is_mark(line: &str, mark: &str) -> bool {
    line.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

fn is_blank_or_comment(text: &str) -> bool {
    let text = text.trim_start();
    text.is_empty() || text.starts_with('#')
}

/// The places of the JSON objects in the text; empty if the text is not JSON.
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

/// The text with a line feed in place of each line end that only YAML 1.1 knows. Every byte keeps its place.
pub fn with_line_feeds(text: &str) -> String {
    text.replace('\u{85}', " \n").replace(['\u{2028}', '\u{2029}'], "  \n")
}

/// The document without the text that only Go's readers accept: the line ends of YAML 1.1, tabs before parts of a flow collection, and in
/// JSON controls and half surrogate pairs. Every byte keeps its place, so the result serves to find places; values may differ.
pub fn simplified(text: &str) -> String {
    let is_control = |character: char| matches!(character, '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}');
    let text = with_line_feeds(text);
    let mut simple = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let rest = line.trim_start_matches([' ', '\t']);
        simple.extend(std::iter::repeat_n(' ', line.len() - rest.len()));
        for character in rest.chars() {
            let (replaced, times) = if is_control(character) { ('?', character.len_utf8()) } else { (character, 1) };
            simple.extend(std::iter::repeat_n(replaced, times));
        }
    }
    for (at, _) in text.match_indices("\\ud").chain(text.match_indices("\\uD")) {
        let digits = at + 2..at + 6;
        if simple.get(digits.clone()).is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit())) {
            simple.replace_range(digits, "003f");
        }
    }
    simple
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_cut_at_its_marks() {
        let cut = |text: &'static str| documents(text).into_iter().map(|range| &text[range]).collect::<Vec<_>>();
        for (text, expected) in [
            ("", vec![]),
            ("# a\n\n", vec![]),
            ("a: 1\n", vec!["a: 1\n"]),
            ("a: 1\n---\nb: 2\n", vec!["a: 1\n", "---\nb: 2\n"]),
            ("---\n---\r\nb: 2", vec!["---\n", "---\r\nb: 2"]),
            ("%YAML 1.2\n# c\n--- a\n---b\n", vec!["%YAML 1.2\n# c\n--- a\n---b\n"]),
            ("a\n...\n%YAML 1.2\n---\nb\n", vec!["a\n", "%YAML 1.2\n---\nb\n"]),
            ("\u{feff}a: 1\n\u{feff}---\nb\n---\n\u{feff}c\n", vec!["a: 1\n", "---\nb\n", "c\n"]),
            (" {\"a\": 1}{}\n---\n{\"b\": 2}\n", vec![" {\"a\": 1}", "{}", "\n{\"b\": 2}"]),
            ("{a: 1}\n", vec!["{a: 1}\n"]),
        ] {
            assert_eq!(cut(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_only_other_readers_take_is_replaced_in_its_place() {
        for (text, simple) in [
            (r#""\ud800 \uDC00\ud83d\ude00 \udx""#, r#""\u003f \u003f\u003f\u003f \udx""#),
            ("\"\u{7f}\u{9f}\u{ffff}é\"", "\"??????é\""),
            ("a: 1\u{85}b: é\u{2028}c:\u{2029}", "a: 1 \nb: é  \nc:  \n"),
            ("a: [\n \t{b: \tc}]\n", "a: [\n  {b: \tc}]\n"),
        ] {
            assert_eq!(simplified(text), simple);
            assert_eq!(text.len(), simple.len());
        }
    }
}
