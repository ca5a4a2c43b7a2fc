//! Keeps an object that is the same in many namespaces. It is serialized once, with gaps for the namespace.

use std::io;
use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use super::pull_secret::PullSecret;
use super::sealed::{SealedShell, SealedText};
use super::text::{GappedText, to_yaml};
use crate::names::Namespace;

/// The placeholder of the namespace until an object is written. No namespace can have this name, because it has capital letters.
pub(super) const GAP: &str = "Regcred-Puts-The-Namespace-Here";

/// The API server sets this label on every Namespace, but we write it, too. If an apply sets no field, the API server records the field
/// manager only at the second apply, and that changes the resourceVersion.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// An object and its place; the namespace may be filled in later.
#[derive(Debug)]
pub struct ObjectTemplate {
    pub(super) content: Content,
    pub(super) place: Place,
    yaml: OnceLock<GappedText>,
    json: OnceLock<GappedText>,
    sealed: OnceLock<SealedText>,
}

/// The place of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Cluster-wide.
    Cluster,
    /// In this namespace.
    Fixed(Namespace),
    /// In each namespace that is filled in.
    Each,
    /// The object has the namespace's name.
    Itself,
}

/// The content of an object.
#[derive(Debug)]
pub enum Content {
    /// A pull secret.
    Sensitive(PullSecret),
    /// Any other object, with its namespace or a placeholder for it.
    Plain(Map<String, Value>),
}

impl ObjectTemplate {
    /// A pull secret.
    pub fn sensitive(secret: PullSecret, place: Place) -> Self {
        Self::new(Content::Sensitive(secret), place)
    }

    /// Any other object; `place` names its namespace.
    pub fn plain(mut object: Map<String, Value>, place: Place) -> Self {
        let kind = object.get("kind").cloned().unwrap_or_default();
        let metadata = object.entry("metadata").or_insert_with(|| json!({}));
        match &place {
            Place::Cluster => {}
            Place::Fixed(namespace) => metadata["namespace"] = json!(namespace),
            Place::Each => metadata["namespace"] = json!(GAP),
            Place::Itself => {
                metadata["name"] = json!(GAP);
                if kind == "Namespace" {
                    metadata["labels"][NAME_LABEL] = json!(GAP);
                }
            }
        }
        Self::new(Content::Plain(object), place)
    }

    fn new(content: Content, place: Place) -> Self {
        Self { content, place, yaml: OnceLock::new(), json: OnceLock::new(), sealed: OnceLock::new() }
    }

    /// The namespace in the serialized object: a placeholder if the object is in many namespaces.
    pub(super) fn namespace(&self) -> Option<&str> {
        match &self.place {
            Place::Fixed(namespace) => Some(namespace.as_str()),
            Place::Each => Some(GAP),
            Place::Cluster | Place::Itself => None,
        }
    }

    pub(super) fn yaml(&self) -> io::Result<&GappedText> {
        cached(&self.yaml, || {
            let text = match &self.content {
                Content::Sensitive(secret) => to_yaml(&secret.in_namespace(self.namespace())),
                Content::Plain(object) => to_yaml(object),
            }?;
            Ok(GappedText::new(&text, GAP))
        })
    }

    pub(super) fn json(&self) -> io::Result<&GappedText> {
        cached(&self.json, || {
            let text = match &self.content {
                Content::Sensitive(secret) => serde_json::to_string(&secret.in_namespace(self.namespace())),
                Content::Plain(object) => serde_json::to_string(object),
            }?;
            Ok(GappedText::new(&text, &format!("\"{GAP}\"")))
        })
    }

    /// The YAML of this pull secret's SealedSecret, with a gap for the sealed value. All SealedSecrets of a run have the same shell.
    pub(super) fn sealed(&self, secret: &PullSecret, shell: &SealedShell) -> io::Result<&SealedText> {
        cached(&self.sealed, || SealedText::new(shell, secret, self.namespace()))
    }
}

fn cached<T>(cell: &OnceLock<T>, make: impl FnOnce() -> io::Result<T>) -> io::Result<&T> {
    match cell.get() {
        Some(value) => Ok(value),
        None => make().map(|value| cell.get_or_init(|| value)),
    }
}
