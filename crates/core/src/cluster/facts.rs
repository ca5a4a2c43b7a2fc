//! Holds the facts that were read from a cluster: namespaces, Secrets with our names, ServiceAccounts.
//!
//! Each type reads itself from the API server's JSON, and keeps only what a rule needs.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use litemap::LiteMap;
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::ownership::plain;
use crate::names::{Namespace, OPT_OUT, ResourceName};

/// The key of a pull secret's data.
pub const DATA_KEY: &str = ".dockerconfigjson";
/// The type of a pull secret.
pub const TYPE: &str = "kubernetes.io/dockerconfigjson";

/// The facts that were read from a cluster.
#[derive(Debug, Default)]
pub struct Facts {
    /// The namespaces that exist, as far as they were read.
    pub namespaces: BTreeMap<Namespace, Space>,
}

/// The facts about one namespace.
#[derive(Debug, Default)]
pub struct Space {
    /// Its labels and annotations; both are empty if the account may not read the namespace itself.
    pub metadata: Metadata,
    /// Whether it is being deleted.
    pub phase: Phase,
    /// The Secrets of the names that were asked for; `None` if the account may not read them.
    pub secrets: Option<BTreeMap<ResourceName, Secret>>,
    /// The ServiceAccounts that were asked for.
    pub accounts: LiteMap<ResourceName, Account>,
}

/// The phase of a namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// It accepts objects.
    #[default]
    Active,
    /// It is being deleted, and accepts no new object.
    Terminating,
}

/// A Namespace, as the API server sends it.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct NamespaceObject {
    /// Its metadata.
    #[serde(default)]
    pub metadata: Metadata,
    /// Its status.
    #[serde(default)]
    pub status: NamespaceStatus,
}

/// The status of a Namespace.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct NamespaceStatus {
    /// `Active` or `Terminating`.
    #[serde(default)]
    pub phase: String,
}

impl NamespaceObject {
    /// The namespace, without its objects.
    pub fn space(self) -> Space {
        let ends = self.metadata.deletion_timestamp.is_some() || self.status.phase == "Terminating";
        Space {
            metadata: self.metadata,
            phase: if ends { Phase::Terminating } else { Phase::Active },
            ..Space::default()
        }
    }
}

/// What the rules need of an object's metadata.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// Its name.
    pub name: String,
    /// Its namespace; empty for a cluster-wide object.
    pub namespace: String,
    /// The UID: an earlier or later object with the same name has another UID.
    pub uid: String,
    /// The version, which changes with every write.
    pub resource_version: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// The objects that own it.
    pub owner_references: Vec<OwnerReference>,
    /// Who wrote which of its fields.
    pub managed_fields: Vec<Manager>,
    /// Set while it is being deleted.
    pub deletion_timestamp: Option<String>,
}

impl Metadata {
    /// Whether its annotations opt out of pull secrets.
    pub fn opts_out(&self) -> bool {
        OPT_OUT.iter().any(|name| self.annotations.get(*name).is_some_and(|value| value == "true"))
    }

    /// The opt-out annotations whose value is neither `true` nor `false`, so that they have no effect.
    pub fn unclear_opt_outs(&self) -> impl Iterator<Item = &'static str> {
        let is_clear = |name: &str| self.annotations.get(name).is_none_or(|value| value == "true" || value == "false");
        OPT_OUT.into_iter().filter(move |name| !self.opts_out() && !is_clear(name))
    }

    /// The field managers that wrote this top-level field, for example `f:data`.
    pub fn managers<'a>(&'a self, field: &'a str) -> impl Iterator<Item = &'a str> {
        let wrote = move |manager: &&Manager| manager.fields.iter().any(|known| known == field);
        self.managed_fields.iter().filter(wrote).map(|manager| plain(&manager.name))
    }
}

/// An object that owns another one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct OwnerReference {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Whether the owner creates a new object when this one is deleted.
    pub controller: bool,
}

/// A field manager, and the top-level fields that it wrote.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "ManagedFields")]
pub struct Manager {
    /// Its name.
    pub name: String,
    /// The fields, as `f:data`.
    pub fields: Vec<String>,
}

#[expect(clippy::zero_sized_map_values, reason = "the values are skipped, and a set cannot do that")]
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ManagedFields {
    manager: String,
    fields_v1: BTreeMap<String, IgnoredAny>,
}

impl From<ManagedFields> for Manager {
    fn from(ManagedFields { manager, fields_v1 }: ManagedFields) -> Self {
        Self { name: manager, fields: fields_v1.into_keys().collect() }
    }
}

