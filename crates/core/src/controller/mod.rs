//! Keeps every namespace served: a state machine takes the events of watches, and returns the next write.
//!
//! It has no clock and asks nobody: `now` comes in as milliseconds of any clock that only goes forward. What it keeps of a cluster is a
//! small index; every write that it names has a precondition, so that a write that comes late changes nothing.

mod choosing;
pub mod conditions;
mod counts;
mod index;
mod machine;
mod namespace;
pub mod permitted;
pub mod resource;
mod sight;
pub mod titansoft;
mod trouble;
pub mod wanted;

use crate::cluster::Delivery;
use crate::cluster::facts::{Account, NamespaceObject, Secret};
use crate::names::{Namespace, ResourceName};

pub use choosing::{Choosing, Selection};
pub use counts::Counts;
pub use index::Identity;
pub use machine::{Machine, Manner};
pub use namespace::Standing;
pub use trouble::CONTESTED_AFTER;

/// What is watched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Watch {
    /// Every namespace.
    Namespaces,
    /// The ServiceAccounts of this name, or all.
    Accounts(Option<ResourceName>),
    /// The Secrets of a pull secret, by its number in the delivery.
    Secrets(usize),
}

/// What a watch sees.
#[derive(Debug)]
pub enum Event {
    /// It begins again with all objects that there are.
    Began(Watch),
    /// It has seen all of them.
    Ended(Watch),
    /// A namespace as it is.
    Namespace(NamespaceObject),
    /// A namespace that is no longer there.
    NamespaceGone(Namespace),
    /// A ServiceAccount as it is.
    Account(Watch, Account),
    /// A ServiceAccount that is no longer there.
    AccountGone(Namespace, ResourceName),
    /// A Secret as it is.
    Secret(usize, Secret),
    /// A Secret that is no longer there.
    SecretGone(usize, Namespace),
}

/// An object that the machine writes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Its namespace.
    pub namespace: Namespace,
    /// What it is.
    pub target: Target,
}

impl Place {
    /// The object in the words of a message.
    #[must_use]
    pub fn words(&self, delivery: &Delivery<'_>) -> String {
        match &self.target {
            Target::Account(name) => format!("the ServiceAccount {}/{name}", self.namespace),
            Target::Secret(number) => format!("the Secret {}/{}", self.namespace, delivery.pull_secrets[*number].name),
        }
    }
}

/// What an object is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A ServiceAccount.
    Account(ResourceName),
    /// The Secret of a pull secret, by its number in the delivery.
    Secret(usize),
}

/// A write.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// The object.
    pub place: Place,
    /// What is done with it.
    pub deed: Deed,
}

impl Write {
    /// The ServiceAccount to which it adds a reference.
    fn linked(&self) -> Option<&ResourceName> {
        match (&self.deed, &self.place.target) {
            (Deed::Link(_), Target::Account(name)) => Some(name),
            _ => None,
        }
    }
}

/// What is done with an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// References are added by this JSON Patch, which tests the list.
    Link(serde_json::Value),
    /// References are removed by this JSON Patch, which tests the list.
    Unlink(serde_json::Value),
    /// The Secret is made, or replaced if it is still this one.
    Apply(Option<Identity>),
    /// The Secret is deleted, if it is still this one.
    Delete(Identity),
}

/// How a write ended.
#[derive(Debug)]
pub enum Outcome {
    /// The ServiceAccount is now this.
    Account(Account),
    /// The Secret is now this one, with the content that is wanted.
    Secret(Identity),
    /// The Secret is deleted.
    Deleted,
    /// The object is not as it was seen: the watch will show how it is.
    Stale,
    /// The namespace is being deleted, or is gone.
    NamespaceEnds,
    /// It failed, in words without a value.
    Failed(String),
}

/// Something that people want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A namespace is served, so long after it was seen for the first time.
    Served(Namespace, u64),
    /// Our Secret and the references to it were removed from a namespace.
    Removed(Namespace),
    /// A Secret of our name is somebody else's, or cannot become what is wanted, and stays.
    Left(Place, String),
    /// A write failed.
    Failing(Place, String),
    /// Another manager undoes what is written.
    Contested(Place, Option<String>),
    /// No namespace is chosen for this pull secret any more, so nothing of it is removed.
    HoldsRemovals(usize),
}
