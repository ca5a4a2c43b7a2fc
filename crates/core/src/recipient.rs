//! Names who can open an encrypted document.

use std::collections::BTreeSet;
use std::fmt;

/// A key that opens encrypted documents.
///
/// It is ordered and compared by its fingerprint alone.
#[derive(Clone, Debug)]
pub struct Recipient {
    fingerprint: String,
    shown: String,
}

/// Everyone who can open a document: a SealedSecret has one recipient, a document of sops one or more.
pub type Recipients = BTreeSet<Recipient>;

impl Recipient {
    /// A recipient with the fingerprint by which marks, `--accept-recipient` and `REGCRED_RECIPIENTS` name it, and the form in which
    /// messages show it.
    ///
    /// The fingerprint is the SHA-256 of a certificate's public key (64 hexadecimal digits), or what sops lists: an age recipient, a PGP
    /// fingerprint, an ARN or a URL. None where it is empty or has a blank, a comma or a control character.
    #[must_use]
    pub fn new(fingerprint: impl Into<String>, shown: impl Into<String>) -> Option<Self> {
        let fingerprint = fingerprint.into();
        let is_plain = |letter: char| letter.is_ascii_graphic() && letter != ',';
        (!fingerprint.is_empty() && fingerprint.chars().all(is_plain))
            .then(|| Self { fingerprint, shown: shown.into() })
    }

    /// What names it in a mark: no blank, no comma.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl PartialEq for Recipient {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Eq for Recipient {}

impl PartialOrd for Recipient {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Recipient {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.fingerprint.cmp(&other.fingerprint)
    }
}

/// Who decides about recipients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authority {
    /// A list of fingerprints that is complete.
    List(BTreeSet<String>),
    /// The recipients that were signed for before, and those that a person has accepted now.
    History(BTreeSet<String>),
    /// Nobody yet: the first run decides.
    Nobody,
}

impl Authority {
    /// The recipients that are not approved.
    #[must_use]
    pub fn refuse<'a>(&self, recipients: &'a Recipients) -> Vec<&'a Recipient> {
        match self {
            Self::List(known) | Self::History(known) => {
                recipients.iter().filter(|recipient| !known.contains(recipient.fingerprint())).collect()
            }
            Self::Nobody => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_one_word_without_a_comma() {
        for good in ["age1qqq", "arn:aws:kms:eu-west-1:1:key/x", &"a".repeat(64)] {
            assert_eq!(Recipient::new(good, "it").unwrap().fingerprint(), good);
        }
        for bad in ["", "a b", "a,b", "a\n", "é"] {
            assert!(Recipient::new(bad, "it").is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_recipient_is_known_by_its_fingerprint() {
        let recipient = |shown| Recipient::new("age1qqq", shown).unwrap();
        assert_eq!(recipient("one"), recipient("other"));
        assert_eq!(recipient("one").to_string(), "one");
    }

    #[test]
    fn a_recipient_is_approved_by_the_list_or_by_what_was_signed_before() {
        let recipients: Recipients = ["age1a", "age1b"].iter().filter_map(|it| Recipient::new(*it, *it)).collect();
        let known = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let refused = |authority: Authority| -> Vec<String> {
            authority.refuse(&recipients).iter().map(ToString::to_string).collect()
        };
        assert_eq!(refused(Authority::List(known(&["age1a"]))), ["age1b"]);
        assert_eq!(refused(Authority::History(known(&["age1b", "age1a"]))), Vec::<String>::new());
        assert_eq!(refused(Authority::List(known(&[]))).len(), 2);
        assert!(refused(Authority::Nobody).is_empty());
    }
}
