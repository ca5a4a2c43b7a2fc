//! Reads the keys of `auths` as a kubelet does, and reports what is odd about them.

mod near_miss;

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use thiserror::Error;

use super::kubelet::is_good_part;
use super::token::is_token;
use crate::diagnostic::{Code, Diagnostic};
use near_miss::one_slip_away;
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
    /// A token, with capital letters that no image has.
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
        if host.starts_with('[') {
            let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            address.and_then(|address| address.parse::<Ipv6Addr>().ok()).ok_or(InvalidRegistry::NoHost)?;
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
    /// A key that a person typed, perhaps a token by mistake. The host must be in lower case, which a token never is.
    ///
    /// # Errors
    /// The errors of any key, and of forms that only a program writes.
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
        // A kubelet removes the first of these.
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

    /// Why the key can hardly match what the user means.
    fn oddities(&self) -> Vec<Diagnostic> {
        let (path, host, authority) = (self.path(), self.host(), self.authority());
        let docker_hub_path =
            if is_shown(path, "/.*") { path.trim_start_matches("/r/").trim_start_matches('/') } else { "…" };
        let odd = [
            (
                host == "registry-1.docker.io",
                "matches only images written registry-1.docker.io/…",
                format!("for Docker Hub's images write {DOCKER_HUB}"),
            ),
            (
                host == "index.docker.io" && !path.is_empty(),
                "has a path, and no image of Docker Hub matches it",
                format!("write docker.io/{docker_hub_path}, or {DOCKER_HUB} for all"),
            ),
            (
                matches!(host, "hub.docker.com" | "registry.hub.docker.com"),
                "is the address of Docker Hub's web site, which holds no images",
                format!("write docker.io/{docker_hub_path}, or {DOCKER_HUB} for all"),
            ),
            (
                path.contains("//"),
                "has an empty part in its path, and matches no image",
                "leave out one of the two slashes".into(),
            ),
            (
                has_capitals(path),
                "has capital letters in its path, where no image has any",
                "write it as the images do".into(),
            ),
            (
                matches!(path, "/v1" | "/v2"),
                "ends in an API path without its slash, and matches no image",
                format!("write {authority}"),
            ),
            (
                path.contains('*'),
                "has a glob in its path, where a kubelet takes it literally",
                "a path is a plain prefix: leave the * out".into(),
            ),
            (
                path.contains([':', '@']),
                "has a tag or digest, which a kubelet cuts off the image before it compares",
                "leave it out".into(),
            ),
            (
                has_a_token(path),
                "has what looks like a token in its path, and matches no image",
                format!("write {authority}, and the token as the password"),
            ),
            (
                !can_begin_a_path(path),
                "has a path that no image begins with",
                "write the path as the images do, or leave it out".into(),
            ),
            (
                !can_be_a_host(host),
                "has a host that no image has: a part of it begins or ends with `-`, or has a `_`",
                "write the host as the images do".into(),
            ),
            (
                authority.ends_with(":443"),
                "matches only images that are written with :443",
                "leave the port out if the images have none".into(),
            ),
            (
                has_capitals(authority) && !host.starts_with('['),
                "has capital letters, and is compared letter by letter",
                "write it as the images do".into(),
            ),
            (
                host.starts_with('[') && self.port().is_empty(),
                "is an IPv6 address without a port, whose brackets a kubelet reads as a glob: it matches no image",
                "write the port in the key and in the images, for example [2001:db8::1]:443".into(),
            ),
            (
                !authority.contains(['.', ':']) && host != "localhost",
                "has neither a dot nor a port, and matches hardly any image",
                InvalidRegistry::hint().to_owned(),
            ),
        ];
        let odd = odd.into_iter().filter(|(is_so, ..)| *is_so).map(|(_, what, hint)| (what.to_owned(), hint));
        let near_miss = real_host(host).map(|real| {
            (format!("holds no images: its registry is {real}"), format!("write {real} where the key is {host}"))
        });
        let slip = one_slip_away(host)
            .map(|known| (format!("is one letter away from {known}"), format!("write {known} if that is meant")));
        odd.chain(near_miss)
            .chain(slip)
            .map(|(what, hint)| {
                Diagnostic::warning(Code::RegistryHardlyMatches, format!("`{self}` {what}")).hint(hint).about(self)
            })
            .collect()
    }
}

/// Whether Docker Hub answers to this host, or is meant by it.
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

/// Whether the path of an image may begin with it, as far as no other oddity says the opposite.
fn can_begin_a_path(path: &str) -> bool {
    let is_told_elsewhere = path.contains("//") || path.contains(['*', ':', '@']) || has_capitals(path);
    let parts: Vec<_> = path.split('/').skip(1).collect();
    let (last, whole) = parts.split_last().unwrap_or((&"", &[]));
    is_told_elsewhere
        || (whole.iter().all(|part| is_good_part(part)) && (last.is_empty() || is_good_part(&format!("{last}0"))))
}

