//! Which logins: flags and regcred.yaml in, sources out. Names of variables are typed, never values.

use crate::cli::LoginArguments;
use crate::credentials::{DEFAULT_VARIABLE, NameSource, Source, presets};
use crate::environment::Environment;
use regcred_core::confine::{self, Allowed};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::docker_config::registry::{InvalidRegistry, RegistryKey};
use regcred_core::names::VariableName;

use super::file::{Login, UserName};
use regcred_core::nearest::one_slip_away;

/// Whether flags name any.
pub(super) fn are_typed(flags: &LoginArguments) -> bool {
    let LoginArguments { docker_config, docker_config_file, login, allow_short_lived: _, credential_helpers: _ } =
        flags;
    !(docker_config.is_empty() && docker_config_file.is_empty() && login.is_empty())
}

/// The sources that are named by flags, else by the file, else the default one.
pub fn sources(
    flags: Option<&LoginArguments>,
    file: &[Login],
    environment: &Environment,
    problems: &mut Vec<Diagnostic>,
) -> Vec<Source> {
    let nothing = LoginArguments::default();
    let flags = flags.unwrap_or(&nothing);
    let LoginArguments { docker_config, docker_config_file, login, allow_short_lived: _, credential_helpers: _ } =
        flags;
    let mut sources = Vec::new();
    for text in docker_config {
        sources.extend(variable(text, "`--docker-config`", environment, problems).map(Source::DockerConfig));
    }
    sources.extend(docker_config_file.iter().cloned().map(Source::DockerConfigFile));
    for text in login {
        sources.extend(typed_login(text, environment, problems));
    }
    if !are_typed(flags) {
        let allowed = allowed(environment).unwrap_or_else(|problem| {
            problems.push(problem);
            Allowed::default()
        });
        for (number, login) in file.iter().enumerate() {
            let place = format!("`logins`, item {} in regcred.yaml", number + 1);
            let source = written_login(login, &place, environment, problems);
            problems.extend(source.iter().flat_map(|source| allowed.check(source, &place)));
            sources.extend(source);
        }
        if file.is_empty() {
            sources.push(Source::DockerConfig(VariableName::known(DEFAULT_VARIABLE)));
        }
    }
    sources
}

/// What the file may name. A variable that is set and not text allows nothing.
fn allowed(environment: &Environment) -> Result<Allowed, Diagnostic> {
    let globs = |name| environment.setting(name).or(environment.is_set(name).then_some(""));
    Allowed::read(globs(confine::VARIABLES), globs(confine::REGISTRIES))
}

/// The name of a variable: never echoed unless it looks like one, as people type `$NAME` and the shell puts the value there.
fn variable(
    text: &str,
    place: &str,
    environment: &Environment,
    problems: &mut Vec<Diagnostic>,
) -> Option<VariableName> {
    let name = text
        .parse::<VariableName>()
        .ok()
        .filter(|name| environment.is_set(name.as_str()) || VariableName::looks_like_one(text));
    if name.is_none() {
        let path = environment.directory().join(text);
        problems.push(
            Diagnostic::error(
                Code::ValueForAName,
                format!("{place} takes the name of a variable, and what it got is none: perhaps `$NAME` was expanded"),
            )
            .hint(
                if place == "`--docker-config`"
                    && (path.extension().is_some_and(|extension| extension == "json") || path.is_file())
                {
                    "did you mean `--docker-config-file`?"
                } else {
                    "write NAME without the $, for example DOCKERHUB_AUTH; rotate the credential if it was printed"
                },
            ),
        );
    }
    name
}

fn typed_login(text: &str, environment: &Environment, problems: &mut Vec<Diagnostic>) -> Option<Source> {
    const PLACE: &str = "`--login`";
    let Some((host, names)) = text.split_once('=') else {
        let preset = presets::find(text);
        if preset.is_none() {
            problems.push(
                Diagnostic::error(
                    Code::UnknownPreset,
                    format!("{PLACE} is neither HOST=USERVAR:PASSVAR nor a preset{}", perhaps(text)),
                )
                .hint(format!("for example ghcr.io=GHCR_USER:GHCR_TOKEN; presets are {}", presets::names())),
            );
        }
        return preset.map(Source::Preset);
    };
    let registry = registry(host, PLACE, problems);
    let Some((username, password)) = names.split_once(':') else {
        problems.push(
            Diagnostic::error(Code::InvalidLogin, format!("{PLACE} names one variable, and a login needs two"))
                .hint("write HOST=USERVAR:PASSVAR, for example ghcr.io=GHCR_USER:GHCR_TOKEN"),
        );
        return None;
    };
    let username = variable(username, &format!("{PLACE}, before the colon,"), environment, problems);
    let password = variable(password, &format!("{PLACE}, after the colon,"), environment, problems);
    Some(Source::Login { registry: registry?, username: NameSource::Variable(username?), password: password? })
}

/// The preset that was meant, if one is near; what was typed is not repeated.
fn perhaps(text: &str) -> String {
    one_slip_away(text, presets::PRESETS.iter().map(|preset| preset.name))
        .or_else(|| presets::of_host(text).map(|preset| preset.name))
        .map_or(String::new(), |name| format!("; did you mean `{name}`?"))
}

fn written_login(
    login: &Login,
    place: &str,
    environment: &Environment,
    problems: &mut Vec<Diagnostic>,
) -> Option<Source> {
    match login {
        Login { docker_config: Some(name), preset: None, registry: None, username: None, password: None } => {
            variable(&name.env, place, environment, problems).map(Source::DockerConfig)
        }
        Login { docker_config: None, preset: Some(preset), registry: None, username: None, password: None } => {
            Some(Source::Preset(preset.preset()))
        }
        Login {
            docker_config: None,
            preset: None,
            registry: Some(host),
            username: Some(username),
            password: Some(password),
        } => {
            let registry = registry(host, place, problems);
            let username = match username {
                UserName { env: Some(name), value: None } => {
                    variable(name, place, environment, problems).map(NameSource::Variable)
                }
                UserName { env: None, value: Some(name) } => Some(NameSource::Literal(name.clone())),
                _ => {
                    problems.push(Diagnostic::error(
                        Code::InvalidLogin,
                        format!("{place}: `username` has either `env` or `value`"),
                    ));
                    None
                }
            };
            let password = variable(&password.env, place, environment, problems);
            Some(Source::Login { registry: registry?, username: username?, password: password? })
        }
        _ => {
            problems.push(
                Diagnostic::error(Code::InvalidLogin, format!("{place} is none of the three forms"))
                    .hint("give `dockerConfig`, or `preset`, or `registry` with `username` and `password`"),
            );
            None
        }
    }
}

pub(super) fn registry(text: &str, place: &str, problems: &mut Vec<Diagnostic>) -> Option<RegistryKey> {
    RegistryKey::typed(text)
        .map_err(|invalid| {
            problems.push(
                Diagnostic::error(Code::InvalidRegistry, format!("the host in {place} {invalid}"))
                    .hint(InvalidRegistry::hint()),
            );
        })
        .ok()
}
