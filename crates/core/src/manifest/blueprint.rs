//! Blueprints: an object and where it lives in, its text with gaps for the namespace out, made once.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::text::{Frame, NAMESPACE_SLOT as SLOT, Stencil, to_yaml};
use crate::names::{Namespace, ResourceName};

/// Of a Namespace, its name: the API server sets it on every one. It is written all the same, so that a second apply leaves the
/// resourceVersion as it is: only then does the server note who made an object of which nothing is applied.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// An object that is not yet in a namespace.
#[derive(Debug)]
pub struct Blueprint {
    pub(super) content: Content,
    pub(super) place: Place,
    yaml: OnceLock<Stencil>,
    frame: OnceLock<Frame>,
    json: OnceLock<Stencil>,
}

/// Where an object lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In no namespace.
    Cluster,
    /// In this one.
    Fixed(Namespace),
    /// In each namespace of its section.
    Each,
    /// It is the namespace.
    Itself,
}

/// What an object is.
#[derive(Debug)]
pub enum Content {
    /// A pull secret.
    Sensitive(PullSecret),
    /// Anything else, without its namespace.
    Plain(Map<String, Value>),
}

/// A Secret of type `kubernetes.io/dockerconfigjson`.
#[derive(Clone)]
pub struct PullSecret {
    /// Its name.
    pub name: ResourceName,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The JSON of its Docker config.
    pub docker_config: Arc<SecretString>,
}

impl fmt::Debug for PullSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret {} with .dockerconfigjson", self.name)
    }
}

impl Blueprint {
    /// A pull secret.
    #[must_use]
    pub fn sensitive(secret: PullSecret, place: Place) -> Self {
        Self::new(Content::Sensitive(secret), place)
    }

    /// Any other object; its namespace is what `place` says.
    #[must_use]
    pub fn plain(mut object: Map<String, Value>, place: Place) -> Self {
        let kind = object.get("kind").cloned().unwrap_or_default();
        let metadata = object.entry("metadata").or_insert_with(|| json!({}));
        match &place {
            Place::Cluster => {}
            Place::Fixed(namespace) => metadata["namespace"] = json!(namespace),
            Place::Each => metadata["namespace"] = json!(SLOT),
            Place::Itself => {
                metadata["name"] = json!(SLOT);
                if kind == "Namespace" {
                    metadata["labels"][NAME_LABEL] = json!(SLOT);
                }
            }
        }
        Self::new(Content::Plain(object), place)
    }

    fn new(content: Content, place: Place) -> Self {
        Self { content, place, yaml: OnceLock::new(), frame: OnceLock::new(), json: OnceLock::new() }
    }

    /// What it is.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Where it lives.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn yaml(&self) -> io::Result<&Stencil> {
        if let Some(stencil) = self.yaml.get() {
            return Ok(stencil);
        }
        let text = match &self.content {
            Content::Sensitive(secret) => to_yaml(&secret.object(&self.place)),
            Content::Plain(object) => to_yaml(object),
        }?;
        Ok(self.yaml.get_or_init(|| Stencil::cut(&text, SLOT)))
    }

    /// What stands around its encrypted value, of the text that `make` makes once.
    pub(super) fn frame(&self, make: impl FnOnce() -> io::Result<Zeroizing<String>>) -> io::Result<&Frame> {
        if let Some(frame) = self.frame.get() {
            return Ok(frame);
        }
        let text = make()?;
        Ok(self.frame.get_or_init(|| Frame::cut(&text)))
    }

    pub(super) fn json(&self) -> io::Result<&Stencil> {
        if let Some(stencil) = self.json.get() {
            return Ok(stencil);
        }
        let text = match &self.content {
            Content::Sensitive(secret) => serde_json::to_string(&secret.object(&self.place)),
            Content::Plain(object) => serde_json::to_string(object),
        }?;
        Ok(self.json.get_or_init(|| Stencil::cut(&text, &format!("\"{SLOT}\""))))
    }
}

impl PullSecret {
    /// The typed object, namespace included.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the Secret's data")]
    pub fn object(&self, place: &Place) -> Secret {
        let filled = |map: &BTreeMap<String, String>| (!map.is_empty()).then(|| map.clone());
        let namespace = match place {
            Place::Fixed(namespace) => Some(namespace.to_string()),
            Place::Each => Some(SLOT.to_owned()),
            Place::Cluster | Place::Itself => None,
        };
        Secret {
            metadata: ObjectMeta {
                name: Some(self.name.to_string()),
                namespace,
                annotations: filled(&self.annotations),
                labels: filled(&self.labels),
                ..ObjectMeta::default()
            },
            type_: Some("kubernetes.io/dockerconfigjson".to_owned()),
            data: Some(BTreeMap::from([(
                ".dockerconfigjson".to_owned(),
                ByteString(self.docker_config.expose_secret().as_bytes().to_vec()),
            )])),
            ..Secret::default()
        }
    }

    /// The same Secret to look at: its value says only how long it is.
    pub(super) fn redacted(&self, place: &Place) -> Value {
        let mut value = serde_json::to_value(self.object(place)).unwrap_or_default();
        let length = value["data"][".dockerconfigjson"].as_str().map_or(0, str::len);
        value["data"][".dockerconfigjson"] = json!(format!("<redacted, {length} bytes>"));
        value
    }
}
