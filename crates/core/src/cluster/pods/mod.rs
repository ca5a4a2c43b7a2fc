//! Holds the facts that were read about Pods.

mod failed;
mod words;

use serde::Deserialize;

use super::facts::Metadata;

use failed::REASONS;
pub use failed::{FailedPull, Place, Used, is_of_a_pull};
pub use words::quotes;

/// A Pod, as the API server sends it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pod {
    /// Its metadata.
    pub metadata: Metadata,
    /// Its specification.
    pub spec: PodSpec,
    /// Its status.
    pub status: PodStatus,
}

/// The fields of a Pod's specification that the rules need.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSpec {
    /// Its ServiceAccount.
    pub service_account_name: String,
    /// Its references: those of the ServiceAccount, if the Pod named none when it was created.
    pub image_pull_secrets: Vec<LocalName>,
    /// Its init containers.
    pub init_containers: Vec<Container>,
    /// Its containers.
    pub containers: Vec<Container>,
    /// Its ephemeral containers.
    pub ephemeral_containers: Vec<Container>,
    /// Its volumes.
    pub volumes: Vec<Volume>,
}

/// The name of an object in the same namespace.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LocalName {
    /// The name; it may be empty.
    pub name: String,
}

/// A container.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
}

/// A volume.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// The image that it mounts, if it mounts one.
    pub image: Option<ImageVolume>,
}

/// The image of a volume.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ImageVolume {
    /// The image.
    pub reference: String,
}

/// The fields of a Pod's status that the rules need.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodStatus {
    /// The states of its init containers.
    pub init_container_statuses: Vec<ContainerStatus>,
    /// The states of its containers.
    pub container_statuses: Vec<ContainerStatus>,
    /// The states of its ephemeral containers.
    pub ephemeral_container_statuses: Vec<ContainerStatus>,
}

/// The status of a container.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ContainerStatus {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: ContainerState,
}

/// The state of a container.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ContainerState {
    /// Why the container does not run yet.
    pub waiting: Option<Waiting>,
}

/// Why a container does not run yet.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Waiting {
    /// The reason, in one word.
    pub reason: String,
    /// The message of the kubelet and the registry.
    pub message: String,
}
