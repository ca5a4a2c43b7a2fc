//! Writes the JSON of a Docker config with the bytes of Go's `json.Marshal`.

use std::fmt::Write;

/// Appends `text` as a JSON string the way Go does: `<`, `>`, `&`, U+2028 and U+2029 are escaped, too.
///
/// `serde_json` differs only in these characters, and a patcher treats any different byte as a change.
pub(super) fn string(into: &mut String, text: &str) {
    for character in serde_json::Value::from(text).to_string().chars() {
        if matches!(character, '<' | '>' | '&' | '\u{2028}' | '\u{2029}') {
            // Writing into a String cannot fail.
            let _ = write!(into, "\\u{:04x}", u32::from(character));
        } else {
            into.push(character);
        }
    }
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
