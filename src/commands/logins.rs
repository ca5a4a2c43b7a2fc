//! Reads and merges the logins of a fleet.

use crate::credentials::{Credentials, Source, is_missing_variable};
use crate::environment::Environment;
use crate::files::cluster_run::ClusterRun;
use crate::files::marks::Known;
use crate::protect::Protector;
use crate::report;
use crate::settings::Settings;
use crate::settings::choices::{Format, Protect};
use crate::settings::external::ExternalSettings;
use crate::settings::findings::Findings;
use regcred_core::diagnostic::{Diagnostic, Failure, Severity};
use regcred_core::docker_config::{DockerConfig, Logins};
use regcred_core::spec::Options;

/// What to do if the variables of the logins are not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    Fails,
    /// Compare only what does not depend on the logins, as in a merge request.
    IsNotCompared,
}

/// The logins of all clusters, each read once, and the problems of the merged ones.
pub(super) struct Reading {
    credentials: Credentials,
    are_any_set: bool,
    wrong: Findings,
    missing: Findings,
    not_compared: Vec<Format>,
}

impl Reading {
    pub(super) fn of(members: &[Settings], environment: &Environment) -> Self {
        let options = members.first().map_or_else(Options::default, |member| member.options.clone());
        let pull_secrets = || members.iter().flat_map(|member| &member.pull_secrets);
        let sources = || pull_secrets().flat_map(|pull_secret| &pull_secret.sources);
        let mut variables = sources().flat_map(Source::variables);
        Self {
            credentials: Credentials::read(sources(), environment, &options),
            are_any_set: variables.any(|variable| environment.is_set(variable.name.as_str())),
            wrong: Findings::default(),
            missing: Findings::default(),
            not_compared: Vec::new(),
        }
    }

    /// The Docker config of each pull secret of a cluster, and how much a comparison can know about them.
    pub(super) fn merge(&mut self, settings: &Settings, missing: Missing) -> (Vec<Logins>, Known) {
        let (docker_configs, problems) = merge(settings, &self.credentials);
        let (errors, warnings): (Vec<_>, Vec<_>) = problems.into_iter().partition(Diagnostic::is_error);
        let cluster = settings.cluster.as_ref();
        if missing == Missing::IsNotCompared && !errors.is_empty() && errors.iter().all(is_missing_variable) {
            self.wrong.add(warnings, cluster);
            self.missing.add(errors, cluster);
            self.not_compared.push(settings.combination.format);
            return (settings.pull_secrets.iter().map(|_| Logins::Unavailable).collect(), Known::NotTheLogins);
        }
        self.wrong.add([errors, warnings].concat(), cluster);
        self.missing.add(Vec::new(), cluster);
        (docker_configs, Known::All)
    }

    /// Prints warnings about the logins, and what a comparison without logins leaves out.
    /// Errors: all problems of the logins, in one report that names the clusters.
    pub(super) fn finish(self, mut problems: Vec<Diagnostic>) -> Result<(), Failure> {
        problems.extend(self.wrong.said());
        let missing = self.missing.said();
        if problems.iter().any(Diagnostic::is_error) {
            problems.extend(missing.into_iter().filter(|_| self.are_any_set));
            return Err(Failure::Input { title: "the input", problems });
        }
        report::warn(&problems);
        // If some logins are set, a missing one is a mistake, not a merge request.
        if self.are_any_set {
            report::warn(&missing.into_iter().map(as_a_warning).collect::<Vec<_>>());
        }
        self.not_compared.into_iter().for_each(|format| report::note(&left_out(format, self.are_any_set)));
        Ok(())
    }
}

fn merge(settings: &Settings, credentials: &Credentials) -> (Vec<Logins>, Vec<Diagnostic>) {
    let (mut docker_configs, mut problems) = (Vec::new(), Vec::new());
    for pull_secret in &settings.pull_secrets {
        if settings.combination.protect == Protect::External {
            let external = pull_secret.external.as_ref().map_or(Vec::new(), ExternalSettings::registries);
            docker_configs.push(Logins::External(external));
            continue;
        }
        // The rights need no login.
        if settings.combination.format == Format::Rbac {
            docker_configs.push(Logins::Unavailable);
            continue;
        }
        let logins = credentials.of(&pull_secret.sources, &mut problems);
        for login in &logins {
            let place = format!("a login in {}", login.source);
            pull_secret.confined.refuse([&login.registry].into_iter(), &place, &mut problems);
        }
        match DockerConfig::merge(logins) {
            Ok(docker_config) => docker_configs.push(Logins::Read(docker_config)),
            Err(found) => problems.extend(found),
        }
    }
    (docker_configs, problems)
}

/// Reads the logins for a run that writes no file, with their warnings.
/// Errors: all problems of the logins, in one report that names the clusters.
pub(super) fn check(
    members: Vec<Settings>,
    mut problems: Vec<Diagnostic>,
    environment: &Environment,
) -> Result<(Vec<ClusterRun>, Vec<Diagnostic>), Failure> {
    let mut reading = Reading::of(&members, environment);
    let run = |settings: Settings| {
        let (docker_configs, problems) = merge(&settings, &reading.credentials);
        reading.wrong.add(problems, settings.cluster.as_ref());
        ClusterRun { settings, docker_configs, known: Known::All, protector: Protector::Plain }
    };
    let runs = members.into_iter().map(run).collect();
    problems.extend(reading.wrong.said());
    Failure::unless_clean("the input", &problems)?;
    Ok((runs, problems))
}

fn as_a_warning(problem: Diagnostic) -> Diagnostic {
    Diagnostic { severity: Severity::Warning, ..problem }
        .hint("without it nothing that depends on a login is compared for this output")
}

/// The note about what a comparison without logins leaves out.
fn left_out(format: Format, others_are_set: bool) -> String {
    let there = if others_are_set { "not all credentials are there" } else { "there are no credentials" };
    let what = if format == Format::DockerConfig {
        "the Docker config was not compared, only whether the file is there and holds one"
    } else {
        "what depends on them was not compared: the values of Secrets, encrypted ones too, and the registries of policies"
    };
    format!("{there} (`regcred verify --list` says which are missing), so {what}")
}
