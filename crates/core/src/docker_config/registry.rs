//! Reads the keys of `auths` as a kubelet does, and reports what is odd about them.

mod near_miss;
mod oddities;

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use thiserror::Error;

use super::token::is_token;
use crate::diagnostic::{Code, Diagnostic};
pub use near_miss::real_host;

/// The key under which every client, also the kubelet, finds Docker Hub's login.
pub const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// A key of `auths`: `[https://]HOST[:PORT][/PATH]`, where a part of the host may be a glob.
///
/// Two keys with the same [`index`](Self::index) are one key for the kubelet (`pkg/credentialprovider/keyring.go`, `Add`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RegistryKey {
    text: String,
    index: String,
}

/// Why a text is no registry key: a kubelet ignores such a key, or no image can match it. The text is never repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidRegistry {
    /// The text before the first slash is empty.
    #[error("has no host")]
    NoHost,
    /// A character at this position that a host, port or path cannot hold.
    #[error("has a character at position {0} that no registry address has")]
    Character(usize),
    /// The port is not a number.
    #[error("has a port that is not a number from 1 to 65535")]
    Port,
    /// A name without a dot or a port that is not `localhost`: then an image's first part is no registry.
    #[error("has neither a dot nor a port, so that no image can name it")]
    NoRegistry,
    /// Longer than a host can be.
    #[error("has a host that is longer than 253 characters, or a part of it longer than 63")]
    TooLong,
    /// A person typed capital letters in a host.
    #[error("has capital letters in its host, where images have none")]
    Capital,
    /// A scheme that a kubelet does not take off.
    #[error("has a scheme other than `https://` and `http://`, which a kubelet takes for the host")]
    Scheme,
    /// A dot with nothing before or after it.
    #[error("has a dot at an end of its host, or two in a row")]
    Dot,
    /// A part of the path is a token.
    #[error("has a token in its path, where the path of an image belongs")]
    Token,
    /// A person typed more than an address.
    #[error("has a user name, a query or an escape in it, which are no part of a registry address")]
    MoreThanAnAddress,
}

impl InvalidRegistry {
    /// The form of a key.
    pub fn hint() -> &'static str {
        "write HOST[:PORT][/PATH], for example ghcr.io or harbor.example.com:8443/team"
    }
}

impl FromStr for RegistryKey {
    type Err = InvalidRegistry;

    /// Takes the same steps as Go's `url.Parse` and the kubelet's `Add`.
    fn from_str(text: &str) -> Result<Self, InvalidRegistry> {
        let bare = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
        let offset = text.len() - bare.len();
        let character = |part: &str, at: usize| {
            InvalidRegistry::Character(offset + (part.as_ptr() as usize - bare.as_ptr() as usize) + at + 1)
        };
        if let Some(at) = bare.bytes().position(|byte| byte.is_ascii_control()) {
            return Err(character(bare, at));
        }
        let scheme = bare.split_once("://").map(|(scheme, _)| scheme);
        if scheme.is_some_and(|it| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
            return Err(InvalidRegistry::Scheme);
        }
        let address = bare.split('#').next().unwrap_or_default();
        let address = address.split('?').next().unwrap_or_default();
        let (authority, path) = split_path(address);
        let authority = authority.rsplit_once('@').map_or(authority, |(_, authority)| authority);
        let authority = authority.strip_suffix(':').unwrap_or(authority);
        let (host, port) = split_port(authority);
        if let Some(rest) = host.strip_prefix('[') {
            let address = rest.strip_suffix(']').and_then(|address| address.parse::<Ipv6Addr>().ok());
            address.ok_or(InvalidRegistry::NoHost)?;
        } else {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_*:".contains(&byte);
            if let Some(at) = authority.bytes().position(|byte| !allowed(byte)) {
                return Err(character(authority, at));
            }
            if host.split('.').any(str::is_empty) {
                return Err(if host.is_empty() { InvalidRegistry::NoHost } else { InvalidRegistry::Dot });
            }
            let may_be_one_word = host == "localhost" || host.bytes().any(|it| it == b'*' || it.is_ascii_uppercase());
            if !host.contains('.') && port.is_empty() && !may_be_one_word {
                return Err(InvalidRegistry::NoRegistry);
            }
        }
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidRegistry::Port);
        }
        if host.len() > 253 || host.split('.').any(|label| label.len() > 63) {
            return Err(InvalidRegistry::TooLong);
        }
        let decoded = percent_decoded(path).ok_or_else(|| character(path, path.find('%').unwrap_or_default()))?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_*:/@+~".contains(&byte);
        if decoded.bytes().any(|byte| !allowed(byte)) {
            return Err(character(path, path.bytes().position(|byte| !allowed(byte)).unwrap_or_default()));
        }
        if has_capitals(&decoded) && has_a_token(&decoded) {
            return Err(InvalidRegistry::Token);
        }
        let bare_path =
            if decoded.starts_with("/v1/") || decoded.starts_with("/v2/") { &decoded[3..] } else { &decoded };
        let index = if bare_path == "/" { authority.to_owned() } else { format!("{authority}{bare_path}") };
        // The part of a key that a kubelet ignores is not written either, because it may be a login.
        let is_whole = bare.len() == authority.len() + path.len() && decoded == path;
        Ok(Self { text: if is_whole { text.to_owned() } else { index.clone() }, index })
    }
}

