//! Decides how each cluster of a fleet is reached.

use std::path::{Path, PathBuf};

use crate::cli::cluster::ConnectionArguments;
use crate::commands::kubeconfig;
use crate::environment::{Environment, Kubeconfig};
use crate::interrupt;
use crate::program;
use crate::settings::file::{Cluster, File};
use crate::settings::findings::Findings;
use crate::settings::fleet::Fleet;
use crate::settings::{Settings, usage};
use regcred_cluster::connect::{Access, Source, Way};
use regcred_core::cluster::confine;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::names::ResourceName;

/// How to reach each cluster, in the order of the fleet.
/// Errors: all problems of variables and contexts, of all clusters together.
pub(super) fn accesses(
    fleet: &Fleet,
    file: Option<&File>,
    arguments: &ConnectionArguments,
    environment: &Environment,
) -> Result<Vec<Access>, Failure> {
    let has_its_own = |settings| entry(file, settings).is_some_and(|entry| entry.kubeconfig.is_some());
    let flag = match arguments {
        ConnectionArguments { context: Some(_), .. } => Some("--context"),
        ConnectionArguments { kubeconfig: Some(_), .. } if fleet.members.iter().any(has_its_own) => {
            Some("--kubeconfig")
        }
        _ => None,
    };
    if let (Some(flag), 2..) = (flag, fleet.members.len()) {
        let message = format!("`{flag}` is for one cluster, and regcred.yaml has {}", fleet.members.len());
        return Err(usage(message, "choose one with --cluster"));
    }
    interrupt::handle();
    let (mut findings, mut accesses) = (Findings::default(), Vec::new());
    for settings in &fleet.members {
        let entry = entry(file, settings);
        let (problems, access) = match access(entry, file, arguments, fleet, environment) {
            Ok(access) => (Vec::new(), Some(access)),
            Err(problem) => (vec![problem], None),
        };
        accesses.extend(access);
        findings.add(problems, settings.cluster.as_ref());
    }
    Failure::unless_clean("the clusters", &findings.said())?;
    Failure::unless_clean("the clusters", &twins(fleet, &accesses))?;
    Ok(accesses)
}

/// Reports clusters that are reached in the same way: the changes for the second would go to the first.
fn twins(fleet: &Fleet, accesses: &[Access]) -> Vec<Diagnostic> {
    if accesses.len() < 2 {
        return Vec::new();
    }
    let clusters = fleet.members.iter().map(|settings| &settings.cluster);
    let named: Vec<_> = clusters.zip(accesses.iter().map(Access::way)).collect();
    let twin = |(number, (name, way)): (usize, &(&Option<ResourceName>, Way))| {
        let (other, _) = named[..number].iter().find(|(_, other)| way == other)?;
        let message = format!("`{}` and `{}` are reached in the same way", other.as_ref()?, name.as_ref()?);
        let hint = "give each its `context` or `kubeconfig` in regcred.yaml, or choose one with --cluster";
        Some(Diagnostic::error(Code::SameName, message).hint(hint))
    };
    named.iter().enumerate().filter_map(twin).collect()
}

fn entry<'a>(file: Option<&'a File>, settings: &Settings) -> Option<&'a Cluster> {
    let name = settings.cluster.as_ref()?;
    file?.spec.clusters.iter().find(|cluster| cluster.name == *name)
}

fn access(
    entry: Option<&Cluster>,
    file: Option<&File>,
    arguments: &ConnectionArguments,
    fleet: &Fleet,
    environment: &Environment,
) -> Result<Access, Diagnostic> {
    let written = entry.and_then(|entry| entry.context.clone());
    let allowed_contexts = environment.guard(confine::CONTEXTS).filter(|_| arguments.context.is_none());
    if let Some(context) = &written {
        confine::check_context(context, allowed_contexts)?;
    }
    let variable = entry.and_then(|entry| entry.kubeconfig.as_ref()).map(|variable| variable.env.as_str());
    let source = match (&arguments.kubeconfig, variable) {
        (Some(path), _) => of_flag(path, environment)?,
        (None, Some(name)) => match kubeconfig::of_variable(name, file, environment)? {
            Kubeconfig::File(path) => Source::Files(vec![path]),
            Kubeconfig::Text(text) => Source::Text(text),
        },
        (None, None) => by_default(environment)?,
    };
    Ok(Access {
        source,
        context: arguments.context.clone().or(written),
        allowed_contexts: allowed_contexts.map(str::to_owned),
        user: arguments.user.clone(),
        groups: arguments.groups.clone(),
        hidden_variables: fleet.secret_variables.iter().map(ToString::to_string).collect(),
        programs: program::folders(environment).collect(),
        timeout: arguments.timeout.0,
        stop: interrupt::was_received,
    })
}

fn of_flag(path: &Path, environment: &Environment) -> Result<Source, Diagnostic> {
    confine::check_path_of_kubeconfig(&path.to_string_lossy(), "`--kubeconfig`")?;
    Ok(Source::Files(vec![environment.directory().join(path)]))
}

/// How the controller reaches its cluster: by flags and defaults, without an entry of regcred.yaml.
/// Errors: there is no kubeconfig, and this is no Pod.
pub fn of_flags(arguments: &ConnectionArguments, environment: &Environment) -> Result<Access, Diagnostic> {
    let source = match &arguments.kubeconfig {
        Some(path) => of_flag(path, environment)?,
        None => by_default(environment)?,
    };
    Ok(Access {
        source,
        context: arguments.context.clone(),
        allowed_contexts: None,
        user: arguments.user.clone(),
        groups: arguments.groups.clone(),
        hidden_variables: Vec::new(),
        programs: program::folders(environment).collect(),
        timeout: arguments.timeout.0,
        stop: || false,
    })
}

/// The places that kubectl reads, in its order.
fn by_default(environment: &Environment) -> Result<Source, Diagnostic> {
    confine::check_path_of_kubeconfig(environment.setting("KUBECONFIG").unwrap_or_default(), "`KUBECONFIG`")?;
    if let Some(paths) = environment.path_list("KUBECONFIG") {
        return Ok(Source::Files(paths));
    }
    let home = ["HOME", "USERPROFILE"].iter().find_map(|name| environment.path(name));
    let file: Option<PathBuf> = home.map(|home| home.join(".kube/config")).filter(|file| file.is_file());
    match file {
        Some(file) => Ok(Source::Files(vec![file])),
        None if environment.is_set("KUBERNETES_SERVICE_HOST") => Ok(Source::Pod),
        None => Err(Diagnostic::error(
            Code::NoKubeconfig,
            "there is no kubeconfig: neither `KUBECONFIG` nor ~/.kube/config",
        )
        .hint("name one with --kubeconfig FILE or the variable KUBECONFIG")),
    }
}