/// A Secret. Its `Debug` shows no value.
#[derive(Clone, Deserialize)]
#[serde(from = "SecretObject")]
pub struct Secret {
    /// Its metadata.
    pub metadata: Metadata,
    /// Its type, which cannot change.
    pub type_: String,
    /// Whether its data cannot change.
    pub immutable: bool,
    /// The Docker config in it, if there is one and it is text.
    pub docker_config: Option<SecretString>,
}

#[derive(Deserialize)]
struct SecretObject {
    #[serde(default)]
    metadata: Metadata,
    #[serde(rename = "type", default)]
    type_: String,
    #[serde(default)]
    immutable: bool,
    #[serde(default)]
    data: Data,
}

/// The only key of the data that `regcred` reads.
#[derive(Default, Deserialize)]
struct Data {
    #[serde(rename = ".dockerconfigjson", default)]
    docker_config: Option<String>,
}

impl From<SecretObject> for Secret {
    fn from(SecretObject { metadata, type_, immutable, data }: SecretObject) -> Self {
        let docker_config = data.docker_config.map(SecretString::from).as_ref().and_then(decoded);
        Self { metadata, type_, immutable, docker_config }
    }
}

#[expect(clippy::disallowed_methods, reason = "the Secret's data")]
fn decoded(base64: &SecretString) -> Option<SecretString> {
    use secrecy::ExposeSecret;
    let bytes = STANDARD.decode(base64.expose_secret()).ok()?;
    String::from_utf8(bytes).ok().map(Into::into)
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret {} of type {}", self.metadata.name, self.type_)
    }
}

/// A ServiceAccount.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Account {
    /// Its metadata, boxed: a sorted list reserves room for four values, and a controller has a list for each namespace.
    pub metadata: Box<Metadata>,
    /// Its references as they were read: a JSON patch tests for them.
    pub image_pull_secrets: Vec<Value>,
}

/// A label selector in an object; without conditions it selects everything.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct LabelSelector {
    match_labels: BTreeMap<String, String>,
    match_expressions: Vec<Expression>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Expression {
    key: String,
    operator: String,
    values: Vec<String>,
}

impl LabelSelector {
    /// Whether it selects an object with these labels.
    pub(crate) fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let has = |Expression { key, operator, values }: &Expression| {
            let value = labels.get(key);
            match operator.as_str() {
                "In" => value.is_some_and(|value| values.contains(value)),
                "NotIn" => value.is_none_or(|value| !values.contains(value)),
                "Exists" => value.is_some(),
                _ => value.is_none(),
            }
        };
        self.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.match_expressions.iter().all(has)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_read_themselves_from_what_the_api_server_gives() {
        let namespace = r#"{"metadata":{"name":"a","annotations":{"regcred.dev/exclude":"true"}},"spec":{},"status":{"phase":"Terminating"}}"#;
        let space = serde_json::from_str::<NamespaceObject>(namespace).unwrap().space();
        for (value, is_unclear) in [("yes", true), ("True", true), ("", true), ("false", false), ("true", false)] {
            let annotations = [("regcred.dev/exclude".to_owned(), value.to_owned())].into();
            let metadata = Metadata { annotations, ..Metadata::default() };
            assert_eq!(metadata.unclear_opt_outs().count() == 1, is_unclear, "{value}");
            assert_eq!(metadata.opts_out(), value == "true", "{value}");
        }
        assert!(space.metadata.opts_out() && space.phase == Phase::Terminating && space.secrets.is_none());
        let account = r#"{"metadata":{"name":"default","managedFields":[{"manager":"m","operation":"Update",
            "fieldsV1":{"f:imagePullSecrets":{}}}]},"imagePullSecrets":[{"name":"a"},{}]}"#;
        let account: Account = serde_json::from_str(account).unwrap();
        assert_eq!(account.metadata.managers("f:imagePullSecrets").collect::<Vec<_>>(), ["m"]);
        assert_eq!(account.metadata.managers("f:secrets").count(), 0);
        assert_eq!(account.image_pull_secrets.len(), 2);
    }

    #[test]
    fn the_value_of_a_secret_is_not_shown() {
        let text = r#"{"metadata":{"name":"s"},"type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":"Y2FuYXJ5"}}"#;
        let secret: Secret = serde_json::from_str(text).unwrap();
        assert!(secret.docker_config.is_some());
        assert_eq!(format!("{secret:?}"), "Secret s of type kubernetes.io/dockerconfigjson");
    }
}
