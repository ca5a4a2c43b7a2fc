//! Resolves what a run does for each chosen cluster of regcred.yaml. Without clusters there is one unnamed cluster.

use std::io::{BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use super::file::{self, Cluster, File, Spec as FileSpec};
use super::findings::Findings;
use super::member::{Context, Member};
use super::namespaces::{self, Listed};
use super::{Destination, Settings, allowed, secret_variables, usage, with_known};
use crate::credentials::{Credentials, is_missing_variable};
use crate::environment::{Environment, open_list, open_stdin};
use crate::report;
use regcred_core::credentials::Source;
use regcred_core::diagnostic::{Code, Diagnostic, Failure, reason};
use regcred_core::names::VariableName;
use regcred_core::nearest::nearest;
use regcred_core::spec::typed::Typed;
use regcred_core::spec::{Open, Origin, Spec};

/// The settings of each cluster, in the order of the file.
#[derive(Debug)]
pub struct Fleet {
    /// One per cluster; a single unnamed one if the file has no clusters.
    pub members: Vec<Settings>,
    /// Every variable that may hold a secret, also of clusters that were not chosen. Child processes do not get them.
    pub secret_variables: Vec<VariableName>,
    pub warnings: Vec<Diagnostic>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The manifests: everything must be resolved.
    Manifests,
    /// Only the logins: flags may give `render` the other settings.
    Logins,
    /// Only the names of the variables with logins, which may all be unset.
    Variables,
    /// A live cluster, in which the namespaces are chosen later.
    #[cfg_attr(not(feature = "cluster"), expect(dead_code, reason = "only commands for a cluster have it"))]
    Cluster,
    /// A live cluster that is only looked at, also where a controller writes the Secrets.
    Look,
    /// The objects of earlier runs in a live cluster, or the failing Pods there, whatever the strategy is: no login is needed.
    CleanUp,
}

impl Purpose {
    /// Whether the namespaces are chosen in a live cluster.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Cluster | Self::Look | Self::CleanUp)
    }
}

impl Fleet {
    /// Resolves the settings. `listed` are the existing namespaces with the problems of their list, if they were read before; otherwise
    /// the list of `--namespaces-from` is read.
    /// Errors: usage: options that cannot be combined, or have no effect. Input: everything that is wrong with names, lists and logins.
    pub fn resolve(
        typed: &Typed,
        file: Option<&File>,
        listed: Option<(Option<Listed>, Vec<Diagnostic>)>,
        purpose: Purpose,
        environment: &Environment,
    ) -> Result<Self, Failure> {
        let owner = file.map(|file| &file.metadata.name);
        let nothing = FileSpec::default();
        let has_config = file.is_some() || typed.iter().any(|(_, origin, _)| matches!(origin, Origin::Key(_)));
        let file = file.map_or(&nothing, |file| &file.spec);
        let mut problems: Vec<_> = allowed(environment).err().into_iter().collect();
        let flags = with_known(environment, |known| typed.spec(known, &mut problems));
        let (listed, wrong) = listed.unwrap_or_else(|| list(&flags, environment));
        problems.extend(wrong);
        let cluster_names = flags.options.clusters.as_ref().map_or(&[][..], |clusters| &clusters.value);
        let clusters = choose(cluster_names, &file.clusters)?;
        refuse_too_many(&clusters, file, listed.as_ref())?;
        let run =
            Context { typed, flags, file, has_config, listed, problems, purpose, environment, clusters: &clusters };
        let members = run.members()?;
        run.refuse_idle(&members)?;
        run.refuse_one_output_for_several(&members)?;
        let warnings = refuse_problems(&members, purpose, environment)?;
        let members: Vec<_> =
            members.into_iter().map(|member| Settings { owner: owner.cloned(), ..member.settings }).collect();
        let mut secret_variables = secret_variables::of(file, environment);
        secret_variables
            .extend(members.iter().flat_map(sources).flat_map(Source::variables).map(|variable| variable.name));
        secret_variables.sort_unstable();
        secret_variables.dedup();
        Ok(Self { members, secret_variables, warnings })
    }
}

