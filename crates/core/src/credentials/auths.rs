//! Reads the `auths` of a Docker config as a kubelet reads them, and names everything a kubelet would trip over.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::doubles::{self, Written};
use super::entry::{self, Fate, Fault};
use super::json::Config;
use super::{Credential, broken, mistaken};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::docker_config::registry::{InvalidRegistry, RegistryKey, is_a_name_of_docker_hub};
use crate::names::listed;

/// A login that a credential helper knows.
pub struct Kept {
    /// The key of the entry.
    pub registry: RegistryKey,
    /// The key as written, which the helper is asked for.
    pub server: String,
    /// The name of the helper, after `docker-credential-`.
    pub helper: String,
}

/// The content of the Docker config in `json`: its logins, and the logins for which a credential helper must be asked. Unless `asks_helpers`,
/// these are left out with a warning. Problems of entries are added to `problems`.
#[expect(clippy::disallowed_methods, reason = "the JSON is read here")]
pub fn read(
    json: &SecretString,
    source: &str,
    asks_helpers: bool,
    problems: &mut Vec<Diagnostic>,
) -> (Vec<Credential>, Vec<Kept>) {
    let json = json.expose_secret();
    let config = match Config::parse(json) {
        Ok(config) => config,
        Err(None) => {
            problems.push(broken::not_an_object(json, source));
            return Default::default();
        }
        Err(Some((line, column))) => {
            problems.push(broken::invalid_json(json, source, line, column));
            return Default::default();
        }
    };
    if config.is_of_sops && config.auths.iter().any(|(_, entry)| entry::is_encrypted(entry)) {
        problems.push(mistaken::encrypted_by_sops(source));
        return Default::default();
    }
    let asks = asks_helpers && !config.cred_helpers.is_empty();
    if config.auths.is_empty() && !asks {
        problems.push(mistaken::without_auths(json, source));
        return Default::default();
    }
    entries(&config, source, asks_helpers, problems)
}

/// Reads user name and password from the answer of a credential helper; `None` if one of them is missing, or for an identity token.
pub fn login_of_helper(answer: &[u8]) -> Option<(SecretString, SecretString)> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        username: String,
        secret: String,
    }
    let Answer { username, secret } = serde_json::from_slice(answer).ok()?;
    let is_login = !matches!(username.as_str(), "" | "<token>") && !secret.is_empty();
    is_login.then(|| (username.into(), secret.into()))
}

/// Whether the Docker CLI keeps its own token under this key after a login by browser; it is no registry.
fn is_token_of_the_cli(key: &str) -> bool {
    let key = key.split_once("://").map_or(key, |(_, rest)| rest).trim_end_matches('/').to_ascii_lowercase();
    key.split_once('/').is_some_and(|(host, path)| {
        is_a_name_of_docker_hub(host) && ["v1/access-token", "v1/refresh-token"].contains(&path)
    })
}

fn entries(
    config: &Config,
    source: &str,
    asks_helpers: bool,
    problems: &mut Vec<Diagnostic>,
) -> (Vec<Credential>, Vec<Kept>) {
    let (mut written, mut kept, mut faults, mut found) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let has_only_tokens = config.auths.iter().all(|(key, _)| is_token_of_the_cli(key));
    if config.auths.iter().any(|(key, _)| is_token_of_the_cli(key)) {
        found.push(tokens_of_the_cli(source, has_only_tokens));
    }
    for (number, (text, entry)) in config.auths.iter().enumerate().filter(|(_, (key, _))| !is_token_of_the_cli(key)) {
        let key = match text.parse::<RegistryKey>() {
            Ok(key) => key,
            Err(_) if text == "auths" => {
                let message = format!("{source} has `auths` within `auths`");
                found.push(
                    Diagnostic::warning(Code::NoAuths, message)
                        .hint("take the inner object: {\"auths\": {\"ghcr.io\": {\"auth\": \"…\"}}}"),
                );
                continue;
            }
            Err(invalid) => {
                let message = format!(
                    "entry {} of `auths` in {source} {invalid}; it was left out, as no image matches it",
                    number + 1
                );
                found.push(Diagnostic::warning(Code::InvalidRegistry, message).hint(InvalidRegistry::hint()));
                continue;
            }
        };
        let helper = config.helper_of(text);
        let (registry, odd) = key.clone().canonical();
        found.extend(odd);
        match entry::login(entry, helper.is_some()) {
            Ok(entry::Login { username, password, email, odd }) => {
                found.extend(odd.iter().map(|fault| fault.explain(&registry, source, Fate::Used)));
                let login = Credential::from_one_source(registry, username, password, source);
                let login = Credential { email, ..login };
                written.push(Written { text, key, login });
            }
            Err(Fault::EmptyWithHelper) => kept.push((registry, text.clone(), helper)),
            Err(fault) => faults.push((fault, registry)),
        }
    }
    let logins = doubles::resolve(written, source, &mut found);
    for (server, helper) in &config.cred_helpers {
        let Ok(registry) = server.parse::<RegistryKey>() else { continue };
        let registry = registry.canonical().0;
        let is_same = |other: &RegistryKey| other.index() == registry.index();
        if !logins.iter().any(|login| is_same(&login.registry)) && !kept.iter().any(|(other, ..)| is_same(other)) {
            kept.push((registry, server.clone(), Some(helper.as_str())));
        }
    }
    if !asks_helpers && !kept.is_empty() {
        found.push(logins_in_helpers(kept.iter().map(|(registry, ..)| registry), source));
    }
    let asked: Vec<_> = kept
        .into_iter()
        .filter(|_| asks_helpers)
        .filter_map(|(registry, server, helper)| Some(Kept { registry, server, helper: helper?.to_owned() }))
        .collect();
    let is_alone = logins.is_empty() && asked.is_empty();
    let fate = if is_alone { Fate::NothingLeft } else { Fate::LeftOut };
    found.extend(faults.iter().map(|(fault, registry)| fault.explain(registry, source, fate)));
    // If no login is left, the entries that were left out are the reason.
    if is_alone && !found.iter().any(Diagnostic::is_error) {
        found
            .iter_mut()
            .filter(|problem| problem.code != Code::RegistryAlias)
            .filter(|problem| problem.severity != Severity::Note || has_only_tokens)
            .for_each(|problem| problem.severity = Severity::Error);
    }
    problems.extend(found);
    (logins, asked)
}

/// The note that the tokens of the Docker CLI were left out; if nothing else is there, also what to do.
fn tokens_of_the_cli(source: &str, is_all: bool) -> Diagnostic {
    let (verb, after) = if is_all { ("holds only", "") } else { ("also holds", ", which were left out") };
    let message = format!("{source} {verb} the Docker CLI's own tokens (`access-token`, `refresh-token`){after}");
    let problem = Diagnostic::note(Code::TokenOfTheCli, message);
    if !is_all {
        return problem;
    }
    problem.hint("make a personal access token at hub.docker.com, and name two variables: `--login dockerhub`")
}

/// A warning that names the registries whose logins are not in the Docker config.
fn logins_in_helpers<'a>(registries: impl Iterator<Item = &'a RegistryKey>, source: &str) -> Diagnostic {
    let names = listed(&registries.map(|registry| format!("`{registry}`")).collect::<Vec<_>>());
    Diagnostic::warning(
        Code::CredentialHelper,
        format!(
            "the logins of {source} for {names} are in a credential helper, which a kubelet ignores; they were left out"
        ),
    )
    .hint("`--credential-helpers` asks it; or name two variables: `--login HOST=USERVAR:PASSVAR`")
}

#[cfg(test)]
mod tests;
