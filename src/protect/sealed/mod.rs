//! SealedSecrets: a pull secret and a cluster's certificate in, an object out that only that cluster's controller can open.

pub mod certificate;
pub mod controller;
pub mod object;
pub mod seal;
mod source;

use std::collections::BTreeMap;
use std::io;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rsa::OaepPublicEncryptingKey;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use secrecy::ExposeSecret;

use crate::environment::Environment;
use crate::resources::OWNED;
use crate::resources::profile::{Role, annotations};
use crate::settings::Sealing;
use crate::settings::choices::{Profile, SealingScope};
use certificate::Recipient as Certificate;
use object::{Metadata, SealedSecret};
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::manifest::{Frame, Manifest, NAMESPACE_SLOT, PullSecret, VALUE_SLOT, to_yaml};
use regcred_core::names::Namespace;
use regcred_core::recipient::{Recipient, Recipients};

/// More than stands around a ciphertext.
const ROOM: usize = 1024;

/// A cluster's public key, and to what a value is bound.
pub struct Sealer {
    key: OaepPublicEncryptingKey,
    /// SHA-256 of the public key: the same for a certificate that was only extended.
    recipient: Vec<u8>,
    scope: SealingScope,
    annotations: BTreeMap<&'static str, &'static str>,
    warnings: Vec<Diagnostic>,
}

impl Sealer {
    /// Reads the certificate, and tries its key once, so that nothing can fail later.
    ///
    /// # Errors
    /// There is none, it has expired, or its key is not RSA.
    pub fn prepare(sealing: &Sealing, profile: Option<Profile>, environment: &Environment) -> Result<Self, Failure> {
        let Sealing { certificate, scope } = sealing;
        let refused = |problem| Failure::of("the certificate", problem);
        let source = certificate.as_ref().ok_or_else(|| refused(not_said()))?;
        let pem = source::read(source, environment).map_err(refused)?;
        let Certificate { key, public_key, mut warnings, .. } =
            certificate::choose(&pem, &source.to_string(), Timestamp::now()).map_err(refused)?;
        seal::seal(&key, b"", b"").map_err(|_| {
            refused(Diagnostic::error(
                Code::CertificateWeak,
                format!("nothing can be sealed with the certificate in {source}"),
            ))
        })?;
        warnings.extend((*scope == SealingScope::ClusterWide).then(whoever_can_create));
        let annotations = [OWNED].into_iter().chain(object::scope_annotation(*scope)).chain(
            annotations(profile, Role::CustomResource).iter().map(|annotation| (annotation.name, annotation.value)),
        );
        Ok(Self {
            key,
            recipient: digest(&SHA256, &public_key).as_ref().to_vec(),
            scope: *scope,
            annotations: annotations.collect(),
            warnings,
        })
    }

