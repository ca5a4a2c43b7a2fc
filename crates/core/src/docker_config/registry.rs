//! Parses the keys of `auths` as a kubelet understands them, and warns about odd ones.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::diagnostic::{Code, Diagnostic};

/// The key under which every client, the kubelet included, finds Docker Hub's login.
pub const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// A key of `auths`: `[https://]HOST[:PORT][/PATH]`, where a part of the host may be a glob.
///
/// Two keys whose [`index`](Self::index) is equal are one for the kubelet (`pkg/credentialprovider/keyring.go`, `Add`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RegistryKey {
    text: String,
    index: String,
}

/// Why a text is no registry key. Never says the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidRegistry {
    /// Nothing before the first slash.
    #[error("has no host")]
    NoHost,
    /// A character outside of what a host, port and path may hold, at this position.
    #[error("has a character at position {0} that no registry address has")]
    Character(usize),
    /// The port is not a number.
    #[error("has a port that is not a number from 1 to 65535")]
    Port,
    /// Neither a dot, nor a port, nor `localhost`: an image's first part is then no registry.
    #[error("has neither a dot nor a port, so that no image can name it")]
    NoRegistry,
    /// Longer than a host can be.
    #[error("has a host that is longer than 253 characters, or a part of it longer than 63")]
    TooLong,
    /// Capital letters, where a person types a host.
    #[error("has capital letters in its host, where images have none")]
    Capital,
}

impl InvalidRegistry {
    /// What a key looks like.
    #[must_use]
    pub fn hint() -> &'static str {
        "write HOST[:PORT][/PATH], for example ghcr.io or harbor.example.com:8443/team"
    }
}

impl FromStr for RegistryKey {
    type Err = InvalidRegistry;

    fn from_str(text: &str) -> Result<Self, InvalidRegistry> {
        let bare = without_scheme(text);
        let offset = text.len() - bare.len();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_*:/@+~".contains(&byte);
        if let Some(position) = bare.bytes().position(|byte| !allowed(byte)) {
            return Err(InvalidRegistry::Character(offset + position + 1));
        }
        let (authority, path) = split_path(bare);
        if let Some(position) = authority.find(['@', '+', '~']) {
            return Err(InvalidRegistry::Character(offset + position + 1));
        }
        let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
        if host.is_empty() || host.split('.').any(str::is_empty) {
            return Err(InvalidRegistry::NoHost);
        }
        if port.is_some_and(|port| {
            !port.bytes().all(|byte| byte.is_ascii_digit()) || !matches!(port.parse::<u16>(), Ok(1..))
        }) {
            return Err(InvalidRegistry::Port);
        }
        if !host.contains('.') && port.is_none() && host != "localhost" {
            return Err(InvalidRegistry::NoRegistry);
        }
        if host.len() > 253 || host.split('.').any(|label| label.len() > 63) {
            return Err(InvalidRegistry::TooLong);
        }
        let path = if path.starts_with("/v1/") || path.starts_with("/v2/") { &path[3..] } else { path };
        let index = if path == "/" { authority.to_owned() } else { format!("{authority}{path}") };
        Ok(Self { text: text.to_owned(), index })
    }
}

impl RegistryKey {
    /// A key that a person typed, where a token may stand by mistake: its host is in lower case, as no token is.
    ///
    /// # Errors
    /// As for any key, and capital letters.
    pub fn typed(text: &str) -> Result<Self, InvalidRegistry> {
        let key: Self = text.parse()?;
        if key.authority().bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(InvalidRegistry::Capital);
        }
        Ok(key)
    }

    /// The key as it is emitted.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The key as the kubelet sorts and matches it: no scheme, no `/v1/` or `/v2/`.
    #[must_use]
    pub fn index(&self) -> &str {
        &self.index
    }

    /// Host and port.
    #[must_use]
    pub fn authority(&self) -> &str {
        split_path(&self.index).0
    }

    /// The path after the host, with its slash; may be empty.
    #[must_use]
    pub fn path(&self) -> &str {
        split_path(&self.index).1
    }

    /// The host without its port.
    #[must_use]
    pub fn host(&self) -> &str {
        self.authority().split(':').next().unwrap_or_default()
    }

    /// The form to emit: Docker Hub's other names become the one that every client knows, with a warning where that is a guess.
    #[must_use]
    pub fn canonical(self) -> (Self, Vec<Diagnostic>) {
        let docker_hub = || Self { text: DOCKER_HUB.to_owned(), index: "index.docker.io".to_owned() };
        match self.index.as_str() {
            "docker.io" | "index.docker.io" => (docker_hub(), Vec::new()),
            "index.docker.io/v1" | "hub.docker.com" | "registry.hub.docker.com" => {
                let warning = Diagnostic::warning(
                    Code::RegistryAlias,
                    format!("`{}` never matches an image of Docker Hub; `{DOCKER_HUB}` is written instead", self.text),
                );
                (docker_hub(), vec![warning.hint(format!("write {DOCKER_HUB} in the source, too")).about(DOCKER_HUB)])
            }
            _ => {
                let problems = self.oddities();
                (self, problems)
            }
        }
    }

    /// Why the key can hardly match what is meant.
    fn oddities(&self) -> Vec<Diagnostic> {
        let (path, host) = (self.path(), self.host());
        let mut odd = Vec::new();
        if host == "registry-1.docker.io" {
            odd.push((
                "matches only images written registry-1.docker.io/…",
                format!("for Docker Hub's images write {DOCKER_HUB}"),
            ));
        }
        if host == "index.docker.io" && !path.is_empty() {
            odd.push((
                "has a path, and no image of Docker Hub matches it",
                format!("write docker.io{path}, or {DOCKER_HUB} for all"),
            ));
        }
        if matches!(host, "hub.docker.com" | "registry.hub.docker.com") {
            let path = path.trim_start_matches("/r/").trim_start_matches('/');
            odd.push((
                "is of Docker Hub's web site, and no image is there",
                format!("write docker.io/{path}, or {DOCKER_HUB} for all"),
            ));
        }
        if path.contains("//") {
            odd.push((
                "has an empty part in its path, and matches no image",
                "leave out one of the two slashes".into(),
            ));
        }
        if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
            odd.push(("has capital letters in its path, where no image has any", "write it as the images do".into()));
        }
        if matches!(path, "/v1" | "/v2") {
            odd.push((
                "ends in an API path without its slash, and matches no image",
                format!("write {}", self.authority()),
            ));
        }
        if path.contains('*') {
            odd.push((
                "has a glob in its path, where a kubelet takes it literally",
                "a path is a plain prefix: leave the * out".into(),
            ));
        }
        if path.contains([':', '@']) {
            odd.push((
                "has a tag or digest, which a kubelet cuts off the image before it compares",
                "leave it out".into(),
            ));
        }
        if self.authority().ends_with(":443") {
            odd.push((
                "matches only images that are written with :443",
                "leave the port out if the images have none".into(),
            ));
        }
        if self.authority().bytes().any(|byte| byte.is_ascii_uppercase()) {
            odd.push(("has capital letters, and is compared letter by letter", "write it as the images do".into()));
        }
        odd.into_iter()
            .map(|(what, hint)| {
                Diagnostic::warning(Code::RegistryHardlyMatches, format!("`{}` {what}", self.text))
                    .hint(hint)
                    .about(&self.text)
            })
            .collect()
    }
}

