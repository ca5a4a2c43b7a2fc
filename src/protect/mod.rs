//! Protects documents as the user chose. A secret is in clear only with the protection `plain`.

pub mod approval;
pub mod encrypted;
pub mod sealed;
pub mod sops;

use std::io::{self, Write};

use secrecy::SecretString;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::settings::choices::Protect;
use crate::settings::{Destination, Settings};
use encrypted::Encrypted;
use regcred_core::diagnostic::{Diagnostic, Failure};
use regcred_core::manifest::{Content, Manifest, Manifests, PullSecret, to_yaml};
use regcred_core::names::{Namespace, VariableName};
use regcred_core::recipient::Recipients;
use sealed::Sealer;
use sops::{Form, Sops};

/// Why a document cannot be written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The writer or the file system fails.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The document cannot be protected, wherever it goes.
    #[error(transparent)]
    Protector(#[from] Failure),
}

/// Whether a file holds a secret. A file with a secret in clear has mode 0600, and does not enter Git by accident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// No secret.
    Public,
    /// A secret that only its recipient can read.
    Encrypted,
    /// A secret in clear.
    Plaintext,
}

/// What protects a manifest with a secret.
pub enum Protector {
    /// Nothing: the secret is in clear.
    Plain,
    /// A cluster's public key.
    Sealed(Sealer),
    Sops(Sops),
}

impl Protector {
    /// Prepares everything that can fail: certificate, program and rules.
    /// Errors: everything that is missing or wrong.
    pub fn prepare(
        settings: &Settings,
        secret_variables: &[VariableName],
        environment: &Environment,
    ) -> Result<Self, Failure> {
        Ok(match settings.combination.protect {
            Protect::Plain | Protect::External => Self::Plain,
            Protect::Sealed => {
                let sealer = Sealer::prepare(settings, environment)?;
                // Files are compared first, so that `--check` reports more than a refused recipient.
                if matches!(settings.destination, Destination::Stdout) {
                    approval::check(approval::listed(environment).as_ref(), &sealer.recipients())?;
                }
                Self::Sealed(sealer)
            }
            Protect::Sops => Self::Sops(Sops::prepare(settings, secret_variables, environment)?),
        })
    }

    /// The recipient of sealing, for every file; `None` without sealing.
    pub fn recipient(&self) -> Option<&[u8]> {
        match self {
            Self::Sealed(sealer) => Some(&sealer.recipient),
            Self::Plain | Self::Sops(_) => None,
        }
    }

    /// The warnings before the first encryption.
    pub fn warnings(&self) -> &[Diagnostic] {
        match self {
            Self::Sealed(sealer) => &sealer.warnings,
            Self::Sops(sops) => &sops.warnings,
            Self::Plain => &[],
        }
    }
}

/// All documents, lazy and in the order of the manifests.
pub struct Documents<'a> {
    manifests: Manifests,
    protector: &'a Protector,
}

impl<'a> Documents<'a> {
    /// The manifests, protected on demand.
    pub fn new(manifests: Manifests, protector: &'a Protector) -> Self {
        Self { manifests, protector }
    }

    /// The documents, in the order in which they are to be applied.
    pub fn iter(&self) -> impl Iterator<Item = Document<'_>> {
        self.manifests.iter().map(|manifest| Document { manifest, protector: self.protector })
    }

    /// Whether any of them holds a secret in clear.
    pub fn hold_a_secret(&self) -> bool {
        self.protection() == Protection::Plaintext
    }

    /// Whether any of them holds a secret, and how.
    pub fn protection(&self) -> Protection {
        match self.protector {
            _ if !self.manifests.hold_a_secret() => Protection::Public,
            Protector::Plain => Protection::Plaintext,
            Protector::Sealed(_) | Protector::Sops(_) => Protection::Encrypted,
        }
    }
}

/// A manifest, with the protection of its secret.
pub struct Document<'a> {
    manifest: Manifest<'a>,
    protector: &'a Protector,
}

