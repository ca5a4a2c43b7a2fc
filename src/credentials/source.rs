//! Reads the logins of a source from its variables and files.

use secrecy::{ExposeSecret, SecretString};

use super::file::{self, Named};
use super::value::Wanted;
use super::{from_preset, helper};
use crate::environment::{Ci, Environment};
use regcred_core::credentials::auths;
use regcred_core::credentials::decode::{self, Place};
use regcred_core::credentials::presets::{PRESETS, Preset, UserName};
use regcred_core::credentials::{Credential, DEFAULT_VARIABLE, Facts, NameSource, OTHER_VARIABLE, Source, checked};
use regcred_core::credentials::{decoded_key, is_ngc};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::docker_config::registry::RegistryKey;
use regcred_core::names::VariableName;

/// Variables that concern every source.
pub(super) struct Variables<'a> {
    /// The variables that a credential helper must not get; `None` if no helper is asked.
    pub hidden: Option<&'a [VariableName]>,
    /// The variables that the sources of this run use.
    pub used: &'a [VariableName],
}

/// The checked logins of a source; problems are added to `problems`.
pub(super) fn read(
    source: &Source,
    environment: &Environment,
    facts: &Facts<'_>,
    variables: &Variables<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Vec<Credential> {
    let entries = |json: &SecretString, source: &str, problems: &mut Vec<Diagnostic>| {
        let (mut logins, kept) = auths::read(json, source, variables.hidden.is_some(), problems);
        for kept in kept {
            match helper::ask(kept, source, variables.hidden.unwrap_or_default(), environment) {
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
            .map_err(|problem| suggest_another_variable(problem, name, variables.used, environment)),
        Source::DockerConfigFile(path) => {
            let (typed, path) = (path, environment.directory().join(path));
            // The text may be a password by mistake, so a message repeats it only if it is the path of a file.
            let shown = if path.exists() { format!(" {}", typed.display()) } else { String::new() };
            let source = format!("`--docker-config-file{shown}`");
            file::read(&path, &source, Named::ByFlag)
                .and_then(|text| decode::docker_config(&text, &source, Place::File, problems))
                .map(|json| entries(&json, &source, problems))
        }
        Source::Login { registry, username, password } => {
            login(registry.clone(), username, password, None, environment, problems)
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
#[expect(clippy::disallowed_methods, reason = "the value may be the path of a file")]
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

/// Suggests a variable of another login if `name` is the default variable and not set, and the other variable is set but not used. A merge
/// request gets no suggestion: the default variable may be protected, and then it is missing only there.
fn suggest_another_variable(
    problem: Diagnostic,
    name: &VariableName,
    used: &[VariableName],
    environment: &Environment,
) -> Diagnostic {
    let is_merge_request = matches!(environment.ci(), Ci::GitLabMergeRequest | Ci::GitHubPullRequest);
    if is_merge_request || name.as_str() != DEFAULT_VARIABLE || environment.is_set(DEFAULT_VARIABLE) {
        return problem;
    }
    let is_unused = |name: &str| environment.is_set(name) && used.iter().all(|used| used.as_str() != name);
    if is_unused(OTHER_VARIABLE) {
        return problem.hint(format!("`{OTHER_VARIABLE}` is set: use it with `--docker-config {OTHER_VARIABLE}`"));
    }
    let password = |preset: &Preset| Some((preset.name, *preset.password.iter().find(|name| is_unused(name))?));
    let Some((preset, password)) = PRESETS.iter().find_map(password) else { return problem };
    problem.hint(format!("`{password}` is set: if you mean that login, use `--login {preset}`, or `- preset: {preset}` under `logins` in regcred.yaml"))
}

/// The login of a registry. Its password is in a variable; its user name is in a variable or is given literally.
pub(super) fn login(
    registry: RegistryKey,
    username: &NameSource,
    password: &VariableName,
    preset: Option<&'static Preset>,
    environment: &Environment,
    problems: &mut Vec<Diagnostic>,
) -> Result<Vec<Credential>, Diagnostic> {
    let (registry, odd) = registry.canonical();
    problems.extend(odd);
    let mut read = |name, what| {
        Wanted { name, purpose: format!("the {what} for {registry}"), preset }.value_or_file(environment, problems)
    };
    let (name, username_source, public_username) = match username {
        NameSource::Literal(name) => (Ok(name.as_str().into()), password, true),
        NameSource::Variable(name) => {
            let value = read(name, "user name");
            (value.map_err(|problem| explain_expanded_dollar(problem, &registry, environment)), name, false)
        }
    };
    let is_key = matches!(preset, Some(Preset { username: UserName::Fixed("_json_key"), .. }));
    let secret = read(password, "password").map(|secret| if is_key { decode_key(secret) } else { secret });
    match (name, secret) {
        (Ok(username), Ok(secret)) => Ok(vec![Credential {
            registry,
            username,
            password: secret,
            email: None,
            source: format!("`{password}`"),
            username_source: format!("`{username_source}`"),
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

/// Explains an empty user name for NGC: its only user name is `$oauthtoken`, which the CI or a shell probably expanded to nothing.
fn explain_expanded_dollar(problem: Diagnostic, registry: &RegistryKey, environment: &Environment) -> Diagnostic {
    if problem.code != Code::VariableEmpty || !is_ngc(registry) {
        return problem;
    }
    let message = format!("{}; `$oauthtoken` was probably expanded away", problem.message);
    Diagnostic { message, ..problem }.hint(environment.ci().how_to_keep_a_dollar())
}

/// The JSON of a key, also if the variable holds it in base64, the only form that GitLab can mask.
#[expect(clippy::disallowed_methods, reason = "the value may be a key in base64")]
fn decode_key(secret: SecretString) -> SecretString {
    decoded_key(secret.expose_secret()).map_or(secret, SecretString::from)
}