/// Limits the work of a run: the pull secrets of every cluster are resolved, and each glob is tried on each name of its list.
fn refuse_too_many(clusters: &[&Cluster], file: &FileSpec, listed: Option<&Listed>) -> Result<(), Failure> {
    const MOST: usize = 100_000;
    let own = |cluster: &&Cluster| cluster.pull_secrets.as_ref().map_or(file.pull_secrets.len(), Vec::len);
    let (count, all) = (clusters.len(), clusters.iter().map(own).sum::<usize>());
    if all > MOST {
        let message =
            format!("regcred.yaml has {count} clusters with {all} pull secrets together, and at most {MOST} are read");
        return Err(usage(message, "choose fewer clusters with --cluster, or write more than one regcred.yaml"));
    }
    let in_list = listed.map_or(0, |listed| listed.usable.len() + listed.of_the_cluster.len());
    match namespaces::too_many_pairs(file::globs(file), in_list + file::longest_list(file)) {
        Some(problem) => Err(Failure::Usage(vec![problem])),
        None => Ok(()),
    }
}

/// The list of `--namespaces-from`, and its problems.
fn list(flags: &Spec, environment: &Environment) -> (Option<Listed>, Vec<Diagnostic>) {
    const FLAG: &str = "`--namespaces-from`";
    let mut problems = Vec::new();
    let Some(path) = flags.options.namespaces_from.chosen().map(PathBuf::as_path) else {
        return (None, problems);
    };
    let is_stdin = path == Path::new("-");
    if is_stdin || environment.directory().join(path).exists() {
        let place = if is_stdin { "standard input".to_owned() } else { path.display().to_string() };
        report::detail(&format!("reading namespaces from {place}"));
    }
    let read = if is_stdin {
        namespaces::read_from(BufReader::new(open_stdin()), FLAG, &mut problems)
    } else {
        open_list(&environment.directory().join(path))
            .and_then(|file| namespaces::read_from(BufReader::new(file), FLAG, &mut problems))
    };
    let listed = read.map_err(|error| {
        problems.push(if error.kind() == ErrorKind::InvalidData {
            Diagnostic::error(Code::NotUtf8, format!("{FLAG} is not UTF-8 text")).hint("save it as UTF-8")
        } else {
            let message = format!("the file of {FLAG} cannot be read: {}", reason(&error));
            Diagnostic::error(Code::UnreadableFile, message).hint("check the path; - reads standard input")
        });
    });
    (listed.ok(), problems)
}

/// Errors of all clusters end the run, together with the problems of the logins; warnings are passed on.
fn refuse_problems(
    members: &[Member],
    purpose: Purpose,
    environment: &Environment,
) -> Result<Vec<Diagnostic>, Failure> {
    let mut findings = Findings::default();
    let reads_logins = !matches!(purpose, Purpose::Variables | Purpose::CleanUp);
    let is_refused = members.iter().flat_map(|member| &member.problems).any(Diagnostic::is_error);
    let all = || members.iter().map(|member| &member.settings).flat_map(sources);
    let credentials = members
        .first()
        .filter(|_| is_refused && reads_logins)
        .map(|first| Credentials::read(all(), environment, &first.settings.options));
    for Member { settings, problems, .. } in members {
        let mut problems = problems.clone();
        if let Some(credentials) = &credentials {
            let mut found = Vec::new();
            for pull_secret in &settings.pull_secrets {
                credentials.of(&pull_secret.sources, &mut found);
            }
            // A comparison works without the logins.
            if matches!(settings.destination, Destination::Check(_)) {
                found.retain(|problem| !is_missing_variable(problem));
            }
            problems.extend(found);
        }
        findings.add(problems, settings.cluster.as_ref());
    }
    let problems = findings.said();
    Failure::unless_clean("the input", &problems)?;
    Ok(problems)
}

fn sources(settings: &Settings) -> impl Iterator<Item = &Source> {
    settings.pull_secrets.iter().flat_map(|pull_secret| &pull_secret.sources)
}

/// The clusters of these names, in the order of the file; without names all of them.
/// Errors: usage: there is no such cluster.
pub fn choose<'a>(names: &[String], clusters: &'a [Cluster]) -> Result<Vec<&'a Cluster>, Failure> {
    if names.is_empty() {
        return Ok(clusters.iter().collect());
    }
    if clusters.is_empty() {
        return Err(usage("`--cluster` chooses from `clusters` in regcred.yaml, which has none", "leave it out"));
    }
    if let Some(name) = names.iter().find(|name| clusters.iter().all(|cluster| cluster.name.as_str() != *name)) {
        let known: Vec<_> = clusters.iter().map(|cluster| cluster.name.as_str()).collect();
        let hint = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.len() <= 10 => format!("the clusters are {}", known.join(", ")),
            None => format!("use the name of one of the {} clusters", known.len()),
        };
        return Err(usage("`--cluster` names no cluster of regcred.yaml", &hint));
    }
    Ok(clusters.iter().filter(|cluster| names.iter().any(|name| name == cluster.name.as_str())).collect())
}
