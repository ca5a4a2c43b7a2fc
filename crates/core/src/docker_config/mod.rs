//! Merges logins into one sorted, canonical Docker config. Nothing else knows its JSON.

pub mod credential;
mod json;
pub mod kubelet;
pub mod near_miss;
pub mod registry;
pub(crate) mod token;

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use crate::diagnostic::{Code, Diagnostic};
use credential::Credential;
use kubelet::Image;
use registry::RegistryKey;

pub use near_miss::near_misses;

/// The API server's limit for the data of a Secret.
const LIMIT: usize = 1024 * 1024;

/// A checked Docker config: each key once, in byte order, with user name and password.
pub struct DockerConfig {
    logins: Vec<Credential>,
}

/// A key that a kubelet tries, with the user name if that is known to be public.
#[derive(Debug, PartialEq, Eq, serde::Serialize)]
pub struct Match {
    /// The key of the entry.
    pub registry: String,
    /// The user name if it is known to be public, otherwise null.
    pub username: Option<String>,
    /// The name of the pull secret that holds the entry, where there are several pull secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// The facts about the logins of one pull secret.
pub enum Logins {
    /// They were read and checked.
    Read(DockerConfig),
    /// An operator in the cluster fetches them: only the keys are known, and the user names in regcred.yaml.
    External(Vec<(RegistryKey, Option<String>)>),
    /// Their variables are not set, as in a merge request.
    Unavailable,
}

impl Logins {
    /// The known keys of the entries.
    pub fn registries(&self) -> impl Iterator<Item = &RegistryKey> {
        self.entries().map(|(registry, _)| registry)
    }

    /// The JSON of the Docker config. If the logins were not read, it has no entries, and nothing that depends on it is compared.
    pub fn to_json(&self) -> SecretString {
        self.read().unwrap_or(&DockerConfig { logins: Vec::new() }).to_json()
    }

    /// The same in base64, as in a Secret's `data`.
    #[expect(clippy::disallowed_methods, reason = "the value of the Secret")]
    pub fn to_base64(&self) -> SecretString {
        STANDARD.encode(self.to_json().expose_secret()).into()
    }

    /// The user name for the entry with this key, if it is known to be public.
    pub fn public_username(&self, registry: &str) -> Option<String> {
        self.entries().find(|(key, _)| key.as_str() == registry)?.1
    }

    /// The logins that were read.
    pub fn credentials(&self) -> &[Credential] {
        self.read().map_or(&[], DockerConfig::logins)
    }

    fn read(&self) -> Option<&DockerConfig> {
        match self {
            Self::Read(docker_config) => Some(docker_config),
            Self::External(_) | Self::Unavailable => None,
        }
    }

    /// The known keys of the entries, each with its user name if that is known to be public.
    fn entries(&self) -> impl Iterator<Item = (&RegistryKey, Option<String>)> {
        let external = match self {
            Self::External(entries) => entries.as_slice(),
            Self::Read(_) | Self::Unavailable => &[],
        };
        let read = self.credentials().iter().map(|login| (&login.registry, login.username_if_public()));
        read.chain(external.iter().map(|(registry, username)| (registry, username.clone())))
    }
}

impl DockerConfig {
    /// Merges logins. Equal logins of one registry become one; different logins from one Docker config both stay.
    ///
    /// # Errors
    /// Different logins for one registry from two sources; a result over 1 MiB.
    #[expect(clippy::disallowed_methods, reason = "only the length of the JSON is looked at")]
    pub fn merge(credentials: Vec<Credential>) -> Result<Self, Vec<Diagnostic>> {
        let mut problems = Vec::new();
        let mut by_index: BTreeMap<String, Vec<Credential>> = BTreeMap::new();
        for credential in credentials {
            let same = by_index.entry(credential.registry.index().to_owned()).or_default();
            if let Some(at) = same.iter().position(|login| login.is_same_login(&credential)) {
                let shorter = credential.registry.as_str().len() < same[at].registry.as_str().len();
                if shorter && !same.iter().any(|login| login.registry == credential.registry) {
                    same[at].registry = credential.registry;
                }
            } else if let Some(login) = same.first().filter(|login| !login.is_beside(&credential)) {
                problems.push(conflict(login, &credential));
            } else {
                same.push(credential);
            }
        }
        let mut logins: Vec<_> = by_index.into_values().flatten().collect();
        logins.sort_by(|one, other| one.registry.as_str().cmp(other.registry.as_str()));
        let config = Self { logins };
        let size = config.to_json().expose_secret().len();
        if size > LIMIT {
            let message = format!("the Docker config has {size} bytes, and a Secret holds {LIMIT} at most");
            let hint = "split the logins over several pull secrets in regcred.yaml";
            problems.push(Diagnostic::error(Code::TooLarge, message).hint(hint));
        }
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }

