//! Reads and merges the logins of a fleet.

use crate::credentials::lifetime::ShortLived;
use crate::credentials::{Credentials, Helpers, Source};
use crate::environment::Environment;
use crate::files::cluster_run::ClusterRun;
use crate::files::marks::Known;
use crate::protect::Protector;
use crate::report;
use crate::settings::choices::{Format, Protect};
use crate::settings::external::ExternalSettings;
use crate::settings::findings::Findings;
use crate::settings::{Destination, Settings};
use regcred_core::diagnostic::{Code, Diagnostic, Failure, Severity};
use regcred_core::docker_config::{DockerConfig, Logins};

/// Reads each login once.
pub(super) fn read(members: &[Settings], environment: &Environment) -> Credentials {
    let short_lived = members.first().map_or(ShortLived::Refuse, |member| member.short_lived);
    let helpers = members.first().map_or(Helpers::Leave, |member| member.credential_helpers);
    Credentials::read(sources(members), environment, short_lived, helpers)
}

fn sources(members: &[Settings]) -> impl Iterator<Item = &Source> {
    members.iter().flat_map(|member| &member.pull_secrets).flat_map(|pull_secret| &pull_secret.sources)
}

/// The Docker config of each pull secret of a cluster, and what is wrong with the logins.
pub(super) fn merge(settings: &Settings, credentials: &Credentials) -> (Vec<Logins>, Vec<Diagnostic>) {
    let (mut docker_configs, mut problems) = (Vec::new(), Vec::new());
    for pull_secret in &settings.pull_secrets {
        if settings.combination.protect == Protect::External {
            let external = pull_secret.external.as_ref().map_or(Vec::new(), ExternalSettings::registries);
            docker_configs.push(Logins::External(external));
            continue;
        }
        match DockerConfig::merge(credentials.of(&pull_secret.sources, &mut problems)) {
            Ok(docker_config) => docker_configs.push(Logins::Read(docker_config)),
            Err(found) => problems.extend(found),
        }
    }
    (docker_configs, problems)
}

/// Reads the logins for a run that writes no file, with what is odd about them.
///
/// # Errors
/// What is wrong with the logins, in one report that names the clusters.
pub(super) fn check(
    members: Vec<Settings>,
    mut problems: Vec<Diagnostic>,
    environment: &Environment,
) -> Result<(Vec<ClusterRun>, Vec<Diagnostic>), Failure> {
    let credentials = read(&members, environment);
    let mut findings = Findings::default();
    let run = |settings: Settings| {
        let (docker_configs, problems) = merge(&settings, &credentials);
        findings.add(problems, settings.cluster.as_ref());
        ClusterRun { settings, docker_configs, known: Known::All, protector: Protector::Plain }
    };
    let runs = members.into_iter().map(run).collect();
    problems.extend(findings.said());
    Failure::unless_clean("the input", &problems)?;
    Ok((runs, problems))
}

/// Takes those problems apart that only say that the variables of all logins are missing: `--check` works without credentials, as in a
/// merge request.
pub(super) fn without_absent(settings: &Settings, problems: Vec<Diagnostic>) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
    let (errors, warnings): (Vec<_>, Vec<_>) = problems.into_iter().partition(Diagnostic::is_error);
    let is_absent = |problem: &Diagnostic| matches!(problem.code, Code::VariableUnset | Code::VariableEmpty);
    if matches!(settings.destination, Destination::Check(_)) && errors.iter().all(is_absent) {
        (warnings, errors)
    } else {
        ([errors, warnings].concat(), Vec::new())
    }
}

/// Whether some login is there: that is no merge request, but a mistake.
pub(super) fn are_any_set(members: &[Settings], environment: &Environment) -> bool {
    sources(members).flat_map(Source::variables).any(|variable| environment.is_set(variable.name.as_str()))
}

/// Says what a comparison without credentials leaves out, for each of these formats.
pub(super) fn say_missing(missing: Vec<Diagnostic>, formats: &[Format], others_are_set: bool) {
    if others_are_set {
        report::warn(&missing.into_iter().map(as_a_warning).collect::<Vec<_>>());
    }
    formats.iter().for_each(|format| report::note(&left_out(*format, others_are_set)));
}

fn as_a_warning(problem: Diagnostic) -> Diagnostic {
    Diagnostic { severity: Severity::Warning, ..problem }
        .hint("without it nothing that depends on a login is compared for this output")
}

/// What a comparison without credentials cannot tell.
fn left_out(format: Format, others_are_set: bool) -> String {
    let there = if others_are_set { "not all credentials are there" } else { "there are no credentials" };
    let what = if format == Format::DockerConfig {
        "the Docker config was not compared, only whether the file is there and holds one"
    } else {
        "what depends on them was not compared: the values of Secrets, encrypted ones too, and the registries of policies"
    };
    format!("{there}, so {what}")
}