/// Whether an image may have this host, or one that the glob stands for.
fn can_be_a_host(host: &str) -> bool {
    host.split('.').all(|label| !label.starts_with('-') && !label.ends_with('-') && !label.contains('_'))
}

fn split_path(text: &str) -> (&str, &str) {
    text.find('/').map_or((text, ""), |slash| text.split_at(slash))
}

/// Host and port; an IPv6 address keeps its brackets.
pub(super) fn split_port(authority: &str) -> (&str, &str) {
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
mod tests {
    use super::*;

    fn canonical(text: &str) -> (String, usize) {
        let (key, problems) = text.parse::<RegistryKey>().unwrap().canonical();
        (key.as_str().to_owned(), problems.len())
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
            ("registry-.acme.com", 1),
            ("a_b.example.com:5000", 1),
            ("-a.example.com", 1),
            ("ghcr.io/-acme", 1),
            ("ghcr.io/a..b", 1),
            ("ghcr.io/a_/b", 1),
            ("ghcr.io/a_", 0),
            ("ghcr.io/a.", 0),
            ("ghcr.io/acme/a__b-c", 0),
            ("ghcr.io/glpat-abcdef", 1),
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
    fn what_a_kubelet_leaves_out_of_a_key_is_left_out() {
        for (text, emitted) in [
            ("bot:secret@ghcr.io", "ghcr.io"),
            ("https://bot:secret@ghcr.io/acme", "ghcr.io/acme"),
            ("ghcr.io?x=y", "ghcr.io"),
            ("ghcr.io/acme#x", "ghcr.io/acme"),
            ("ghcr.io:", "ghcr.io"),
            ("ghcr.io/%61cme", "ghcr.io/acme"),
            ("[2001:db8::1]:5000/acme", "[2001:db8::1]:5000/acme"),
        ] {
            assert_eq!(text.parse::<RegistryKey>().unwrap().as_str(), emitted, "{text}");
        }
    }

    #[test]
    fn only_what_looks_like_an_address_is_shown() {
        for (text, shown) in [
            ("https://ghcr.io/v2/", "https://ghcr.io/v2/"),
            ("quay.io/acme", "quay.io/acme"),
            ("ghcr.io/bot:SECRET", "ghcr.io/…"),
            ("quay.io/Acme", "quay.io/Acme"),
            ("GHCR.io", "GHCR.io"),
            ("ghcr.io/ghp_a1b2c3", "ghcr.io/…"),
            ("ghcr.io/acme/glpat-abcdef", "ghcr.io/…"),
            ("ghcr.io/dckr_pat_abc", "ghcr.io/…"),
            ("SECRETTOKEN", "…"),
            ("eyJh1.eyJz2.SflK3", "…"),
        ] {
            assert_eq!(text.parse::<RegistryKey>().unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        for (text, error) in [
            ("", InvalidRegistry::NoHost),
            ("https:///v1/", InvalidRegistry::NoHost),
            ("a..b", InvalidRegistry::Dot),
            ("ghcr.io.", InvalidRegistry::Dot),
            ("oci://ghcr.io", InvalidRegistry::Scheme),
            ("docker://ghcr.io/acme", InvalidRegistry::Scheme),
            ("HTTPS://ghcr.io", InvalidRegistry::Scheme),
            ("ghcr.io/ghp_A1b2C3", InvalidRegistry::Token),
            ("ghcr.io/acme/glpat-A1b2C3", InvalidRegistry::Token),
            ("https://ghcr.io/dckr_pat_A1b2C3", InvalidRegistry::Token),
            ("ghcr.io:port", InvalidRegistry::Port),
            ("ghcr.io/a b", InvalidRegistry::Character(10)),
            ("ghcr.io/a%", InvalidRegistry::Character(10)),
            ("[2001:db8::x]:5000", InvalidRegistry::NoHost),
            ("a:1:2", InvalidRegistry::Port),
            ("gh cr.io", InvalidRegistry::Character(3)),
            ("registry", InvalidRegistry::NoRegistry),
            (&format!("{}.io", "a".repeat(64)), InvalidRegistry::TooLong),
        ] {
            assert_eq!(text.parse::<RegistryKey>().unwrap_err(), error, "{text}");
        }
    }

    #[test]
    fn a_token_that_is_typed_for_a_host_is_refused() {
        for token in [
            "hunter2",
            "eyJh.eyJz.SflK",
            "GHCR.io",
            "*/acme",
            "ghcr.io:",
            "bot:x@ghcr.io",
            "ghcr.io?x",
            "ghcr.io:65536",
            "ghcr.io/ghp_a1b2c3",
        ] {
            assert!(RegistryKey::typed(token).is_err(), "{token}");
        }
        for host in ["ghcr.io", "localhost", "registry:5000/Team", "[2001:db8::1]:5000", "https://index.docker.io/v1/"]
        {
            assert!(RegistryKey::typed(host).is_ok(), "{host}");
        }
    }
}
