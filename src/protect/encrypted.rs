//! Asks a protector for the facts that decide whether an encrypted document is current.

use std::io;

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::WriteError;
use regcred_core::recipient::Recipients;

/// A document that is to be encrypted. Several threads ask at once.
pub trait Encrypted: Send + Sync {
    /// What names it among the documents of its file: one word.
    fn name(&self) -> String;

    /// All that anybody may know of the result: what is in clear, and who can read it.
    ///
    /// # Errors
    /// The serializer's.
    fn context(&self, path: &str) -> io::Result<Vec<u8>>;

    /// Recipients that come from variables, which a job that only compares may not see.
    ///
    /// # Errors
    /// The serializer's.
    fn recipients_in_variables(&self) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    /// What chooses the recipients, where they are known only from the result.
    fn rules(&self) -> Option<Vec<u8>>;

    /// The recipients, where they are known before.
    fn recipients(&self) -> Option<Recipients>;

    /// Everyone who can read this result.
    fn recipients_of(&self, document: &[u8]) -> Recipients;

    /// Whether these bytes are as the result would be, as far as anybody can tell who cannot open it.
    ///
    /// # Errors
    /// The serializer's.
    fn has_form(&self, document: &[u8]) -> io::Result<bool>;

    /// The canonical JSON of the Docker config.
    fn secret(&self) -> &SecretString;

    /// The encrypted document: other bytes at every call.
    ///
    /// # Errors
    /// The protector's.
    fn encrypt(&self, path: &str) -> Result<Zeroizing<Vec<u8>>, WriteError>;
}
