//! What a kubelet would do: an image and the keys of a Docker config in, the keys whose logins it tries, in its order, out.
//!
//! The rules are those of `pkg/credentialprovider/keyring.go` and of the reference grammar in `distribution/reference`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::registry::RegistryKey;

/// An image as a container names it, in full: Docker Hub's short names are spelled out, tag and digest are gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    domain: String,
    path: String,
}

/// The text names no image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("is not the name of an image")]
pub struct InvalidImage;

impl FromStr for Image {
    type Err = InvalidImage;

    fn from_str(text: &str) -> Result<Self, InvalidImage> {
        let name = text.split('@').next().unwrap_or_default();
        let name = match name.rfind(':') {
            Some(colon) if !name[colon..].contains('/') => &name[..colon],
            _ => name,
        };
        let (domain, path) = match name.split_once('/') {
            Some((first, rest)) if is_domain(first) => (first, rest.to_owned()),
            _ => ("docker.io", name.to_owned()),
        };
        let domain = if domain == "index.docker.io" { "docker.io" } else { domain };
        let path = if domain == "docker.io" && !path.contains('/') { format!("library/{path}") } else { path };
        let good_part = |part: &str| {
            part.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
                && part.starts_with(|first: char| first.is_ascii_alphanumeric())
                && part.ends_with(|last: char| last.is_ascii_alphanumeric())
        };
        let good_domain = domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-_".contains(&byte));
        if !good_domain || !path.split('/').all(good_part) {
            return Err(InvalidImage);
        }
        Ok(Self { domain: domain.to_owned(), path })
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.domain, self.path)
    }
}

/// Whether the first part of an image is a registry: it has a dot, a colon or a capital letter, or is `localhost`.
fn is_domain(first: &str) -> bool {
    first == "localhost" || first.bytes().any(|byte| matches!(byte, b'.' | b':') || byte.is_ascii_uppercase())
}

/// The keys a kubelet tries for the image, the most specific first.
pub fn matching<'a>(keys: impl Iterator<Item = &'a RegistryKey>, image: &Image) -> Vec<&'a RegistryKey> {
    let mut keys: Vec<_> = keys.collect();
    keys.sort_by(|one, other| other.index().cmp(one.index()));
    let direct: Vec<_> = keys.iter().copied().filter(|key| matches(key, image)).collect();
    if direct.is_empty() && image.domain == "docker.io" {
        return keys.into_iter().filter(|key| key.index() == "index.docker.io").collect();
    }
    direct
}

fn matches(key: &RegistryKey, image: &Image) -> bool {
    let (glob_host, glob_port) = split_port(key.authority());
    let (host, port) = split_port(&image.domain);
    glob_port == port
        && glob_host.split('.').count() == host.split('.').count()
        && glob_host.split('.').zip(host.split('.')).all(|(glob, part)| part_matches(glob, part))
        && format!("/{}", image.path).starts_with(key.path())
}

fn split_port(authority: &str) -> (&str, &str) {
    authority.split_once(':').unwrap_or((authority, ""))
}

/// Go's `filepath.Match` for one part of a host, where `*` is the only special character a key may hold.
fn part_matches(glob: &str, part: &str) -> bool {
    let Some((first, rest)) = glob.split_once('*') else { return glob == part };
    let Some(mut left) = part.strip_prefix(first) else { return false };
    let mut pieces: Vec<_> = rest.split('*').collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        match left.find(piece) {
            Some(at) => left = &left[at + piece.len()..],
            None => return false,
        }
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(keys: &[&str], image: &str) -> Vec<String> {
        let keys: Vec<RegistryKey> = keys.iter().map(|key| key.parse().unwrap()).collect();
        matching(keys.iter(), &image.parse().unwrap()).into_iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_image_is_spelled_out() {
        for (text, full) in [
            ("nginx", "docker.io/library/nginx"),
            ("nginx:1.27", "docker.io/library/nginx"),
            ("acme/api@sha256:00", "docker.io/acme/api"),
            ("index.docker.io/nginx", "docker.io/library/nginx"),
            ("localhost/api", "localhost/api"),
            ("localhost:5000/api:1", "localhost:5000/api"),
            ("Team/api", "Team/api"),
            ("ghcr.io/acme/api:1.4@sha256:00", "ghcr.io/acme/api"),
        ] {
            assert_eq!(text.parse::<Image>().unwrap().to_string(), full, "{text}");
        }
        for bad in ["", "/", "ghcr.io/", "ghcr.io/Acme", "a b", "ghcr.io/-a", "a//b"] {
            assert_eq!(bad.parse::<Image>(), Err(InvalidImage), "{bad}");
        }
    }

    #[test]
    fn a_key_matches_by_the_kubelets_rules() {
        let hub = "https://index.docker.io/v1/";
        for (keys, image, expected) in [
            (&["ghcr.io"][..], "ghcr.io/acme/api", &["ghcr.io"][..]),
            (&["ghcr.io", "ghcr.io/acme"], "ghcr.io/acme/api", &["ghcr.io/acme", "ghcr.io"]),
            (&["ghcr.io/acme"], "ghcr.io/acmeco/api", &["ghcr.io/acme"]),
            (&["*.io"], "a.b.io/x", &[]),
            (&["*.io"], "ghcr.io/x", &["*.io"]),
            (&["gh*r.io"], "ghcr.io/x", &["gh*r.io"]),
            (&["ghcr.io:443"], "ghcr.io/x", &[]),
            (&[hub], "nginx", &[hub]),
            (&[hub, "docker.io/acme"], "acme/api", &["docker.io/acme"]),
            (&[hub, "docker.io/acme"], "nginx", &[hub]),
            (&[hub], "ghcr.io/x", &[]),
        ] {
            assert_eq!(tried(keys, image), expected, "{keys:?} {image}");
        }
    }
}
