//! Logins: the sources that were named and the environment in, one checked login a registry out.

mod auths;
mod decode;
mod helmfile;
pub mod lifetime;
pub mod presets;

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::docker_config::registry::RegistryKey;
use crate::environment::{Environment, Reading};
use crate::names::VariableName;
use crate::problem::Problem;
use lifetime::ShortLived;
use presets::{Host, Preset, UserName};

/// The variable that is read when nothing is named.
pub const DEFAULT_VARIABLE: &str = "DOCKERHUB_AUTH";
const OTHER_VARIABLE: &str = "DOCKER_AUTH_CONFIG";

/// Where logins come from: names of variables and files, never values.
#[derive(Clone, Debug)]
pub enum Source {
    /// A variable that holds a whole Docker config, or the path of one.
    DockerConfig(VariableName),
    /// A file that holds a whole Docker config.
    DockerConfigFile(PathBuf),
    /// A registry with its user name and the variable of its password.
    Login {
        /// The key of the entry.
        registry: RegistryKey,
        /// Its user name.
        username: NameSource,
        /// The variable of its password.
        password: VariableName,
    },
    /// A registry with a name of its own.
    Preset(&'static Preset),
}

/// Where a user name comes from.
#[derive(Clone, Debug)]
pub enum NameSource {
    /// A variable.
    Variable(VariableName),
    /// It stands in regcred.yaml: so it is no secret.
    Literal(String),
}

/// One login for one registry.
#[derive(Clone)]
pub struct Credential {
    /// The key of its entry.
    pub registry: RegistryKey,
    /// The user name; it may be a token.
    pub username: SecretString,
    /// The password.
    pub password: SecretString,
    /// The address, where a Docker config has one.
    pub email: Option<String>,
    /// Where it was read, in backticks.
    pub source: String,
    /// Where its user name was read, in backticks.
    pub username_source: String,
    /// Whether the user name is known to be no secret.
    pub public_username: bool,
}

/// The logins of each pull secret, in the order of the settings.
pub struct Credentials {
    /// One list a pull secret.
    pub logins: Vec<Vec<Credential>>,
    /// All that is wrong with any of them, together.
    pub problems: Vec<Problem>,
}

impl Credentials {
    /// Reads every source of every pull secret.
    pub fn read<'a>(
        pull_secrets: impl Iterator<Item = &'a [Source]>,
        environment: &Environment,
        short_lived: ShortLived,
    ) -> Self {
        let mut problems = Vec::new();
        let logins = pull_secrets
            .map(|sources| {
                sources.iter().flat_map(|source| source.read(environment, short_lived, &mut problems)).collect()
            })
            .collect();
        Self { logins, problems }
    }
}

/// A variable that a source reads, for `verify --list`.
pub struct Variable {
    /// Its name.
    pub name: VariableName,
    /// What it is for.
    pub purpose: String,
    /// Whether the login is incomplete without it.
    pub need: Need,
}

/// Whether a variable must be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// It must.
    Required,
    /// It, or another for the same purpose: the first that is set is read.
    OneOfSeveral,
    /// It may: there is a default.
    Optional,
}

impl Source {
    /// The variables this source may read, in order of preference.
    #[must_use]
    pub fn variables(&self) -> Vec<Variable> {
        let one = |name: &VariableName, purpose: String| Variable { name: name.clone(), purpose, need: Need::Required };
        match self {
            Self::DockerConfig(name) => vec![one(name, "a whole Docker config".into())],
            Self::DockerConfigFile(_) => Vec::new(),
            Self::Login { registry, username, password } => {
                let mut variables = Vec::new();
                if let NameSource::Variable(name) = username {
                    variables.push(one(name, format!("the user name for {registry}")));
                }
                variables.push(one(password, format!("the password for {registry}")));
                variables
            }
            Self::Preset(preset) => preset_variables(preset),
        }
    }

    fn read(&self, environment: &Environment, short_lived: ShortLived, problems: &mut Vec<Problem>) -> Vec<Credential> {
        let found = match self {
            Self::DockerConfig(name) => value(name, "a whole Docker config", environment)
                .and_then(|text| {
                    let source = format!("`{name}`");
                    decode::docker_config(&text, &source, problems).map(|json| auths::read(&json, &source, problems))
                })
                .map_err(|problem| offer_the_other_variable(problem, name, environment)),
            Self::DockerConfigFile(path) => {
                let (typed, path) = (path, environment.directory().join(path));
                // What was typed is repeated only where it is known to be a path: it might be a password.
                let source = if path.exists() {
                    format!("`--docker-config-file {}`", typed.display())
                } else {
                    "`--docker-config-file`".to_owned()
                };
                decode::file(&path, &source)
                    .and_then(|text| decode::docker_config(&text, &source, problems))
                    .map(|json| auths::read(&json, &source, problems))
            }
            Self::Login { registry, username, password } => {
                let (registry, odd) = registry.clone().canonical();
                problems.extend(odd);
                login(registry, username, password, environment, problems)
            }
            Self::Preset(preset) => preset_login(preset, environment, problems),
        };
        let logins = found.unwrap_or_else(|problem| {
            problems.push(problem);
            Vec::new()
        });
        logins.into_iter().map(|login| checked(login, environment, short_lived, problems)).collect()
    }
}

