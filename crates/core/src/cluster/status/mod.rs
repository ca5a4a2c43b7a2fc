//! Describes the state of a cluster: each pull secret of each namespace, who refers to it, and which Pods fail to pull.
//!
//! It counts the plan of [`Delivery::compare`](super::Delivery::compare), and adds what a kubelet and the Pods say.

pub mod online;
mod sight;
mod view;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::pods::{Place, Pod};
use crate::names::{Namespace, ResourceName};
use online::{Answer, ImageStatus};

pub use view::of;

/// The Pods of each namespace; one that is not there was not read.
pub type Pods = BTreeMap<Namespace, Vec<Pod>>;

/// How a namespace is.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceStatus {
    /// Its name.
    pub namespace: Namespace,
    /// Its pull secrets.
    pub secrets: Vec<SecretStatus>,
    /// Images that its Pods fail to pull; none where the Pods were not read.
    pub failed_pulls: Option<Vec<PullStatus>>,
    /// Whether a new node could pull the images in use; none where no registry was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub online: Option<Vec<ImageStatus>>,
}

/// How a pull secret is in a namespace.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretStatus {
    /// Its name.
    pub name: ResourceName,
    /// How it is.
    pub state: State,
    /// Whose it is, if it is not ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whose: Option<String>,
    /// Why a kubelet cannot use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Whether it is as wanted.
    pub as_wanted: bool,
    /// The ServiceAccounts that should refer to it.
    pub accounts: Vec<AccountStatus>,
}

/// How a pull secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// No kubelet can use it.
    Invalid,
    /// It is not there.
    Missing,
    /// It is there, and somebody else's.
    Foreign,
    /// It holds something else than is wanted.
    Outdated,
    /// This account may not read it.
    NotRead,
    /// It is there; whether it is current cannot be told without the logins.
    Present,
    /// It belongs to a tool that would undo every change.
    Managed,
    /// It is what is wanted.
    Current,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Invalid => "invalid",
            Self::Missing => "missing",
            Self::Foreign => "foreign",
            Self::Outdated => "outdated",
            Self::NotRead => "not read",
            Self::Present => "present",
            Self::Managed => "managed",
            Self::Current => "current",
        })
    }
}

/// How a ServiceAccount is.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct AccountStatus {
    /// Its name.
    pub name: ResourceName,
    /// Whether it refers to the pull secret.
    pub state: LinkState,
    /// The field managers that wrote its list, as far as the API server remembers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub writers: Vec<String>,
}

/// Whether a ServiceAccount refers to a pull secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkState {
    /// It does.
    Linked,
    /// It does not.
    NotLinked,
    /// It is not there.
    Absent,
}

/// An image that a Pod fails to pull.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PullStatus {
    /// The Pod.
    pub pod: String,
    /// Where the Pod names the image.
    pub place: Place,
    /// The name of that container or volume.
    pub name: String,
    /// The image.
    pub image: String,
    /// The kubelet's word for the failure.
    pub reason: String,
    /// The registry's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// The pull secrets with a login for this image that the Pod does not refer to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<ResourceName>,
}

impl NamespaceStatus {
    /// Whether everything is as wanted, as far as it was read.
    #[must_use]
    pub fn is_as_wanted(&self) -> bool {
        let pulls = self.failed_pulls.as_ref().is_none_or(Vec::is_empty);
        let linked = |secret: &SecretStatus| secret.accounts.iter().all(|one| one.state != LinkState::NotLinked);
        let online = self.online.iter().flatten().all(|image| image.pull != Answer::Refused);
        pulls && online && self.secrets.iter().all(|secret| secret.as_wanted && linked(secret))
    }
}
