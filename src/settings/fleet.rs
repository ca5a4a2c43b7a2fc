//! A fleet: the clusters of regcred.yaml in, the settings of each that was chosen out. Without clusters it is one without a name.

use std::collections::HashSet;
use std::path::Path;

use super::file::{Cluster, File, Spec};
use super::namespaces::Listed;
use super::pull_secret;
use super::sealing::{CertificateSource, VARIABLE};
use super::{Destination, Settings, idle, secret_variables, usage};
use crate::cli::RenderArguments;
use crate::credentials::Source;
use crate::environment::Environment;
use crate::settings::choices::{Format, Profile, Protect};
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::names::{ResourceName, VariableName};
use regcred_core::nearest::nearest;

/// The settings of each cluster, in the order of the file.
#[derive(Debug)]
pub struct Fleet {
    /// One a cluster; a single one without a name when the file has no clusters.
    pub members: Vec<Settings>,
    /// Every variable that may hold a secret, also of clusters that were not chosen: child processes do not see them.
    pub secret_variables: Vec<VariableName>,
}

/// What decides about one cluster.
type Resolve =
    fn(&RenderArguments, &Spec, (Option<&Listed>, Vec<Diagnostic>), &Environment) -> Result<Settings, Failure>;

impl Fleet {
    /// The clusters that were chosen, or all of them; each with what differs there.
    ///
    /// # Errors
    /// Usage only, when what was chosen does not go together; and a fleet that has nowhere to go.
    pub fn resolve(
        arguments: &RenderArguments,
        file: Option<File>,
        environment: &Environment,
    ) -> Result<Self, Failure> {
        let mut problems = Vec::new();
        let listed = pull_secret::listed(&arguments.target, environment, &mut problems);
        Self::resolve_among(arguments, file, (listed.as_ref(), problems), environment)
    }

    /// The same for the logins alone, wherever they are kept.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub fn of_logins(
        arguments: &RenderArguments,
        file: Option<File>,
        environment: &Environment,
    ) -> Result<Self, Failure> {
        Self::each(Settings::of_logins, arguments, file, (None, Vec::new()), environment)
    }

    /// The same, with a list of the namespaces that there are, and what is wrong with it, from elsewhere than `--namespaces-from`.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub fn resolve_among(
        arguments: &RenderArguments,
        file: Option<File>,
        listed: (Option<&Listed>, Vec<Diagnostic>),
        environment: &Environment,
    ) -> Result<Self, Failure> {
        let fleet = Self::each(Settings::resolve, arguments, file, listed, environment)?;
        match fleet.members.as_slice() {
            [first, _, ..] if matches!(first.destination, Destination::Stdout) => Err(usage(
                &format!("regcred.yaml has {} clusters, and each has its own output", fleet.members.len()),
                "add --output DIR, or choose one with --cluster",
            )),
            _ => Ok(fleet),
        }
    }

    fn each(
        resolve: Resolve,
        arguments: &RenderArguments,
        file: Option<File>,
        (listed, problems): (Option<&Listed>, Vec<Diagnostic>),
        environment: &Environment,
    ) -> Result<Self, Failure> {
        let (owner, spec) = file.map(|file| (file.metadata.name, file.spec)).unzip();
        let spec = spec.unwrap_or_default();
        let chosen = choose(&arguments.cluster, &spec.clusters)?;
        let mut members = match chosen.as_slice() {
            [] => vec![resolve(arguments, &spec, (listed, problems), environment)?],
            clusters => members(resolve, clusters, arguments, &spec, (listed, &problems), environment)?,
        };
        idle::refuse(arguments, &members)?;
        members.iter_mut().for_each(|member| member.owner.clone_from(&owner));
        let sources =
            members.iter().flat_map(|member| &member.pull_secrets).flat_map(|pull_secret| &pull_secret.sources);
        let mut secret_variables = secret_variables::of(&spec, environment);
        secret_variables.extend(sources.flat_map(Source::variables).map(|variable| variable.name));
        secret_variables.sort_unstable();
        secret_variables.dedup();
        Ok(Self { members, secret_variables })
    }
}

/// The answers for one cluster; without a name the common ones, if they are those of every cluster.
///
/// # Errors
/// Usage: there is no such cluster; or there is no name, and the Pods of some cluster would get other references.
pub(super) fn spec_of(name: Option<&str>, spec: Spec) -> Result<Spec, Failure> {
    let Some(name) = name else {
        return match spec.clusters.iter().find(|own| own.pull_secrets.is_some() || own.namespaces.is_some()) {
            None => Ok(spec),
            Some(_) => Err(usage(
                "regcred.yaml has clusters with pull secrets or namespaces of their own",
                "name the one that the manifests are for with --cluster",
            )),
        };
    };
    let chosen = choose(&[name.to_owned()], &spec.clusters)?;
    Ok(chosen.first().map(|cluster| cluster.spec(&spec, &RenderArguments::default())).unwrap_or(spec))
}