fn value(name: &VariableName, purpose: &str, environment: &Environment) -> Result<SecretString, Problem> {
    let problem = |code, what: &str| {
        Problem::error(code, format!("`{name}` {what}: it should hold {purpose}"))
            .hint(environment.ci().how_to_set(name))
    };
    match environment.read(name) {
        Reading::Value(text) => Ok(text),
        Reading::Unset => Err(problem("variable-unset", "is not set")),
        Reading::Empty => Err(problem("variable-empty", "is set, but empty")),
        Reading::NotUnicode => Err(Problem::error("not-utf-8", format!("`{name}` is not UTF-8 text"))
            .hint("encode it as base64, or save it as UTF-8")),
    }
}

fn offer_the_other_variable(problem: Problem, name: &VariableName, environment: &Environment) -> Problem {
    if name.as_str() == DEFAULT_VARIABLE && !environment.is_set(DEFAULT_VARIABLE) && environment.is_set(OTHER_VARIABLE)
    {
        return problem.hint(format!("`{OTHER_VARIABLE}` is set: use it with `--docker-config {OTHER_VARIABLE}`"));
    }
    problem
}

/// A value of a login's variable: the content of the file when it is the path of one, as GitLab's File variables are.
#[expect(clippy::disallowed_methods, reason = "a path is looked for in the value")]
fn value_or_file(name: &VariableName, purpose: &str, environment: &Environment) -> Result<SecretString, Problem> {
    let text = value(name, purpose, environment)?;
    let path = Path::new(text.expose_secret());
    if path.is_absolute() && path.is_file() { decode::file(path, &format!("`{name}`")) } else { Ok(text) }
}

fn login(
    registry: RegistryKey,
    username: &NameSource,
    password: &VariableName,
    environment: &Environment,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Credential>, Problem> {
    let username_source = match username {
        NameSource::Literal(_) => format!("`{password}`"),
        NameSource::Variable(name) => format!("`{name}`"),
    };
    let (name, public_username) = match username {
        NameSource::Literal(name) => (Ok(name.as_str().into()), true),
        NameSource::Variable(name) => {
            (value_or_file(name, &format!("the user name for {registry}"), environment), false)
        }
    };
    let secret = value_or_file(password, &format!("the password for {registry}"), environment);
    match (name, secret) {
        (Ok(username), Ok(secret)) => Ok(vec![Credential {
            registry,
            username,
            password: secret,
            email: None,
            source: format!("`{password}`"),
            username_source,
            public_username,
        }]),
        (Err(one), Err(other)) => {
            problems.push(one);
            Err(other)
        }
        (Err(problem), _) | (_, Err(problem)) => Err(problem),
    }
}

fn preset_login(
    preset: &Preset,
    environment: &Environment,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Credential>, Problem> {
    let first = |names: &'static [&'static str], what: &str| {
        let found = names.iter().find(|name| environment.is_set(name));
        found.map(|name| VariableName::known(name)).ok_or_else(|| {
            let list = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let (verb, one_of) = if names.len() == 1 { ("is not set", "") } else { ("are not set", "one of them ") };
            Problem::error(
                "variable-unset",
                format!("{list} {verb}: {one_of}should hold {what} for `--login {}`", preset.name),
            )
            .hint(environment.ci().how_to_set(&VariableName::known(names[0])))
        })
    };
    let host = match preset.host {
        Host::Fixed(host) => Ok(host.to_owned()),
        Host::Variable(names, default) => match (first(names, "the registry's host"), default) {
            (Ok(name), _) => value(&name, "the registry's host", environment).map(|host| trimmed(&host)),
            (Err(_), Some(default)) => Ok(default.to_owned()),
            (Err(problem), None) => Err(problem),
        },
    };
    let registry = host.and_then(|host| {
        RegistryKey::typed(&host).map_err(|invalid| {
            Problem::error("invalid-registry", format!("the host for `--login {}` {invalid}", preset.name))
                .hint(crate::docker_config::registry::InvalidRegistry::hint())
        })
    });
    let username = match preset.username {
        UserName::Fixed(name) => Ok(NameSource::Literal(name.to_owned())),
        UserName::Variable(names) => first(names, "the user name").map(NameSource::Variable),
    };
    let password = first(preset.password, "the password");
    match (registry, username, password) {
        (Ok(registry), Ok(username), Ok(password)) => {
            let (registry, odd) = registry.canonical();
            problems.extend(odd);
            login(registry, &username, &password, environment, problems)
        }
        (registry, username, password) => {
            problems.extend(registry.err());
            problems.extend(username.err());
            problems.extend(password.err());
            Ok(Vec::new())
        }
    }
}

/// A host is no secret.
#[expect(clippy::disallowed_methods, reason = "a variable of ours, for a host")]
fn trimmed(host: &SecretString) -> String {
    host.expose_secret().trim().to_owned()
}

fn preset_variables(preset: &Preset) -> Vec<Variable> {
    let all = |names: &'static [&'static str], what: &str, default: Option<&str>| {
        let need = match (names, default) {
            (_, Some(_)) => Need::Optional,
            ([_], None) => Need::Required,
            (_, None) => Need::OneOfSeveral,
        };
        let purpose = format!("{what} for {}", preset.name);
        names
            .iter()
            .map(|name| Variable { name: VariableName::known(name), purpose: purpose.clone(), need })
            .collect::<Vec<_>>()
    };
    let mut variables = match preset.host {
        Host::Fixed(_) => Vec::new(),
        Host::Variable(names, default) => all(names, "the host", default),
    };
    if let UserName::Variable(names) = preset.username {
        variables.extend(all(names, "the user name", None));
    }
    variables.extend(all(preset.password, "the password", None));
    variables
}

