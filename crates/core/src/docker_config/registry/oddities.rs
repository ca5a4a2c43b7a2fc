//! Reports why a key can hardly match an image.

use super::near_miss::{one_slip_away, real_host};
use super::{DOCKER_HUB, InvalidRegistry, RegistryKey, has_a_token, has_capitals, is_shown};
use crate::diagnostic::{Code, Diagnostic};
use crate::docker_config::kubelet::is_good_part;

impl RegistryKey {
    /// Why the key can hardly match what the user means.
    pub(super) fn oddities(&self) -> Vec<Diagnostic> {
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
                "ends in `/v1` or `/v2` without a final slash, and matches no image",
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
                "has capital letters, and the comparison is case-sensitive",
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

/// Whether the path of an image may begin with it; a path with an oddity that is reported elsewhere counts as good.
fn can_begin_a_path(path: &str) -> bool {
    let is_reported_elsewhere = path.contains("//") || path.contains(['*', ':', '@']) || has_capitals(path);
    let parts: Vec<_> = path.split('/').skip(1).collect();
    let (last, whole) = parts.split_last().unwrap_or((&"", &[]));
    is_reported_elsewhere
        || (whole.iter().all(|part| is_good_part(part)) && (last.is_empty() || is_good_part(&format!("{last}0"))))
}

/// Whether an image may have this host, or one that the glob stands for.
fn can_be_a_host(host: &str) -> bool {
    host.split('.').all(|label| !label.starts_with('-') && !label.ends_with('-') && !label.contains('_'))
}
