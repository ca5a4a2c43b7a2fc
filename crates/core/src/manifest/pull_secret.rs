//! Makes the typed object of a pull secret.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::names::{Namespace, ResourceName};

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

impl PullSecret {
    /// The typed object in this namespace, or without a namespace.
    pub fn object(&self, namespace: Option<&Namespace>) -> Secret {
        self.in_namespace(namespace.map(Namespace::as_str))
    }

    #[expect(clippy::disallowed_methods, reason = "the Secret's data")]
    pub(super) fn in_namespace(&self, namespace: Option<&str>) -> Secret {
        let filled = |map: &BTreeMap<String, String>| (!map.is_empty()).then(|| map.clone());
        Secret {
            metadata: ObjectMeta {
                name: Some(self.name.to_string()),
                namespace: namespace.map(str::to_owned),
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

    /// The same Secret for display: its value shows only its length.
    pub(super) fn redacted(&self, namespace: Option<&Namespace>) -> Value {
        let mut value = serde_json::to_value(self.object(namespace)).unwrap_or_default();
        let length = value["data"][".dockerconfigjson"].as_str().map_or(0, str::len);
        value["data"][".dockerconfigjson"] = json!(format!("<redacted, {length} bytes>"));
        value
    }
}
