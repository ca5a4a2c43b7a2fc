//! Describes the place of the output.

use std::path::{Path, PathBuf};

use super::Settings;
use crate::environment::Environment;
use regcred_core::names::{ResourceName, VariableName};
use regcred_core::spec::{Open, Options};

/// The file or directory of `--output`.
#[derive(Clone)]
pub struct Target<'a> {
    /// Its path, absolute.
    pub path: PathBuf,
    /// The options of the run.
    pub options: &'a Options,
    /// The name of its cluster.
    pub cluster: Option<&'a ResourceName>,
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
            options: &settings.options,
            cluster: settings.cluster.as_ref(),
            secret_variables,
            environment,
        }
    }

    /// Whether a plain Secret may enter a Git work tree.
    pub fn allows_plaintext_in_git(&self) -> bool {
        self.options.allow_plaintext_in_git.or_default()
    }

    /// The fingerprints of the recipients that this run accepts.
    pub fn accepted(&self) -> &[String] {
        self.options.accepted_recipients.chosen().map_or(&[], Vec::as_slice)
    }
}
