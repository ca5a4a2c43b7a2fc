//! Keeps every namespace served: a state machine takes the events of watches, and returns the next write.
//!
//! It has no clock and sends no requests: `now` comes in as milliseconds of any clock that only goes forward. It keeps only a small
//! index of the cluster. Every write has a precondition, so that a late write changes nothing.

mod accepted;
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

pub use accepted::Accepted;
pub use choosing::{Choosing, Selection};
pub use counts::Counts;
pub use index::Identity;
pub use machine::{Machine, Manner};
pub use namespace::Standing;
pub use trouble::Contests;

/// The kinds of objects that are watched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Watch {
    /// Every namespace.
    Namespaces,
    /// The ServiceAccounts of this name, or all.
    Accounts(Option<ResourceName>),
    /// The Secrets of a pull secret, by its number in the delivery.
    Secrets(usize),
}

/// An event of a watch.
#[derive(Debug)]
pub enum Event {
    /// The watch starts again, and will show all existing objects.
    Began(Watch),
    /// The watch has shown all existing objects.
    Ended(Watch),
    /// A new or changed namespace.
    Namespace(NamespaceObject),
    /// A deleted namespace.
    NamespaceGone(Namespace),
    /// A new or changed ServiceAccount.
    Account(Watch, Account),
    /// A deleted ServiceAccount.
    AccountGone(Namespace, ResourceName),
    /// A new or changed Secret.
    Secret(usize, Secret),
    /// A deleted Secret.
    SecretGone(usize, Namespace),
}

/// An object that the machine writes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Its namespace.
    pub namespace: Namespace,
    /// The kind of object.
    pub target: Target,
}

impl Place {
    /// The object, as text for a message.
    pub fn words(&self, delivery: &Delivery<'_>) -> String {
        match &self.target {
            Target::Account(name) => format!("the ServiceAccount {}/{name}", self.namespace),
            Target::Secret(number) => format!("the Secret {}/{}", self.namespace, delivery.pull_secrets[*number].name),
        }
    }
}

/// The kinds of objects that the machine writes.
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
    /// What the write does.
    pub deed: Deed,
}

/// What a write does.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// Adds references by this JSON Patch, which tests the list.
    Link(serde_json::Value),
    /// Removes references by this JSON Patch, which tests the list.
    Unlink(serde_json::Value),
    /// Creates the Secret, or replaces it if it is still this one.
    Apply(Option<Identity>),
    /// Deletes the Secret, if it is still this one.
    Delete(Identity),
}

/// The outcome of a write.
#[derive(Debug)]
pub enum Outcome {
    /// The new state of the ServiceAccount.
    Account(Account),
    /// The new Secret, with the wanted content.
    Secret(Identity),
    /// The Secret is deleted.
    Deleted,
    /// The object has changed since it was seen: the watch will show the new state.
    Stale,
    /// The namespace is being deleted, or no longer exists.
    NamespaceEnds,
    /// The write failed, with a message without values.
    Failed(String),
}

/// An event that people want to know about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A namespace is served, with the time since it was first seen.
    Served(Namespace, u64),
    /// Our Secret and the references to it were removed from a namespace.
    Removed(Namespace),
    /// A Secret with our name stays, because it belongs to somebody else or cannot change as wanted.
    Left(Place, String),
    /// A write failed.
    Failing(Place, String),
    /// Another manager undoes our writes.
    Contested(Place, Option<String>),
    /// No namespace is chosen for this pull secret, so its objects are not removed.
    HoldsRemovals(usize),
}
