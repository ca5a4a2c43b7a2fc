//! Evidence: an encrypted file and what it should hold in, whether it still does, without a look into it, out.
//!
//! Encryption is random, so the same secret would be other bytes at every run. Written down are the SHA-256 of the bytes, that of the
//! context (all that is public about them: name, namespace, scope, recipient) and that of the recipient alone; and with a key an HMAC
//! over these three, which tells that we wrote it, and one over the secret, the context, recipients in variables
//! and the bytes, which tells of what.

pub mod carried;
pub mod digest;
pub mod encrypted;
pub mod fingerprint;
pub mod warnings;

use std::io;

use digest::{Digest, same};
use encrypted::Encrypted;
use fingerprint::{Fingerprint, Key};

/// What can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Everything.
    All,
    /// Not what depends on the logins: in those files it is masked.
    NotTheLogins,
}

/// What evidence says of an encrypted file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is the one that was written, of this secret and for this recipient: all that may be written down of it.
    Good(Fingerprint),
    /// It is the one that was written, in this place and for this recipient; of which secret was not asked.
    Unproven,
    /// It is the one that was written, and something else is wanted now.
    Outdated,
    /// It is the one that was written, and is for another recipient than is wanted now.
    Readdressed,
    /// It is not the one that was written, or nothing that is written as this is.
    Other,
    /// It agrees with what is written down, and who wrote that did not have this key, or none.
    Disowned,
}

/// What is to be encrypted, with all that is public about it: what decides whether a file still holds it.
pub struct Evidence<'a> {
    encrypted: &'a dyn Encrypted,
    context: Vec<u8>,
    context_digest: Option<Digest>,
    recipient: Option<Digest>,
    recipients_in_variables: Vec<u8>,
}

impl<'a> Evidence<'a> {
    /// Asks for what is public, once.
    ///
    /// # Errors
    /// The serializer's.
    pub fn of(encrypted: &'a dyn Encrypted, path: &str) -> io::Result<Self> {
        let context = encrypted.context(path)?;
        Ok(Self {
            encrypted,
            context_digest: Digest::of(&context),
            context,
            recipient: Digest::of(&encrypted.recipient(path)?),
            recipients_in_variables: encrypted.recipients_in_variables()?,
        })
    }

    /// The digest of what stands in the result in clear, and of who can read it.
    pub(super) fn context(&self) -> Option<&Digest> {
        self.context_digest.as_ref()
    }

    /// The digest of who can read it.
    pub(super) fn recipient(&self) -> Option<&Digest> {
        self.recipient.as_ref()
    }

    /// What may be written down of these bytes, which were just encrypted.
    #[must_use]
    pub fn fingerprint(&self, bytes: &[u8], key: &Key) -> Fingerprint {
        self.of_digest(Digest::of(bytes), key)
    }

    fn of_digest(&self, sha256: Option<Digest>, key: &Key) -> Fingerprint {
        let hmac = sha256.as_ref().and_then(|sha256| {
            key.bind(self.encrypted.secret(), [&self.context, &self.recipients_in_variables, sha256.as_bytes()])
        });
        let (context, recipient) = (self.context_digest.clone(), self.recipient.clone());
        key.sign(Fingerprint { sha256, context, recipient, origin: None, hmac })
    }

    /// Compares what was written down with the bytes that are there and what they should hold.
    ///
    /// # Errors
    /// The serializer's.
    pub fn weigh(&self, written: &Fingerprint, bytes: &[u8], key: &Key, known: Known) -> io::Result<Finding> {
        let sha256 = Digest::of(bytes);
        if !same(&written.sha256, &sha256) {
            return Ok(Finding::Other);
        }
        if known == Known::All {
            let wanted = self.of_digest(sha256, key);
            if same(&written.hmac, &wanted.hmac) {
                return Ok(Finding::Good(wanted));
            }
        }
        Ok(if key.is_there() && !key.has_signed(written) {
            Finding::Disowned
        } else if written.recipient.is_some() && !same(&written.recipient, self.recipient()) {
            Finding::Readdressed
        } else if !same(&written.context, self.context()) || (key.is_there() && known == Known::All) {
            Finding::Outdated
        } else if self.encrypted.has_form(bytes)? {
            Finding::Unproven
        } else {
            Finding::Other
        })
    }
}
