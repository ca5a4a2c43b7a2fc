//! Hides words in messages of sops that might contain a part of a secret.

use std::collections::HashSet;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;
use zeroize::Zeroizing;

use super::form::{Form, leaves};
use regcred_core::credentials::is_public_username;
use regcred_core::registry::url::percent_encoded;

/// A part of a secret with this length is hidden; a shorter part may appear by chance.
const WINDOW: usize = 8;
/// A shorter text cannot be recognized.
const SHORTEST: usize = 4;
const LONGEST_LINE: usize = 500;
/// The text that replaces a word with a part of a secret.
const HIDDEN: &str = "[hidden]";

/// Secret texts, in every form in which a message could contain them.
#[derive(Default)]
pub struct Secrets {
    texts: Vec<Zeroizing<String>>,
    /// Values of variables, which are hidden only as a whole.
    whole: Vec<Zeroizing<String>>,
}

impl Secrets {
    /// The secrets of the documents to encrypt, and those in the program's variables.
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
        leaves(&config, &mut Vec::new(), &mut |path, value| match (path.last(), value.as_str()) {
            (Some(&"email"), _) | (_, None) => {}
            // Any other user name may be a token.
            (Some(&"username"), Some(name)) if is_public_username(name) => {}
            (_, Some(credential)) => self.add_text(credential),
        });
    }

    /// Adds a text; no long part of it may appear.
    fn add_text(&mut self, text: &str) {
        let mut add = |text: &str| self.texts.push(Zeroizing::new(text.to_owned()));
        add(text);
        add(serde_json::to_string(text).unwrap_or_default().trim_matches('"'));
        add(format!("{text:?}").trim_matches('"'));
        add(&percent_encoded(text, b"-_.~"));
        // Inside a longer text, base64 can begin at one of three offsets.
        for before in 0..3 {
            for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
                let encoded = engine.encode(["x".repeat(before).as_bytes(), text.as_bytes()].concat());
                add(encoded.get(4 * usize::from(before > 0)..encoded.len().saturating_sub(2)).unwrap_or_default());
            }
        }
    }

    /// Adds the value of a variable of the program itself, if the name suggests a secret.
    fn add_variable(&mut self, name: &str, value: &str) {
        const MARKS: [&str; 5] = ["KEY", "TOKEN", "SECRET", "PASS", "CREDENTIAL"];
        const NAMES: [&str; 5] = ["_FILE", "_PATH", "_URL", "_URLS", "_IDS"];
        let keeps = MARKS.iter().any(|mark| name.contains(mark)) && !NAMES.iter().any(|end| name.ends_with(end));
        if keeps && value.len() >= WINDOW {
            self.whole.push(Zeroizing::new(value.to_owned()));
        }
    }

    /// The words as one line, if there are any, without words that contain a part of a secret.
    pub fn redact(&self, words: &[u8]) -> Option<String> {
        let text = Zeroizing::new(String::from_utf8_lossy(words).into_owned());
        let clean: String =
            self.mask(&text).chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        // Line ends are blanks now, so a secret with a blank may appear only now.
        let line = self.mask(&clean);
        match line.char_indices().nth(LONGEST_LINE) {
            _ if line.is_empty() => None,
            Some((end, _)) => Some(format!("{}…", &line[..end])),
            None => Some(line),
        }
    }

    /// The words of the text; neighbouring words to hide become one `[hidden]`.
    fn mask(&self, text: &str) -> String {
        let hidden = self.parts_in(text);
        let mut words = Vec::new();
        for word in text.split_whitespace() {
            let start = word.as_ptr() as usize - text.as_ptr() as usize;
            let is_hidden = hidden.iter().any(|part| part.start < start + word.len() && start < part.end);
            match words.last() {
                Some(&HIDDEN) if is_hidden => {}
                _ => words.push(if is_hidden { HIDDEN } else { word }),
            }
        }
        words.join(" ")
    }

    /// Where a part of any secret is in the text.
    fn parts_in(&self, text: &str) -> Vec<Range<usize>> {
        let parts: HashSet<&str> = self.texts.iter().flat_map(|secret| windows(secret)).map(|(_, part)| part).collect();
        let mut found: Vec<_> = windows(text)
            .filter(|(_, part)| parts.contains(part))
            .map(|(start, part)| start..start + part.len())
            .collect();
        let is_short = |secret: &str| (SHORTEST..WINDOW).contains(&secret.chars().count());
        let short = self.texts.iter().filter(|secret| is_short(secret));
        for secret in short.chain(&self.whole) {
            found.extend(text.match_indices(secret.as_str()).map(|(start, part)| start..start + part.len()));
        }
        let upper = Zeroizing::new(text.to_ascii_uppercase());
        found.extend(upper.match_indices("AGE-SECRET-KEY-").map(|(start, part)| start..start + part.len()));
        found
    }
}

