//! Decides whether a login may go to the token server that a registry names.

use super::url::{Scheme, Url};

/// Registries whose token server is on another host: `*` is one part of a host.
///
/// All other public registries (ghcr.io, quay.io, public.ecr.aws, gcr.io, pkg.dev, azurecr.io, nvcr.io, jfrog.io) have their token server
/// on the same host.
const KNOWN: &[(&str, &str)] = &[
    ("registry-1.docker.io", "auth.docker.io"),
    ("registry.gitlab.com", "gitlab.com"),
    ("registry.digitalocean.com", "api.digitalocean.com"),
    ("registry.connect.redhat.com", "sso.redhat.com"),
    ("registry.redhat.io", "sso.redhat.com"),
    ("*.icr.io", "icr.io"),
    ("rg.*.scw.cloud", "api.scaleway.com"),
];

/// Why a login may not go to a token server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The registry uses TLS, but its token server does not.
    InClear(String),
    /// The host of the token server is not the registry's, not a known one, and not named by `--allow-realm`.
    Foreign(String),
}

/// Checks the token server.
///
/// # Errors
/// The login must not go to this token server; the error holds the host and port.
pub fn check(registry: &Url, realm: &Url, allowed: &[String]) -> Result<(), Refused> {
    if registry.scheme() == Scheme::Https && realm.scheme() == Scheme::Http {
        return Err(Refused::InClear(realm.authority().to_owned()));
    }
    let (host, port) = realm.place();
    let is_known =
        || port == "443" && KNOWN.iter().any(|(pattern, known)| matches(pattern, registry.host()) && *known == host);
    let is_named = || allowed.iter().any(|named| named.eq_ignore_ascii_case(realm.authority()));
    if realm.place() == registry.place() || is_known() || is_named() {
        Ok(())
    } else {
        Err(Refused::Foreign(realm.authority().to_owned()))
    }
}

fn matches(pattern: &str, host: &str) -> bool {
    let (pattern, host) = (pattern.split('.'), host.split('.'));
    pattern.clone().count() == host.clone().count() && pattern.zip(host).all(|(own, part)| own == "*" || own == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_goes_to_the_registrys_host_or_a_known_one_and_never_in_clear() {
        let foreign = |host: &str| Err(Refused::Foreign(host.to_owned()));
        for (registry, realm, allowed, expected) in [
            ("https://registry-1.docker.io", "https://auth.docker.io/token", "", Ok(())),
            ("https://ghcr.io", "https://ghcr.io/token", "", Ok(())),
            ("https://ghcr.io", "https://ghcr.io:443/token", "", Ok(())),
            ("https://registry.gitlab.com", "https://gitlab.com/jwt/auth", "", Ok(())),
            ("https://rg.fr-par.scw.cloud", "https://api.scaleway.com/t", "", Ok(())),
            ("https://harbor.example.com:8443", "https://harbor.example.com:8443/service/token", "", Ok(())),
            ("http://localhost:5000", "http://localhost:5000/token", "", Ok(())),
            ("http://registry.lan", "https://registry.lan:80/token", "", Ok(())),
            ("https://ghcr.io", "http://ghcr.io/token", "", Err(Refused::InClear("ghcr.io".into()))),
            ("https://ghcr.io", "http://ghcr.io/token", "ghcr.io", Err(Refused::InClear("ghcr.io".into()))),
            ("https://ghcr.io", "https://evil.test/token", "", foreign("evil.test")),
            ("https://ghcr.io", "https://ghcr.io.evil.test/token", "", foreign("ghcr.io.evil.test")),
            ("https://ghcr.io", "https://ghcr.io:8443/token", "", foreign("ghcr.io:8443")),
            ("https://evil.test", "https://auth.docker.io/token", "", foreign("auth.docker.io")),
            ("https://registry-1.docker.io", "https://auth.docker.io:8443/t", "", foreign("auth.docker.io:8443")),
            ("https://registry.example.com", "https://gitlab.example.com/jwt/auth", "", foreign("gitlab.example.com")),
            ("https://registry.example.com", "https://gitlab.example.com/jwt/auth", "gitlab.example.com", Ok(())),
            ("https://registry.example.com", "https://a.example.com/t", "*.example.com", foreign("a.example.com")),
            ("http://localhost:5000", "http://localhost:5001/token", "localhost:5001", Ok(())),
            ("http://localhost:5000", "http://localhost:5001/token", "localhost", foreign("localhost:5001")),
        ] {
            let (registry, url) = (registry.parse().unwrap(), realm.parse().unwrap());
            let allowed: Vec<_> = allowed.split(' ').map(str::to_owned).collect();
            assert_eq!(check(&registry, &url, &allowed), expected, "{registry} {realm}");
        }
    }
}