/// The clusters of these names, in the order of the file; without names all of them.
///
/// # Errors
/// Usage: there is no such cluster.
pub fn choose<'a>(names: &[String], clusters: &'a [Cluster]) -> Result<Vec<&'a Cluster>, Failure> {
    if names.is_empty() {
        return Ok(clusters.iter().collect());
    }
    if clusters.is_empty() {
        return Err(usage("`--cluster` chooses from `clusters` in regcred.yaml, and there are none", "leave it out"));
    }
    if let Some(number) = names.iter().position(|name| clusters.iter().all(|cluster| cluster.name.as_str() != name)) {
        let known: Vec<_> = clusters.iter().map(|cluster| cluster.name.as_str()).collect();
        let hint = match nearest(&names[number], known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.len() <= 10 => format!("there are {}", known.join(", ")),
            None => format!("there are {} of them; use a name that stands there", known.len()),
        };
        return Err(usage("`--cluster` names no cluster of regcred.yaml", &hint));
    }
    Ok(clusters.iter().filter(|cluster| names.iter().any(|name| name == cluster.name.as_str())).collect())
}

/// The settings of each of these clusters.
fn members(
    resolve: Resolve,
    clusters: &[&Cluster],
    arguments: &RenderArguments,
    spec: &Spec,
    (listed, problems): (Option<&Listed>, &[Diagnostic]),
    environment: &Environment,
) -> Result<Vec<Settings>, Failure> {
    let protection = |cluster: &Cluster| cluster.protect.or(spec.protect).unwrap_or(Protect::Plain);
    if arguments.protection.protect.is_some()
        && clusters.windows(2).any(|pair| protection(pair[0]) != protection(pair[1]))
    {
        return Err(usage(
            "`--protect` is one for all, and clusters of regcred.yaml have different ones",
            "leave it out, or choose one with --cluster",
        ));
    }
    let some_have_their_own = clusters.iter().any(|cluster| cluster.sealing.certificate.is_some());
    let mut names = HashSet::new();
    let mut members = Vec::new();
    for cluster in clusters {
        let own = cluster.spec(spec, arguments);
        let problems = [problems, &cluster.without_logins(spec, arguments)].concat();
        let mut member =
            resolve(arguments, &own, (listed, problems), environment).map_err(|failure| about(failure, cluster))?;
        // A variable or a flag is one certificate, and would seal for one cluster what another is to open.
        match (&cluster.sealing.certificate, &member.sealing.certificate) {
            (Some(_), Some(CertificateSource::Flag(_))) if clusters.len() > 1 => {
                return Err(usage(
                    "`--sealing-cert` is one certificate, and several clusters of regcred.yaml have their own",
                    "leave it out, or choose one with --cluster",
                ));
            }
            (Some(own), Some(CertificateSource::Variable(_))) => {
                member.sealing.certificate = Some(CertificateSource::File(own.clone()));
            }
            (None, Some(CertificateSource::Variable(_)))
                if member.combination.protect == Protect::Sealed && some_have_their_own =>
            {
                member.problems.push(of_which_cluster());
            }
            _ => {}
        }
        member.enter(cluster.name.clone())?;
        if !names.insert(&cluster.name) {
            let problem = Diagnostic::error(Code::SameName, "two clusters have one name");
            member.problems.push(problem.hint("give each its own: it is the name of its folder"));
        }
        members.push(member);
    }
    Ok(members)
}

/// The certificate of the variable is that of some cluster, and nobody knows of which.
fn of_which_cluster() -> Diagnostic {
    let message = format!("`{VARIABLE}` is one certificate, and other clusters of regcred.yaml have their own");
    Diagnostic::error(Code::NoCertificate, message)
        .hint("give this one its `sealing.certificate` too, or choose it alone with --cluster")
}

/// The same failure, with the cluster that it is about.
fn about(failure: Failure, cluster: &Cluster) -> Failure {
    match failure {
        Failure::Usage(problems) => Failure::Usage(
            problems
                .into_iter()
                .map(|problem| Diagnostic {
                    message: format!("{} (cluster {})", problem.message, cluster.name),
                    ..problem
                })
                .collect(),
        ),
        other => other,
    }
}

impl Settings {
    /// Each cluster has a folder of its own under `--output`.
    fn enter(&mut self, cluster: ResourceName) -> Result<(), Failure> {
        let format = self.combination.format;
        match &mut self.destination {
            Destination::Stdout => {}
            Destination::Write(_) | Destination::Check(_)
                if matches!(format, Format::HelmValues | Format::DockerConfig) =>
            {
                return Err(usage(
                    &format!(
                        "`--format {format}` writes no manifests, and each cluster has a folder of them under `--output`"
                    ),
                    "use --format directory or --format yaml, or leave --output out and choose one with --cluster",
                ));
            }
            Destination::Write(_) | Destination::Check(_)
                if format == Format::Json && self.profile == Some(Profile::Flux) =>
            {
                return Err(usage(
                    "`--format json` and `--profile flux` cannot go together: Flux reads no file that ends in .json",
                    "use --format yaml, directory or kustomization",
                ));
            }
            Destination::Write(path) | Destination::Check(path) if is_the_name_of_a_file(path) => {
                return Err(usage(
                    "`--output` has the name of a file, and is the folder in which each cluster has its own",
                    "name a folder, or leave --output out and choose one cluster with --cluster",
                ));
            }
            Destination::Write(path) | Destination::Check(path) => path.push(cluster.as_str()),
        }
        self.cluster = Some(cluster);
        Ok(())
    }
}

fn is_the_name_of_a_file(path: &Path) -> bool {
    path.extension().is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known))
}
