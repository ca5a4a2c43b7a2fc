//! Keeps the facts that the rules need about the objects that watches have seen.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use litemap::LiteMap;

use crate::cluster::Judged;
use crate::cluster::facts::{Account, Metadata, Phase, Secret, Space};
use crate::names::{Namespace, OPT_OUT, ResourceName};
use crate::plan::{Action, Reason};

use super::namespace::Standing;

/// The identity and version of a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its uid.
    pub uid: String,
    /// Its `resourceVersion`.
    pub version: String,
}

impl Identity {
    /// The identity in an object's metadata.
    pub fn of(metadata: &Metadata) -> Self {
        Self { uid: metadata.uid.clone(), version: metadata.resource_version.clone() }
    }
}

/// The facts that are kept about a Secret: which Secret it is, and what is done with it.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) identity: Identity,
    pub(super) judged: Judged,
}

impl Held {
    pub(super) fn new(judged: Judged, secret: &Secret) -> Self {
        Self { identity: Identity::of(&secret.metadata), judged }
    }

    /// A Secret that was just written.
    pub(super) fn written(identity: Identity) -> Self {
        let judged = Judged { action: Action::Keep, reason: Reason::Current, is_ours: true, whose: None };
        Self { identity, judged }
    }

    /// Whether it is ours and as wanted.
    pub(super) fn is_good(&self) -> bool {
        self.judged.is_ours && self.judged.action == Action::Keep
    }
}

/// A namespace, with the facts about its objects.
#[derive(Debug, Default)]
pub(super) struct Here {
    /// Whether the namespace itself was seen: its objects may be seen first.
    pub(super) is_known: bool,
    /// Its annotations and its ServiceAccounts. After the namespace is deleted, its version stays as long as objects of it are known, so that no
    /// older state counts as new.
    pub(super) space: Space,
    pub(super) secrets: LiteMap<usize, Box<Held>>,
    /// ServiceAccounts that got a reference, so that the reference counts as ours even without a Secret.
    pub(super) linked: LiteMap<ResourceName, ()>,
    /// ServiceAccounts from which an unrecorded writer removed a reference: the next patch makes the API server record writers.
    pub(super) unrecorded: BTreeSet<ResourceName>,
    pub(super) standing: Standing,
    /// By the number of the pull secret: whether the namespace is chosen, even if it has opted out.
    pub(super) named: Vec<bool>,
    /// When it was first seen; cleared when it is served.
    pub(super) since: Option<u64>,
}

impl Here {
    /// Whether nothing is known about it.
    pub(super) fn is_empty(&self) -> bool {
        !self.is_known && self.secrets.is_empty() && self.space.accounts.is_empty()
    }

    /// Updates the facts about the namespace; keeps only the labels that a choice asks for.
    pub(super) fn see(&mut self, space: Space, is_asked_for: impl Fn(&str) -> bool) {
        self.is_known = true;
        let labels = kept(space.metadata.labels, is_asked_for);
        let (annotations, resource_version) = (opt_out(space.metadata.annotations), space.metadata.resource_version);
        self.space.metadata = Metadata { resource_version, labels, annotations, ..Metadata::default() };
        self.space.phase = space.phase;
    }

    pub(super) fn forget(&mut self) {
        self.is_known = false;
        let resource_version = mem::take(&mut self.space.metadata.resource_version);
        self.space.metadata = Metadata { resource_version, ..Metadata::default() };
        self.space.phase = Phase::Active;
        self.standing = Standing::Unwanted;
        self.since = None;
    }
}

/// A ServiceAccount without the fields that no rule needs.
pub(super) fn trimmed(account: Account) -> Account {
    let Account { metadata, mut image_pull_secrets } = account;
    image_pull_secrets.shrink_to_fit();
    let Metadata { annotations, uid, resource_version, .. } = *metadata;
    let metadata = Metadata { annotations: opt_out(annotations), uid, resource_version, ..Metadata::default() };
    Account { metadata: Box::new(metadata), image_pull_secrets }
}

fn opt_out(annotations: BTreeMap<String, String>) -> BTreeMap<String, String> {
    kept(annotations, |name| OPT_OUT.contains(&name))
}

/// The entries with these names, in a new map: `retain` would keep the memory of the old one.
fn kept(all: BTreeMap<String, String>, is_kept: impl Fn(&str) -> bool) -> BTreeMap<String, String> {
    all.into_iter().filter(|(name, _)| is_kept(name)).collect()
}

/// Whether an object of the same uid has an older version. Versions count as numbers; any other text is never older.
pub(super) fn is_older(uid: &str, version: &str, than: (&str, &str)) -> bool {
    let number = |text: &str| text.parse::<u128>().ok();
    match (number(version), number(than.1)) {
        (Some(version), Some(known)) => uid == than.0 && version < known,
        _ => false,
    }
}

/// The same for two states of one object.
pub(super) fn is_older_than(metadata: &Metadata, known: &Metadata) -> bool {
    is_older(&metadata.uid, &metadata.resource_version, (&known.uid, &known.resource_version))
}

/// A manager of this field other than ours.
pub(super) fn other_manager(metadata: &Metadata, field: &str, ours: &str) -> Option<String> {
    metadata.managers(field).find(|manager| *manager != ours).map(str::to_owned)
}

/// The namespace and the name in an object's metadata.
pub(super) fn place(metadata: &Metadata) -> Option<(Namespace, ResourceName)> {
    Some((metadata.namespace.parse().ok()?, metadata.name.parse().ok()?))
}
