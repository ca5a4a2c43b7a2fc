//! Says why the key of a login does not match an image, although it was probably meant for it.

use super::cause::Cause;
use super::secret::Entry;
use crate::docker_config::kubelet::Image;
use crate::docker_config::near_miss::{self, Miss};
use crate::docker_config::registry::RegistryKey;

/// The hosts of Docker Hub. A key that begins with one of them was meant for Docker Hub, even if it matches no image there.
const OF_DOCKER_HUB: [&str; 4] =
    ["index.docker.io", "registry-1.docker.io", "hub.docker.com", "registry.hub.docker.com"];

/// The cause, and the words for the key in a message.
pub(super) fn fault(entry: &Entry, image: &Image) -> Option<(Cause, String)> {
    match entry {
        Entry::Login(login) => of_key(&login.registry, image).map(|cause| (cause, format!("`{}`", login.registry))),
        Entry::OtherScheme(host) if host == image.domain() => Some((Cause::KeyScheme, format!("for `{host}`"))),
        Entry::OtherScheme(_) | Entry::NoRegistry | Entry::Bad | Entry::Empty(_) | Entry::IdentityToken(_) => None,
    }
}

fn of_key(key: &RegistryKey, image: &Image) -> Option<Cause> {
    if image.domain() == "docker.io" && OF_DOCKER_HUB.contains(&key.host()) {
        return Some(Cause::KeyDockerHub);
    }
    near_miss::why(key, image).and_then(|(miss, ..)| match miss {
        Miss::Port => Some(Cause::KeyPort),
        Miss::Path => Some(Cause::KeyPath),
        Miss::WebSite => Some(Cause::KeyWebSite),
        Miss::Glob => Some(Cause::KeyGlob),
        Miss::Host | Miss::Image => Some(Cause::KeyHost),
        Miss::Service => None,
    })
}
