//! What is to be encrypted: a secret and its protector in, all that is asked of them, whatever the protector is, out.

use std::io;

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::protect::Encryption;

/// A secret, and for whom it is encrypted. Several threads work at once.
pub trait Encrypted: Send + Sync {
    /// All that anybody may know of the result: what stands in it in clear, and who can read it.
    ///
    /// # Errors
    /// The serializer's.
    fn context(&self, path: &str) -> io::Result<Vec<u8>>;

    /// For whom it is besides, as variables say that a job may not see which only compares.
    ///
    /// # Errors
    /// The serializer's.
    fn recipients_in_variables(&self) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    /// Who can read the result.
    ///
    /// # Errors
    /// The serializer's.
    fn recipient(&self, path: &str) -> io::Result<Vec<u8>>;

    /// Whether these bytes are as the result would be, as far as anybody can tell who cannot open it.
    ///
    /// # Errors
    /// The serializer's.
    fn has_form(&self, bytes: &[u8]) -> io::Result<bool>;

    /// The canonical JSON of the Docker config.
    fn secret(&self) -> &SecretString;

    /// The encrypted document: another at every call.
    ///
    /// # Errors
    /// The protector's.
    fn encrypt(&self, path: &str) -> io::Result<Zeroizing<Vec<u8>>>;
}

impl Encrypted for Encryption<'_> {
    fn context(&self, _: &str) -> io::Result<Vec<u8>> {
        self.context()
    }

    fn recipients_in_variables(&self) -> io::Result<Vec<u8>> {
        self.recipients_in_variables()
    }

    fn recipient(&self, _: &str) -> io::Result<Vec<u8>> {
        self.recipient()
    }

    fn has_form(&self, bytes: &[u8]) -> io::Result<bool> {
        self.has_form(bytes)
    }

    fn secret(&self) -> &SecretString {
        &self.secret().docker_config
    }

    fn encrypt(&self, path: &str) -> io::Result<Zeroizing<Vec<u8>>> {
        self.encrypt(path)
    }
}
