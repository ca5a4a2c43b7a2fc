//! Reads the variables and files of a login.

use secrecy::{ExposeSecret, SecretString};

use super::file::{self, Named};
use super::value::Wanted;
use super::{from_preset, helper};
use crate::environment::{Ci, Environment};
use regcred_core::credentials::auths::{self, Helpers};
use regcred_core::credentials::decode::{self, Place};
use regcred_core::credentials::presets::{PRESETS, Preset, UserName};
use regcred_core::credentials::{Credential, DEFAULT_VARIABLE, Facts, NameSource, OTHER_VARIABLE, Source, checked};
use regcred_core::credentials::{decoded_key, is_ngc};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::docker_config::registry::RegistryKey;
use regcred_core::names::VariableName;

/// The checked logins of a source; problems are added to `problems`. Credential helpers are asked only if `asking` is given: it lists the
/// variables that the helpers must not get. `used` are the variables of all sources.
pub(super) fn read(
    source: &Source,
    environment: &Environment,
    facts: &Facts<'_>,
    (asking, used): (Option<&[VariableName]>, &[VariableName]),
    problems: &mut Vec<Diagnostic>,
) -> Vec<Credential> {
    let entries = |json: &SecretString, source: &str, problems: &mut Vec<Diagnostic>| {
        let helpers = if asking.is_some() { Helpers::Ask } else { Helpers::Leave };
        let (mut logins, kept) = auths::read(json, source, helpers, problems);
        for kept in kept {
            match helper::ask(kept, source, asking.unwrap_or_default(), environment) {
                Ok(login) => logins.push(login),
                Err(problem) => problems.push(problem),
            }
        }
        logins
    };
    let found = match source {
        Source::DockerConfig(name) => Wanted { name, purpose: "a whole Docker config".into(), preset: None }
            .value(environment)
            .and_then(|text| {
                let source = format!("`{name}`");
                docker_config(&text, &source, problems).map(|json| entries(&json, &source, problems))
            })
            .map_err(|problem| offer_another(problem, name, used, environment)),
        Source::DockerConfigFile(path) => {
            let (typed, path) = (path, environment.directory().join(path));
            // The text is repeated only if it is known to be a path: it might be a password.
            let source = if path.exists() {
                format!("`--docker-config-file {}`", typed.display())
            } else {
                "`--docker-config-file`".to_owned()
            };
            file::read(&path, &source, Named::ByFlag)
                .and_then(|text| decode::docker_config(&text, &source, Place::File, problems))
                .map(|json| entries(&json, &source, problems))
        }
        Source::Login { registry, username, password } => {
            let (registry, odd) = registry.clone().canonical();
            problems.extend(odd);
            login(registry, username, password, None, environment, problems)
        }
        Source::Preset(preset) => from_preset::login(preset, environment, problems),
    };
    let logins = found.unwrap_or_else(|problem| {
        problems.push(problem);
        Vec::new()
    });
    logins.into_iter().map(|login| checked(login, facts, problems)).collect()
}

/// The JSON of the Docker config in a variable, or in the file that the variable names.
#[expect(clippy::disallowed_methods, reason = "a path is looked for in the value")]
fn docker_config(
    value: &SecretString,
    source: &str,
    problems: &mut Vec<Diagnostic>,
) -> Result<SecretString, Diagnostic> {
    match file::named_by(value.expose_secret().trim(), source)? {
        Some(content) => decode::docker_config(&content, source, Place::File, problems),
        None => decode::docker_config(value, source, Place::Variable, problems),
    }
}

/// Suggests another variable if the default one is not set, but a known one holds a login that no source uses.
fn offer_another(
    problem: Diagnostic,
    name: &VariableName,
    used: &[VariableName],
    environment: &Environment,
) -> Diagnostic {
    let is_for_merges = matches!(environment.ci(), Ci::GitLabMergeRequest | Ci::GitHubPullRequest);
    if is_for_merges || name.as_str() != DEFAULT_VARIABLE || environment.is_set(DEFAULT_VARIABLE) {
        return problem;
    }
    let is_free = |name: &str| environment.is_set(name) && used.iter().all(|used| used.as_str() != name);
    if is_free(OTHER_VARIABLE) {
        return problem.hint(format!("`{OTHER_VARIABLE}` is set: use it with `--docker-config {OTHER_VARIABLE}`"));
    }
    let is_set = |preset: &&Preset| preset.password.iter().any(|name| is_free(name));
    let Some(Preset { name, .. }) = PRESETS.iter().find(is_set) else { return problem };
    problem.hint(format!("the variables of `--login {name}` are set: if you mean that login, use `--login {name}`"))
}

/// The login of a registry whose user name and password are in these variables.
pub(super) fn login(
    registry: RegistryKey,
    username: &NameSource,
    password: &VariableName,
    preset: Option<&'static Preset>,
    environment: &Environment,
    problems: &mut Vec<Diagnostic>,
) -> Result<Vec<Credential>, Diagnostic> {
    let username_source = match username {
        NameSource::Literal(_) => format!("`{password}`"),
        NameSource::Variable(name) => format!("`{name}`"),
    };
    let mut read = |name, what| {
        Wanted { name, purpose: format!("the {what} for {registry}"), preset }.value_or_file(environment, problems)
    };
    let (name, public_username) = match username {
        NameSource::Literal(name) => (Ok(name.as_str().into()), true),
        NameSource::Variable(name) => {
            (read(name, "user name").map_err(|problem| or_expanded_away(problem, &registry, environment)), false)
        }
    };
    let is_key = matches!(preset, Some(Preset { username: UserName::Fixed("_json_key"), .. }));
    let secret = read(password, "password").map(|secret| if is_key { decoded(secret) } else { secret });
    match (name, secret) {
        (Ok(username), Ok(secret)) => Ok(vec![Credential {
            registry,
            username,
            password: secret,
            email: None,
            source: format!("`{password}`"),
            username_source,
            public_username,
            is_one_of_several: false,
        }]),
        (Err(one), Err(other)) => {
            problems.push(one);
            Err(other)
        }
        (Err(problem), _) | (_, Err(problem)) => Err(problem),
    }
}

/// Adds to the problem of an empty variable that the user name of NGC begins with a `$`, which was probably expanded.
fn or_expanded_away(problem: Diagnostic, registry: &RegistryKey, environment: &Environment) -> Diagnostic {
    if problem.code != Code::VariableEmpty || !is_ngc(registry) {
        return problem;
    }
    let message = format!("{}; `$oauthtoken` was probably expanded away", problem.message);
    Diagnostic { message, ..problem }.hint(environment.ci().how_to_keep_a_dollar())
}

/// The JSON of a key in base64, the only form that GitLab can mask.
#[expect(clippy::disallowed_methods, reason = "a key is looked for in the value")]
fn decoded(secret: SecretString) -> SecretString {
    decoded_key(secret.expose_secret()).map_or(secret, SecretString::from)
}
