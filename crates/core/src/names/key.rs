//! Parses a key of a Secret. A key is the name of a file where the Secret is mounted, and never a path.

use std::str::FromStr;

use super::SecretKey;
use super::invalid::{Fault, InvalidName, what};

const KEY_RULE: &str = "a key of a Secret has 1 to 253 of a-z, A-Z, 0-9, -, _ and ., and does not begin with two dots, for example \
     .dockerconfigjson";

impl FromStr for SecretKey {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        let fault = match text.chars().position(|letter| !is_allowed(letter)) {
            _ if text.is_empty() => Fault::Empty,
            _ if text.len() > 253 => Fault::TooLong(text.chars().count(), 253),
            Some(position) => Fault::Character(position + 1, what(text.chars().nth(position).unwrap_or_default())),
            // Such names have another meaning in the file system.
            None if text == "." || text.starts_with("..") => Fault::Character(1, "a dot"),
            None => return Ok(Self(text.into())),
        };
        Err(InvalidName { kind: "the key", fault, hint: KEY_RULE })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_a_secret_is_the_name_of_a_file_and_no_path() {
        for good in ["a", ".dockerconfigjson", "A_b-c.d", "a..b", &"a".repeat(253)] {
            assert!(good.parse::<SecretKey>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "..data", "a/b", "a b", "é", &"a".repeat(254)] {
            assert!(bad.parse::<SecretKey>().is_err(), "{bad}");
        }
    }
}