    /// What is odd about the certificate or the scope.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// The SealedSecret of this Secret: another at every call.
    ///
    /// # Errors
    /// The cryptography's: there is no randomness.
    pub fn seal<'a>(
        &'a self,
        secret: &'a PullSecret,
        namespace: Option<&'a Namespace>,
    ) -> io::Result<SealedSecret<'a>> {
        Ok(self.object(secret, namespace.map(Namespace::as_str), self.value(secret, namespace)?))
    }

    /// The SealedSecret of this Secret as YAML: another at every call.
    ///
    /// # Errors
    /// The cryptography's, and the serializer's.
    pub fn seal_as_yaml(&self, secret: &PullSecret, manifest: Manifest<'_>) -> io::Result<Vec<u8>> {
        let value = self.value(secret, manifest.namespace())?;
        let mut text = Vec::with_capacity(value.len() + ROOM);
        self.frame(secret, manifest)?.fill(&mut text, manifest.namespace(), &value)?;
        Ok(text)
    }

    /// For whom the SealedSecret is, and what it is without its ciphertext.
    ///
    /// # Errors
    /// The serializer's.
    pub fn context(&self, secret: &PullSecret, manifest: Manifest<'_>) -> io::Result<Vec<u8>> {
        let mut context = self.recipient.clone();
        context.reserve(ROOM);
        self.frame(secret, manifest)?.fill(&mut context, manifest.namespace(), "\"\"")?;
        Ok(context)
    }

    /// The cluster that can open it.
    #[must_use]
    pub fn recipients(&self) -> Recipients {
        let fingerprint: String = self.recipient.iter().map(|byte| format!("{byte:02x}")).collect();
        let shown = format!("the certificate with the fingerprint {fingerprint}");
        Recipient::new(fingerprint, shown).into_iter().collect()
    }

    /// For whom it is: the SHA-256 of the public key.
    #[must_use]
    pub fn recipient(&self) -> &[u8] {
        &self.recipient
    }

    /// Whether the bytes are this SealedSecret but for its ciphertext, and that one as it is for this key: it cannot be told what it holds.
    ///
    /// # Errors
    /// The serializer's.
    pub fn has_form(&self, secret: &PullSecret, manifest: Manifest<'_>, bytes: &[u8]) -> io::Result<bool> {
        let mut around = Vec::with_capacity(ROOM);
        self.frame(secret, manifest)?.fill(&mut around, manifest.namespace(), VALUE_SLOT)?;
        let Some(at) = around.windows(VALUE_SLOT.len()).position(|part| part == VALUE_SLOT.as_bytes()) else {
            return Ok(false);
        };
        let (before, after) = (&around[..at], &around[at + VALUE_SLOT.len()..]);
        let value = bytes.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        Ok(value.and_then(|value| STANDARD.decode(value).ok()).is_some_and(|sealed| seal::has_form(&self.key, &sealed)))
    }

    /// The sealed Docker config in base64.
    #[expect(clippy::disallowed_methods, reason = "what is sealed")]
    fn value(&self, secret: &PullSecret, namespace: Option<&Namespace>) -> io::Result<String> {
        let label = seal::label(self.scope, namespace.map_or("", Namespace::as_str), secret.name.as_str());
        let sealed = seal::seal(&self.key, &label, secret.docker_config.expose_secret().as_bytes())
            .map_err(|_| io::Error::other("sealing failed"))?;
        Ok(STANDARD.encode(sealed))
    }

    /// What the SealedSecrets of all namespaces have in common. Base64 needs no quotes: it begins with the length of a key.
    fn frame<'a>(&self, secret: &PullSecret, manifest: Manifest<'a>) -> io::Result<&'a Frame> {
        let slot = manifest.namespace().map(|_| NAMESPACE_SLOT);
        manifest.frame(|| to_yaml(&self.object(secret, slot, VALUE_SLOT.to_owned())))
    }

    fn object<'a>(&'a self, secret: &'a PullSecret, namespace: Option<&'a str>, value: String) -> SealedSecret<'a> {
        let of_the_secret = secret.annotations.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let metadata = |annotations| Metadata { annotations, labels: &secret.labels, name: &secret.name, namespace };
        SealedSecret::new(
            metadata(self.annotations.clone()),
            metadata(of_the_secret.chain(object::scope_annotation(self.scope)).collect()),
            value,
        )
    }
}

fn not_said() -> Diagnostic {
    Diagnostic::error(Code::NoCertificate, "`--protect sealed` needs the certificate of the cluster's controller").hint(
        "get it with `regcred fetch-cert --output FILE`, commit it, and name it with --sealing-cert, SEALED_SECRETS_CERT or \
         `sealing.certificate` in regcred.yaml",
    )
}

fn whoever_can_create() -> Diagnostic {
    Diagnostic::warning(
        Code::SealedClusterWide,
        "`--sealing-scope cluster-wide` binds a login to no namespace: whoever can create a SealedSecret in any namespace can open it",
    )
    .hint("use it only where everybody in the cluster may have the login")
}
