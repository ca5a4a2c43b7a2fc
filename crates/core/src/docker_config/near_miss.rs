//! Finds the keys that nearly match an image, and says why they do not.

use super::Logins;
use super::kubelet::Image;
use super::registry::{DOCKER_HUB, RegistryKey, is_a_name_of_docker_hub, real_host, split_port};
use crate::diagnostic::{Code, Diagnostic};

/// Why the keys that were probably meant for the image do not match it. The image is one that no key matches.
pub fn near_misses(logins: &[&Logins], image: &Image) -> Vec<Diagnostic> {
    let keys = logins.iter().flat_map(|logins| logins.registries());
    let mut said: Vec<_> = keys.filter_map(|key| why(key, image)).map(|(_, what, hint)| (what, hint)).collect();
    if said.is_empty()
        && let Some(real) = real_host(split_port(image.domain()).0)
    {
        said.push((
            format!("the host of the image, {}, holds no images: its registry is {real}", image.domain()),
            "write the image with its registry".to_owned(),
        ));
    }
    said.into_iter().map(|(message, hint)| Diagnostic::warning(Code::NearMiss, message).hint(hint)).collect()
}

/// The difference between a key and an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Miss {
    /// Another port.
    Port,
    /// Another path.
    Path,
    /// The key has a web site in place of a registry.
    WebSite,
    /// The glob has another number of parts.
    Glob,
    /// The host is nearly the same.
    Host,
    /// A web site in the place of the image's registry.
    Image,
    /// Another registry of the same service.
    Service,
}

/// Why a key that was probably meant for the image does not match it, in a sentence, and what to write instead.
pub fn why(key: &RegistryKey, image: &Image) -> Option<(Miss, String, String)> {
    let (host, port) = split_port(key.authority());
    let (image_host, image_port) = split_port(image.domain());
    let writing = |text: &str| format!("write `{text}` as the key");
    let right = if image.domain() == "docker.io" { DOCKER_HUB } else { image.domain() };
    if let Some(found) = wrong_image_host(key, image) {
        return Some(found);
    }
    if host == image_host && port != image_port && host.starts_with('[') && image_port.is_empty() {
        let what = format!("`{key}` has a port, the image none, and no key matches an IPv6 address without a port");
        return Some((
            Miss::Port,
            what,
            format!("write the port in the image, too: {}/{}", key.authority(), image.path()),
        ));
    }
    if host == image_host && port != image_port {
        let shown = |port: &str| if port.is_empty() { "no port".to_owned() } else { format!("port {port}") };
        let what = format!(
            "`{key}` has {}, the image {}, and a kubelet compares ports as text",
            shown(port),
            shown(image_port)
        );
        return Some((Miss::Port, what, writing(right)));
    }
    if key.authority() == image.domain() {
        let what = format!("the path of `{key}` is not the beginning of the image's path");
        return Some((Miss::Path, what, writing(right)));
    }
    if real_host(host).is_some_and(|real| is_at(image_host, real)) {
        return Some((Miss::WebSite, format!("`{key}` holds no images: the image is in {image_host}"), writing(right)));
    }
    if host.contains('*') && image_host.ends_with(host.rsplit('*').next().unwrap_or_default()) {
        let what = format!("a `*` in `{key}` is one part of a host, and the image's host has another number of parts");
        return Some((Miss::Glob, what, writing(right)));
    }
    if let Some(what) = SERVICES.iter().find(|(is_of, _)| is_of(host) && is_of(image_host)).map(|(_, what)| what) {
        let what = format!("`{key}` is of another {what} than {image_host}, the image's host");
        return Some((Miss::Service, what, format!("write `{right}` as the key, if the login is good there")));
    }
    let is_part = |one: &str, other: &str| one.strip_suffix(other).is_some_and(|head| head.ends_with('.'));
    let is_slip = host.len() > 4 && strsim::osa_distance(host, image_host) <= 2;
    if is_slip || host.eq_ignore_ascii_case(image_host) || is_part(host, image_host) || is_part(image_host, host) {
        return Some((Miss::Host, format!("the host of `{key}` is not {image_host}, the image's"), writing(right)));
    }
    None
}

