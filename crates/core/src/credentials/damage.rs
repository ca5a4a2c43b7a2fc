//! Repairs damage that no editor shows: blanks and invisible characters at the edges, and text in UTF-16.

use crate::diagnostic::Code;
use crate::docker_config::token::TOKENS;

/// What to do about blanks and invisible characters.
pub(super) const HINT: &str = "set it with `printf '%s'` instead of `echo`, and copy only the value";

/// The repaired text, and what was removed. Line ends at an edge are removed, with the blanks and invisible characters beside them; around
/// a token, all blanks and invisible characters are removed. `None` if nothing was removed.
pub(super) fn mended(text: &str) -> Option<(String, Code, &'static str)> {
    let is_line_end = |character: char| matches!(character, '\r' | '\n');
    let bare = text.trim_matches(is_damage);
    let is_token = TOKENS.iter().any(|head| bare.starts_with(head)) && bare.bytes().all(|byte| byte.is_ascii_graphic());
    let mut left = text;
    if bare.is_empty() {
        left = left.trim_end_matches(is_line_end);
    } else {
        let (end, start) = (text.trim_end_matches(is_damage), text.trim_start_matches(is_damage));
        if is_token || text[end.len()..].contains(is_line_end) {
            left = left.trim_end_matches(is_damage);
        }
        if is_token || text[..text.len() - start.len()].contains(is_line_end) {
            left = left.trim_start_matches(is_damage);
        }
    }
    match text.strip_prefix(left) {
        Some("") => None,
        Some(end) if end.chars().all(is_line_end) => {
            Some((left.to_owned(), Code::TrailingNewline, "ended in a line end, which was removed"))
        }
        _ => Some((
            left.to_owned(),
            Code::InvisibleCharacter,
            "began or ended with blanks or invisible characters, which were removed",
        )),
    }
}

/// Whether a blank or an invisible character begins or ends the text.
pub(super) fn is_at_an_edge(text: &str) -> bool {
    text.starts_with(is_damage) || text.ends_with(is_damage)
}

fn is_damage(character: char) -> bool {
    character.is_whitespace() || is_invisible(character)
}

/// Whether editors do not show the character: Unicode's format characters, variation selectors and fillers.
pub(super) fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// The text of bytes in UTF-8 or, as `PowerShell` writes it, in UTF-16. JSON that is neither is read as a kubelet reads it, with
/// U+FFFD for bytes that are not text. `None` if the bytes are not text.
pub fn text_of(bytes: Vec<u8>) -> Option<String> {
    let utf_16 = match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => Some((rest, u16::from_le_bytes as fn([u8; 2]) -> u16)),
        [0xfe, 0xff, rest @ ..] => Some((rest, u16::from_be_bytes as fn([u8; 2]) -> u16)),
        [first, 0, _, 0, ..] if *first != 0 => Some((bytes.as_slice(), u16::from_le_bytes as fn([u8; 2]) -> u16)),
        [0, first, 0, _, ..] if *first != 0 => Some((bytes.as_slice(), u16::from_be_bytes as fn([u8; 2]) -> u16)),
        _ => None,
    };
    match utf_16 {
        Some((bytes, unit)) => {
            let units = bytes.chunks(2).map(|pair| pair.try_into().ok().map(unit)).collect::<Option<Vec<u16>>>()?;
            String::from_utf16(&units).ok()
        }
        None if bytes.trim_ascii_start().starts_with(b"{") => Some(String::from_utf8_lossy(&bytes).into_owned()),
        None => String::from_utf8(bytes).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_at_the_edges_is_mended() {
        for (text, expected, code) in [
            ("p\n", "p", "trailing-newline"),
            ("p\r\n\n", "p", "trailing-newline"),
            ("ghp_x \n", "ghp_x", "invisible-character"),
            (" ghp_x", "ghp_x", "invisible-character"),
            ("\u{feff}glpat-x\u{200b}", "glpat-x", "invisible-character"),
            ("\n p", "p", "invisible-character"),
            ("p\u{a0}\r\n", "p", "invisible-character"),
            ("\n", "", "trailing-newline"),
        ] {
            let (bare, found, _) = mended(text).unwrap();
            assert_eq!((bare.as_str(), found.as_str()), (expected, code), "{text:?}");
        }
        for text in ["p", "", " ", "a b", " p", "p\u{200b}"] {
            assert!(mended(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn every_blank_of_unicode_is_damage_at_an_edge() {
        for blank in ('\u{2000}'..='\u{200a}').chain(['\u{a0}', '\u{1680}', '\u{202f}', '\u{205f}', '\u{3000}']) {
            assert!(is_at_an_edge(&format!("p{blank}")) && is_at_an_edge(&format!("{blank}p")), "{blank:?}");
            assert_eq!(mended(&format!("{blank}ghp_x{blank}")).unwrap().0, "ghp_x", "{blank:?}");
        }
    }

    #[test]
    fn text_of_powershell_is_read() {
        for (mark, order) in
            [(vec![0xff, 0xfe], u16::to_le_bytes as fn(u16) -> [u8; 2]), (vec![0xfe, 0xff], u16::to_be_bytes)]
        {
            let utf_16 = |text: &str| text.encode_utf16().flat_map(order).collect::<Vec<_>>();
            assert_eq!(text_of(utf_16("{\"é\"}")).as_deref(), Some("{\"é\"}"));
            assert_eq!(text_of([mark, utf_16("a")].concat()).as_deref(), Some("a"));
        }
        assert_eq!(text_of("é".into()).as_deref(), Some("é"));
        assert_eq!(text_of(vec![0xe9, b'x']), None);
        assert_eq!(text_of(vec![0xff, 0xfe, b'a']), None);
        assert_eq!(text_of(b" {\"\xe9\"}".to_vec()).as_deref(), Some(" {\"\u{fffd}\"}"));
    }
}
