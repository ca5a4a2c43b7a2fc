//! Finds the registries of a source without using its logins.

use super::{from_preset, source};
use crate::environment::Environment;
use regcred_core::credentials::Source;
use regcred_core::credentials::lifetime::ShortLived;
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::docker_config::registry::RegistryKey;

/// Problems of the keys of entries: only they matter if no login is used.
const ABOUT_KEYS: [Code; 2] = [Code::RegistryAlias, Code::RegistryHardlyMatches];

/// The keys of the entries. If the host is known without it, no variable with a login is read.
pub fn registries(source: &Source, environment: &Environment, problems: &mut Vec<Diagnostic>) -> Vec<RegistryKey> {
    let one = |registry: RegistryKey, problems: &mut Vec<Diagnostic>| {
        let (registry, odd) = registry.canonical();
        problems.extend(odd);
        vec![registry]
    };
    match source {
        Source::Login { registry, .. } => one(registry.clone(), problems),
        Source::Preset(preset) => match from_preset::registry(preset, environment) {
            Ok(registry) => one(registry, problems),
            Err(problem) => {
                problems.push(or_name_the_hosts(problem));
                Vec::new()
            }
        },
        Source::DockerConfig(_) | Source::DockerConfigFile(_) => {
            let mut found = Vec::new();
            let facts = super::facts(environment, ShortLived::Allow);
            let logins = source::read(source, environment, &facts, (None, &[]), &mut found);
            let matters = |problem: &Diagnostic| problem.is_error() || ABOUT_KEYS.contains(&problem.code);
            problems.extend(found.into_iter().filter(matters).map(or_name_the_hosts));
            logins.into_iter().map(|login| login.registry).collect()
        }
    }
}

fn or_name_the_hosts(problem: Diagnostic) -> Diagnostic {
    if !matches!(problem.code, Code::VariableUnset | Code::VariableEmpty) {
        return problem;
    }
    let hint = problem.hint.as_deref().map_or(String::new(), |hint| format!("{hint}; "));
    problem.hint(format!("{hint}or name the hosts, no credential is needed: `--registry ghcr.io`"))
}