/// The login without line ends at the edges, with everything that is wrong about it said.
#[expect(clippy::disallowed_methods, reason = "user name and password are looked at")]
fn checked(
    mut login: Credential,
    environment: &Environment,
    short_lived: ShortLived,
    problems: &mut Vec<Problem>,
) -> Credential {
    let (source, username_source, registry) =
        (login.source.clone(), login.username_source.clone(), login.registry.clone());
    let fields = [(&mut login.username, "user name", &username_source), (&mut login.password, "password", &source)];
    for (field, what, source) in fields {
        let bare = field.expose_secret().trim_end_matches(['\r', '\n']).to_owned();
        if bare.len() < field.expose_secret().len() {
            *field = bare.into();
            problems.push(
                Problem::warning(
                    "trailing-newline",
                    format!("the {what} for `{registry}` in {source} ended in a line end, which was removed"),
                )
                .hint("set it with `printf '%s'`, not `echo`")
                .about(&registry),
            );
        }
    }
    let (username, password) = (login.username.expose_secret(), login.password.expose_secret());
    let mut refuse = |code, what: &str, source: &str, fault: &str, hint: &str| {
        let message = format!("the {what} for `{registry}` in {source} {fault}");
        problems.push(Problem::error(code, message).hint(hint).about(&registry));
    };
    if username.is_empty() {
        refuse("no-username", "user name", &username_source, "is empty", "set it");
    }
    if password.is_empty() {
        refuse("no-password", "password", &source, "is empty", "set it");
    }
    if username.contains(':') {
        refuse(
            "username-with-colon",
            "user name",
            &username_source,
            "has a colon",
            "in `auth` the first colon ends the user name: no registry can take it",
        );
    }
    if username.chars().any(char::is_control) {
        refuse(
            "username-with-control-character",
            "user name",
            &username_source,
            "has a control character",
            "set it without line ends or tabs in it",
        );
    }
    let email = login.email.as_deref().unwrap_or_default();
    if [username, password, email, registry.as_str()].into_iter().any(helmfile::evaluates) {
        refuse("helmfile-reference", "login", &source, helmfile::FAULT, helmfile::HINT);
    }
    if (username == "robot" || username.starts_with("robot+")) && registry.host() != "quay.io" {
        let hint = environment.ci().how_to_keep_a_dollar();
        problems.push(
            Problem::warning("dollar-expanded", format!("the user name for `{registry}` in {username_source} begins with `robot`: a `$` and what followed was probably expanded away"))
                .hint(hint)
                .about(&registry),
        );
    }
    if registry.host() == "ghcr.io" && password.starts_with("github_pat_") {
        problems.push(
            Problem::warning(
                "fine-grained-token",
                format!("{source} is a fine-grained token, with which ghcr.io does not let images be pulled"),
            )
            .hint("use a classic token with read:packages")
            .about(&registry),
        );
    }
    problems.extend(lifetime::check(&login, environment, short_lived));
    login
}

