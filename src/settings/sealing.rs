//! Decides for which certificate and scope `--protect sealed` seals.

use regcred_core::spec::Options;
use regcred_core::spec::choice::SealingScope;

pub use regcred_core::spec::Certificate as CertificateSource;

/// What `--protect sealed` seals for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealing {
    pub certificate: Option<CertificateSource>,
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
