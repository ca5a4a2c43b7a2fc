//! What `inject` is to do: arguments, environment and regcred.yaml in, the rules of which Pod gets which reference out.

use super::external::{self, ExternalSettings};
use super::file::{File, Namespaces, PullSecret};
use super::pull_secret::{self, Entry, SECRET_NAME};
use super::{fleet, logins};
use crate::cli::{InjectArguments, LoginArguments, TargetArguments};
use crate::credentials;
use crate::environment::Environment;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::docker_config::registry::RegistryKey;
use regcred_core::inject::kinds::{InvalidPath, PodPath};
use regcred_core::inject::rules::{PullSecretRule, Rules, Which};
use regcred_core::names::{InvalidName, Namespace};

/// Flags over the file over defaults; problems are added to `problems`.
///
/// # Errors
/// Usage only, when flags and file do not go together.
pub fn rules(
    arguments: &InjectArguments,
    file: Option<File>,
    environment: &Environment,
    problems: &mut Vec<Diagnostic>,
) -> Result<Rules, Failure> {
    let InjectArguments {
        registry,
        login,
        docker_config,
        docker_config_file,
        all,
        path,
        cluster,
        namespace,
        secret_name,
        check: _,
    } = arguments;
    let spec = fleet::spec_of(cluster.as_deref(), file.map(|file| file.spec).unwrap_or_default())?;
    let target = TargetArguments { secret_name: secret_name.clone(), ..TargetArguments::default() };
    // A host alone chooses an entry of the file as a login does.
    let choosing = LoginArguments {
        login: [login.as_slice(), registry].concat(),
        docker_config: docker_config.clone(),
        docker_config_file: docker_config_file.clone(),
        allow_short_lived: false,
        credential_helpers: false,
    };
    let entries = pull_secret::entries(&target, &choosing, &spec)?;
    let which = if *all { Which::All } else { Which::Matching };
    let logins = LoginArguments { login: login.clone(), ..choosing };
    let mut pull_secrets: Vec<_> = entries
        .iter()
        .filter_map(|entry| pull_secret(entry, secret_name.as_deref(), registry, &logins, which, environment, problems))
        .collect();
    pull_secrets.sort_by(|one, other| one.name.cmp(&other.name));
    for pair in pull_secrets.windows(2).filter(|pair| pair[0].name == pair[1].name) {
        problems.push(
            Diagnostic::error(Code::SameName, format!("two pull secrets are called `{}`", pair[0].name))
                .hint("give each its own name"),
        );
    }
    let paths = path.iter().enumerate().filter_map(|(number, text)| pod_path(text, number + 1, problems));
    let paths: Vec<_> = PodPath::built_in().chain(paths).collect();
    Ok(Rules { pull_secrets, which, paths, namespace: default_namespace(namespace.as_deref(), problems) })
}

fn pull_secret(
    entry: &Entry<'_>,
    secret_name: Option<&str>,
    hosts: &[String],
    flags: &LoginArguments,
    which: Which,
    environment: &Environment,
    problems: &mut Vec<Diagnostic>,
) -> Option<PullSecretRule> {
    let nothing = PullSecret::default();
    let PullSecret { name, logins: written, external, namespaces, service_accounts: _, also_reference: _ } =
        entry.file.unwrap_or(&nothing);
    let mut registries: Vec<RegistryKey> = Vec::new();
    if which == Which::Matching {
        for host in hosts {
            if let Some((registry, odd)) = logins::registry(host, "`--registry`", problems).map(RegistryKey::canonical)
            {
                problems.extend(odd);
                registries.push(registry);
            }
        }
        let LoginArguments { login, docker_config, docker_config_file, allow_short_lived: _, credential_helpers: _ } =
            flags;
        // Hosts by themselves are all of it: nothing else is looked at.
        let only_hosts =
            !hosts.is_empty() && login.is_empty() && docker_config.is_empty() && docker_config_file.is_empty();
        let typed = !(login.is_empty() && docker_config.is_empty() && docker_config_file.is_empty());
        if let (Some(kept), true, false) = (external, written.is_empty(), typed || only_hosts) {
            let settings = external::resolve(Some(kept), problems);
            registries.extend(settings.iter().flat_map(ExternalSettings::registries).map(|(registry, _)| registry));
        } else if !only_hosts {
            let sources = logins::sources(entry.flags.then_some(flags), written, environment, problems);
            registries.extend(sources.iter().flat_map(|source| credentials::registries(source, environment, problems)));
        }
    }
    let name = match (secret_name, name) {
        (None, Some(written)) => Some(written.clone()),
        (flag, _) => pull_secret::resource_name(flag.unwrap_or(SECRET_NAME), "`--secret-name`", problems),
    };
    let Namespaces { include, exclude } = namespaces.clone();
    Some(PullSecretRule { name: name?, registries, include, exclude })
}

fn pod_path(text: &str, number: usize, problems: &mut Vec<Diagnostic>) -> Option<PodPath> {
    text.parse()
        .map_err(|invalid: InvalidPath| {
            problems.push(
                Diagnostic::error(Code::InvalidPath, format!("`--path`, item {number}, {invalid}"))
                    .hint("write KIND[.GROUP]=PATH, for example Rollout=spec.template.spec"),
            );
        })
        .ok()
}

fn default_namespace(text: Option<&str>, problems: &mut Vec<Diagnostic>) -> Option<Namespace> {
    text?
        .parse()
        .map_err(|invalid: InvalidName| {
            problems.push(
                Diagnostic::error(Code::InvalidNamespace, format!("`--namespace`: {invalid}")).hint(invalid.hint()),
            );
        })
        .ok()
}
