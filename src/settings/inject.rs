//! Decides which Pods get which reference from `inject`.

use super::file::{File, Spec as FileSpec};
use super::namespaces::too_many_globs;
use super::{allowed, fleet, layers, member, pull_secret, same_names, usage, with_known};
use crate::environment::Environment;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::docker_config::registry::RegistryKey;
use regcred_core::inject::kinds::{InvalidPath, PodPath};
use regcred_core::inject::rules::{PullSecretRule, Rules, Which};
use regcred_core::names::{InvalidName, Namespace, ResourceName};
use regcred_core::spec::external::{self, ExternalSettings};
use regcred_core::spec::typed::Typed;
use regcred_core::spec::{PullSecret, SECRET_NAME, Spec, logins};

/// The options of `inject` alone.
pub struct Asked<'a> {
    pub hosts: &'a [String],
    pub all: bool,
    /// Where objects of a kind have a Pod spec.
    pub paths: &'a [String],
    pub namespace: Option<&'a str>,
}

/// Resolves the rules: flags win over the file, and the file wins over defaults. Problems are added to `problems`.
/// Errors: usage only, when flags and file cannot be combined.
pub fn rules(
    typed: &Typed,
    asked: &Asked<'_>,
    file: Option<&File>,
    environment: &Environment,
    problems: &mut Vec<Diagnostic>,
) -> Result<Rules, Failure> {
    let Asked { hosts, all, paths, namespace } = *asked;
    let nothing = FileSpec::default();
    let file = file.map_or(&nothing, |file| &file.spec);
    problems.extend(allowed(environment).err());
    let flags = with_known(environment, |known| typed.spec(known, problems));
    let chosen = flags.options.clusters.as_ref().map_or(&[][..], |clusters| &clusters.value);
    let cluster = cluster(chosen, file)?;
    let mut written = with_known(environment, |known| layers::of_file(file, cluster, known));
    // Like a login, a host alone chooses an entry of the file.
    let filling = (!hosts.is_empty()).then(|| "`--registry`".to_owned());
    member::choose_pull_secrets(&mut written, &flags, filling)?;
    let spec = Spec::merge([flags, written]);
    let which = if all { Which::All } else { Which::Matching };
    let has_hosts = !hosts.is_empty();
    let hosts = registries(hosts, problems);
    let rule = |pull_secret: &PullSecret| {
        // If only hosts are typed, no login is read.
        let reads_logins = which == Which::Matching && (!has_hosts || pull_secret.has_typed_logins());
        rule(pull_secret, &hosts, reads_logins.then_some(environment), problems)
    };
    let mut pull_secrets: Vec<_> = spec.all_pull_secrets().iter().map(rule).collect();
    pull_secrets.sort_by(|one, other| one.name.cmp(&other.name));
    problems.extend(same_names(pull_secrets.iter().map(|pull_secret| &pull_secret.name)));
    let patterns: Vec<_> =
        pull_secrets.iter().flat_map(|one| one.include.iter().chain(&one.exclude)).cloned().collect();
    problems.extend(too_many_globs(&patterns));
    let paths = paths.iter().enumerate().filter_map(|(number, text)| pod_path(text, number + 1, problems));
    let paths: Vec<_> = PodPath::built_in().chain(paths).collect();
    Ok(Rules { pull_secrets, which, paths, namespace: default_namespace(namespace, problems) })
}

/// The cluster that the manifests are for; `None` if the Pods of all clusters get the same references.
fn cluster<'a>(chosen: &[String], file: &'a FileSpec) -> Result<Option<&'a super::file::Cluster>, Failure> {
    if !chosen.is_empty() {
        return Ok(fleet::choose(chosen, &file.clusters)?.first().copied());
    }
    if file.clusters.iter().any(|own| own.pull_secrets.is_some() || own.namespaces.is_some()) {
        return Err(usage(
            "regcred.yaml has clusters with pull secrets or namespaces of their own",
            "name the one that the manifests are for with --cluster",
        ));
    }
    Ok(None)
}

fn registries(hosts: &[String], problems: &mut Vec<Diagnostic>) -> Vec<RegistryKey> {
    let mut registries = Vec::new();
    for host in hosts {
        match logins::registry(host, "`--registry`").map(RegistryKey::canonical) {
            Ok((registry, odd)) => {
                problems.extend(odd);
                registries.push(registry);
            }
            Err(wrong) => problems.extend(wrong),
        }
    }
    registries
}

fn rule(
    spec: &PullSecret,
    hosts: &[RegistryKey],
    environment: Option<&Environment>,
    problems: &mut Vec<Diagnostic>,
) -> PullSecretRule {
    let mut registries = hosts.to_vec();
    if let Some(environment) = environment {
        if let (Some(kept), None) = (&spec.external, &spec.logins) {
            let settings = external::resolve(Some(&kept.value), problems);
            registries.extend(settings.iter().flat_map(ExternalSettings::registries).map(|(registry, _)| registry));
        } else {
            let sources = pull_secret::sources(spec, problems);
            registries.extend(
                sources.iter().flat_map(|source| crate::credentials::registries(source, environment, problems)),
            );
        }
    }
    let name = spec.name.as_ref().map_or_else(|| ResourceName::known(SECRET_NAME), |name| name.value.clone());
    let include = spec.include.as_ref().map_or(Vec::new(), |include| include.parsed(problems));
    let exclude = spec.exclude.as_ref().map_or(Vec::new(), |exclude| exclude.parsed(problems));
    PullSecretRule { name, registries, include, exclude }
}

fn pod_path(text: &str, number: usize, problems: &mut Vec<Diagnostic>) -> Option<PodPath> {
    let parsed = text.parse().map_err(|invalid: InvalidPath| {
        let problem = Diagnostic::error(Code::InvalidPath, format!("`--path`, item {number}, {invalid}"));
        problems.push(problem.hint("write KIND[.GROUP]=PATH, for example Rollout=spec.template.spec"));
    });
    parsed.ok()
}

fn default_namespace(text: Option<&str>, problems: &mut Vec<Diagnostic>) -> Option<Namespace> {
    let parsed = text?.parse().map_err(|invalid: InvalidName| {
        let problem = Diagnostic::error(Code::InvalidNamespace, format!("`--namespace`: {invalid}"));
        problems.push(problem.hint(invalid.hint));
    });
    parsed.ok()
}
