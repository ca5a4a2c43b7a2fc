//! Evidence: an encrypted file and what it should hold in, whether it still does, without a look into it, out.
//!
//! Encryption is random, so the same secret would be other bytes at every run. Written down are the SHA-256 of the bytes, that of the
//! context (all that is public about them: name, namespace, scope, recipient) and that of the recipient alone; and with a key an HMAC
//! over these three, which tells that we wrote it, and one over the secret, the context, recipients in variables
//! and the bytes, which tells of what.

pub mod carried;
pub mod encrypted;
pub mod fingerprint;
pub mod warnings;

use std::io;

use encrypted::Encrypted;
use fingerprint::{Digest, Fingerprint, Key, same};

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

/// What may be written down of these bytes, which were just encrypted.
///
/// # Errors
/// The serializer's.
pub fn gather(encrypted: &dyn Encrypted, path: &str, bytes: &[u8], key: &Key) -> io::Result<Fingerprint> {
    let context = encrypted.context(path)?;
    let sha256 = Digest::of(bytes);
    let others = encrypted.recipients_in_variables()?;
    let hmac = sha256.as_ref().and_then(|sha256| key.bind(encrypted.secret(), [&context, &others, sha256.as_bytes()]));
    let recipient = Digest::of(&encrypted.recipient(path)?);
    Ok(key.sign(Fingerprint { sha256, context: Digest::of(&context), recipient, origin: None, hmac }))
}

/// Compares what was written down with the bytes that are there and what they should hold.
///
/// # Errors
/// The serializer's.
pub fn weigh(
    written: &Fingerprint,
    encrypted: &dyn Encrypted,
    path: &str,
    bytes: &[u8],
    key: &Key,
    known: Known,
) -> io::Result<Finding> {
    let wanted = gather(encrypted, path, bytes, key)?;
    Ok(if !same(&written.sha256, &wanted.sha256) {
        Finding::Other
    } else if known == Known::All && same(&written.hmac, &wanted.hmac) {
        Finding::Good(wanted)
    } else if key.is_there() && !key.has_signed(written) {
        Finding::Disowned
    } else if written.recipient.is_some() && !same(&written.recipient, &wanted.recipient) {
        Finding::Readdressed
    } else if !same(&written.context, &wanted.context) || (key.is_there() && known == Known::All) {
        Finding::Outdated
    } else if encrypted.has_form(bytes)? {
        Finding::Unproven
    } else {
        Finding::Other
    })
}
