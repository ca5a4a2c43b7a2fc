//! Chooses the pull secrets that a Pod needs.

use crate::docker_config::kubelet::{self, Image};
use crate::docker_config::registry::RegistryKey;
use crate::names::{Namespace, NamespacePattern, ResourceName};

use super::kinds::PodPath;

/// The rules for adding references.
#[derive(Debug)]
pub struct Rules {
    /// The pull secrets, by name.
    pub pull_secrets: Vec<PullSecretRule>,
    /// Which Pods get them.
    pub which: Which,
    /// Where Pod specs are.
    pub paths: Vec<PodPath>,
    /// The namespace of objects that name none, if it is known.
    pub namespace: Option<Namespace>,
}

/// Which Pods get a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The Pods with an image that a login matches.
    Matching,
    /// All Pods.
    All,
}

/// One pull secret, with its registries and namespaces.
#[derive(Debug)]
pub struct PullSecretRule {
    /// Its name.
    pub name: ResourceName,
    /// The keys of its Docker config.
    pub registries: Vec<RegistryKey>,
    /// The namespaces with the pull secret; an empty list means all.
    pub include: Vec<NamespacePattern>,
    /// The namespaces that do not have it.
    pub exclude: Vec<NamespacePattern>,
}

impl Rules {
    /// The names of the pull secrets for a Pod with these images in this namespace. If the Pod had all pull secrets, a kubelet would try a
    /// login of each of these for one of the images.
    pub fn wanted(&self, images: &[Image], namespace: Option<&Namespace>) -> Vec<&str> {
        let namespace = namespace.or(self.namespace.as_ref());
        self.tried(images, |rule| rule.is_in(namespace))
    }

    /// The same, for any namespace.
    pub fn wanted_anywhere(&self, images: &[Image]) -> Vec<&str> {
        self.tried(images, |_| true)
    }

    fn tried(&self, images: &[Image], is_there: impl Fn(&PullSecretRule) -> bool) -> Vec<&str> {
        let there: Vec<_> = self.pull_secrets.iter().filter(|rule| is_there(rule)).collect();
        if self.which == Which::All {
            return there.iter().map(|rule| rule.name.as_str()).collect();
        }
        let mut keys = Vec::new();
        for rule in &there {
            keys.extend(rule.registries.iter().map(|registry| (registry, &rule.name)));
        }
        let tried = |image| kubelet::matching(keys.iter(), |(registry, _)| registry, image);
        let tried: Vec<_> = images.iter().flat_map(tried).collect();
        let is_tried = |rule: &&&PullSecretRule| tried.iter().any(|(_, name)| *name == &rule.name);
        there.iter().filter(is_tried).map(|rule| rule.name.as_str()).collect()
    }
}

impl PullSecretRule {
    /// In an unknown namespace the pull secret may exist, and a reference to a missing Secret does no harm.
    fn is_in(&self, namespace: Option<&Namespace>) -> bool {
        let Some(namespace) = namespace else { return true };
        let any = |patterns: &[NamespacePattern]| patterns.iter().any(|pattern| pattern.matches(namespace));
        (self.include.is_empty() || any(&self.include)) && !any(&self.exclude)
    }
}