impl fmt::Display for RegistryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn without_scheme(text: &str) -> &str {
    text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text)
}

fn split_path(text: &str) -> (&str, &str) {
    text.find('/').map_or((text, ""), |slash| text.split_at(slash))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> (String, usize) {
        let (key, problems) = text.parse::<RegistryKey>().unwrap().canonical();
        (key.to_string(), problems.len())
    }

    #[test]
    fn docker_hubs_names_become_the_one_every_client_knows() {
        for (text, warnings) in [
            ("docker.io", 0),
            ("index.docker.io", 0),
            ("https://index.docker.io/v1/", 0),
            ("https://index.docker.io/v1", 1),
            ("hub.docker.com", 1),
            ("https://registry.hub.docker.com", 1),
        ] {
            assert_eq!(canonical(text), (DOCKER_HUB.to_owned(), warnings), "{text}");
        }
    }

    #[test]
    fn other_keys_stay_as_typed_with_a_warning_where_they_hardly_match() {
        for (text, warnings) in [
            ("ghcr.io", 0),
            ("https://ghcr.io/v2/", 0),
            ("docker.io/acme", 0),
            ("*.dkr.ecr.eu-west-1.amazonaws.com", 0),
            ("index.docker.io/acme", 1),
            ("registry-1.docker.io", 1),
            ("quay.io/v2", 1),
            ("hub.docker.com/acme", 1),
            ("hub.docker.com/r/acme", 1),
            ("https://registry.hub.docker.com/v2/acme", 1),
            ("quay.io//acme", 1),
            ("quay.io/Acme", 1),
            ("quay.io/acme/", 0),
            ("quay.io/acme/*", 1),
            ("quay.io/acme:1.0", 1),
            ("quay.io:443", 1),
            ("GHCR.io", 1),
        ] {
            assert_eq!(canonical(text), (text.to_owned(), warnings), "{text}");
        }
    }

    #[test]
    fn keys_that_are_one_for_the_kubelet_have_one_index() {
        for text in ["ghcr.io", "https://ghcr.io", "http://ghcr.io/", "ghcr.io/v1/", "https://ghcr.io/v2/"] {
            assert_eq!(text.parse::<RegistryKey>().unwrap().index(), "ghcr.io", "{text}");
        }
        assert_eq!("ghcr.io/v1/acme".parse::<RegistryKey>().unwrap().index(), "ghcr.io/acme");
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        for (text, error) in [
            ("", InvalidRegistry::NoHost),
            ("https:///v1/", InvalidRegistry::NoHost),
            ("a..b", InvalidRegistry::NoHost),
            ("ghcr.io:port", InvalidRegistry::Port),
            ("ghcr.io:", InvalidRegistry::Port),
            ("user@ghcr.io", InvalidRegistry::Character(5)),
            ("ghcr.io?x", InvalidRegistry::Character(8)),
            ("gh cr.io", InvalidRegistry::Character(3)),
            ("registry", InvalidRegistry::NoRegistry),
            ("*/acme", InvalidRegistry::NoRegistry),
            (&format!("{}.io", "a".repeat(64)), InvalidRegistry::TooLong),
        ] {
            assert_eq!(text.parse::<RegistryKey>().unwrap_err(), error, "{text}");
        }
    }

    #[test]
    fn a_token_that_is_typed_for_a_host_is_refused() {
        for token in ["hunter2", "eyJh.eyJz.SflK", "GHCR.io"] {
            assert!(RegistryKey::typed(token).is_err(), "{token}");
        }
        for host in ["ghcr.io", "localhost", "registry:5000/Team", "https://index.docker.io/v1/"] {
            assert!(RegistryKey::typed(host).is_ok(), "{host}");
        }
    }
}
