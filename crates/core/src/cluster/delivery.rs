//! Holds what a run wants in a cluster.

use secrecy::SecretString;

use super::facts::Space;
use crate::docker_config::Logins;
use crate::manifest::PullSecret as Manifest;
use crate::names::{NameGlob, Namespace, ResourceName};
use crate::objects::marks::{self, Marks};
use crate::objects::source;
use crate::spec::choice::Link;

/// What a run wants in one cluster.
pub struct Delivery<'a> {
    /// The pull secrets, by name.
    pub pull_secrets: Vec<PullSecret<'a>>,
    /// How Pods find them.
    pub link: Link,
    /// The marks of every object of ours.
    pub marks: Marks,
    /// What to do with somebody else's Secret of the same name.
    pub on_conflict: OnConflict,
    /// What to do with a Secret that cannot be changed as wanted.
    pub unchangeable: Unchangeable,
}

/// A pull secret, and the namespaces that should have it.
pub struct PullSecret<'a> {
    /// Its name.
    pub name: &'a ResourceName,
    /// The namespaces that were chosen for it, sorted.
    pub namespaces: Vec<Namespace>,
    /// The ServiceAccounts that refer to it.
    pub accounts: Accounts<'a>,
    /// Its logins.
    pub logins: &'a Logins,
    /// The JSON of its Docker config.
    docker_config: SecretString,
}

impl<'a> PullSecret<'a> {
    /// A pull secret in these namespaces.
    pub fn new(name: &'a ResourceName, namespaces: Vec<Namespace>, accounts: Accounts<'a>, logins: &'a Logins) -> Self {
        Self { name, namespaces, accounts, logins, docker_config: logins.to_json() }
    }

    /// The wanted Docker config.
    pub fn docker_config(&self) -> &SecretString {
        &self.docker_config
    }

    /// Whether its logins were read.
    pub fn is_known(&self) -> bool {
        matches!(self.logins, Logins::Read(_))
    }
}

impl Delivery<'_> {
    /// The Secret of a pull secret, with its marks.
    pub fn manifest(&self, pull_secret: &PullSecret<'_>) -> Manifest {
        source(pull_secret.name, pull_secret.docker_config.clone(), &self.marks)
    }

    /// The field manager under which the API server records what we wrote.
    pub fn field_manager(&self) -> String {
        field_manager(&self.marks.owner)
    }
}

/// The field manager of an owner; the API server accepts 128 characters.
pub fn field_manager(owner: &str) -> String {
    let mut name = marks::name(owner);
    name.truncate(128);
    name
}

/// The ServiceAccounts that refer to a pull secret.
#[derive(Clone, Copy, Debug)]
pub enum Accounts<'a> {
    /// Every ServiceAccount of the namespace.
    All,
    /// The ServiceAccounts with these names, and the ServiceAccounts that a glob matches.
    Chosen(&'a [ResourceName], &'a [NameGlob]),
}

impl Accounts<'_> {
    /// The names that were given.
    pub fn names(&self) -> &[ResourceName] {
        match self {
            Self::All => &[],
            Self::Chosen(names, _) => names,
        }
    }

    /// Whether the ServiceAccount is one of them.
    pub fn has(&self, name: &ResourceName) -> bool {
        match self {
            Self::All => true,
            Self::Chosen(names, globs) => names.contains(name) || globs.iter().any(|glob| glob.is_match(name.as_str())),
        }
    }

    /// The ServiceAccounts of a namespace that have opted out.
    pub fn opted_out<'s>(&'s self, space: &'s Space) -> impl Iterator<Item = &'s ResourceName> {
        let out = space.accounts.iter().filter(|(name, account)| self.has(name) && account.metadata.opts_out());
        out.map(|(name, _)| name)
    }
}

/// What to do with somebody else's Secret of the same name (`--on-conflict`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// Nothing is written anywhere.
    #[default]
    Fail,
    /// The Secret stays, and everything else is done.
    Skip,
    /// The Secret is taken over if it holds the same logins; otherwise nothing is written.
    Adopt,
    /// The Secret is taken over.
    Overwrite,
    /// The Secret is taken over if Titansoft's patcher made it; otherwise it stays.
    Inherit,
    /// The Secret stays, even if it belongs to this owner, and counts as ours if it holds the same logins.
    Keep,
}

/// What to do with a Secret of another type, or an immutable Secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unchangeable {
    /// Nothing is written anywhere.
    #[default]
    Refuse,
    /// The Secret is deleted, and created again (`--recreate`).
    Recreate,
}
