//! The stations that `render` and `verify` share: settings and the environment in, checked Docker configs or everything that is wrong out.

use std::collections::HashSet;

use crate::credentials::Credentials;
use crate::docker_config::DockerConfig;
use crate::environment::Environment;
use crate::problem::{Failure, Problem};
use crate::settings::choices::Protect;
use crate::settings::external::ExternalSettings;
use crate::settings::{PullSecretSettings, Settings};

/// One Docker config a pull secret, in the order of the settings.
pub(super) struct Checked {
    pub docker_configs: Vec<DockerConfig>,
    pub warnings: Vec<Problem>,
}

/// Reads and merges the logins of every pull secret.
///
/// # Errors
/// What is wrong with the settings, the environment and the logins, in one report.
pub(super) fn check(settings: &Settings, environment: &Environment) -> Result<Checked, Failure> {
    if settings.combination.protect == Protect::External {
        return kept_elsewhere(settings);
    }
    let sources = settings.pull_secrets.iter().map(|pull_secret| pull_secret.sources.as_slice());
    let credentials = Credentials::read(sources, environment, settings.short_lived);
    let mut problems = settings.problems.clone();
    problems.extend(credentials.problems);
    let mut docker_configs = Vec::new();
    for logins in credentials.logins {
        match DockerConfig::merge(logins) {
            Ok(docker_config) => docker_configs.push(docker_config),
            Err(found) => problems.extend(found),
        }
    }
    let mut said = HashSet::new();
    problems.retain(|problem| said.insert(problem.clone()));
    Failure::unless_clean("the input", &problems)?;
    Ok(Checked { docker_configs, warnings: problems })
}

/// Reads nothing: the registries are all that is known of logins that others fetch.
fn kept_elsewhere(settings: &Settings) -> Result<Checked, Failure> {
    let mut said = HashSet::new();
    let mut problems = settings.problems.clone();
    problems.retain(|problem| said.insert(problem.clone()));
    Failure::unless_clean("the input", &problems)?;
    let registries = |pull_secret: &PullSecretSettings| {
        pull_secret.external.as_ref().map_or(Vec::new(), ExternalSettings::registries)
    };
    let docker_configs = settings.pull_secrets.iter().map(registries).map(DockerConfig::kept_elsewhere).collect();
    Ok(Checked { docker_configs, warnings: problems })
}
