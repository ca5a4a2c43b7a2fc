//! Writes the JSON of a Docker config with the bytes of Go's `json.Marshal`.

use std::fmt::Write;

/// Appends `text` as a JSON string the way Go does: `<`, `>`, `&`, U+2028 and U+2029 are escaped, too.
///
/// `serde_json` differs only in these characters, and a patcher treats any different byte as a change.
pub(super) fn string(into: &mut String, text: &str) {
    into.push('"');
    for character in text.chars() {
        match character {
            '"' => into.push_str("\\\""),
            '\\' => into.push_str("\\\\"),
            '\u{8}' => into.push_str("\\b"),
            '\u{c}' => into.push_str("\\f"),
            '\n' => into.push_str("\\n"),
            '\r' => into.push_str("\\r"),
            '\t' => into.push_str("\\t"),
            '\u{0}'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                // Writing into a String cannot fail.
                let _ = write!(into, "\\u{:04x}", u32::from(character));
            }
            other => into.push(other),
        }
    }
    into.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_escapes_are_gos() {
        let mut json = String::new();
        string(&mut json, "p<&>\"\\é\u{2028}\u{2029}\u{8}\u{c}\n\r\t\u{1}\u{7f}/");
        assert_eq!(json, "\"p\\u003c\\u0026\\u003e\\\"\\\\é\\u2028\\u2029\\b\\f\\n\\r\\t\\u0001\u{7f}/\"");
    }

    proptest! {
        #[test]
        fn any_text_is_read_back_as_it_was(text in any::<String>()) {
            let mut json = String::new();
            string(&mut json, &text);
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
