//! Holds what a mounted regcred.yaml, or custom resources, ask of the controller.

use super::Selection;
use crate::cluster::{OnConflict, Unchangeable};
use crate::docker_config::registry::RegistryKey;
use crate::names::{NameGlob, ResourceName, SecretKey};
use crate::spec::choice::Link;

/// What the controller has to do.
#[derive(Clone, Debug)]
pub struct Config {
    /// The owner of its objects.
    pub owner: ResourceName,
    /// How Pods find the pull secrets.
    pub link: Link,
    /// The pull secrets, by name.
    pub pull_secrets: Vec<Wanted>,
    /// What to do with somebody else's Secret of the same name.
    pub on_conflict: OnConflict,
    /// What to do with a Secret that cannot be changed as wanted.
    pub unchangeable: Unchangeable,
}

/// A pull secret.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its name.
    pub name: ResourceName,
    /// The keys that hold its logins.
    pub sources: Vec<Source>,
    /// The namespaces that get it.
    pub namespaces: Selection,
    /// The namespaces that may get it, if there is a limit.
    pub within: Option<Selection>,
    /// The ServiceAccounts by name; without names and globs, every ServiceAccount.
    pub accounts: Vec<ResourceName>,
    /// Globs for more ServiceAccounts.
    pub account_globs: Vec<NameGlob>,
}

/// A key of a Secret in the controller's namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The name of the Secret.
    pub secret: ResourceName,
    /// The key.
    pub key: SecretKey,
}

/// Where the controller finds logins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A whole Docker config.
    Whole(Key),
    /// A login for one registry.
    Login {
        /// The registry.
        registry: RegistryKey,
        /// The user name.
        username: Name,
        /// The password.
        password: Key,
    },
}

/// A user name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// A literal user name.
    Literal(String),
    /// A user name in a Secret.
    Kept(Key),
}

impl Config {
    /// A config that leaves Secrets of other owners as they are, and Secrets that cannot change.
    pub fn sparing(owner: ResourceName, link: Link, pull_secrets: Vec<Wanted>) -> Self {
        Self { owner, link, pull_secrets, on_conflict: OnConflict::Skip, unchangeable: Unchangeable::Refuse }
    }

    /// Every key that is read.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.pull_secrets.iter().flat_map(|one| &one.sources).flat_map(Source::keys)
    }
}

impl Wanted {
    /// Whether every ServiceAccount of a namespace refers to it.
    pub fn has_all_accounts(&self) -> bool {
        self.accounts.is_empty() && self.account_globs.is_empty()
    }
}

impl Source {
    /// The keys that are read.
    pub fn keys(&self) -> Vec<&Key> {
        match self {
            Self::Whole(key) => vec![key],
            Self::Login { username: Name::Kept(username), password, .. } => vec![username, password],
            Self::Login { username: Name::Literal(_), password, .. } => vec![password],
        }
    }
}
