//! Holds the fields of a custom resource, and of a Secret that its logins name, as the API server sends them.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use super::conditions::Status;
use crate::cluster::facts::Metadata;
use crate::credentials::text_of;
use crate::names::SecretKey;
use crate::objects::marks::OWNER;

/// A custom resource `RegistryCredentials`.
#[derive(Clone, Deserialize)]
pub struct Resource {
    /// Its metadata.
    pub metadata: ResourceMetadata,
    /// Its spec, as written.
    #[serde(default)]
    pub spec: Value,
    #[serde(default)]
    status: Value,
}

/// The metadata of a custom resource.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceMetadata {
    /// The metadata of any object.
    #[serde(flatten)]
    pub object: Metadata,
    /// The generation, which changes with every write of the spec.
    pub generation: i64,
    /// When it was created.
    pub creation_timestamp: String,
}

impl Resource {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.metadata.object.name
    }

    /// Its last written status.
    pub fn status(&self) -> Status {
        serde_json::from_value(self.status.clone()).unwrap_or_default()
    }

    /// The owner of the controller that should follow it, if its annotation names one.
    pub fn owner(&self) -> Option<&str> {
        self.metadata.object.annotations.get(OWNER).map(String::as_str)
    }

    /// The key that sorts older resources first: they keep their pull secrets.
    pub fn age(&self) -> (&str, &str) {
        (&self.metadata.creation_timestamp, self.name())
    }
}

/// A Secret that holds logins.
#[derive(Clone, Deserialize)]
#[serde(from = "SourceObject")]
pub struct SourceSecret {
    /// Its metadata.
    pub metadata: Metadata,
    /// Its values; `None` for a value that is not text.
    pub values: BTreeMap<SecretKey, Option<SecretString>>,
}

#[derive(Deserialize)]
struct SourceObject {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    data: BTreeMap<String, String>,
}

impl From<SourceObject> for SourceSecret {
    fn from(SourceObject { metadata, data }: SourceObject) -> Self {
        let text = |base64: String| text_of(STANDARD.decode(base64).ok()?).map(SecretString::from);
        Self {
            metadata,
            values: data.into_iter().filter_map(|(key, value)| Some((key.parse().ok()?, text(value)))).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_read_with_whatever_status_it_has_and_may_name_its_controller() {
        let text = r#"{"metadata":{"name":"a","uid":"u","resourceVersion":"7","generation":2,"creationTimestamp":"2026-01-02T03:04:05Z",
            "annotations":{"regcred.dev/owner":"acme"}},"spec":{"pullSecrets":[]},"status":"nonsense"}"#;
        let resource: Resource = serde_json::from_str(text).unwrap();
        assert_eq!((resource.name(), resource.metadata.generation), ("a", 2));
        assert_eq!(resource.metadata.object.resource_version, "7");
        assert_eq!(resource.status(), Status::default());
        assert_eq!(resource.owner(), Some("acme"));
    }

    #[test]
    fn the_values_of_a_secret_are_text() {
        let secret: SourceSecret = serde_json::from_str(r#"{"metadata":{},"data":{"a":"YQ==","b":"/w=="}}"#).unwrap();
        let is_text: Vec<_> = secret.values.into_values().map(|value| value.is_some()).collect();
        assert_eq!(is_text, [true, false]);
    }
}