impl RegistryKey {
    /// A key that a person typed, perhaps a token by mistake. The host must be in lower case, because most tokens have capital letters.
    ///
    /// # Errors
    /// The text is not a key, or is a key in a form that only programs write.
    pub fn typed(text: &str) -> Result<Self, InvalidRegistry> {
        let key: Self = text.parse()?;
        let host = key.host();
        if key.text != text {
            return Err(InvalidRegistry::MoreThanAnAddress);
        }
        if has_a_token(key.path()) {
            return Err(InvalidRegistry::Token);
        }
        if !host.starts_with('[') && host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(InvalidRegistry::Capital);
        }
        if !host.contains(['.', ':']) && key.port().is_empty() && host != "localhost" {
            return Err(InvalidRegistry::NoRegistry);
        }
        if !key.port().is_empty() && !matches!(key.port().parse::<u16>(), Ok(1..)) {
            return Err(InvalidRegistry::Port);
        }
        Ok(key)
    }

    /// The key as it is written into the Docker config.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The key as the kubelet sorts and matches it: no scheme, no `/v1/` or `/v2/`.
    pub fn index(&self) -> &str {
        &self.index
    }

    /// Host and port.
    pub fn authority(&self) -> &str {
        split_path(&self.index).0
    }

    /// The path after the host, with its slash; may be empty.
    pub fn path(&self) -> &str {
        split_path(&self.index).1
    }

    /// The host without its port.
    pub fn host(&self) -> &str {
        split_port(self.authority()).0
    }

    fn port(&self) -> &str {
        split_port(self.authority()).1
    }

    /// The spellings of the key that a kubelet reads as this one; the first is its own.
    pub fn spellings(&self) -> Vec<Self> {
        let (authority, path) = split_path(&self.index);
        // A kubelet removes one version, so a path that begins with a version is written after another one.
        let version = if path.starts_with("/v1/") || path.starts_with("/v2/") { "/v2" } else { "" };
        let schemes = ["", "https://", "http://"].map(|scheme| format!("{scheme}{authority}{version}{path}"));
        let spelled = schemes.into_iter().map(|text| Self { text, index: self.index.clone() });
        std::iter::once(self.clone()).chain(spelled).collect()
    }

    /// The key to write: Docker Hub's other names become the name that every client knows, with a warning if that is a guess.
    pub fn canonical(self) -> (Self, Vec<Diagnostic>) {
        let docker_hub = || Self { text: DOCKER_HUB.to_owned(), index: "index.docker.io".to_owned() };
        match self.index.as_str() {
            "docker.io" | "index.docker.io" => (docker_hub(), Vec::new()),
            "index.docker.io/v1" | "hub.docker.com" | "registry.hub.docker.com" => {
                let warning = Diagnostic::warning(
                    Code::RegistryAlias,
                    format!("`{self}` never matches an image of Docker Hub; `{DOCKER_HUB}` is written instead"),
                );
                (docker_hub(), vec![warning.hint(format!("write {DOCKER_HUB} in the source, too")).about(DOCKER_HUB)])
            }
            _ => {
                let problems = self.oddities();
                (self, problems)
            }
        }
    }
}

/// Whether this host is a name of Docker Hub, or is meant as one.
pub fn is_a_name_of_docker_hub(host: &str) -> bool {
    ["docker.io", "index.docker.io", "registry-1.docker.io", "hub.docker.com", "registry.hub.docker.com"]
        .contains(&host)
}

/// Shows the key as far as it is an address. Any other text may be a secret in the wrong place.
impl fmt::Display for RegistryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (authority, path) = (self.authority(), self.path());
        let is_one_word = !authority.contains(['.', ':']) && has_capitals(authority);
        let host = if is_shown(authority, ".:[]") && !is_one_word { authority } else { "…" };
        match (host == authority, is_shown(path, "/.*")) {
            (true, true) => f.write_str(&self.text),
            (false, true) => write!(f, "{host}{path}"),
            (_, false) => write!(f, "{host}/…"),
        }
    }
}

fn has_capitals(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Whether the text consists of words as in addresses: a word with capitals and digits may be a token.
fn is_shown(text: &str, joints: &str) -> bool {
    let is_word = |word: &str| {
        let has_digits = word.bytes().any(|byte| byte.is_ascii_digit());
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_*".contains(&byte);
        word.bytes().all(is_letter) && !is_token(word) && (!has_capitals(word) || !has_digits) && word.len() <= 64
    };
    text.starts_with('[') || text.split(|letter| joints.contains(letter)).all(is_word)
}

/// Whether a part of the path is a token of a known form.
fn has_a_token(path: &str) -> bool {
    path.split(['/', ':', '@']).any(is_token)
}

fn split_path(text: &str) -> (&str, &str) {
    text.find('/').map_or((text, ""), |slash| text.split_at(slash))
}

/// Host and port, which may be empty; an IPv6 address keeps its brackets.
pub(crate) fn split_port(authority: &str) -> (&str, &str) {
    let end = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    match authority[end..].split_once(':') {
        Some((host, port)) => (&authority[..end + host.len()], port),
        None => (authority, ""),
    }
}

/// The path with its escapes decoded, as Go does; `None` if an escape is invalid.
fn percent_decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, more)) = rest.split_first() {
        if first == b'%' {
            let digits =
                std::str::from_utf8(more.get(..2)?).ok().filter(|it| it.bytes().all(|it| it.is_ascii_hexdigit()))?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &more[2..];
        } else {
            bytes.push(first);
            rest = more;
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests;
