//! Declares the part of regcred.yaml that names stores, keys and generators for `protect: external`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::generator::GeneratorKind;
use crate::names::ResourceName;

/// Where the External Secrets Operator finds the logins of one pull secret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct External {
    /// The store that has the keys; needed unless every login comes from a generator.
    pub store: Option<Store>,
    /// How often the operator fetches, a Go duration; `1h` if left out, `30m` with a token that lives for an hour.
    pub refresh_interval: Option<String>,
    /// The logins: one whole Docker config, or any number for a registry each.
    pub logins: Vec<ExternalLogin>,
    /// One `ClusterExternalSecret` in place of an `ExternalSecret` in each namespace.
    pub cluster_external_secret: Option<ClusterExternalSecret>,
}

/// A store of the operator's.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// Whether there is one for the cluster, or one of this name in each namespace.
    pub kind: StoreKind,
    /// Its name.
    pub name: ResourceName,
}

/// The kind of a store.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
pub enum StoreKind {
    /// One in each namespace.
    SecretStore,
    /// One for the cluster.
    ClusterSecretStore,
}

/// One login: `dockerConfig`, or `registry` with `username` and `password`, or `registry` with `generator`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct ExternalLogin {
    /// The key of a whole Docker config.
    pub docker_config: Option<RemoteKey>,
    /// The registries that are in it: for `link: policy` and `verify --image`.
    pub registries: Vec<String>,
    /// Host, port and path.
    pub registry: Option<String>,
    /// The user name, by its key or literal.
    pub username: Option<ExternalUserName>,
    /// The key of the password.
    pub password: Option<RemoteKey>,
    /// What makes a token for the registry.
    pub generator: Option<Generator>,
}

/// Where in the store a value is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RemoteKey {
    /// The name or path of the secret.
    pub key: String,
    /// The field of it.
    pub property: Option<String>,
    /// The version of it.
    pub version: Option<String>,
    /// How the value is encoded there.
    pub decoding_strategy: Option<DecodingStrategy>,
}

/// A user name: in the store, or literal.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct ExternalUserName {
    /// The user name itself.
    pub value: Option<String>,
    /// The name or path of the secret.
    pub key: Option<String>,
    /// The field of it.
    pub property: Option<String>,
    /// The version of it.
    pub version: Option<String>,
    /// How the value is encoded there.
    pub decoding_strategy: Option<DecodingStrategy>,
}

/// How a value is encoded in the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DecodingStrategy {
    /// The operator looks.
    Auto,
    /// In base64.
    Base64,
    /// In the form of base64 for URLs.
    #[serde(rename = "Base64URL")]
    Base64Url,
    /// Not at all.
    #[default]
    None,
}

/// What makes a token for a registry.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Generator {
    /// Its kind.
    pub kind: GeneratorKind,
    /// Its name.
    pub name: ResourceName,
    /// Whether it is a `ClusterGenerator`, one for the cluster; else there is one in each namespace.
    #[serde(default)]
    pub cluster_wide: bool,
    /// The `spec` of the generator. With it, regcred writes the generator; without it, the generator must exist.
    pub spec: Option<Map<String, Value>>,
}

/// One object for all namespaces.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct ClusterExternalSecret {
    /// Labels of the namespaces; one of these selectors must match. The namespaces of `namespaces` if left out.
    pub namespace_selectors: Vec<LabelSelector>,
    /// How often the operator looks for namespaces, a Go duration; `1m` if left out.
    pub refresh_time: Option<String>,
}

impl ClusterExternalSecret {
    /// How often the operator looks for namespaces.
    pub fn refresh_time(&self) -> &str {
        self.refresh_time.as_deref().unwrap_or("1m")
    }
}

/// A choice by labels, as Kubernetes writes it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// Labels with their values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
    /// Conditions on labels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<LabelExpression>,
}

/// A condition on a label.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelExpression {
    /// The label.
    pub key: String,
    /// The condition.
    pub operator: LabelOperator,
    /// The values of `In` and `NotIn`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// A condition.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
pub enum LabelOperator {
    /// One of the values.
    In,
    /// None of the values.
    NotIn,
    /// The label exists.
    Exists,
    /// The label does not exist.
    DoesNotExist,
}
