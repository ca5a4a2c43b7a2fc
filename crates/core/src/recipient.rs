//! Names who can open an encrypted document.

use std::collections::BTreeSet;

/// A key that opens encrypted documents.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recipient(String);

/// Everyone who can open a document: a SealedSecret has one recipient, a document of sops one or more.
pub type Recipients = BTreeSet<Recipient>;

impl Recipient {
    /// A recipient with the fingerprint by which marks, `--accept-recipient`, `REGCRED_RECIPIENTS` and messages name it.
    ///
    /// The fingerprint is the SHA-256 of a certificate's public key (64 hexadecimal digits), or what sops lists: an age recipient, a PGP
    /// fingerprint, an ARN or a URL. Bytes that are not printable ASCII, and also commas and percent signs, are percent-encoded, so that no
    /// two keys have the same fingerprint and no key is left out; an empty name is `%`.
    pub fn new(name: &str) -> Self {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b',' && byte != b'%';
        let fingerprint = name.bytes().fold(String::new(), |text, byte| match byte {
            byte if is_plain(byte) => text + char::from(byte).encode_utf8(&mut [0]),
            byte => text + &format!("%{byte:02X}"),
        });
        Self(if fingerprint.is_empty() { "%".to_owned() } else { fingerprint })
    }

    /// The recipient that a mark names.
    pub fn named(fingerprint: &str) -> Self {
        Self(fingerprint.to_owned())
    }

    /// The text that names the recipient: one word without a comma.
    pub fn fingerprint(&self) -> &str {
        &self.0
    }
}

/// Who decides about recipients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authority {
    /// A complete list of fingerprints.
    List(BTreeSet<String>),
    /// The recipients with an earlier signature, and the recipients that a person has accepted now.
    History(BTreeSet<String>),
    /// Nobody yet: the first run decides.
    Nobody,
}

impl Authority {
    /// The recipients that are not approved.
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
    fn every_name_has_its_own_fingerprint_of_one_word() {
        for good in ["age1qqq", "arn:aws:kms:eu-west-1:1:key/x", &"a".repeat(64)] {
            assert_eq!(Recipient::new(good).fingerprint(), good);
        }
        let names = ["", "%", "ssh-ed25519 AAAA", "ssh-ed25519%20AAAA", "k,x", "k%2Cx", "k\n", "k", "é"];
        let fingerprints: BTreeSet<_> = names.map(|name| Recipient::new(name).fingerprint().to_owned()).into();
        assert_eq!(fingerprints.len(), names.len());
        for fingerprint in fingerprints {
            assert!(
                !fingerprint.is_empty() && fingerprint.chars().all(|c| c.is_ascii_graphic() && c != ','),
                "{fingerprint}"
            );
        }
    }

    #[test]
    fn a_recipient_is_approved_by_the_list_or_by_what_was_signed_before() {
        let recipients: Recipients = ["age1a", "age1b"].map(Recipient::new).into();
        let known = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let refused = |authority: Authority| -> Vec<String> {
            authority.refuse(&recipients).iter().map(|one| one.fingerprint().to_owned()).collect()
        };
        assert_eq!(refused(Authority::List(known(&["age1a"]))), ["age1b"]);
        assert_eq!(refused(Authority::History(known(&["age1b", "age1a"]))), Vec::<String>::new());
        assert_eq!(refused(Authority::List(known(&[]))).len(), 2);
        assert!(refused(Authority::Nobody).is_empty());
    }
}
