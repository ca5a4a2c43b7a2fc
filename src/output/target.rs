//! Where output goes: a path, the settings and the environment in, everything a writer needs to know of the place out.

use std::path::{Path, PathBuf};

use super::fingerprint::KEY_VARIABLE;
use crate::credentials::Source;
use crate::environment::Environment;
use crate::names::VariableName;
use crate::settings::{PlaintextInGit, Reseal, Settings};

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
    pub sources: Vec<VariableName>,
    /// The variables and the directory.
    pub environment: &'a Environment,
}

impl<'a> Target<'a> {
    /// The place that `path` names, seen from the working directory.
    #[must_use]
    pub fn new(path: &Path, settings: &Settings, environment: &'a Environment) -> Self {
        let sources = settings.pull_secrets.iter().flat_map(|pull_secret| &pull_secret.sources);
        Self {
            path: environment.directory().join(path),
            plaintext_in_git: settings.plaintext_in_git,
            reseal: settings.reseal,
            sources: sources
                .flat_map(Source::variables)
                .map(|variable| variable.name)
                .chain([VariableName::known(KEY_VARIABLE)])
                .collect(),
            environment,
        }
    }

    /// The file of this name in the same folder.
    #[must_use]
    pub fn beside(&self, name: &str) -> Self {
        Self { path: self.path.with_file_name(name), ..self.clone() }
    }
}
