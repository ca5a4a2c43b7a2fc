//! Says why a text is not a valid name, and never repeats the text.

use std::fmt;

use thiserror::Error;

/// Why a text is not a valid name. It never contains the text, which may be a secret in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{kind} {fault}")]
pub struct InvalidName {
    pub(super) kind: &'static str,
    pub(super) fault: Fault,
    /// The broken rule, with an example.
    pub hint: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Empty,
    TooLong(usize, usize),
    Character(usize, &'static str),
    Edge(&'static str),
    NoGlob,
    Braces(usize),
    Alternatives(usize),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::TooLong(length, limit) => write!(f, "has {length} characters, {limit} are allowed"),
            Self::Character(position, what) => write!(f, "has {what} at position {position}"),
            Self::Edge(edge) => write!(f, "{edge} with a character that is no letter or digit"),
            Self::NoGlob => f.write_str("has an error in its brackets or braces"),
            Self::Braces(limit) => write!(f, "has more than {limit} pairs of braces"),
            Self::Alternatives(limit) => write!(f, "has braces that stand for more than {limit} globs"),
        }
    }
}

pub(super) fn what(character: char) -> &'static str {
    match character {
        'A'..='Z' => "a capital letter",
        '_' => "an underscore",
        '.' => "a dot",
        '/' => "a slash",
        ':' => "a colon",
        '$' => "a dollar sign",
        '0'..='9' => "a digit",
        '*' | '?' | '[' | ']' | '{' | '}' => "a glob character",
        character if character.is_whitespace() => "white space",
        character if character.is_control() => "a control character",
        character if !character.is_ascii() => "a character that is not ASCII",
        _ => "a character that is not allowed",
    }
}

pub(super) fn check(
    text: &str,
    kind: &'static str,
    limit: usize,
    rule: &'static str,
    allowed: impl Fn(char) -> bool,
) -> Result<(), InvalidName> {
    // The fast path for a valid name: lists have many thousands of names, and nearly all of them are valid.
    let is_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    if bytes.len() <= limit
        && is_edge(bytes.first())
        && is_edge(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii() && allowed(char::from(*byte)))
    {
        return Ok(());
    }
    let first_wrong = text.chars().enumerate().find(|(_, character)| !allowed(*character));
    let fault = if text.is_empty() {
        Fault::Empty
    } else if let Some((position, character)) = first_wrong {
        Fault::Character(position + 1, what(character))
    } else if bytes.len() > limit {
        // Every allowed character is ASCII, and has one byte.
        Fault::TooLong(bytes.len(), limit)
    } else if !is_edge(bytes.first()) {
        Fault::Edge("begins")
    } else {
        Fault::Edge("ends")
    };
    Err(InvalidName { kind, fault, hint: rule })
}
