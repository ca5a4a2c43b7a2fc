//! SOPS: a Secret in, what the user's own `sops` program makes of it out. Nothing is ever on disk in clear.

use std::io;

use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::manifest::PullSecret;
use crate::names::Namespace;
use crate::problem::{Failure, Problem};
use crate::settings::Settings;

/// The program, and the rules of `.sops.yaml`.
pub struct Sops;

impl Sops {
    /// Finds the program and the rules.
    ///
    /// # Errors
    /// One of them is missing or wrong.
    pub fn prepare(_settings: &Settings, _environment: &Environment) -> Result<Self, Failure> {
        Err(Failure::of("sops", Problem::error("no-sops", "the program `sops` is not there")))
    }

    /// The Secret with its values encrypted: another at every call.
    ///
    /// # Errors
    /// The program's.
    pub fn encrypt(
        &self,
        secret: &PullSecret,
        namespace: Option<&Namespace>,
        path: &str,
    ) -> io::Result<Zeroizing<Vec<u8>>> {
        let _ = (secret, namespace, path);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The Secret without its values, and the rule that is for its file.
    ///
    /// # Errors
    /// The serializer's.
    pub fn context(&self, secret: &PullSecret, namespace: Option<&Namespace>, path: &str) -> io::Result<Vec<u8>> {
        let _ = (secret, namespace, path);
        Err(io::ErrorKind::Unsupported.into())
    }
}
