//! For whom `--protect sealed` seals: arguments, variable and regcred.yaml in, where the certificate is and the scope out.

use std::fmt;
use std::path::PathBuf;

use super::choices::SealingScope;
use super::file::SealingSpec;
use crate::cli::RenderArguments;
use crate::environment::Environment;

/// The variable that kubeseal reads, too.
pub const VARIABLE: &str = "SEALED_SECRETS_CERT";

/// For whom `--protect sealed` seals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealing {
    /// Where the certificate is, if that was said.
    pub certificate: Option<CertificateSource>,
    /// How wide the name is to which a value is bound.
    pub scope: SealingScope,
}

/// Where a certificate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// In the file that the flag names.
    Flag(PathBuf),
    /// In the variable: the path of a file, or the certificate itself.
    Variable(String),
    /// In the file that regcred.yaml names.
    File(PathBuf),
}

impl Sealing {
    /// Flags over the variable over the file over defaults.
    #[must_use]
    pub fn resolve(arguments: &RenderArguments, spec: &SealingSpec, environment: &Environment) -> Self {
        let flag = arguments.sealing_cert.clone().map(CertificateSource::Flag);
        let variable = || environment.setting(VARIABLE).map(|text| CertificateSource::Variable(text.to_owned()));
        let file = || spec.certificate.clone().map(CertificateSource::File);
        Self {
            certificate: flag.or_else(variable).or_else(file),
            scope: arguments.sealing_scope.or(spec.scope).unwrap_or(SealingScope::Strict),
        }
    }
}

impl fmt::Display for CertificateSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(_) => f.write_str("`--sealing-cert`"),
            Self::Variable(_) => write!(f, "`{VARIABLE}`"),
            Self::File(_) => f.write_str("`sealing.certificate` in regcred.yaml"),
        }
    }
}