/// Every part of the text with the length of [`WINDOW`], and where it begins.
fn windows(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]).skip(WINDOW);
    text.char_indices().zip(ends).map(|((start, _), end)| (start, &text[start..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "K4n4r1e/\"Zingt&Vals\\é>";

    /// A user name that is a token.
    const NAME: &str = "ghp_0123456789abcdef";

    fn config(username: &str) -> String {
        serde_json::json!({"auths": {"ghcr.io": {"username": username, "password": PASSWORD}}}).to_string()
    }

    fn secrets() -> Secrets {
        let mut secrets = Secrets::default();
        secrets.add_docker_config(&STANDARD.encode(config(NAME)));
        secrets.add_variable("VAULT_TOKEN", "hvs.0123456789");
        secrets.add_variable("SOPS_AGE_KEY_FILE", "/home/ci/keys.txt");
        secrets
    }

    fn line(words: &[u8]) -> String {
        secrets().redact(words).unwrap_or_default()
    }

    #[test]
    fn an_error_of_a_key_service_is_shown_as_a_line() {
        let said = b"Could not generate data key: [failed to encrypt\n\tnew data key]: dial tcp 127.0.0.1:9: connect: connection refused\n";
        assert_eq!(
            line(said),
            "Could not generate data key: [failed to encrypt new data key]: dial tcp 127.0.0.1:9: connect: connection refused"
        );
        assert_eq!(line(b"open /home/ci/keys.txt: no such file").len(), 36);
        assert_eq!(secrets().redact(b" \n"), None);
        assert!(line("x ".repeat(400).as_bytes()).ends_with('…'));
    }

    #[test]
    fn a_word_with_a_part_of_a_secret_is_hidden_and_no_other() {
        for text in [
            PASSWORD.to_owned(),
            PASSWORD[..10].to_owned(),
            format!("{PASSWORD:?}"),
            percent_encoded(PASSWORD, b"-_.~"),
            STANDARD.encode(PASSWORD),
            STANDARD.encode(format!("xy{PASSWORD}")),
            STANDARD.encode(config("master"))[20..60].to_owned(),
            format!("{NAME} {PASSWORD}"),
            "hvs.0123456789".to_owned(),
            "age-secret-key-1QQQQ".to_owned(),
        ] {
            let shown = line(format!("é yaml: line 3: user='{text}', which is\nwrong").as_bytes());
            assert_eq!(shown, "é yaml: line 3: [hidden] which is wrong", "{text}");
        }
        assert_eq!(line(b"K4n4r1e/\"Zi\ngt K4n4r1\x07e/\"Zi"), "[hidden] gt K4n4r1 e/\"Zi");
    }

    #[test]
    fn a_user_name_is_hidden_unless_it_is_known_to_everybody() {
        for (name, is_shown) in
            [("AWS", true), ("oauth2accesstoken", true), ("gitlab+deploy-token-123456", true), ("tok3n123", false)]
        {
            let mut secrets = Secrets::default();
            secrets.add_docker_config(&STANDARD.encode(config(name)));
            let said = |name| format!("dial tcp sops.test: user {name} is denied");
            let shown = said(if is_shown { name } else { HIDDEN });
            assert_eq!(secrets.redact(said(name).as_bytes()), Some(shown));
        }
    }
}