    /// The JSON, byte for byte what `kubectl create secret docker-registry` writes for the same logins.
    #[expect(clippy::disallowed_methods, reason = "the JSON holds the logins: that is what it is for")]
    pub fn to_json(&self) -> SecretString {
        let mut text = String::with_capacity(64 + self.logins.len() * 256);
        text.push_str("{\"auths\":{");
        for (number, login) in self.logins.iter().enumerate() {
            if number > 0 {
                text.push(',');
            }
            let (username, password) = (login.username.expose_secret(), login.password.expose_secret());
            json::string(&mut text, login.registry.as_str());
            text.push_str(":{\"username\":");
            json::string(&mut text, username);
            text.push_str(",\"password\":");
            json::string(&mut text, password);
            if let Some(email) = login.email.as_deref().filter(|email| !email.is_empty()) {
                text.push_str(",\"email\":");
                json::string(&mut text, email);
            }
            text.push_str(",\"auth\":\"");
            STANDARD.encode_string(format!("{username}:{password}"), &mut text);
            text.push_str("\"}");
        }
        text.push_str("}}");
        text.into()
    }

    /// The logins, in the order of their keys.
    pub fn logins(&self) -> &[Credential] {
        &self.logins
    }
}

/// The entries of all pull secrets of a Pod, each with its name, that a kubelet would try for the image, in its order.
pub fn matches<'a>(pull_secrets: &[(&'a str, &'a Logins)], image: &Image) -> Vec<Match> {
    let of_one = |&(secret, logins): &(&'a str, &'a Logins)| {
        logins.entries().map(move |(registry, username)| (registry, username, secret))
    };
    let entries: Vec<_> = pull_secrets.iter().flat_map(of_one).collect();
    let shown = |(registry, username, secret): &(&RegistryKey, Option<String>, &str)| Match {
        registry: registry.to_string(),
        username: username.clone(),
        secret: (pull_secrets.len() > 1).then(|| (*secret).to_owned()),
    };
    kubelet::matching(entries.iter(), |(registry, ..)| registry, image).into_iter().map(shown).collect()
}

fn conflict(one: &Credential, other: &Credential) -> Diagnostic {
    let registry = &one.registry;
    let who = if one.source == other.source {
        format!("{} holds two different logins for `{registry}`", one.source)
    } else {
        format!("{} and {} hold different logins for `{registry}`", one.source, other.source)
    };
    Diagnostic::error(Code::Conflict, who)
    .hint("a Docker config has one login a registry: leave one out, or put them into two pull secrets in regcred.yaml")
    .about(&one.registry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test looks at the value")]
    fn the_json_is_what_kubectl_writes() {
        let mut hub = Credential::sample("https://index.docker.io/v1/", "u", "p<&>\"\\é\u{2028}x");
        hub.email = Some("a@b.c".into());
        let config = DockerConfig::merge(vec![hub]).unwrap();
        assert_eq!(
            config.to_json().expose_secret(),
            "{\"auths\":{\"https://index.docker.io/v1/\":{\"username\":\"u\",\"password\":\"p\\u003c\\u0026\\u003e\\\"\\\\é\\u2028x\",\
             \"email\":\"a@b.c\",\"auth\":\"dTpwPCY+IlzDqeKAqHg=\"}}}"
        );
    }

    #[test]
    fn equal_logins_of_one_registry_are_one_and_different_ones_are_refused() {
        let merged = DockerConfig::merge(vec![
            Credential::sample("https://ghcr.io", "u", "p"),
            Credential::sample("ghcr.io", "u", "p"),
        ])
        .unwrap();
        assert_eq!(Logins::Read(merged).registries().map(ToString::to_string).collect::<Vec<_>>(), ["ghcr.io"]);
        assert!(
            DockerConfig::merge(vec![
                Credential::sample("https://ghcr.io", "u", "p"),
                Credential::sample("ghcr.io", "u", "q")
            ])
            .is_err()
        );
    }

    #[test]
    fn more_than_a_secret_holds_is_refused() {
        assert!(DockerConfig::merge(vec![Credential::sample("ghcr.io", "u", &"p".repeat(LIMIT))]).is_err());
    }
}
