//! Describes the state of a cluster: each pull secret of each namespace, who refers to it, and which Pods fail to pull.
//!
//! It takes the differences from [`Delivery::compare`](super::Delivery::compare), and adds what kubelets and Pods report.

mod lack;
pub mod online;
mod sight;
mod view;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::pods::{Place, Pod};
use crate::names::{Namespace, ResourceName};
use crate::registry::verdict::Standing;
use online::ImageStatus;

pub use view::{describe, opted_out};

/// The Pods of each namespace. A namespace that is missing here was not read.
pub type Pods = BTreeMap<Namespace, Vec<Pod>>;

/// The state of a namespace.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceStatus {
    /// Its name.
    pub namespace: Namespace,
    /// Whether its annotation opts out, so that it gets no pull secret.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub opted_out: bool,
    /// Its pull secrets.
    pub secrets: Vec<SecretStatus>,
    /// Images that its Pods fail to pull; `None` if the Pods were not read.
    pub failed_pulls: Option<Vec<PullStatus>>,
    /// Whether a new node could pull the images in use; `None` if no registry was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub online: Option<Vec<ImageStatus>>,
}

/// The state of a pull secret in a namespace.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretStatus {
    /// Its name.
    pub name: ResourceName,
    /// Its state.
    pub state: State,
    /// Its owner, if it is a tool or another owner of regcred.
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

/// The states of a pull secret, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// No kubelet can use it.
    Invalid,
    /// It does not exist.
    Missing,
    /// It exists, and belongs to somebody else.
    Foreign,
    /// It holds something else than is wanted.
    Outdated,
    /// This account may not read it.
    NotRead,
    /// It exists; without the logins it is not known whether it is current.
    Present,
    /// It belongs to a tool that would undo every change.
    Managed,
    /// It is as wanted.
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

/// The state of a ServiceAccount.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct AccountStatus {
    /// Its name.
    pub name: ResourceName,
    /// Whether it refers to the pull secret.
    pub state: LinkState,
    /// The field managers that wrote its list, as far as the API server knows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub writers: Vec<String>,
}

/// Whether a ServiceAccount refers to a pull secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkState {
    /// It refers to the pull secret.
    Linked,
    /// It does not refer to it.
    NotLinked,
    /// The ServiceAccount does not exist.
    Absent,
    /// Its annotation opts out, so that it gets no reference.
    Excluded,
}

/// An image that a Pod fails to pull.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PullStatus {
    /// The Pod.
    pub pod: String,
    /// Where the Pod names the image.
    pub place: Place,
    /// The name of the container or volume.
    pub name: String,
    /// The image.
    pub image: String,
    /// The kubelet's reason for the failure.
    pub reason: String,
    /// The registry's message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// The pull secrets that have a login for this image, but are not referred to by the Pod.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<ResourceName>,
    /// Why it does not refer to them, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl NamespaceStatus {
    /// Whether everything that was read is as wanted.
    pub fn is_as_wanted(&self) -> bool {
        let pulls = self.failed_pulls.as_ref().is_none_or(Vec::is_empty);
        let linked = |secret: &SecretStatus| secret.accounts.iter().all(|one| one.state != LinkState::NotLinked);
        let online = self.online.iter().flatten().all(|image| image.pull != Standing::Refused);
        pulls && online && self.secrets.iter().all(|secret| secret.as_wanted && linked(secret))
    }
}
