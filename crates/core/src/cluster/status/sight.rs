//! Describes a pull secret in one namespace: its logins, and why a kubelet cannot use it.

use secrecy::ExposeSecret;

use super::online::OLD_TYPE;
use crate::cluster::delivery::PullSecret;
use crate::cluster::facts::{DATA_KEY, Secret, TYPE};
use crate::credentials::{Credential, as_kubelet};
use crate::docker_config::kubelet::{Image, matching};
use crate::docker_config::registry::RegistryKey;
use crate::names::ResourceName;

/// The wanted and the existing logins of a pull secret in one namespace.
pub(super) struct Sight<'a> {
    pub(super) name: &'a ResourceName,
    /// Why a kubelet cannot use it.
    pub(super) fault: Option<String>,
    /// The registries of the wanted logins; if there are none, of the existing logins.
    registries: Vec<RegistryKey>,
    /// The wanted logins, and the existing ones.
    logins: Vec<Credential>,
}

/// Reads the wanted and the existing Docker config.
pub(super) fn see<'a>(wanted: &PullSecret<'a>, there: Option<&Secret>) -> Sight<'a> {
    let docker_config = there.and_then(|secret| secret.docker_config.as_ref());
    let read = |json| as_kubelet::read(json, "").unwrap_or_default();
    let found = docker_config.map(read).unwrap_or_default();
    let mut registries: Vec<_> = wanted.logins.registries().cloned().collect();
    if registries.is_empty() {
        registries = found.iter().map(|login| login.registry.clone()).collect();
    }
    let logins = if wanted.is_known() { read(wanted.docker_config()) } else { Vec::new() };
    let logins = logins.into_iter().chain(found).collect();
    Sight { name: wanted.name, fault: there.and_then(fault), registries, logins }
}

impl Sight<'_> {
    /// Whether it has, or should have, a login that a kubelet tries for the image.
    pub(super) fn has_a_login_for(&self, image: &str) -> bool {
        image.parse::<Image>().is_ok_and(|image| !matching(self.registries.iter(), |key| key, &image).is_empty())
    }

    /// Whether a text quotes one of its passwords, or a user name as long as a token.
    #[expect(clippy::disallowed_methods, reason = "compares, and lets nothing out")]
    pub(super) fn is_quoted_in(&self, text: &str) -> bool {
        const LONG: usize = 20;
        self.logins.iter().any(|login| {
            let (username, password) = (login.username.expose_secret(), login.password.expose_secret());
            text.contains(password) || (username.len() >= LONG && text.contains(username))
        })
    }
}

/// Why no kubelet can use the Secret, whatever its wanted content is.
fn fault(secret: &Secret) -> Option<String> {
    if secret.type_ == OLD_TYPE {
        return None;
    }
    if secret.type_ != TYPE {
        return Some(format!("its type is {}", secret.type_));
    }
    match &secret.docker_config {
        None => Some(format!("it has no `{DATA_KEY}` that is text")),
        Some(json) => as_kubelet::read(json, "").err().map(|unreadable| unreadable.to_string()),
    }
}
