//! Lists the registries that have a preset, each with its host, its variables and the rules of its user name.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::source::{Need, Variable};
use crate::docker_config::registry::RegistryKey;
use crate::names::VariableName;

/// Where a preset's host comes from.
#[derive(Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A fixed host.
    Fixed(&'static str),
    /// The first of these variables that is set, or else this host.
    Optional(&'static [&'static str], &'static str),
    /// The first of these variables that is set, and an example of such a host.
    Needed(&'static [&'static str], &'static str),
}

/// Where a preset's user name comes from.
#[derive(Debug, PartialEq, Eq, Hash)]
pub enum UserName {
    /// A fixed user name.
    Fixed(&'static str),
    /// The first of these variables that is set.
    Variable(&'static [&'static str]),
}

/// A registry with a well-known way to log in.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Preset {
    /// Its name, for `--login NAME`.
    pub name: &'static str,
    /// Its host.
    pub host: Host,
    /// Its user name.
    pub username: UserName,
    /// The variables of its password, in order of preference.
    pub password: &'static [&'static str],
    /// The rules for its user names and passwords.
    pub rule: &'static str,
}

/// All presets, by name.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "acr",
        host: Host::Needed(&["ACR_LOGIN_SERVER", "ACR_REGISTRY"], "NAME.azurecr.io"),
        username: UserName::Variable(&["ACR_USERNAME", "ACR_CLIENT_ID", "AZURE_CLIENT_ID"]),
        password: &["ACR_PASSWORD", "ACR_CLIENT_SECRET", "AZURE_CLIENT_SECRET"],
        rule: "the application id of a service principal or the name of a token; the all-zero id is a login of 3 hours",
    },
    Preset {
        name: "dockerhub",
        host: Host::Fixed("https://index.docker.io/v1/"),
        username: UserName::Variable(&["DOCKERHUB_USERNAME", "DOCKERHUB_USER", "DOCKER_USERNAME"]),
        password: &["DOCKERHUB_TOKEN", "DOCKERHUB_PASSWORD", "DOCKER_PASSWORD"],
        rule: "the account; with an organisation access token the name of the organisation",
    },
    Preset {
        name: "gar",
        host: Host::Needed(&["GAR_HOST", "GAR_REGISTRY"], "REGION-docker.pkg.dev"),
        username: UserName::Fixed("_json_key"),
        password: &["GAR_KEY_FILE", "GAR_KEY", "GOOGLE_APPLICATION_CREDENTIALS"],
        rule: "always _json_key; the password is the key file of a service account (a File variable, or its JSON)",
    },
    Preset {
        name: "ghcr",
        host: Host::Fixed("ghcr.io"),
        username: UserName::Variable(&["GHCR_USER", "GHCR_USERNAME", "GITHUB_ACTOR"]),
        password: &["GHCR_TOKEN", "GHCR_PAT", "CR_PAT"],
        rule: "any account (with `registry: ghcr.io`, regcred.yaml may name it: `username: {value: acme-bot}`); the token is a \
               classic one with read:packages (fine-grained and app tokens do not pull)",
    },
    Preset {
        name: "gitlab",
        host: Host::Optional(&["CI_REGISTRY"], "registry.gitlab.com"),
        username: UserName::Variable(&["CI_DEPLOY_USER"]),
        password: &["CI_DEPLOY_PASSWORD"],
        rule: "a deploy token named gitlab-deploy-token with read_registry; others are gitlab+deploy-token-N",
    },
    Preset {
        name: "harbor",
        host: Host::Needed(&["HARBOR_HOST", "HARBOR_REGISTRY"], "harbor.example.com"),
        username: UserName::Variable(&["HARBOR_USERNAME", "HARBOR_USER", "HARBOR_ROBOT"]),
        password: &["HARBOR_PASSWORD", "HARBOR_TOKEN", "HARBOR_SECRET"],
        rule: "robot$NAME or robot$PROJECT+NAME: keep the $ from being expanded",
    },
    Preset {
        name: "jfrog",
        host: Host::Needed(&["JFROG_HOST", "JFROG_REGISTRY"], "NAME.jfrog.io"),
        username: UserName::Variable(&["JFROG_USER", "JFROG_USERNAME"]),
        password: &["JFROG_TOKEN", "JFROG_ACCESS_TOKEN", "JFROG_PASSWORD"],
        rule: "the account of the access, identity or reference token",
    },
    Preset {
        name: "quay",
        host: Host::Fixed("quay.io"),
        username: UserName::Variable(&["QUAY_USERNAME", "QUAY_USER", "QUAY_ROBOT"]),
        password: &["QUAY_TOKEN", "QUAY_PASSWORD"],
        rule: "ORGANISATION+ROBOT for a robot account",
    },
];