impl crate::docker_config::kubelet::Entry for Credential {
    fn key(&self) -> &RegistryKey {
        &self.registry
    }
}

impl Credential {
    /// Whether both are the same user name and password.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "compares, and lets nothing out")]
    pub fn is_same_login(&self, other: &Self) -> bool {
        self.username.expose_secret() == other.username.expose_secret()
            && self.password.expose_secret() == other.password.expose_secret()
    }

    /// The user name, unless it might be a token: lower-case words with few digits are names, long mixtures are not.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "shown only when it is known to be a name")]
    pub fn username_if_public(&self) -> Option<String> {
        let name = self.username.expose_secret();
        let word = |word: &str| {
            let digits = word.bytes().filter(u8::is_ascii_digit).count();
            let lower = word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
            lower && word.len() <= 16 && (digits == word.len() || digits <= 3)
        };
        let plain = name.len() <= 40 && name.split(['.', '_', '+', '$', '@', '-']).all(word);
        let known = ["AWS", "_json_key", "_json_key_base64"].contains(&name);
        (self.public_username || plain || known).then(|| name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)], sources: &[Source]) -> Result<(usize, Vec<&'static str>), Vec<&'static str>> {
        let environment = Environment::new(variables.iter().copied(), PathBuf::from("/"));
        let credentials = Credentials::read(std::iter::once(sources), &environment, ShortLived::Refuse);
        let codes = credentials.problems.iter().map(|problem| problem.code).collect();
        if credentials.problems.iter().any(Problem::is_error) {
            Err(codes)
        } else {
            Ok((credentials.logins[0].len(), codes))
        }
    }

    fn two(registry: &str) -> [Source; 1] {
        let (username, password) = (NameSource::Variable("U".parse().unwrap()), "P".parse().unwrap());
        [Source::Login { registry: registry.parse().unwrap(), username, password }]
    }

    #[test]
    fn every_problem_is_said_at_once() {
        assert_eq!(read(&[], &two("ghcr.io")), Err(vec!["variable-unset", "variable-unset"]));
        assert_eq!(read(&[("U", ""), ("P", "x")], &two("ghcr.io")), Err(vec!["variable-empty"]));
    }

    #[test]
    fn a_login_is_looked_at_for_what_usually_goes_wrong() {
        for (registry, username, password, expected) in [
            ("ghcr.io", "u", "p\n", Ok((1, vec!["trailing-newline"]))),
            ("ghcr.io", "u:v", "p", Err(vec!["username-with-colon"])),
            ("ghcr.io", "u\tv", "p", Err(vec!["username-with-control-character"])),
            ("ghcr.io", "u", "\n", Err(vec!["trailing-newline", "no-password"])),
            ("ghcr.io", "u", "ref+exec://sh", Err(vec!["helmfile-reference"])),
            ("harbor.test", "robot+ci", "p", Ok((1, vec!["dollar-expanded"]))),
            ("quay.io", "robot+ci", "p", Ok((1, vec![]))),
            ("ghcr.io", "u", "github_pat_x", Ok((1, vec!["fine-grained-token"]))),
            ("hub.docker.com", "u", "p", Ok((1, vec!["registry-alias"]))),
        ] {
            assert_eq!(read(&[("U", username), ("P", password)], &two(registry)), expected, "{registry} {username}");
        }
    }

    #[test]
    fn a_preset_takes_the_first_variable_that_is_set() {
        let sources = [Source::Preset(presets::find("ghcr").unwrap())];
        assert_eq!(read(&[("GHCR_USERNAME", "u"), ("CR_PAT", "p")], &sources), Ok((1, vec![])));
        assert_eq!(read(&[("GHCR_USERNAME", "u")], &sources), Err(vec!["variable-unset"]));
    }

    #[test]
    fn a_user_name_is_shown_only_when_it_is_plainly_a_name() {
        for (name, shown) in [
            ("acme-bot", true),
            ("robot$ci", true),
            ("gitlab+deploy-token-123456", true),
            ("_json_key", true),
            ("00000000-0000-0000-0000-000000000000", true),
            ("3f2a9c1e-77ab-4cde-9f00-1a2b3c4d5e6f", false),
            ("ghp_A1b2C3d4E5f6", false),
            ("glpat-x7Yz", false),
            ("a1b2c3d4e5f6a7b8", false),
        ] {
            let login = Credential {
                registry: "ghcr.io".parse().unwrap(),
                username: name.into(),
                password: "p".into(),
                email: None,
                source: String::new(),
                username_source: String::new(),
                public_username: false,
            };
            assert_eq!(login.username_if_public().is_some(), shown, "{name}");
        }
    }
}
