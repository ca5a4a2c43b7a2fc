//! Finds the registries of a source. The logins themselves are not used.

use super::source::{self, Variables};
use super::{from_preset, is_missing_variable};
use crate::environment::Environment;
use regcred_core::credentials::{Facts, Source};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::docker_config::registry::RegistryKey;

/// Warnings about the registry keys of a Docker config. Other warnings are about logins, which are not used here.
const KEY_WARNINGS: [Code; 2] = [Code::RegistryAlias, Code::RegistryHardlyMatches];

/// The registries of the logins. No user name and no password is read, except in a whole Docker config.
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
                problems.push(suggest_registry_flag(problem));
                Vec::new()
            }
        },
        Source::DockerConfig(_) | Source::DockerConfigFile(_) => {
            let mut found = Vec::new();
            let facts = Facts { allow_short_lived: true, ..super::facts(environment) };
            let logins = source::read(source, environment, &facts, &Variables { hidden: None, used: &[] }, &mut found);
            let matters = |problem: &Diagnostic| problem.is_error() || KEY_WARNINGS.contains(&problem.code);
            problems.extend(found.into_iter().filter(matters).map(suggest_registry_flag));
            logins.into_iter().map(|login| login.registry).collect()
        }
    }
}

/// Adds to the hint for a missing variable that `--registry` needs none.
fn suggest_registry_flag(problem: Diagnostic) -> Diagnostic {
    if !is_missing_variable(&problem) {
        return problem;
    }
    let hint = problem.hint.as_deref().map_or(String::new(), |hint| format!("{hint}; "));
    problem.hint(format!("{hint}or name the registry, which needs no login: `--registry ghcr.io`"))
}
