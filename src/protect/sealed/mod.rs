//! Seals pull secrets for a cluster's certificate.

pub mod certificate;
pub mod controller;
pub mod seal;
mod source;

use std::fmt::Write;
use std::io;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rsa::OaepPublicEncryptingKey;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use secrecy::ExposeSecret;

use super::WriteError;
use crate::environment::Environment;
use crate::report::{self, inert};
use crate::settings::choices::SealingScope;
use crate::settings::{Certificate, Settings};
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::manifest::{Manifest, PullSecret, SealedShell};
use regcred_core::names::Namespace;
use regcred_core::objects::marks::Role;
use regcred_core::recipient::{Recipient, Recipients};
use regcred_core::spec::Open;

/// More than the length of the text around a ciphertext.
const ROOM: usize = 1024;

/// A cluster's public key, and the scope that values are bound to.
pub struct Sealer {
    key: OaepPublicEncryptingKey,
    /// SHA-256 of the public key, which stays the same in a renewed certificate for the same key.
    pub recipient: Vec<u8>,
    scope: SealingScope,
    shell: SealedShell,
    /// Warnings about the certificate or the scope.
    pub warnings: Vec<Diagnostic>,
}

impl Sealer {
    /// Reads the certificate, and tries its key once, so that sealing cannot fail later.
    /// Errors: the certificate is missing or has expired, or its key is not RSA.
    pub fn prepare(settings: &Settings, environment: &Environment) -> Result<Self, Failure> {
        let scope = settings.options.sealing_scope.chosen().copied().unwrap_or(SealingScope::Strict);
        let cluster = settings.cluster.as_ref();
        let certificate = settings.options.sealing_cert.chosen();
        let for_cluster = |problem: Diagnostic| match (certificate, cluster) {
            (Some(Certificate::File(_)), Some(name)) => {
                let fetch =
                    |hint: String| hint.replace("--output FILE", &format!("--cluster {name} --context CONTEXT"));
                Diagnostic { hint: problem.hint.map(fetch), ..problem }
            }
            _ => problem,
        };
        let refused = |problem| Failure::of("the certificate", for_cluster(problem));
        let source = certificate.ok_or_else(|| refused(not_said()))?;
        let pem = source::read(source, environment).map_err(refused)?;
        let certificate::Recipient { key, public_key, mut warnings, first_day, last_day } =
            certificate::choose(&pem, &source.to_string(), Timestamp::now()).map_err(refused)?;
        seal::seal(&key, b"", b"").map_err(|_| {
            let message = format!("nothing can be sealed with the certificate in {source}");
            refused(Diagnostic::error(Code::CertificateWeak, message))
        })?;
        warnings = warnings.into_iter().map(for_cluster).collect();
        warnings.extend((scope == SealingScope::ClusterWide).then(opens_in_every_namespace));
        let marks = settings.marks();
        let annotations = marks.annotations(Role::CustomResource);
        let annotations = annotations.map(|(name, value)| (name.to_owned(), value)).collect();
        let recipient = digest(&SHA256, &public_key).as_ref().to_vec();
        let path = match source {
            Certificate::Flag(path) | Certificate::File(path) => format!(" (`{}`)", inert(&path.display().to_string())),
            Certificate::Variable(_) => String::new(),
        };
        let of_cluster = cluster.map_or(String::new(), |name| format!(" of cluster {name}"));
        report::detail(&format!(
            "seals for the certificate{of_cluster} in {source}{path} with the key {}, valid from {first_day} to {last_day}",
            fingerprint(&recipient)
        ));
        Ok(Self { key, recipient, scope, shell: SealedShell { annotations, scope: scope_annotation(scope) }, warnings })
    }

    /// Writes the SealedSecret of this Secret as JSON; the sealed value differs at every call.
    /// Errors: the cryptography library's, if there is no randomness.
    pub fn seal_as_json(
        &self,
        secret: &PullSecret,
        namespace: Option<&Namespace>,
        into: &mut impl io::Write,
    ) -> Result<(), WriteError> {
        let value = self.value(secret, namespace)?;
        Ok(serde_json::to_writer(into, &self.shell.object(secret, namespace.map(Namespace::as_str), &value))
            .map_err(io::Error::from)?)
    }

    /// The SealedSecret of this Secret as YAML; the sealed value differs at every call.
    pub fn seal_as_yaml(&self, secret: &PullSecret, manifest: Manifest<'_>) -> Result<Vec<u8>, WriteError> {
        let value = self.value(secret, manifest.namespace())?;
        let mut text = Vec::with_capacity(value.len() + ROOM);
        manifest.write_sealed(&self.shell, &value, &mut text)?;
        Ok(text)
    }

    /// The recipient of the SealedSecret, and the text around its ciphertext.
    pub fn context(&self, manifest: Manifest<'_>) -> io::Result<Vec<u8>> {
        let mut context = self.recipient.clone();
        context.reserve(ROOM);
        manifest.write_sealed(&self.shell, "\"\"", &mut context)?;
        Ok(context)
    }

    /// The recipient as marks name it.
    pub fn recipients(&self) -> Recipients {
        [Recipient::new(&fingerprint(&self.recipient))].into()
    }

    /// Whether the bytes are this SealedSecret, with any ciphertext of the right form for this key: the content of the ciphertext cannot be
    /// checked.
    pub fn has_form(&self, manifest: Manifest<'_>, bytes: &[u8]) -> io::Result<bool> {
        let value = manifest.sealed_value(&self.shell, bytes)?;
        Ok(value.and_then(|value| STANDARD.decode(value).ok()).is_some_and(|sealed| seal::has_form(&self.key, &sealed)))
    }

    /// The sealed Docker config in base64.
    #[expect(clippy::disallowed_methods, reason = "what is sealed")]
    fn value(&self, secret: &PullSecret, namespace: Option<&Namespace>) -> Result<String, Failure> {
        let label = seal::label(self.scope, namespace.map_or("", Namespace::as_str), secret.name.as_str());
        let sealed = seal::seal(&self.key, &label, secret.docker_config.expose_secret().as_bytes())
            .map_err(|_| Failure::of("the certificate", Diagnostic::error(Code::CertificateWeak, "sealing failed")))?;
        Ok(STANDARD.encode(sealed))
    }
}

/// The annotation that tells the controller the scope.
fn scope_annotation(scope: SealingScope) -> Option<(&'static str, &'static str)> {
    match scope {
        SealingScope::Strict => None,
        SealingScope::NamespaceWide => Some(("sealedsecrets.bitnami.com/namespace-wide", "true")),
        SealingScope::ClusterWide => Some(("sealedsecrets.bitnami.com/cluster-wide", "true")),
    }
}

/// A digest in hexadecimal digits.
fn fingerprint(digest: &[u8]) -> String {
    digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn not_said() -> Diagnostic {
    Diagnostic::error(Code::NoCertificate, "`--protect sealed` needs the certificate of the cluster's controller").hint(
        "get it with `regcred fetch-cert --output FILE`, commit it, and name it with --sealing-cert, SEALED_SECRETS_CERT or \
         `sealing.certificate` in regcred.yaml",
    )
}

fn opens_in_every_namespace() -> Diagnostic {
    Diagnostic::warning(
        Code::SealedClusterWide,
        "`--sealing-scope cluster-wide` binds a login to no namespace: anyone who can create a SealedSecret in any namespace can open it",
    )
    .hint("use it only where everybody in the cluster may have the login")
}
