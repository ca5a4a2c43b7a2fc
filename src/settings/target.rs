//! Describes the place of the output.

use std::path::{Path, PathBuf};

use super::{PlaintextInGit, Settings};
use crate::environment::Environment;
use regcred_core::names::{ResourceName, VariableName};
use regcred_core::plan::Encryption;

/// The file or directory of `--output`.
#[derive(Clone)]
pub struct Target<'a> {
    /// Its path, absolute.
    pub path: PathBuf,
    /// Whether a plain Secret may enter a work tree.
    pub plaintext_in_git: PlaintextInGit,
    /// Which encrypted documents are encrypted again.
    pub encryption: Encryption,
    /// The name of its cluster.
    pub cluster: Option<&'a ResourceName>,
    /// The fingerprints of the recipients that this run accepts.
    pub accepted: &'a [String],
    /// The variables that child processes do not get.
    pub secret_variables: &'a [VariableName],
    /// The variables and the directory.
    pub environment: &'a Environment,
}

impl<'a> Target<'a> {
    /// The place of `path`, relative to the working directory.
    pub fn new(
        path: &Path,
        settings: &'a Settings,
        secret_variables: &'a [VariableName],
        environment: &'a Environment,
    ) -> Self {
        Self {
            path: environment.directory().join(path),
            plaintext_in_git: settings.plaintext_in_git,
            encryption: settings.encryption,
            cluster: settings.cluster.as_ref(),
            accepted: &settings.accepted_recipients,
            secret_variables,
            environment,
        }
    }
}
