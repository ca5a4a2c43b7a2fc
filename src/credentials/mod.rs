//! Logins: the sources that were named and the environment in, one checked login a registry out.

mod auths;
mod check;
mod decode;
mod file;
mod from_preset;
mod google;
mod helmfile;
mod hosts;
pub mod lifetime;
mod mistaken;
mod pairs;
mod placeholder;
pub mod presets;
mod source;
mod value;

use std::collections::HashMap;

use secrecy::{ExposeSecret, SecretString};

use crate::docker_config::registry::RegistryKey;
use crate::environment::Environment;
use crate::problem::Problem;
use lifetime::ShortLived;

pub use source::{DEFAULT_VARIABLE, NameSource, Need, OTHER_VARIABLE, Source, Variable};

/// Whether a text only stands for a value: a mask, or a variable that was not expanded.
#[must_use]
pub fn is_a_placeholder(text: &str) -> bool {
    placeholder::Placeholder::of(text).is_some()
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

/// What the sources hold: each was read once, however many pull secrets it is for.
pub struct Credentials<'a> {
    read: HashMap<&'a Source, (Vec<Credential>, Vec<Problem>)>,
}

impl<'a> Credentials<'a> {
    /// Reads every source.
    pub fn read(sources: impl Iterator<Item = &'a Source>, environment: &Environment, short_lived: ShortLived) -> Self {
        let mut read = HashMap::new();
        for source in sources {
            read.entry(source).or_insert_with(|| {
                let mut problems = Vec::new();
                (source.read(environment, short_lived, &mut problems), problems)
            });
        }
        Self { read }
    }

    /// The logins of a pull secret with these sources; what is wrong with them is added to `problems`.
    pub fn of(&self, sources: &[Source], problems: &mut Vec<Problem>) -> Vec<Credential> {
        let found = sources.iter().filter_map(|source| self.read.get(source));
        found
            .flat_map(|(logins, wrong)| {
                problems.extend_from_slice(wrong);
                logins.iter().cloned()
            })
            .collect()
    }
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

    /// Whether this is its user name.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "compares, and lets nothing out")]
    pub fn is_of(&self, username: &str) -> bool {
        self.username.expose_secret() == username
    }

    /// The user name where it is known to be no secret: it stands in regcred.yaml, or a registry gives it to everybody,
    /// or it has the form of a robot's or deploy token's name.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "shown only when it is known to be a name")]
    pub fn username_if_public(&self) -> Option<String> {
        let name = self.username.expose_secret();
        (self.public_username || is_public_username(name)).then(|| name.to_owned())
    }
}

/// Whether this user name is known to be no secret.
#[must_use]
pub fn is_public_username(name: &str) -> bool {
    PUBLIC_NAMES.contains(&name) || has_public_form(name)
}

/// User names that a registry fixes for everybody.
const PUBLIC_NAMES: [&str; 5] =
    ["AWS", "_json_key", "_json_key_base64", "oauth2accesstoken", "00000000-0000-0000-0000-000000000000"];

/// The names of `GitLab`'s deploy tokens and Harbor's robots.
fn has_public_form(name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_robot = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'+'))
    };
    name.strip_prefix("gitlab+deploy-token-").is_some_and(is_number)
        || name.strip_prefix("robot$").is_some_and(is_robot)
}

#[cfg(test)]
impl Credential {
    /// A login for tests, read from the variable `TOKEN`.
    pub(crate) fn sample(registry: &str, username: &str, password: &str) -> Self {
        Self {
            registry: registry.parse().unwrap(),
            username: username.into(),
            password: password.into(),
            email: None,
            source: "`TOKEN`".into(),
            username_source: "`TOKEN`".into(),
            public_username: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn read(variables: &[(&str, &str)], sources: &[Source]) -> Result<(usize, Vec<&'static str>), Vec<&'static str>> {
        let environment = Environment::new(variables.iter().copied(), PathBuf::from("/"));
        let mut problems = Vec::new();
        let logins = Credentials::read(sources.iter(), &environment, ShortLived::Refuse).of(sources, &mut problems);
        let codes = problems.iter().map(|problem| problem.code).collect();
        if problems.iter().any(Problem::is_error) { Err(codes) } else { Ok((logins.len(), codes)) }
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
            ("ghcr.io", "u", "\n", Err(vec!["variable-empty"])),
            ("ghcr.io", "u", "ref+exec://sh", Err(vec!["helmfile-reference"])),
            ("harbor.test", "robot+ci", "p", Ok((1, vec!["dollar-expanded"]))),
            ("quay.io", "robot+ci", "p", Ok((1, vec![]))),
            ("ghcr.io", "u", "github_pat_x", Ok((1, vec!["fine-grained-token"]))),
            ("ghcr.io", "u", "****", Err(vec!["placeholder"])),
            ("ghcr.io", "$GHCR_USER", "p", Ok((1, vec!["placeholder"]))),
            ("ghcr.io", "u", "${GHCR_TOKEN}", Ok((1, vec!["placeholder"]))),
            ("ghcr.io", "u", "[MASKED]", Err(vec!["placeholder"])),
            ("ghcr.io", "u", "$(GHCR_TOKEN)", Err(vec!["placeholder"])),
            ("ghcr.io", "${{ secrets.U }}", "p", Err(vec!["placeholder"])),
            ("ghcr.io", "u", "\"p\"", Ok((1, vec!["in-quotes"]))),
            ("ghcr.io", "u", "/builds/acme/TOKEN", Ok((1, vec!["no-such-file"]))),
            ("ghcr.io", "u", "/usr", Err(vec!["is-a-directory"])),
            ("ghcr.io", "u", "/", Ok((1, vec![]))),
            ("ghcr.io", "  ", "p", Err(vec!["variable-empty"])),
            ("eu.gcr.io", "_json_key", "p", Err(vec!["not-a-key"])),
            ("ghcr.io", "u", "$1", Ok((1, vec![]))),
            ("ghcr.io", "u", "a$B", Ok((1, vec![]))),
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
    fn a_user_name_is_shown_only_when_it_is_known_to_be_no_secret() {
        for (name, shown) in [
            ("acme-bot", false),
            ("robot$ghp_A1b2", false),
            ("gitlab+deploy-token-x", false),
            ("AWS", true),
            ("oauth2accesstoken", true),
            ("robot$ci", true),
            ("gitlab+deploy-token-123456", true),
            ("_json_key", true),
            ("00000000-0000-0000-0000-000000000000", true),
            ("3f2a9c1e-77ab-4cde-9f00-1a2b3c4d5e6f", false),
            ("ghp_A1b2C3d4E5f6", false),
            ("glpat-x7Yz", false),
            ("a1b2c3d4e5f6a7b8", false),
        ] {
            let login = Credential::sample("ghcr.io", name, "p");
            assert_eq!(login.username_if_public().is_some(), shown, "{name}");
        }
    }
}
