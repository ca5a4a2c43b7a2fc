//! The stations that `render` and `verify` share: a fleet and the environment in, checked Docker configs or everything that is wrong out.

use crate::credentials::Credentials;
use crate::credentials::lifetime::ShortLived;
use crate::docker_config::DockerConfig;
use crate::environment::Environment;
use crate::problem::{Failure, Problem};
use crate::settings::choices::Protect;
use crate::settings::external::ExternalSettings;
use crate::settings::findings::Findings;
use crate::settings::{PullSecretSettings, Settings};

/// One Docker config a pull secret, in the order of the settings; a list of them a cluster.
pub(super) struct Checked {
    pub docker_configs: Vec<Vec<DockerConfig>>,
    pub warnings: Vec<Problem>,
}

/// Reads each login once, and merges those of every pull secret of every cluster.
///
/// # Errors
/// What is wrong with the settings, the environment and the logins, in one report that names the clusters.
pub(super) fn check(members: &[Settings], environment: &Environment) -> Result<Checked, Failure> {
    let short_lived = members.first().map_or(ShortLived::Refuse, |member| member.short_lived);
    let sources = members.iter().flat_map(|member| &member.pull_secrets).flat_map(|pull_secret| &pull_secret.sources);
    let credentials = Credentials::read(sources, environment, short_lived);
    let mut findings = Findings::default();
    let docker_configs = members
        .iter()
        .map(|member| {
            let mut problems = member.problems.clone();
            let mut docker_configs = Vec::new();
            for pull_secret in &member.pull_secrets {
                if member.combination.protect == Protect::External {
                    docker_configs.push(kept_elsewhere(pull_secret));
                    continue;
                }
                match DockerConfig::merge(credentials.of(&pull_secret.sources, &mut problems)) {
                    Ok(docker_config) => docker_configs.push(docker_config),
                    Err(found) => problems.extend(found),
                }
            }
            findings.add(problems, member.cluster.as_ref());
            docker_configs
        })
        .collect();
    let problems = findings.said();
    Failure::unless_clean("the input", &problems)?;
    Ok(Checked { docker_configs, warnings: problems })
}

/// Of logins that others fetch nothing is read, and nothing but their registries is known.
fn kept_elsewhere(pull_secret: &PullSecretSettings) -> DockerConfig {
    DockerConfig::kept_elsewhere(pull_secret.external.as_ref().map_or(Vec::new(), ExternalSettings::registries))
}
