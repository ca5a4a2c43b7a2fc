//! Regular expressions of Go: one in, the same for this program out.
//!
//! sops is written in Go, whose syntax (<https://pkg.go.dev/regexp/syntax>) differs in a few places from ours.

use std::iter::Peekable;
use std::str::Chars;

use regex::{Error, Regex, escape};

/// Compiles it.
///
/// # Errors
/// It is none.
pub fn compile(pattern: &str) -> Result<Regex, Error> {
    Regex::new(&translate(pattern))
}

/// Where in an expression a character stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Nothing,
    Class,
}

fn translate(pattern: &str) -> String {
    let mut translated = String::new();
    let mut within = Within::Nothing;
    let mut rest = pattern.chars().peekable();
    while let Some(letter) = rest.next() {
        match (letter, within) {
            ('\\', Within::Nothing) if rest.peek() == Some(&'Q') => {
                rest.next();
                let text: String = rest.collect();
                let (literal, after) = text.split_once(r"\E").unwrap_or((&text, ""));
                return translated + &escape(literal) + &translate(after);
            }
            ('\\', _) => escaped(&mut rest, within, &mut translated),
            ('[', Within::Nothing) => {
                within = Within::Class;
                translated.push('[');
                translated.extend(rest.next_if_eq(&'^'));
                // The first one is no end.
                translated.push_str(rest.next_if_eq(&']').map_or("", |_| r"\]"));
            }
            ('[', Within::Class) => match class_of_posix(&rest) {
                Some(name) => {
                    translated.extend(["[", &name]);
                    rest.by_ref().take(name.chars().count()).for_each(drop);
                }
                None => translated.push_str(r"\["),
            },
            (']', Within::Class) => {
                within = Within::Nothing;
                translated.push(']');
            }
            ('&' | '~', Within::Class) => translated.extend(['\\', letter]),
            ('{', Within::Nothing) if !is_repetition(&rest) => translated.push_str(r"\{"),
            (letter, _) => translated.push(letter),
        }
    }
    translated
}

/// What follows a backslash.
fn escaped(rest: &mut Peekable<Chars<'_>>, within: Within, translated: &mut String) {
    match (rest.next(), within) {
        (Some('d'), _) => translated.push_str("[0-9]"),
        (Some('D'), _) => translated.push_str("[^0-9]"),
        (Some('w'), _) => translated.push_str("[0-9A-Za-z_]"),
        (Some('W'), _) => translated.push_str("[^0-9A-Za-z_]"),
        (Some('s'), _) => translated.push_str(r"[\t\n\f\r ]"),
        (Some('S'), _) => translated.push_str(r"[^\t\n\f\r ]"),
        (Some('b'), Within::Nothing) => translated.push_str(r"(?-u:\b)"),
        (Some(letter @ ('x' | 'p' | 'P')), _) => {
            translated.extend(['\\', letter]);
            // A brace that belongs to it is no repetition.
            translated.extend(rest.next_if_eq(&'{'));
        }
        (Some(letter), _) if letter.is_ascii_punctuation() => {
            translated.push_str(&escape(letter.encode_utf8(&mut [0; 4])));
        }
        (Some(letter), _) => translated.extend(['\\', letter]),
        (None, _) => translated.push('\\'),
    }
}

/// `:alpha:]`, if that is what comes.
fn class_of_posix(rest: &Peekable<Chars<'_>>) -> Option<String> {
    let text: String = rest.clone().collect();
    let name = text.strip_prefix(':')?.split_once(":]")?.0;
    name.chars().all(|letter| letter == '^' || letter.is_ascii_lowercase()).then(|| format!(":{name}:]"))
}

/// Whether `2}`, `2,}` or `2,3}` comes: other braces are literal.
fn is_repetition(rest: &Peekable<Chars<'_>>) -> bool {
    let text: String = rest.clone().collect();
    let Some((counts, _)) = text.split_once('}') else { return false };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match counts.split_once(',') {
        Some((least, most)) => is_number(least) && (most.is_empty() || is_number(most)),
        None => is_number(counts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_matches_what_it_matches_in_go() {
        for (pattern, yes, no) in [
            (r"^\Qa.b(c\E$", "a.b(c", "axb(c"),
            (r"\Qa.b", "a.b", "axb"),
            (r"^\Qa+\E\d{2}$", "a+12", "aa12"),
            (r"^{x}$", "{x}", "x"),
            (r"^a{,2}$", "a{,2}", "aa"),
            (r"^a{2}$", "aa", "a{2}"),
            (r"^a{1,}$", "aaa", ""),
            (r"^\d$", "7", "٧"),
            (r"^\D$", "٧", "7"),
            (r"^\w+$", "team_1", "équipe"),
            (r"^[\w.-]+$", "team-1.x", "é"),
            (r"^[^\d]$", "٧", "7"),
            (r"^\s$", "\t", "\u{a0}"),
            (r"x\b", "xé", "xy"),
            (r"^[[a]$", "[", "b"),
            (r"^[]a]$", "]", "b"),
            (r"^[[:digit:]x]$", "7", ":"),
            (r"^[a&&b]$", "a", "c"),
            (r"^[{x]$", "{", "y"),
            (r"^\x{61}\pL\p{Lu}$", "abC", "abc"),
            (r"^\<\/\_$", "</_", "/_"),
            (r"(?i)^PROD/.*\.sops\.ya?ml$", "prod/a.sops.yml", "prod/a.yaml"),
        ] {
            let regex = compile(pattern).unwrap();
            assert!(regex.is_match(yes) && !regex.is_match(no), "{pattern} as {regex}");
        }
    }

    #[test]
    fn what_is_none_in_go_is_none() {
        for pattern in ["(", "[", "a)", "*", r"a\", "[z-a]", "{2}"] {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
    }
}
