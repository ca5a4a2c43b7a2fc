//! Implements the function for kustomize and kpt, which adds our objects to a `ResourceList`.
//!
//! The contract is kustomize's `functions-spec.md`: <https://github.com/kubernetes-sigs/kustomize/tree/master/cmd/config/docs/api-conventions>.

pub mod config;
pub mod edit;
pub mod kustomization;
pub mod list;
pub mod objects;
pub mod options;
pub mod package;
pub mod results;

use serde_json::Value;

/// The identity of an object: group, kind, namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The group of its `apiVersion`; empty for the core one.
    pub group: String,
    pub kind: String,
    /// Its namespace; empty without one.
    pub namespace: String,
    pub name: String,
}

impl Identity {
    pub fn of(object: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let version = object["apiVersion"].as_str().unwrap_or_default();
        Self {
            group: version.split_once('/').map_or("", |(group, _)| group).to_owned(),
            kind: text(&object["kind"]),
            namespace: text(&object["metadata"]["namespace"]),
            name: text(&object["metadata"]["name"]),
        }
    }
}
