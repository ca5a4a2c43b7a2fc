//! Holds the facts that were read about Pods.

mod failed;
mod words;

use serde::Deserialize;

use super::facts::Metadata;

use failed::REASONS;
pub use failed::{FailedPull, Place, Used, is_of_a_pull};
pub use words::quotes;

/// A Pod, as the API server gives it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pod {
    /// Its metadata.
    pub metadata: Metadata,
    /// What it should be.
    pub spec: PodSpec,
    /// How it is.
    pub status: PodStatus,
}

/// What is needed of a Pod's specification.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSpec {
    /// Its ServiceAccount.
    pub service_account_name: String,
    /// The references that it has: the ServiceAccount's, if it named none at its creation.
    pub image_pull_secrets: Vec<LocalName>,
    /// Its init containers.
    pub init_containers: Vec<Container>,
    /// Its containers.
    pub containers: Vec<Container>,
    /// Containers that were added to it while it ran.
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
    /// The image that it holds, if it holds one.
    pub image: Option<ImageVolume>,
}

/// The image of a volume.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ImageVolume {
    /// The image.
    pub reference: String,
}

/// What is needed of a Pod's status.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodStatus {
    /// Of its init containers.
    pub init_container_statuses: Vec<ContainerStatus>,
    /// Of its containers.
    pub container_statuses: Vec<ContainerStatus>,
    /// Of the containers that were added.
    pub ephemeral_container_statuses: Vec<ContainerStatus>,
}

/// How a container is.
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
    /// Why it does not run yet.
    pub waiting: Option<Waiting>,
}

/// Why a container does not run yet.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Waiting {
    /// In one word.
    pub reason: String,
    /// In the words of the kubelet and the registry.
    pub message: String,
}
