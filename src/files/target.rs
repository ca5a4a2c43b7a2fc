//! Where output goes: a path, the settings and the environment in, everything a writer needs to know of the place out.

use std::path::{Path, PathBuf};

use crate::environment::Environment;
use crate::settings::{PlaintextInGit, Reseal, Settings};
use regcred_core::names::VariableName;

/// The file or directory of `--output`.
#[derive(Clone)]
pub struct Target<'a> {
    /// Its path, absolute.
    pub path: PathBuf,
    /// Whether a plain Secret may enter a work tree.
    pub plaintext_in_git: PlaintextInGit,
    /// Whether what is encrypted stays when nothing has changed.
    pub reseal: Reseal,
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
        settings: &Settings,
        secret_variables: &'a [VariableName],
        environment: &'a Environment,
    ) -> Self {
        Self {
            path: environment.directory().join(path),
            plaintext_in_git: settings.plaintext_in_git,
            reseal: settings.reseal,
            secret_variables,
            environment,
        }
    }

    /// The file of this name in the same folder.
    #[must_use]
    pub fn beside(&self, name: &str) -> Self {
        Self { path: self.path.with_file_name(name), ..self.clone() }
    }
}
