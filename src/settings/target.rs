//! Describes the place of the output.

use std::path::{Path, PathBuf};

use super::{PlaintextInGit, Reseal, Settings};
use crate::environment::Environment;
use regcred_core::names::{ResourceName, VariableName};

/// The file or directory of `--output`.
#[derive(Clone)]
pub struct Target<'a> {
    /// Its path, absolute.
    pub path: PathBuf,
    /// Whether a plain Secret may enter a work tree.
    pub plaintext_in_git: PlaintextInGit,
    /// Whether what is encrypted stays when nothing has changed.
    pub reseal: Reseal,
    /// The cluster that it is for.
    pub cluster: Option<&'a ResourceName>,
    /// The fingerprints of recipients that are accepted in this run.
    pub accepted: &'a [String],
    /// What child processes do not see.
    pub secret_variables: &'a [VariableName],
    /// The variables and the directory.
    pub environment: &'a Environment,
}

impl<'a> Target<'a> {
    /// The place that `path` names, seen from the working directory.
    #[must_use]
    pub fn new(
        path: &Path,
        settings: &'a Settings,
        secret_variables: &'a [VariableName],
        environment: &'a Environment,
    ) -> Self {
        Self {
            path: environment.directory().join(path),
            plaintext_in_git: settings.plaintext_in_git,
            reseal: settings.reseal,
            cluster: settings.cluster.as_ref(),
            accepted: &settings.accepted_recipients,
            secret_variables,
            environment,
        }
    }
}
