//! Asks a protector for the facts that decide whether an encrypted document is current.

use std::io;

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::WriteError;
use regcred_core::recipient::Recipients;

/// A document to encrypt. Several threads may use it at once.
pub trait Encrypted: Send + Sync {
    /// The name of the document in its file: one word.
    fn name(&self) -> String;

    /// The public facts about the result: its readable text, and the source of its recipients.
    ///
    /// # Errors
    /// The errors of the serializer.
    fn context(&self, path: &str) -> io::Result<Vec<u8>>;

    /// Recipients from variables, which a job that only compares may not have.
    ///
    /// # Errors
    /// The errors of the serializer.
    fn recipients_in_variables(&self) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    /// The hash of the rules that choose the recipients, if the recipients are known only from the result.
    fn rules(&self) -> Option<Vec<u8>>;

    /// The recipients, if they are known before the encryption.
    fn recipients(&self) -> Option<Recipients>;

    /// Everyone who can open this result.
    fn recipients_of(&self, document: &[u8]) -> Recipients;

    /// Whether these bytes have the form of the result, as far as one can tell without decrypting them.
    ///
    /// # Errors
    /// The errors of the serializer.
    fn has_form(&self, document: &[u8]) -> io::Result<bool>;

    /// The secret text: the canonical JSON of the Docker config, or all values of a chart.
    fn secret(&self) -> &SecretString;

    /// The encrypted document, with different bytes at every call.
    ///
    /// # Errors
    /// The errors of the protector.
    fn encrypt(&self, path: &str) -> Result<Zeroizing<Vec<u8>>, WriteError>;
}