impl Preset {
    /// Its name, its host and the rule of its user name, in one line.
    pub fn summary(&self) -> String {
        let host = match self.host {
            Host::Fixed(host) => host.to_owned(),
            Host::Needed(names, _) => format!("from {}", names.join(" or ")),
            Host::Optional(names, host) => format!("from {}, else {host}", names.join(" or ")),
        };
        format!("{}: the host is {host}; the user name is {}", self.name, self.rule)
    }

    /// The variables a preset may read, in order of preference.
    pub fn variables(&self) -> Vec<Variable> {
        let all = |names: &'static [&'static str], what: &str, default: Option<&str>| {
            let need = match (names, default) {
                (_, Some(_)) => Need::Optional,
                ([_], None) => Need::Required,
                (_, None) => Need::OneOfSeveral,
            };
            let purpose = format!("{what} for {}", self.name);
            names
                .iter()
                .map(|name| Variable { name: VariableName::known(name), purpose: purpose.clone(), need })
                .collect::<Vec<_>>()
        };
        let mut variables = match self.host {
            Host::Fixed(_) => Vec::new(),
            Host::Optional(names, host) => all(names, "the host", Some(host)),
            Host::Needed(names, _) => all(names, "the host", None),
        };
        if let UserName::Variable(names) = self.username {
            variables.extend(all(names, "the user name", None));
        }
        variables.extend(all(self.password, "the password", None));
        variables
    }
}

/// A preset, by its name in regcred.yaml.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct PresetName(pub &'static Preset);

impl TryFrom<String> for PresetName {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        find(&name).map(Self).ok_or("no preset")
    }
}

impl JsonSchema for PresetName {
    fn schema_name() -> Cow<'static, str> {
        "Preset".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "enum": PRESETS.iter().map(|preset| preset.name).collect::<Vec<_>>()})
    }
}

/// The preset of this name.
pub fn find(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

/// The preset whose host this is, or looks like this.
pub fn of_host(host: &str) -> Option<&'static Preset> {
    let index = |host: &str| host.parse::<RegistryKey>().ok().map(|key| key.canonical().0.index().to_owned());
    let wanted = index(host)?;
    PRESETS.iter().find(|preset| match preset.host {
        Host::Fixed(host) | Host::Optional(_, host) => index(host).as_ref() == Some(&wanted),
        Host::Needed(_, example) => {
            let is_capital = |letter: char| letter.is_ascii_uppercase();
            let (head, rest) = example.split_at(example.find(is_capital).unwrap_or_default());
            wanted.starts_with(head) && wanted.ends_with(rest.trim_start_matches(is_capital))
        }
    })
}

/// The names of all presets, separated by commas.
pub fn names() -> String {
    PRESETS.iter().map(|preset| preset.name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_leads_to_its_preset() {
        for (host, preset) in [
            ("ghcr.io", Some("ghcr")),
            ("docker.io", Some("dockerhub")),
            ("https://quay.io", Some("quay")),
            ("registry.gitlab.com", Some("gitlab")),
            ("acme.azurecr.io", Some("acr")),
            ("europe-west3-docker.pkg.dev", Some("gar")),
            ("registry.example.com", None),
            ("GHCR_TOKEN", None),
        ] {
            assert_eq!(of_host(host).map(|preset| preset.name), preset, "{host}");
        }
    }

    #[test]
    fn the_table_is_sorted_and_every_name_in_it_is_one() {
        assert!(PRESETS.is_sorted_by_key(|preset| preset.name));
        for preset in PRESETS {
            let host = match preset.host {
                Host::Optional(names, _) | Host::Needed(names, _) => names,
                Host::Fixed(_) => &[],
            };
            let username = match preset.username {
                UserName::Variable(names) => names,
                UserName::Fixed(_) => &[],
            };
            for name in host.iter().chain(username).chain(preset.password) {
                assert!(name.parse::<VariableName>().is_ok() && VariableName::looks_like_one(name), "{name}");
            }
        }
    }
}