/// Whether a host belongs to a service, and in what the hosts of the service's registries differ.
type Service = (fn(&str) -> bool, &'static str);

/// Services whose registries all have hosts of the same form, each with the part in which these hosts differ.
const SERVICES: [Service; 5] = [
    (|host| host.contains(".dkr.ecr") || host.contains(".dkr-ecr"), "account or region of ECR"),
    (|host| host.ends_with("-docker.pkg.dev"), "region of Artifact Registry"),
    (|host| host.ends_with(".gcr.io"), "region of Container Registry"),
    (|host| host.ends_with(".azurecr.io"), "registry of Azure"),
    (|host| host.ends_with(".ocir.io"), "region of Oracle's registry"),
];

/// Whether the host is this registry. A part in capitals stands for a name that differs for each customer.
fn is_at(host: &str, real: &str) -> bool {
    host == real
        || real.split_once('.').is_some_and(|(name, rest)| {
            name.bytes().all(|byte| byte.is_ascii_uppercase()) && host.ends_with(&format!(".{rest}"))
        })
}

/// What is wrong with the host of the image, if the key is right.
fn wrong_image_host(key: &RegistryKey, image: &Image) -> Option<(Miss, String, String)> {
    let host = split_port(image.domain()).0;
    let write = |registry: &str, path: &str| format!("write the image as {registry}/{path}");
    if is_a_name_of_docker_hub(host) && host != "docker.io" && is_a_name_of_docker_hub(key.host()) && key.host() != host
    {
        let what =
            format!("a kubelet takes the login of Docker Hub only for images of docker.io, not for those of {host}");
        return Some((Miss::Image, what, write("docker.io", image.path().trim_start_matches("r/"))));
    }
    let real = real_host(host).filter(|real| is_at(key.host(), real))?;
    let what = format!("the host of the image, {}, holds no images: its registry is {real}", image.domain());
    Some((Miss::Image, what, write(key.authority(), image.path())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_nearly_matches_is_named_with_the_reason() {
        for (key, image, said) in [
            ("gitlab.com", "registry.gitlab.com/acme/api", Some("holds no images")),
            ("registry.gitlab.com", "gitlab.com/acme/api", Some("the host of the image, gitlab.com, holds no images")),
            ("quay.io", "quay.com/acme/api", Some("the host of the image, quay.com, holds no images")),
            ("acme.azurecr.io", "azurecr.io/api", Some("the host of the image, azurecr.io, holds no images")),
            ("[2001:db8::1]:5000", "[2001:db8::1]/api", Some("no key matches an IPv6 address")),
            (
                "1.dkr.ecr.eu-west-1.amazonaws.com",
                "1.dkr.ecr.us-east-1.amazonaws.com/api",
                Some("another account or region of ECR"),
            ),
            (
                "1.dkr.ecr.eu-west-1.amazonaws.com",
                "2.dkr.ecr.eu-west-1.amazonaws.com/api",
                Some("another account or region of ECR"),
            ),
            ("us-docker.pkg.dev", "europe-docker.pkg.dev/p/r/api", Some("another region of Artifact Registry")),
            ("docker.io", "registry-1.docker.io/acme/api", Some("only for images of docker.io")),
            ("https://index.docker.io/v1/", "hub.docker.com/r/acme/api", Some("only for images of docker.io")),
            ("azurecr.io", "acme.azurecr.io/api", Some("holds no images")),
            ("ghcr.io:443", "ghcr.io/acme/api", Some("port 443, the image no port")),
            ("ghcr.io/acme", "ghcr.io/other/api", Some("path")),
            ("*.io", "a.b.io/x", Some("`*`")),
            ("ghrc.io", "ghcr.io/acme/api", Some("the host of")),
            ("quay.io", "ghcr.io/acme/api", None),
            ("quay.io", "github.com/acme/api", Some("its registry is ghcr.io")),
        ] {
            let logins = Logins::External(vec![(key.parse().unwrap(), None)]);
            let found = near_misses(&[&logins], &image.parse().unwrap());
            match said {
                Some(said) => assert!(found[0].message.contains(said), "{key} {image}: {}", found[0].message),
                None => assert!(found.is_empty(), "{key} {image}"),
            }
        }
    }
}
