//! The stations that `render` and `verify` share: a fleet and the environment in, checked Docker configs or everything that is wrong out.

use crate::credentials::lifetime::ShortLived;
use crate::credentials::{Credentials, Source};
use crate::docker_config::DockerConfig;
use crate::environment::Environment;
use crate::output::evidence::Known;
use crate::problem::{Failure, Problem};
use crate::report;
use crate::settings::choices::{Protect, Shape};
use crate::settings::external::ExternalSettings;
use crate::settings::findings::Findings;
use crate::settings::{Destination, PullSecretSettings, Settings};

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

/// The Docker configs; `--check` goes without credentials, as in a merge request, and says so.
pub(super) fn docker_configs(
    members: &[Settings],
    environment: &Environment,
) -> Result<(Vec<Vec<DockerConfig>>, Known), Failure> {
    match check(members, environment) {
        Ok(Checked { docker_configs, warnings }) => {
            report::warn(&warnings);
            Ok((docker_configs, Known::All))
        }
        Err(Failure::Input { problems, .. })
            if members.iter().all(|settings| matches!(settings.destination, Destination::Check(_)))
                && problems.iter().filter(|problem| problem.is_error()).all(is_not_there) =>
        {
            warn_of_what_is_not_set(members, environment);
            for settings in members {
                report::note(left_out(settings.combination.shape));
            }
            let unknown = |settings: &Settings| settings.pull_secrets.iter().map(|_| DockerConfig::unknown()).collect();
            Ok((members.iter().map(unknown).collect(), Known::NotTheLogins))
        }
        Err(failure) => Err(failure),
    }
}

/// Names what is missing where something else is there: that is no merge request, but a mistake.
fn warn_of_what_is_not_set(members: &[Settings], environment: &Environment) {
    let sources =
        members.iter().flat_map(|settings| &settings.pull_secrets).flat_map(|pull_secret| &pull_secret.sources);
    let mut names: Vec<_> = sources.flat_map(Source::variables).map(|variable| variable.name).collect();
    names.sort_unstable();
    names.dedup();
    let (set, missing): (Vec<_>, Vec<_>) = names.iter().partition(|name| environment.is_set(name.as_str()));
    if !set.is_empty() {
        let missing: Vec<_> = missing.iter().map(|name| format!("`{name}`")).collect();
        report::warn(&[Problem::warning(
            "variable-unset",
            format!("{} not set, and other variables are", missing.join(", ")),
        )
        .hint("without all of them nothing that depends on a login is compared")]);
    }
}

/// What a comparison without credentials cannot tell.
fn left_out(shape: Shape) -> &'static str {
    match shape {
        Shape::DockerConfig => {
            "there are no credentials, so the Docker config was not compared, only whether the file is there and holds one"
        }
        Shape::Yaml | Shape::Json | Shape::Directory | Shape::Kustomization | Shape::Chart | Shape::HelmValues => {
            "there are no credentials, so what depends on them was not compared: the values of Secrets, encrypted ones too, and the registries of policies"
        }
    }
}

fn is_not_there(problem: &Problem) -> bool {
    matches!(problem.code, "variable-unset" | "variable-empty")
}
