//! Checks the logins of mounted Secrets with the same rules as the logins of variables.

use secrecy::SecretString;

use crate::environment::Environment;
use regcred_core::credentials::auths;
use regcred_core::credentials::decode::{self, Place};
use regcred_core::credentials::{Credential, Facts, checked};
use regcred_core::diagnostic::Diagnostic;
use regcred_core::docker_config::registry::RegistryKey;

/// The facts for mounted logins. A short-lived one only gets a warning: an operator may refresh the mounted Secret.
fn facts(environment: &Environment) -> Facts<'static> {
    Facts { allow_short_lived: true, ..super::facts(environment) }
}

/// The checked logins of a whole Docker config; their problems are added to `problems`.
pub fn docker_config(
    text: &SecretString,
    source: &str,
    environment: &Environment,
    problems: &mut Vec<Diagnostic>,
) -> Vec<Credential> {
    match decode::docker_config(text, source, Place::Variable, problems) {
        Ok(json) => {
            let facts = facts(environment);
            let (logins, _) = auths::read(&json, source, false, problems);
            logins.into_iter().map(|login| checked(login, &facts, problems)).collect()
        }
        Err(problem) => {
            problems.push(problem);
            Vec::new()
        }
    }
}

/// A login for one registry.
pub struct Login<'a> {
    pub registry: &'a RegistryKey,
    pub username: SecretString,
    /// Where the user name is mounted; `None` if regcred.yaml holds the user name itself, which is then not secret.
    pub username_source: Option<String>,
    pub password: SecretString,
}

impl Login<'_> {
    /// The checked login; its problems are added to `problems`.
    pub fn checked(self, source: &str, environment: &Environment, problems: &mut Vec<Diagnostic>) -> Credential {
        let (registry, odd) = self.registry.clone().canonical();
        problems.extend(odd);
        let login = Credential {
            registry,
            username: self.username,
            password: self.password,
            email: None,
            source: source.to_owned(),
            public_username: self.username_source.is_none(),
            username_source: self.username_source.unwrap_or_else(|| source.to_owned()),
            is_one_of_several: false,
        };
        checked(login, &facts(environment), problems)
    }
}