impl<'a> Document<'a> {
    pub fn kind(&self) -> &'a str {
        match self.protector {
            Protector::Sealed(_) if self.manifest.is_sensitive() => "SealedSecret",
            _ => self.manifest.kind(),
        }
    }

    pub fn name(&self) -> &'a str {
        self.manifest.name()
    }

    /// Its namespace; `None` for a cluster-wide object.
    pub fn namespace(&self) -> Option<&'a Namespace> {
        self.manifest.namespace()
    }

    /// The end of its file name.
    pub fn extension(&self) -> &'static str {
        match self.protector {
            Protector::Sops(_) if self.manifest.is_sensitive() => "sops.yaml",
            _ => "yaml",
        }
    }

    /// Whether it holds a secret, and how.
    pub fn protection(&self) -> Protection {
        match (self.manifest.is_sensitive(), self.protector) {
            (false, _) => Protection::Public,
            (true, Protector::Plain) => Protection::Plaintext,
            (true, Protector::Sealed(_) | Protector::Sops(_)) => Protection::Encrypted,
        }
    }

    /// The secret to encrypt, and its recipients.
    pub fn encryption(&self) -> Option<Encryption<'a>> {
        match (self.manifest.content(), self.protector) {
            (Content::Sensitive(secret), Protector::Sealed(_) | Protector::Sops(_)) => {
                Some(Encryption { secret, manifest: self.manifest, protector: self.protector })
            }
            _ => None,
        }
    }

    /// Writes it as one YAML document, without a separator. `path` is the path of its file, relative to the root of the tree.
    pub fn write_yaml(&self, path: &str, into: &mut impl Write) -> Result<(), WriteError> {
        match self.encryption() {
            Some(encryption) => Ok(into.write_all(&encryption.encrypt(path)?)?),
            None => Ok(self.manifest.write_yaml(into)?),
        }
    }

    /// Writes it as one line of JSON, without a line end.
    pub fn write_json(&self, into: &mut impl Write) -> Result<(), WriteError> {
        match (self.encryption(), self.protector) {
            (Some(Encryption { secret, .. }), Protector::Sealed(sealer)) => {
                sealer.seal_as_json(secret, self.namespace(), into)
            }
            _ => Ok(self.manifest.write_json(into)?),
        }
    }

    /// Writes it as YAML for people: the values of a Secret in clear are not shown.
    pub fn write_redacted(&self, into: &mut impl Write) -> Result<(), WriteError> {
        match self.protection() {
            Protection::Plaintext => Ok(self.manifest.write_redacted(into)?),
            Protection::Public | Protection::Encrypted => self.write_yaml("", into),
        }
    }
}

/// A Secret that is to be encrypted.
pub struct Encryption<'a> {
    secret: &'a PullSecret,
    manifest: Manifest<'a>,
    protector: &'a Protector,
}

impl Encryption<'_> {
    /// The Secret in clear, for sops.
    fn yaml(&self) -> io::Result<Zeroizing<String>> {
        to_yaml(&self.secret.object(self.manifest.namespace()))
    }
}

impl Encrypted for Encryption<'_> {
    fn name(&self) -> String {
        let namespace = self.manifest.namespace().map_or("", Namespace::as_str);
        format!("{namespace}/{}", self.secret.name)
    }

    fn context(&self, _: &str) -> io::Result<Vec<u8>> {
        match self.protector {
            Protector::Sealed(sealer) => sealer.context(self.manifest),
            Protector::Sops(sops) => sops.context(self.secret, self.manifest.namespace()),
            Protector::Plain => Ok(Vec::new()),
        }
    }

    fn rules(&self) -> Option<Vec<u8>> {
        match self.protector {
            Protector::Sops(sops) => Some(sops.recipient(Form::Manifests)),
            Protector::Sealed(_) | Protector::Plain => None,
        }
    }

    fn recipients(&self) -> Option<Recipients> {
        match self.protector {
            Protector::Sealed(sealer) => Some(sealer.recipients()),
            Protector::Sops(_) | Protector::Plain => None,
        }
    }

    fn recipients_of(&self, document: &[u8]) -> Recipients {
        match self.protector {
            Protector::Sealed(sealer) => sealer.recipients(),
            Protector::Sops(_) => sops::recipients_of(document),
            Protector::Plain => Recipients::new(),
        }
    }

    fn has_form(&self, bytes: &[u8]) -> io::Result<bool> {
        match self.protector {
            Protector::Sealed(sealer) => sealer.has_form(self.manifest, bytes),
            Protector::Sops(_) => Ok(Sops::is_encrypted(&self.yaml()?, bytes, Form::Manifests)),
            Protector::Plain => Ok(false),
        }
    }

    fn secret(&self) -> &SecretString {
        &self.secret.docker_config
    }

    fn recipients_in_variables(&self) -> io::Result<Vec<u8>> {
        match self.protector {
            Protector::Sops(sops) => sops.recipients_in_variables(),
            Protector::Sealed(_) | Protector::Plain => Ok(Vec::new()),
        }
    }

    fn encrypt(&self, path: &str) -> Result<Zeroizing<Vec<u8>>, WriteError> {
        match self.protector {
            Protector::Sealed(sealer) => Ok(Zeroizing::new(sealer.seal_as_yaml(self.secret, self.manifest)?)),
            Protector::Sops(sops) => sops.encrypt(&self.yaml()?, path, Form::Manifests),
            Protector::Plain => Ok(Zeroizing::default()),
        }
    }
}
