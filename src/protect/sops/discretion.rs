//! What sops complained of: its words and the secrets that must not be in them in, a line that may be shown out, or none.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;
use zeroize::Zeroizing;

use super::selection::{Form, leaves};

/// The longest part of a secret that may come out by chance.
const WINDOW: usize = 8;
/// Shorter than this nothing can be recognized.
const SHORTEST: usize = 4;
const LONGEST_LINE: usize = 500;

/// Texts that must not come out, in every form in which they might.
#[derive(Default)]
pub struct Secrets {
    texts: Vec<Zeroizing<String>>,
    whole: Vec<Zeroizing<String>>,
}

impl Secrets {
    /// Those in these documents, which are to be encrypted, and in the variables of the program.
    #[must_use]
    pub fn of<'a>(documents: &[Value], form: Form, variables: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut secrets = Self::default();
        for document in documents {
            leaves(document, &mut Vec::new(), &mut |path, value| {
                if let (true, Some(text)) = (form.is_secret(path), value.as_str()) {
                    secrets.add_docker_config(text);
                }
            });
        }
        variables.for_each(|(name, value)| secrets.add_variable(name, value));
        secrets
    }

    /// Adds the value of a Docker config in base64, and each of its credentials.
    fn add_docker_config(&mut self, encoded: &str) {
        self.add_text(encoded);
        let Ok(json) = STANDARD.decode(encoded).map(Zeroizing::new) else { return };
        let Ok(config) = serde_json::from_slice::<Value>(&json) else { return };
        let mut credentials = Vec::new();
        leaves(&config, &mut Vec::new(), &mut |_, value| credentials.extend(value.as_str()));
        for credential in credentials {
            self.add_text(credential);
        }
    }

    /// Adds a text, of which no long part may come out.
    fn add_text(&mut self, text: &str) {
        let mut add = |text: &str| self.texts.push(Zeroizing::new(text.to_owned()));
        add(text);
        add(serde_json::to_string(text).unwrap_or_default().trim_matches('"'));
        add(format!("{text:?}").trim_matches('"'));
        add(&percent(text));
        // Within a longer text base64 begins at one of three places.
        for before in 0..3 {
            for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
                let encoded = engine.encode(["x".repeat(before).as_bytes(), text.as_bytes()].concat());
                add(encoded.get(4 * usize::from(before > 0)..encoded.len().saturating_sub(2)).unwrap_or_default());
            }
        }
    }

    /// Adds the value of a variable of the program itself, if its name says that it is one to keep.
    fn add_variable(&mut self, name: &str, value: &str) {
        const MARKS: [&str; 5] = ["KEY", "TOKEN", "SECRET", "PASS", "CREDENTIAL"];
        const NAMES: [&str; 5] = ["_FILE", "_PATH", "_URL", "_URLS", "_IDS"];
        let keeps = MARKS.iter().any(|mark| name.contains(mark)) && !NAMES.iter().any(|end| name.ends_with(end));
        if keeps && value.len() >= WINDOW {
            self.whole.push(Zeroizing::new(value.to_owned()));
        }
    }

    /// Whether a part of any of them is in the text.
    fn are_in(&self, text: &str) -> bool {
        text.to_uppercase().contains("AGE-SECRET-KEY-")
            || self.whole.iter().any(|secret| text.contains(secret.as_str()))
            || self.texts.iter().any(|secret| is_in(secret, text))
    }

    /// The words as one line, if nothing of a secret is in them.
    #[must_use]
    pub fn admit(&self, words: &[u8]) -> Option<String> {
        let text = Zeroizing::new(String::from_utf8_lossy(words).into_owned());
        if self.are_in(&text) {
            return None;
        }
        let clean: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        let line = clean.split_whitespace().collect::<Vec<_>>().join(" ");
        let short: String = line.chars().take(LONGEST_LINE).collect();
        let short = if short == line { line } else { short + "…" };
        // What the cleaning has joined is looked at, too.
        (!short.is_empty() && !self.are_in(&short)).then_some(short)
    }
}

fn is_in(secret: &str, text: &str) -> bool {
    let letters: Vec<usize> = secret.char_indices().map(|(at, _)| at).chain([secret.len()]).collect();
    if letters.len() <= WINDOW {
        return letters.len() > SHORTEST && text.contains(secret);
    }
    letters.windows(WINDOW + 1).any(|part| text.contains(&secret[part[0]..part[WINDOW]]))
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "K4n4r1e/\"Zingt&Vals\\é>";

    fn secrets() -> Secrets {
        let config = serde_json::json!({"auths": {"ghcr.io": {"username": "acme", "password": PASSWORD}}}).to_string();
        let mut secrets = Secrets::default();
        secrets.add_docker_config(&STANDARD.encode(config));
        secrets.add_variable("VAULT_TOKEN", "hvs.0123456789");
        secrets.add_variable("SOPS_AGE_KEY_FILE", "/home/ci/keys.txt");
        secrets
    }

    #[test]
    fn an_error_of_a_key_service_is_shown_as_a_line() {
        let said = b"Could not generate data key: [failed to encrypt\n\tnew data key]: dial tcp 127.0.0.1:9: connect: connection refused\n";
        assert_eq!(
            secrets().admit(said).unwrap(),
            "Could not generate data key: [failed to encrypt new data key]: dial tcp 127.0.0.1:9: connect: connection refused"
        );
        assert_eq!(secrets().admit(b"open /home/ci/keys.txt: no such file").unwrap().len(), 36);
        assert!(secrets().admit(b" \n").is_none());
        assert!(secrets().admit("x ".repeat(400).as_bytes()).unwrap().ends_with('…'));
    }

    #[test]
    fn nothing_with_a_part_of_a_secret_is_shown() {
        let config = serde_json::json!({"auths": {"ghcr.io": {"username": "acme", "password": PASSWORD}}}).to_string();
        for text in [
            PASSWORD.to_owned(),
            PASSWORD[..10].to_owned(),
            format!("{PASSWORD:?}"),
            percent(PASSWORD),
            STANDARD.encode(PASSWORD),
            STANDARD.encode(format!("xy{PASSWORD}")),
            STANDARD.encode(&config)[20..60].to_owned(),
            "user acme".to_owned(),
            "token hvs.0123456789 is denied".to_owned(),
            "age-secret-key-1QQQQ".to_owned(),
            "K4n4r1e/\"Zi\ngt".to_owned(),
        ] {
            assert_eq!(secrets().admit(format!("yaml: line 3: {text}, which is wrong").as_bytes()), None, "{text}");
        }
    }
}
