//! Rewrites JSON that Go accepts and `serde_json` does not: halves of a surrogate pair, and numbers of any size.

use serde::de::IgnoredAny;

/// The JSON as Go reads it, with U+FFFD for each half of a surrogate pair, and with 0 for each number, because no number is read.
/// Lines and columns stay.
pub(super) fn rewritten(json: &str) -> String {
    let mut bytes = json.as_bytes().to_vec();
    let (mut at, mut in_text) = (0, false);
    while let Some(&byte) = bytes.get(at) {
        let length = match byte {
            b'"' => {
                in_text = !in_text;
                1
            }
            b'\\' if in_text => escape(&mut bytes[at..]),
            b'-' | b'0'..=b'9' if !in_text => number(&mut bytes[at..]),
            _ => 1,
        };
        at += length;
    }
    // Only ASCII characters were replaced, by others.
    String::from_utf8(bytes).unwrap_or_else(|_| json.to_owned())
}

/// The length of an escape; the escape is rewritten if it is half of a surrogate pair.
fn escape(bytes: &mut [u8]) -> usize {
    let unit = |at: usize| {
        let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        let is_hexadecimal = digits.iter().all(u8::is_ascii_hexdigit);
        let digits = std::str::from_utf8(digits).ok().filter(|_| is_hexadecimal)?;
        u16::from_str_radix(digits, 16).ok()
    };
    match (unit(0), unit(6)) {
        (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
        (Some(0xd800..=0xdfff), _) => {
            bytes[2..6].copy_from_slice(b"fffd");
            6
        }
        _ => 2,
    }
}

/// The length of a possible number; it is rewritten if it is a number.
fn number(bytes: &mut [u8]) -> usize {
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let length = bytes.iter().position(|byte| !is_part(byte)).unwrap_or(bytes.len());
    if serde_json::from_slice::<IgnoredAny>(&bytes[..length]).is_ok() {
        bytes[..length].fill(b' ');
        bytes[0] = b'0';
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_go_reads_is_rewritten_and_all_else_stays() {
        for (json, expected) in [
            (r#"{"a":"\ud800"}"#, r#"{"a":"\ufffd"}"#),
            (r#"{"a":"\udc00x"}"#, r#"{"a":"\ufffdx"}"#),
            (r#"{"a":"\ud800\ud83d\ude00"}"#, r#"{"a":"\ufffd\ud83d\ude00"}"#),
            (r#"{"a":"\\ud800"}"#, r#"{"a":"\\ud800"}"#),
            (r#"{"a":"\"1e999","b":1e999}"#, r#"{"a":"\"1e999","b":0    }"#),
            (r#"{"b":-12.5e+7,"c":01}"#, r#"{"b":0       ,"c":01}"#),
            (r#"{"b":1e}"#, r#"{"b":1e}"#),
            (r#"{"é":"\u"}"#, r#"{"é":"\u"}"#),
        ] {
            assert_eq!(rewritten(json), expected);
        }
    }
}
