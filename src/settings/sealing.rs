//! Resolves the certificate and the scope of `--protect sealed`.

use regcred_core::spec::Options;
use regcred_core::spec::choice::SealingScope;

pub use regcred_core::spec::Certificate as CertificateSource;

/// The certificate and the scope of `--protect sealed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealing {
    /// The source of the certificate, if there is one.
    pub certificate: Option<CertificateSource>,
    /// The scope of a sealed value: the name that it is bound to.
    pub scope: SealingScope,
}

impl Sealing {
    pub(super) fn resolve(options: &Options) -> Self {
        Self {
            certificate: options.sealing_cert.as_ref().map(|certificate| certificate.value.clone()),
            scope: options.sealing_scope.as_ref().map_or(SealingScope::Strict, |scope| scope.value),
        }
    }
}
