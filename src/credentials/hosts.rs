//! The registries of a source, without its logins: a source and the environment in, the keys of its entries out.

use super::lifetime::ShortLived;
use super::{Source, from_preset};
use crate::docker_config::registry::RegistryKey;
use crate::environment::Environment;
use crate::problem::Problem;

/// Problems that are about keys of entries: the only ones that matter where no login is used.
const ABOUT_KEYS: [&str; 2] = ["registry-alias", "registry-hardly-matches"];

impl Source {
    /// The keys of the entries. No variable with a credential is read where the host is known without it.
    pub fn registries(&self, environment: &Environment, problems: &mut Vec<Problem>) -> Vec<RegistryKey> {
        let one = |registry: RegistryKey, problems: &mut Vec<Problem>| {
            let (registry, odd) = registry.canonical();
            problems.extend(odd);
            vec![registry]
        };
        match self {
            Self::Login { registry, .. } => one(registry.clone(), problems),
            Self::Preset(preset) => match from_preset::registry(preset, environment) {
                Ok(registry) => one(registry, problems),
                Err(problem) => {
                    problems.push(or_name_the_hosts(problem));
                    Vec::new()
                }
            },
            Self::DockerConfig(_) | Self::DockerConfigFile(_) => {
                let mut found = Vec::new();
                let logins = self.read(environment, ShortLived::Allow, &mut found);
                let matters = |problem: &Problem| problem.is_error() || ABOUT_KEYS.contains(&problem.code);
                problems.extend(found.into_iter().filter(matters).map(or_name_the_hosts));
                logins.into_iter().map(|login| login.registry).collect()
            }
        }
    }
}

fn or_name_the_hosts(problem: Problem) -> Problem {
    if !matches!(problem.code, "variable-unset" | "variable-empty") {
        return problem;
    }
    let hint = problem.hint.as_deref().map_or(String::new(), |hint| format!("{hint}; "));
    problem.hint(format!("{hint}or name the hosts, no credential is needed: `--registry ghcr.io`"))
}
