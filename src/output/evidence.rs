//! Evidence: an encrypted file and what it should hold in, whether it still does, without a look into it, out.
//!
//! Encryption is random, so the same secret would be other bytes at every run. The lock remembers the SHA-256 of the bytes, that of the
//! context (all that is public about them: name, namespace, scope, recipient), and an HMAC over the secret, the context, recipients in variables,
//! and the bytes.

use std::io;

use super::entry::Encrypted;
use super::fingerprint::{Digest, Fingerprint, Key};

/// What evidence says of an encrypted file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is the one that was written, of this secret and for this recipient.
    Good,
    /// It is the one that was written, and something else is wanted now.
    Outdated,
    /// It is the one that was written, in this place and for this recipient; of which secret was not asked.
    Unproven,
    /// It is not the one that was written.
    Other,
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
    Ok(Fingerprint { sha256, context: Digest::of(&context), hmac })
}

/// Compares what was written down with the bytes that are there and what they should hold.
///
/// `key` is given when it is to be asked for the secret, too.
///
/// # Errors
/// The serializer's.
pub fn weigh(
    known: &Fingerprint,
    encrypted: &dyn Encrypted,
    path: &str,
    bytes: &[u8],
    key: Option<&Key>,
) -> io::Result<Finding> {
    let is = |one: Option<&Digest>, other: Option<&Digest>| one.zip(other).is_some_and(|(one, other)| one.is(other));
    let sha256 = Digest::of(bytes);
    if known.sha256.is_some() && !is(sha256.as_ref(), known.sha256.as_ref()) {
        return Ok(Finding::Other);
    }
    let context = encrypted.context(path)?;
    if !is(Digest::of(&context).as_ref(), known.context.as_ref()) {
        return Ok(Finding::Outdated);
    }
    let (Some(key), Some(sha256)) = (key.filter(|key| key.is_there()), sha256) else { return Ok(Finding::Unproven) };
    let others = encrypted.recipients_in_variables()?;
    let hmac = key.bind(encrypted.secret(), [&context, &others, sha256.as_bytes()]);
    Ok(if is(hmac.as_ref(), known.hmac.as_ref()) { Finding::Good } else { Finding::Outdated })
}
