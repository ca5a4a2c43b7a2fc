//! Holds one checked login, and decides whether its user name is public.

use secrecy::{ExposeSecret, SecretString};

use super::registry::RegistryKey;

/// One login for one registry.
#[derive(Clone)]
pub struct Credential {
    /// The key of its entry.
    pub registry: RegistryKey,
    /// The user name, which may be a token.
    pub username: SecretString,
    /// The password.
    pub password: SecretString,
    /// The email address, if a Docker config has one.
    pub email: Option<String>,
    /// Its source, in backticks.
    pub source: String,
    /// The source of its user name, in backticks.
    pub username_source: String,
    /// Whether the user name is known to be public.
    pub public_username: bool,
    /// Whether its Docker config has other logins for the same registry, which a kubelet tries, too.
    pub is_one_of_several: bool,
}

impl Credential {
    /// A login whose user name and password come from one source; the user name may be a token.
    pub fn from_one_source(
        registry: RegistryKey,
        username: SecretString,
        password: SecretString,
        source: &str,
    ) -> Self {
        Self {
            registry,
            username,
            password,
            email: None,
            source: source.to_owned(),
            username_source: source.to_owned(),
            public_username: false,
            is_one_of_several: false,
        }
    }

    /// Whether both have the same user name and password.
    #[expect(clippy::disallowed_methods, reason = "compares, and lets nothing out")]
    pub fn is_same_login(&self, other: &Self) -> bool {
        self.username.expose_secret() == other.username.expose_secret()
            && self.password.expose_secret() == other.password.expose_secret()
    }

    /// Whether both come from one Docker config that has several logins for their registry.
    pub fn is_beside(&self, other: &Self) -> bool {
        self.is_one_of_several && other.is_one_of_several && self.source == other.source
    }

    /// The user name if it is known to be public: it is literal in regcred.yaml, or a registry gives it to everybody, or it has the form
    /// of a robot's or deploy token's name.
    #[expect(clippy::disallowed_methods, reason = "shown only when it is known to be a name")]
    pub fn username_if_public(&self) -> Option<String> {
        let name = self.username.expose_secret();
        (self.public_username || is_public_username(name)).then(|| name.to_owned())
    }
}

/// User names that a registry fixes for everybody.
const PUBLIC_NAMES: [&str; 6] = [
    "AWS",
    "_json_key",
    "_json_key_base64",
    "oauth2accesstoken",
    "$oauthtoken",
    "00000000-0000-0000-0000-000000000000",
];

/// Whether this user name is known to be public: a registry gives it to everybody, or it has the form of the name of a deploy token of
/// `GitLab` or of a robot of Harbor.
pub fn is_public_username(name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_robot = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'+'))
    };
    PUBLIC_NAMES.contains(&name)
        || name.strip_prefix("gitlab+deploy-token-").is_some_and(is_number)
        || name.strip_prefix("robot$").is_some_and(is_robot)
}

impl Credential {
    /// A login for tests, read from the variable `TOKEN`.
    ///
    /// # Panics
    /// `registry` is not a registry key.
    #[cfg(any(test, feature = "samples"))]
    #[expect(clippy::unwrap_used, reason = "a sample with a wrong key is a wrong test")]
    pub fn sample(registry: &str, username: &str, password: &str) -> Self {
        Self::from_one_source(registry.parse().unwrap(), username.into(), password.into(), "`TOKEN`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
