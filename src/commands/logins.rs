//! Reads and merges the logins of a fleet, for `render` and `verify`.

use crate::credentials::lifetime::ShortLived;
use crate::credentials::{Credentials, Helpers, Source};
use crate::environment::Environment;
use crate::files::marks::Known;
use crate::report;
use crate::settings::choices::{Format, Protect};
use crate::settings::external::ExternalSettings;
use crate::settings::findings::Findings;
use crate::settings::fleet::Fleet;
use crate::settings::{Destination, Settings};
use regcred_core::diagnostic::{Code, Diagnostic, Failure, Severity};
use regcred_core::docker_config::{DockerConfig, Logins};

/// One Docker config a pull secret, in the order of the settings; a list of them a cluster.
pub(super) struct Checked {
    pub docker_configs: Vec<Vec<Logins>>,
    pub warnings: Vec<Diagnostic>,
}

/// What the logins of one cluster came to, in the order of its pull secrets, and what is wrong there.
struct OfCluster {
    docker_configs: Vec<Logins>,
    problems: Vec<Diagnostic>,
}

/// Reads each login once, and merges those of every pull secret of every cluster.
///
/// # Errors
/// What is wrong with the settings, the environment and the logins, in one report that names the clusters.
pub(super) fn check(fleet: &Fleet, environment: &Environment) -> Result<Checked, Failure> {
    let members = &fleet.members;
    let mut findings = Findings::default();
    let read = read(members, environment).into_iter().zip(members);
    let docker_configs = read
        .map(|(OfCluster { docker_configs, problems }, member)| {
            findings.add(problems, member.cluster.as_ref());
            docker_configs
        })
        .collect();
    let problems = [fleet.warnings.clone(), findings.said()].concat();
    Failure::unless_clean("the input", &problems)?;
    Ok(Checked { docker_configs, warnings: problems })
}

fn read(members: &[Settings], environment: &Environment) -> Vec<OfCluster> {
    let short_lived = members.first().map_or(ShortLived::Refuse, |member| member.short_lived);
    let helpers = members.first().map_or(Helpers::Leave, |member| member.credential_helpers);
    let sources = members.iter().flat_map(|member| &member.pull_secrets).flat_map(|pull_secret| &pull_secret.sources);
    let credentials = Credentials::read(sources, environment, short_lived, helpers);
    let of_cluster = |member: &Settings| {
        let mut problems = Vec::new();
        let mut docker_configs = Vec::new();
        for pull_secret in &member.pull_secrets {
            if member.combination.protect == Protect::External {
                let external = pull_secret.external.as_ref().map_or(Vec::new(), ExternalSettings::registries);
                docker_configs.push(Logins::External(external));
                continue;
            }
            match DockerConfig::merge(credentials.of(&pull_secret.sources, &mut problems)) {
                Ok(docker_config) => docker_configs.push(Logins::Read(docker_config)),
                Err(found) => problems.extend(found),
            }
        }
        OfCluster { docker_configs, problems }
    };
    members.iter().map(of_cluster).collect()
}

/// The Docker configs of each cluster, and whether they are known: `--check` goes without credentials, as in a merge request, and says so.
pub(super) fn docker_configs(fleet: &Fleet, environment: &Environment) -> Result<Vec<(Vec<Logins>, Known)>, Failure> {
    docker_configs_with(fleet, environment, |member| {
        if matches!(member.destination, Destination::Check(_)) { Missing::IsNotCompared } else { Missing::Fails }
    })
}

/// What it means that the variables of the logins are not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// An error.
    Fails,
    /// What depends on the logins is not compared.
    IsNotCompared,
}

/// The same, where each cluster says what missing logins mean.
pub(super) fn docker_configs_with(
    fleet: &Fleet,
    environment: &Environment,
    missing_logins: impl Fn(&Settings) -> Missing,
) -> Result<Vec<(Vec<Logins>, Known)>, Failure> {
    let members = &fleet.members;
    let (mut findings, mut missing) = (Findings::default(), Findings::default());
    let mut docker_configs = Vec::new();
    for (OfCluster { docker_configs: read, problems }, member) in read(members, environment).into_iter().zip(members) {
        let (errors, warnings): (Vec<_>, Vec<_>) = problems.into_iter().partition(Diagnostic::is_error);
        let compares = missing_logins(member) == Missing::IsNotCompared;
        let (there, not_there) = if compares && !errors.is_empty() && errors.iter().all(is_not_there) {
            let unavailable = member.pull_secrets.iter().map(|_| Logins::Unavailable).collect();
            docker_configs.push((unavailable, Known::NotTheLogins));
            (warnings, errors)
        } else {
            docker_configs.push((read, Known::All));
            ([errors, warnings].concat(), Vec::new())
        };
        findings.add(there, member.cluster.as_ref());
        missing.add(not_there, member.cluster.as_ref());
    }
    let (mut problems, missing) = ([fleet.warnings.clone(), findings.said()].concat(), missing.said());
    if problems.iter().any(Diagnostic::is_error) {
        problems.extend(missing);
        return Err(Failure::Input { title: "the input", problems });
    }
    report::warn(&problems);
    if !missing.is_empty() {
        let others = others_are_set(members, environment);
        if others {
            report::warn(&missing.into_iter().map(as_a_warning).collect::<Vec<_>>());
        }
        for (settings, _) in members.iter().zip(&docker_configs).filter(|(_, (_, known))| *known != Known::All) {
            report::note(&left_out(settings.combination.format, others));
        }
    }
    Ok(docker_configs)
}

/// Whether some login is there: that is no merge request, but a mistake.
fn others_are_set(members: &[Settings], environment: &Environment) -> bool {
    let sources =
        members.iter().flat_map(|settings| &settings.pull_secrets).flat_map(|pull_secret| &pull_secret.sources);
    sources.flat_map(Source::variables).any(|variable| environment.is_set(variable.name.as_str()))
}

fn as_a_warning(problem: Diagnostic) -> Diagnostic {
    Diagnostic { severity: Severity::Warning, ..problem }
        .hint("without it nothing that depends on a login is compared for this output")
}

/// What a comparison without credentials cannot tell.
fn left_out(format: Format, others_are_set: bool) -> String {
    let there = if others_are_set { "not all credentials are there" } else { "there are no credentials" };
    match format {
        Format::DockerConfig => {
            format!("{there}, so the Docker config was not compared, only whether the file is there and holds one")
        }
        Format::Yaml
        | Format::Json
        | Format::Directory
        | Format::Kustomization
        | Format::Chart
        | Format::HelmValues => {
            format!(
                "{there}, so what depends on them was not compared: the values of Secrets, encrypted ones too, and the \
                 registries of policies"
            )
        }
    }
}

fn is_not_there(problem: &Diagnostic) -> bool {
    matches!(problem.code, Code::VariableUnset | Code::VariableEmpty)
}
