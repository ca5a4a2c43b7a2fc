//! Finds the keys of a Docker config that a kubelet tries for an image, in its order.
//!
//! The rules come from `pkg/credentialprovider/keyring.go`, and from the reference grammar in `distribution/reference`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::registry::{RegistryKey, split_port};

/// An image in its long form: short names of Docker Hub are completed, tag and digest are removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    domain: String,
    path: String,
}

/// Why the text is not an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("is not the name of an image: {0}")]
pub struct InvalidImage(&'static str);

impl FromStr for Image {
    type Err = InvalidImage;

    fn from_str(text: &str) -> Result<Self, InvalidImage> {
        let (name, digest) = text.split_once('@').map_or((text, None), |(name, digest)| (name, Some(digest)));
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (name, None),
        };
        let (domain, path) = match name.split_once('/') {
            Some((first, rest)) if is_domain(first) => (first, rest.to_owned()),
            _ => ("docker.io", name.to_owned()),
        };
        let domain = if domain == "index.docker.io" { "docker.io" } else { domain };
        let path = if domain == "docker.io" && !path.contains('/') { format!("library/{path}") } else { path };
        let is_id = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        // A first part that is not a host belongs to the path, but a kubelet still looks it up as a host.
        let good_domain = is_good_domain(domain) || is_good_part(domain);
        let fault = if text.is_empty() {
            "it is empty"
        } else if text.contains("://") {
            "an image has no scheme before its host"
        } else if text.contains(char::is_whitespace) {
            "there is white space in it"
        } else if is_id {
            "64 hexadecimal digits are an id"
        } else if !tag.is_none_or(is_good_tag) {
            "invalid tag: up to 128 letters, digits, `_`, `.` and `-`"
        } else if !digest.is_none_or(is_good_digest) {
            "invalid digest: `sha256:` and 64 hexadecimal digits"
        } else if !good_domain {
            "invalid host"
        } else if path.contains(|character: char| character.is_ascii_uppercase()) {
            "there is a capital letter in its path"
        } else if !path.split('/').all(is_good_part) {
            "a part of its path is empty, or not letters and digits with single `.`, `_` or `-` between them"
        } else if path.len() > 255 {
            "its path is longer than 255 characters"
        } else {
            return Ok(Self { domain: domain.to_owned(), path });
        };
        Err(InvalidImage(fault))
    }
}

impl Image {
    /// Host and port; Docker Hub's host is completed.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The repository: what comes after the host.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether a text that is formally an image of Docker Hub is more likely the host of a registry.
    pub fn looks_like_a_registry(text: &str) -> bool {
        let host = split_port(text).0;
        (host == "localhost" || host.contains(['.', ':'])) && is_good_domain(text)
    }

    /// Whether a kubelet falls back to the login of Docker Hub, because a host without dot and port is not a registry.
    fn may_be_on_docker_hub(&self) -> bool {
        self.domain == "docker.io" || !self.domain.contains(['.', ':'])
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

fn is_good_domain(domain: &str) -> bool {
    let (host, port) = split_port(domain);
    let good_address =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':');
    let good_label = |label: &str| {
        label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && label.starts_with(|first: char| first.is_ascii_alphanumeric())
            && label.ends_with(|last: char| last.is_ascii_alphanumeric())
    };
    let good_host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(good_address),
        None => host.split('.').all(good_label),
    };
    good_host && !domain.ends_with(':') && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// Words of `a-z` and `0-9`, joined by one dot, one or two underscores, or any number of dashes.
pub(super) fn is_good_part(part: &str) -> bool {
    let is_of_word = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
    let joins = |text: &str| matches!(text, "" | "." | "_" | "__") || text.bytes().all(|byte| byte == b'-');
    part.starts_with(is_of_word) && part.ends_with(is_of_word) && part.split(is_of_word).all(joins)
}

fn is_good_tag(tag: &str) -> bool {
    let is_of_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let is_good = |character| is_of_word(character) || matches!(character, '.' | '-');
    tag.len() <= 128 && tag.starts_with(is_of_word) && tag.chars().all(is_good)
}

/// An algorithm whose digests an image can have, a colon, and as many hexadecimal digits as the algorithm needs.
fn is_good_digest(digest: &str) -> bool {
    digest.split_once(':').is_some_and(|(algorithm, hexadecimal)| {
        let length = match algorithm {
            "sha256" => 64,
            "sha384" => 96,
            "sha512" => 128,
            _ => return false,
        };
        hexadecimal.len() == length && hexadecimal.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// The entries that a kubelet tries for the image, the most specific first; entries with one key in the order of the pull secrets.
pub fn matching<'a, E>(
    entries: impl Iterator<Item = &'a E>,
    key: impl Fn(&E) -> &RegistryKey,
    image: &Image,
) -> Vec<&'a E> {
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by(|one, other| key(other).index().cmp(key(one).index()));
    let direct: Vec<_> = entries.iter().copied().filter(|entry| matches(key(entry), image)).collect();
    if direct.is_empty() && image.may_be_on_docker_hub() {
        return entries.into_iter().filter(|entry| key(entry).index() == "index.docker.io").collect();
    }
    direct
}

/// Whether the host of the key is Docker Hub's, perhaps by a glob.
pub fn is_for_docker_hub(key: &RegistryKey) -> bool {
    let parts: Vec<_> = key.authority().split('.').collect();
    parts.len() == 2 && part_matches(parts[0], "docker") && part_matches(parts[1], "io")
}

fn matches(key: &RegistryKey, image: &Image) -> bool {
    let (glob_host, glob_port) = split_port(key.authority());
    let (host, port) = split_port(&image.domain);
    // If there is no port, Go keeps the brackets of an IPv6 address, and reads the brackets in the key as a glob.
    let is_comparable = !glob_host.starts_with('[') || !port.is_empty();
    is_comparable
        && glob_port == port
        && glob_host.split('.').count() == host.split('.').count()
        && glob_host.split('.').zip(host.split('.')).all(|(glob, part)| part_matches(glob, part))
        && format!("/{}", image.path).starts_with(key.path())
}

/// Go's `filepath.Match` for one part of a host, where `*` is the only special character.
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
mod tests;
