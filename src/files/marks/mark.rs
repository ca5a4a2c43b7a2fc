//! Reads and writes the comment that precedes an encrypted document.
//!
//! Tools that apply a manifest ignore the mark, and sops does not authenticate comments.

use std::collections::HashMap;
use std::fmt::Write;
use std::ops::Range;

use super::digest::Digest;
use super::key::{Key, Purpose};
use super::{Extent, SEPARATOR};
use regcred_core::recipient::Recipients;

const START: &str = "# regcred mark: ";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The name of the document in its file.
    pub name: String,
    /// The fingerprints of its recipients, joined by commas.
    pub recipients: String,
    /// The hash of the rules that chose the recipients, if there are rules.
    pub rules: Option<Digest>,
    /// The hash of everything public about the document.
    pub context: Digest,
    /// The hash of the encrypted document.
    pub ciphertext: Digest,
    /// The HMAC of the secret text, the context, and the recipients that variables name.
    pub content: Option<Digest>,
    /// The HMAC of all other fields.
    pub signature: Option<Digest>,
}

impl Mark {
    /// The marks of a text, each with the range that it covers.
    pub fn all(text: &[u8], extent: Extent) -> Vec<(Self, Range<usize>)> {
        let mut documents = Vec::new();
        let mut open: Option<(Self, usize)> = None;
        let mut place = 0;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let next = place + line.len();
            if extent == Extent::Document && line == SEPARATOR {
                documents.extend(open.take().map(|(mark, start)| (mark, start..place)));
            } else if open.is_none() && line.starts_with(b"#") {
                open = Self::parse(line).map(|mark| (mark, next));
            }
            place = next;
        }
        documents.extend(open.map(|(mark, start)| (mark, start..place)));
        documents
    }

    /// The mark in a line, if there is one.
    pub fn parse(line: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(line.strip_prefix(START.as_bytes())?).ok()?;
        let mut words = text.split_whitespace();
        let name = words.next()?.to_owned();
        let mut fields = words.map(|word| word.split_once('=')).collect::<Option<HashMap<_, _>>>()?;
        let recipients = fields.remove("recipients")?.to_owned();
        let mut digest = |field| fields.remove(field).map(str::parse::<Digest>).transpose().ok();
        let mark = Self {
            name,
            recipients,
            rules: digest("rules")?,
            context: digest("context")??,
            ciphertext: digest("sha256")??,
            content: digest("content")?,
            signature: digest("signature")?,
        };
        fields.is_empty().then_some(mark)
    }

    /// The mark as a line, with its line end.
    pub fn line(&self) -> String {
        let Self { name, recipients, rules, context, ciphertext, content, signature } = self;
        let mut line = format!("{START}{name} recipients={recipients}");
        for (field, digest) in [
            ("rules", rules.as_ref()),
            ("context", Some(context)),
            ("sha256", Some(ciphertext)),
            ("content", content.as_ref()),
            ("signature", signature.as_ref()),
        ] {
            if let Some(digest) = digest {
                // Writing into a `String` cannot fail.
                let _ = write!(line, " {field}={digest}");
            }
        }
        line.push('\n');
        line
    }

    /// The fingerprints of its recipients.
    pub fn each_recipient(&self) -> impl Iterator<Item = String> + '_ {
        self.recipients.split(',').filter(|name| !name.is_empty()).map(str::to_owned)
    }

    pub fn signed(mut self, key: &Key) -> Self {
        self.signature = self.with_parts(|parts| key.sign(Purpose::Mark, parts));
        self
    }

    /// Whether one of the keys has signed it.
    pub fn is_signed(&self, key: &Key) -> bool {
        self.with_parts(|parts| key.has_signed(self.signature.as_ref(), Purpose::Mark, parts))
    }

    fn with_parts<T>(&self, use_them: impl FnOnce(&[&[u8]]) -> T) -> T {
        let Self { name, recipients, rules, context, ciphertext, content, .. } = self;
        let [rules, content] = [rules, content].map(|digest| digest.as_ref().map_or(&[][..], Digest::as_bytes));
        use_them(&[name.as_bytes(), recipients.as_bytes(), rules, context.as_bytes(), content, ciphertext.as_bytes()])
    }
}

/// The fingerprints of the recipients, joined by commas.
pub fn fingerprints(recipients: &Recipients) -> String {
    recipients.iter().map(regcred_core::recipient::Recipient::fingerprint).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::environment::Environment;
    use crate::files::marks::key::KEY_VARIABLE;

    fn mark(content: Option<&str>) -> Mark {
        Mark {
            name: "team-a/hub".to_owned(),
            recipients: "age1x,arn:aws:kms:eu:1:key/a".to_owned(),
            rules: Some(Digest::of(b"rules")),
            context: Digest::of(b"context"),
            ciphertext: Digest::of(b"ciphertext"),
            content: content.map(|text| Digest::of(text.as_bytes())),
            signature: None,
        }
    }

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        for mark in [mark(None), mark(Some("content"))] {
            let line = mark.line();
            assert_eq!(Mark::parse(line.as_bytes()), Some(mark.clone()), "{line}");
            assert_eq!(Mark::parse(line.replace('\n', "\r\n").as_bytes()), Some(mark));
        }
        for bad in ["# regcred mark: ", "# regcred mark: a", "# regcred mark: a recipients=b context=c", "a: 1\n"] {
            assert_eq!(Mark::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_mark_is_signed_as_a_whole() {
        let key = |key: &str| Key::read(&Environment::new([(KEY_VARIABLE, key)], PathBuf::new()), None, "").unwrap();
        let (ours, other) = (key("0f1e2d3c4b5a69788796a5b4c3d2e1f0"), key("f1e0d3c2b5a497867968a5b4c3d2e1f0"));
        let signed = mark(Some("content")).signed(&ours);
        assert!(signed.is_signed(&ours) && !signed.is_signed(&other));
        for forged in [
            Mark { recipients: "age1y".to_owned(), ..signed.clone() },
            Mark { name: "team-b/hub".to_owned(), ..signed.clone() },
            Mark { content: None, ..signed.clone() },
            Mark { ciphertext: signed.context.clone(), ..signed.clone() },
            Mark { signature: None, ..signed.clone() },
            Mark { rules: None, ..signed.clone() },
        ] {
            assert!(!forged.is_signed(&ours), "{forged:?}");
        }
    }

    #[test]
    fn a_mark_covers_its_document_or_all_the_rest() {
        let line =
            |name: &str| format!("# regcred mark: {name} recipients=x context={0} sha256={0}\n", Digest::of(b""));
        let text = format!("a: 1\n---\n{}b: 2\n# c\n---\nd: 3\n---\n{}e: 4\n", line("b"), line("e"));
        let found = |extent, name: &str| {
            let documents = Mark::all(text.as_bytes(), extent);
            let (_, range) = documents.into_iter().find(|(mark, _)| mark.name == name)?;
            Some(text[range].to_owned())
        };
        assert_eq!(found(Extent::Document, "b").unwrap(), "b: 2\n# c\n");
        assert_eq!(found(Extent::Document, "e").unwrap(), "e: 4\n");
        assert!(found(Extent::Rest, "b").unwrap().ends_with("e: 4\n"));
        assert!(found(Extent::Rest, "e").is_none() && Mark::all(b"# regcred mark: {\n", Extent::Rest).is_empty());
    }
}
