//! The object of `bitnami.com/v1alpha1`: names, annotations and a sealed value in, what is written out.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::settings::choices::SealingScope;
use regcred_core::names::ResourceName;

/// A SealedSecret of one value.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SealedSecret<'a> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata<'a>,
    spec: Spec<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec<'a> {
    encrypted_data: EncryptedData,
    template: Template<'a>,
}

#[derive(Serialize)]
struct EncryptedData {
    #[serde(rename = ".dockerconfigjson")]
    docker_config: String,
}

#[derive(Serialize)]
struct Template<'a> {
    metadata: Metadata<'a>,
    r#type: &'static str,
}

/// The metadata of the SealedSecret, or of the Secret that comes of it.
#[derive(Serialize)]
pub struct Metadata<'a> {
    /// Its annotations.
    pub annotations: BTreeMap<&'a str, &'a str>,
    /// Its labels.
    pub labels: &'a BTreeMap<String, String>,
    /// Its name.
    pub name: &'a ResourceName,
    /// Its namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<&'a str>,
}

impl<'a> SealedSecret<'a> {
    /// The SealedSecret of a pull secret: its own metadata, that of the Secret, and the sealed Docker config in base64.
    #[must_use]
    pub fn new(metadata: Metadata<'a>, of_the_secret: Metadata<'a>, docker_config: String) -> Self {
        Self {
            api_version: "bitnami.com/v1alpha1",
            kind: "SealedSecret",
            metadata,
            spec: Spec {
                encrypted_data: EncryptedData { docker_config },
                template: Template { metadata: of_the_secret, r#type: "kubernetes.io/dockerconfigjson" },
            },
        }
    }
}

/// What tells the controller the scope. It stands on both: the controller refuses to rotate what disagrees.
#[must_use]
pub fn scope_annotation(scope: SealingScope) -> Option<(&'static str, &'static str)> {
    match scope {
        SealingScope::Strict => None,
        SealingScope::NamespaceWide => Some(("sealedsecrets.bitnami.com/namespace-wide", "true")),
        SealingScope::ClusterWide => Some(("sealedsecrets.bitnami.com/cluster-wide", "true")),
    }
}
