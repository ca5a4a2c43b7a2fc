//! Refuses fingerprint keys that are easy to guess, or that others know.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;

use super::key::{KEY_VARIABLE, PREVIOUS_VARIABLE};
use crate::credentials::is_a_placeholder;
use crate::environment::{Environment, Reading};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::names::VariableName;

/// Keys of this length are too long for any list of guesses.
const SHORTEST_KEY: usize = 32;
/// A shorter text may be a part of the key by chance.
const SHORTEST_LOGIN: usize = 8;
/// A random key of this length has more different characters, and more different steps from one character to the next.
const FEWEST: usize = 8;
/// The rows of a keyboard, ten keys each.
const KEYBOARD: &str = "1234567890qwertyuiopasdfghjkl;zxcvbnm,./";

/// Why a key is easy to guess.
pub(super) fn fault(key: &str) -> Option<&'static str> {
    let different = || key.chars().collect::<BTreeSet<_>>().len();
    match key {
        _ if key.len() < SHORTEST_KEY => Some("has fewer than 32 characters, and could be guessed"),
        _ if is_a_placeholder(key) => Some("holds a placeholder instead of a key"),
        _ if Path::new(key).is_absolute() && Path::new(key).exists() => {
            Some("holds the path of a file instead of a key")
        }
        _ if key.contains(char::is_whitespace) => Some("holds blanks, so it looks like a phrase, and could be guessed"),
        _ if different() < FEWEST => Some("has fewer than 8 different characters, and could be guessed"),
        _ if repeats(key) => Some("repeats a shorter text, and could be guessed"),
        _ if runs(key) => Some("runs along the alphabet, the digits or a keyboard, and could be guessed"),
        _ => None,
    }
}

fn repeats(key: &str) -> bool {
    let key = key.as_bytes();
    (1..=key.len() / 2).any(|length| key.iter().skip(length).eq(&key[..key.len() - length]))
}

/// Whether there are few different steps from one character to the next, in the order of characters or on a keyboard.
fn runs(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let has_few = |places: Vec<usize>| {
        let steps: BTreeSet<_> = places.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
        steps.len() < FEWEST
    };
    has_few(key.bytes().map(usize::from).collect())
        || has_few(key.chars().map(|key| KEYBOARD.find(key).unwrap_or(KEYBOARD.len() + key as usize)).collect())
}

/// Refuses a key that contains a login or is a part of one, in clear or in base64: anyone who can pull could sign.
/// Errors: the name of the variable that holds the login.
pub(super) fn refuse_a_login(logins: &[VariableName], environment: &Environment) -> Result<(), Diagnostic> {
    const KEYS: [&str; 2] = [KEY_VARIABLE, PREVIOUS_VARIABLE];
    let texts = |name: &'static str| clear_and_encoded(&VariableName::known(name), environment);
    let keys: Vec<_> = KEYS.into_iter().flat_map(|key| texts(key).into_iter().map(move |text| (key, text))).collect();
    for login in logins.iter().filter(|login| !KEYS.contains(&login.as_str())) {
        let theirs = clear_and_encoded(login, environment);
        let is_one = |key: &String| theirs.iter().any(|login| login.contains(key) || key.contains(login));
        if let Some((key, _)) = keys.iter().find(|(_, text)| is_one(text)) {
            let what = format!("contains a part of the login in `{login}`: anyone who has that login could sign");
            return Err(unusable(key, &what));
        }
    }
    Ok(())
}

/// The text of a variable, and the text that it encodes in base64, unless they are so short that a match may be chance.
#[expect(clippy::disallowed_methods, reason = "it is compared, and goes no further")]
fn clear_and_encoded(name: &VariableName, environment: &Environment) -> Vec<String> {
    let Reading::Value(value) = environment.read(name) else { return Vec::new() };
    let text = value.expose_secret().trim();
    let decoded = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    [Some(text.to_owned()), decoded].into_iter().flatten().filter(|text| text.len() >= SHORTEST_LOGIN).collect()
}

pub(super) fn unusable(name: &str, what: &str) -> Diagnostic {
    Diagnostic::error(Code::UnusableKey, format!("`{name}` {what}")).hint(
        "set it to the output of `openssl rand -hex 32`, the same for every run; or leave it out, and every run re-encrypts",
    )
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_run_of_neighbours_is_no_key() {
        for key in [
            "abcdefghijklmnopqrstuvwxyz012345",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef",
            "zyxwvutsrqponmlkjihgfedcba987654",
            "0123456789abcdefghijklmnopqrstuvwxyz",
            "0123456789abcdeffedcba9876543210",
            "00112233445566778899aabbccddeeff",
            "a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6",
            "qwertyuiopasdfghjklzxcvbnm1234567890",
            "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9",
            "QwertyuiopAsdfghjklZxcvbnm123456",
        ] {
            assert!(fault(key).is_some_and(|fault| fault.starts_with("runs along")), "{key}: {:?}", fault(key));
        }
        for key in [
            "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
            "64ee8e1d3b2d7bbbf5f2fd1ee8b0b1a7",
            "Zk3x9Qm2Lp8Vt5Rw7Yb1Nc6Hd4Jf0Gs2",
            "38201974650293847561820394857261",
            "жшцдафжывлдаожфыцукенгшщзхъэюбьт",
            "#*@!{)%(&$^}_<|>?:#*@!%(&{$)}_^<",
        ] {
            assert_eq!(fault(key), None, "{key}");
        }
    }

    #[test]
    fn a_key_that_is_a_login_is_refused() {
        let logins = ["DOCKERHUB_AUTH", "PASSWORD", KEY_VARIABLE].map(|name| name.parse().unwrap());
        let config = r#"{"auths":{"ghcr.io":{"username":"bot","password":"Zk3x9Qm2Lp8Vt5Rw7Yb1Nc6Hd4Jf0Gs2"}}}"#;
        let encoded = STANDARD.encode(config);
        let other = ("PASSWORD", "Zk3x9Qm2Lp8Vt5");
        for (key, variable, is_one) in [
            ("Zk3x9Qm2Lp8Vt5Rw7Yb1Nc6Hd4Jf0Gs2", ("DOCKERHUB_AUTH", config), true),
            ("Zk3x9Qm2Lp8Vt5Rw7Yb1Nc6Hd4Jf0Gs2", ("DOCKERHUB_AUTH", encoded.as_str()), true),
            (encoded.as_str(), ("DOCKERHUB_AUTH", config), true),
            (&STANDARD.encode("robot$acme:Zk3x9Qm2Lp8Vt5"), other, true),
            ("0f1e2d3c4b5a69788796a5b4c3d2e1f0", other, false),
            ("0f1e2d3c4b5a69788796a5b4c3d2e1f0", ("PASSWORD", "abc"), false),
        ] {
            let environment = Environment::new([(KEY_VARIABLE, key), variable], PathBuf::new());
            assert_eq!(refuse_a_login(&logins, &environment).is_err(), is_one, "{key}");
        }
    }
}
