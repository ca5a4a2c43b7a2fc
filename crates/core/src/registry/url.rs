//! Parses HTTP URLs, and finds the URL of a registry.

use std::fmt::{self, Write};
use std::str::FromStr;

use crate::docker_config::registry::split_port;

/// The host with the images of Docker Hub.
const DOCKER_HUB: &str = "registry-1.docker.io";

/// The scheme of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `http`.
    Http,
    /// `https`.
    Https,
}

/// A URL: scheme, host with port in lower case, path and query, without user name and fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    scheme: Scheme,
    authority: String,
    rest: String,
}

/// The text is not an HTTP URL. The error does not hold the text, because a registry may have chosen it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidUrl;

impl FromStr for Url {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidUrl)?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(InvalidUrl),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = (rest[..end].to_ascii_lowercase(), &rest[end..]);
        let (host, port) = split_port(&authority);
        let in_brackets = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let good_host = match in_brackets {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
        };
        let good_port = if port.is_empty() {
            !authority.ends_with(':')
        } else {
            !port.starts_with(['+', '0']) && port.parse::<u16>().is_ok()
        };
        let good_rest = rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte));
        if !good_host || !good_port || !good_rest {
            return Err(InvalidUrl);
        }
        Ok(Self { scheme, authority, rest: rest.to_owned() })
    }
}

impl Url {
    /// The registry with the images of this host. Docker Hub's registry has another name. Plain HTTP is used only for
    /// hosts that the user named as insecure, and, as in containerd, for loopback addresses with a port other than 443.
    ///
    /// # Errors
    /// The text is not a host.
    pub fn of_registry(host: &str, insecure: &[String]) -> Result<Self, InvalidUrl> {
        let host = if matches!(host, "docker.io" | "index.docker.io") { DOCKER_HUB } else { host };
        let is_insecure = insecure.iter().any(|insecure| insecure.eq_ignore_ascii_case(host));
        let (_, port) = split_port(host);
        let is_in_clear = is_insecure || is_loopback(host) && !matches!(port, "" | "443");
        let scheme = if is_in_clear { "http" } else { "https" };
        let url: Self = format!("{scheme}://{host}").parse()?;
        if url.rest.is_empty() { Ok(url) } else { Err(InvalidUrl) }
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host without port; an IPv6 address keeps its brackets.
    pub fn host(&self) -> &str {
        split_port(&self.authority).0
    }

    /// Host and port, as written.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Host and port, including the default port of the scheme.
    pub fn place(&self) -> (&str, &str) {
        let (host, port) = split_port(&self.authority);
        let implied = match self.scheme {
            Scheme::Http => "80",
            Scheme::Https => "443",
        };
        (host, if port.is_empty() { implied } else { port })
    }

    /// Whether the host is this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.authority)
    }

    /// The same host with another path.
    #[must_use]
    pub fn at(&self, path: &str) -> Self {
        Self { rest: path.to_owned(), ..self.clone() }
    }

    /// The URL with more parameters in its query.
    #[must_use]
    pub fn with_query<'a>(&self, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut url = self.clone();
        for (name, value) in parameters {
            let joint = if url.rest.contains('?') { '&' } else { '?' };
            let path = if url.rest.is_empty() { "/" } else { "" };
            let _ = write!(url.rest, "{path}{joint}{}={}", percent_encoded(name, PLAIN), percent_encoded(value, PLAIN));
        }
        url
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}{}", self.authority, self.rest)
    }
}

fn is_loopback(authority: &str) -> bool {
    let host = split_port(authority).0.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The characters that a parameter may contain unescaped, in addition to letters and digits.
const PLAIN: &[u8] = b"-._~:/";

/// The text with all but letters, digits and these bytes percent-encoded.
pub fn percent_encoded(text: &str, plain: &[u8]) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_scheme_a_host_and_no_user() {
        for (text, shown) in [
            ("https://auth.docker.io/token", "https://auth.docker.io/token"),
            ("HTTPS://Ghcr.io", "https://ghcr.io"),
            ("http://localhost:5001/token?x=y#z", "http://localhost:5001/token?x=y"),
            ("https://[2001:db8::1]:8443/t", "https://[2001:db8::1]:8443/t"),
        ] {
            assert_eq!(text.parse::<Url>().unwrap().to_string(), shown, "{text}");
        }
        for bad in [
            "",
            "ghcr.io",
            "ftp://ghcr.io",
            "https://",
            "https:///token",
            "https://user:secret@ghcr.io/token",
            "https://ghcr.io:0/",
            "https://ghcr.io:port/",
            "https://ghcr.io:+443/",
            "https://ghcr.io:0443/",
            "https://ghcr.io/a b",
            "https://ghcr.io\\@evil.test/",
            "https://ghcr.io/\r\nX: y",
            "https://[::x]/",
            "https://é.test/",
        ] {
            assert_eq!(bad.parse::<Url>(), Err(InvalidUrl), "{bad}");
        }
    }

    #[test]
    fn each_host_has_its_registry() {
        for (host, url) in [
            ("docker.io", "https://registry-1.docker.io"),
            ("index.docker.io", "https://registry-1.docker.io"),
            ("ghcr.io", "https://ghcr.io"),
            ("localhost:5000", "http://localhost:5000"),
            ("127.0.0.2:5000", "http://127.0.0.2:5000"),
            ("[::1]:5000", "http://[::1]:5000"),
            ("localhost", "https://localhost"),
            ("localhost:443", "https://localhost:443"),
            ("localhost.evil.test:5000", "https://localhost.evil.test:5000"),
            ("registry.lan:5000", "http://registry.lan:5000"),
            ("registry.lan", "https://registry.lan"),
        ] {
            let insecure = ["registry.lan:5000".to_owned()];
            assert_eq!(Url::of_registry(host, &insecure).unwrap().to_string(), url, "{host}");
        }
        assert!(Url::of_registry("ghcr.io/acme", &[]).is_err());
    }

    #[test]
    fn parameters_are_encoded() {
        let realm: Url = "https://a.test/token?x=1".parse().unwrap();
        let url = realm.with_query([("service", "a b&c"), ("scope", "repository:acme/api:pull")]);
        assert_eq!(url.to_string(), "https://a.test/token?x=1&service=a%20b%26c&scope=repository:acme/api:pull");
        let bare: Url = "https://a.test".parse().unwrap();
        assert_eq!(bare.with_query([("a", "b")]).to_string(), "https://a.test/?a=b");
    }
}
