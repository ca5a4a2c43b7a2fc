//! Compares the objects that a run wants in a cluster with the objects that were read.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::content::{self, Content as Compared};
use super::delivery::{Delivery, OnConflict, PullSecret, Unchangeable};
use super::facts::{Account, Facts, Secret, Space, TYPE};
use super::ownership::{Whose, is_of_the_patcher, whose};
use super::policy::Policy;
use super::reference::refers;
use crate::names::{Namespace, ResourceName};
use crate::objects::marks::Role;
use crate::plan::{self, Action, Actual, Change, Content, Encryption, History, Owner, Wanted};
use crate::spec::choice::Link;

/// The differences between a cluster and the wanted objects.
#[derive(Debug, Default)]
pub struct Comparison {
    /// One step for each object, by namespace: references before the Secret.
    pub steps: Vec<Step>,
    /// Named ServiceAccounts that do not exist, each with the namespace that lacks it.
    pub absent: Vec<(Namespace, ResourceName)>,
    /// Namespaces whose Secrets were not compared, because the account may not read them.
    pub not_compared: Vec<Namespace>,
}

/// One object, and what is done with it.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its namespace; `None` for an object of the whole cluster, and for every [`Object::Other`].
    pub namespace: Option<Namespace>,
    /// Its name.
    pub name: ResourceName,
    /// The kind of object, with the facts that a write needs.
    pub object: Object,
    /// The action, and its reason.
    pub change: Change,
    /// The owner, if it is a tool or another owner of regcred: `Helm release shop`, `owner team-b`.
    pub whose: Option<Whose>,
}

/// What an object is.
#[derive(Clone, Debug)]
pub enum Object {
    /// A ServiceAccount, whose references are added or removed.
    Account {
        /// Its list as it was read.
        list: Vec<Value>,
        /// The references that it should have, or that are removed.
        references: Vec<ResourceName>,
    },
    /// A Secret.
    Secret {
        /// The number of the pull secret in the delivery; `None` if it is no longer wanted.
        number: Option<usize>,
        /// The Secret that was read, if there is one.
        there: Option<Box<Secret>>,
    },
    /// An admission policy or its binding.
    Policy {
        /// The wanted object, to compare it again.
        policy: Box<Policy>,
        /// The object to write.
        wanted: Value,
    },
    /// Another object of ours, which is no longer wanted.
    Other {
        /// Its kind.
        kind: String,
        /// Its path at the API server.
        path: String,
        /// Its UID: an earlier or later object with the same name has another UID.
        uid: String,
    },
}

impl Object {
    /// Its kind.
    pub fn kind(&self) -> &str {
        match self {
            Self::Account { .. } => "ServiceAccount",
            Self::Secret { .. } => "Secret",
            Self::Policy { policy, .. } => policy.kind(),
            Self::Other { kind, .. } => kind,
        }
    }

    /// The order in which the objects of a namespace are written, and removed.
    fn rank(&self) -> u8 {
        match self {
            Self::Policy { .. } | Self::Other { .. } => 0,
            Self::Account { .. } => 1,
            Self::Secret { .. } => 2,
        }
    }
}

impl Step {
    /// Whether the step is executed: the object is neither kept nor refused.
    pub fn is_executed(&self) -> bool {
        matches!(self.change.action, Action::Create | Action::Update | Action::Delete)
    }

    /// The object in the words of a message: `the Secret team-a/image-pull-secret`.
    pub fn place(&self) -> String {
        let (kind, name) = (self.object.kind(), &self.name);
        let namespace = self.change.path.strip_suffix(&format!("{kind}/{name}")).unwrap_or_default();
        format!("the {kind} {namespace}{name}")
    }
}

impl Comparison {
    /// Whether a step is refused, so that nothing is written.
    pub fn is_refused(&self) -> bool {
        self.steps.iter().any(|step| step.change.action == Action::Refuse)
    }

    /// Whether something differs.
    pub fn differs(&self) -> bool {
        self.steps.iter().any(|step| step.change.differs())
    }
}

/// An object before the plan decides about it.
pub(super) struct Item {
    pub(super) namespace: Option<Namespace>,
    pub(super) name: ResourceName,
    pub(super) object: Object,
    pub(super) actual: Option<Actual>,
    pub(super) whose: Option<Whose>,
    pub(super) is_wanted: bool,
}

impl Item {
    fn path(&self) -> String {
        let namespace = self.namespace.as_ref().map_or(String::new(), |namespace| format!("{namespace}/"));
        format!("{namespace}{}/{}", self.object.kind(), self.name)
    }
}

/// Lets the plan decide about each object.
pub(super) fn steps(items: Vec<Item>) -> Vec<Step> {
    let wanted = |item: &Item| Wanted { path: item.path(), document: None, encryption: Encryption::None };
    let wanted = items.iter().filter(|item| item.is_wanted).map(wanted).collect();
    let actual = items.iter().filter_map(|item| Some((item.path(), item.actual?))).collect();
    let mut items: BTreeMap<String, Item> = items.into_iter().map(|item| (item.path(), item)).collect();
    let step = |change: Change| {
        let Item { namespace, name, object, whose, .. } = items.remove(&change.path)?;
        Some(Step { namespace, name, object, change, whose })
    };
    let mut steps: Vec<Step> = plan::between(wanted, actual).into_iter().filter_map(step).collect();
    steps.sort_by(|one, other| {
        let key = |step: &Step| (step.object.rank(), step.name.clone());
        one.namespace.cmp(&other.namespace).then_with(|| key(one).cmp(&key(other)))
    });
    steps
}

impl Delivery<'_> {
    /// Compares with everything that was read, or with one namespace that was read again.
    pub fn compare(&self, facts: &Facts) -> Comparison {
        let mut comparison = Comparison::default();
        let mut items = Vec::new();
        for (namespace, space) in &facts.namespaces {
            let here: Vec<_> = self.pull_secrets.iter().enumerate().filter(|(_, one)| one.serves(namespace)).collect();
            if self.link == Link::ServiceAccount {
                items.extend(accounts(&here, namespace, space, &mut comparison.absent));
            }
            match &space.secrets {
                _ if here.is_empty() => {}
                Some(secrets) => items.extend(here.iter().map(|(number, one)| {
                    let there = secrets.get(one.name);
                    self.secret((*number, one), namespace, there)
                })),
                None => comparison.not_compared.push(namespace.clone()),
            }
        }
        comparison.steps = steps(items);
        comparison
    }

    fn secret(
        &self,
        (number, wanted): (usize, &PullSecret<'_>),
        namespace: &Namespace,
        there: Option<&Secret>,
    ) -> Item {
        let (actual, whose) = there.map(|there| self.assess(wanted, there, self.on_conflict)).unzip();
        Item {
            namespace: Some(namespace.clone()),
            name: wanted.name.clone(),
            object: Object::Secret { number: Some(number), there: there.cloned().map(Box::new) },
            actual,
            whose: whose.flatten(),
            is_wanted: true,
        }
    }

    pub(super) fn assess(
        &self,
        wanted: &PullSecret<'_>,
        there: &Secret,
        on_conflict: OnConflict,
    ) -> (Actual, Option<Whose>) {
        let compared = content::compare(wanted.docker_config(), there.docker_config.as_ref());
        let whose = whose(&there.metadata, &self.marks.owner);
        let holds_the_same = wanted.is_known() && compared != Compared::Different && there.type_ == TYPE;
        let owner = match (&whose, on_conflict) {
            (_, OnConflict::Keep) if holds_the_same => Owner::Proven,
            (_, OnConflict::Keep) => Owner::Spared,
            (Whose::Ours, _) => Owner::Proven,
            (Whose::Nobody, OnConflict::Inherit) if is_of_the_patcher(&there.metadata) => Owner::TakenOver,
            (_, OnConflict::Inherit | OnConflict::Skip) => Owner::Spared,
            (Whose::Managed(_), _) => Owner::Managed,
            (_, OnConflict::Overwrite) => Owner::TakenOver,
            (_, OnConflict::Adopt) if holds_the_same => Owner::TakenOver,
            (_, OnConflict::Adopt | OnConflict::Fail) => Owner::Foreign,
        };
        let stays = owner == Owner::Managed || on_conflict == OnConflict::Keep;
        let is_the_same = compared == Compared::Same || (stays && holds_the_same);
        let content = match self.unchangeable {
            _ if there.type_ == TYPE && !wanted.is_known() => Content::NotCompared,
            _ if there.type_ == TYPE && is_the_same && (stays || self.is_marked(there)) => Content::Same,
            _ if there.type_ == TYPE && !there.immutable => Content::Different,
            Unchangeable::Refuse => Content::Unchangeable,
            Unchangeable::Recreate => Content::Replaceable,
        };
        let whose = Some(whose).filter(|whose| matches!(whose, Whose::Managed(_) | Whose::Another(_)));
        (Actual { owner, content, history: History::Unknown }, whose)
    }

    /// Whether the object has every label and annotation that we write.
    fn is_marked(&self, there: &Secret) -> bool {
        let has = |map: &BTreeMap<String, String>, (name, value): (&str, String)| map.get(name) == Some(&value);
        self.marks.labels(Role::Owned).all(|label| has(&there.metadata.labels, label))
            && self.marks.annotations(Role::Owned).all(|annotation| has(&there.metadata.annotations, annotation))
    }
}

/// The ServiceAccounts that should refer to these pull secrets.
pub(super) fn accounts(
    here: &[(usize, &PullSecret<'_>)],
    namespace: &Namespace,
    space: &Space,
    absent: &mut Vec<(Namespace, ResourceName)>,
) -> Vec<Item> {
    let mut wanted: BTreeMap<&ResourceName, Vec<ResourceName>> = BTreeMap::new();
    let mut missing = BTreeSet::new();
    for (_, pull_secret) in here {
        let there = space
            .accounts
            .iter()
            .filter(|(name, account)| pull_secret.accounts.has(name) && !account.metadata.opts_out());
        there.for_each(|(name, _)| wanted.entry(name).or_default().push(pull_secret.name.clone()));
        for name in pull_secret.accounts.names().iter().filter(|name| !space.accounts.contains_key(name)) {
            // The cluster creates this one for each namespace, soon after the namespace itself.
            if name.as_str() == DEFAULT {
                wanted.entry(name).or_default().push(pull_secret.name.clone());
            } else {
                missing.insert(name);
            }
        }
    }
    absent.extend(missing.into_iter().map(|name| (namespace.clone(), name.clone())));
    let item = |(name, references): (&ResourceName, Vec<ResourceName>)| {
        let list = space.accounts.get(name).map_or(Vec::new(), |account: &Account| account.image_pull_secrets.clone());
        let is_linked = references.iter().all(|reference| refers(&list, reference));
        let content = if is_linked { Content::Same } else { Content::NotLinked };
        let actual = Actual { owner: Owner::Claimed, content, history: History::Unknown };
        Item {
            namespace: Some(namespace.clone()),
            name: name.clone(),
            object: Object::Account { list, references },
            actual: Some(actual),
            whose: None,
            is_wanted: true,
        }
    };
    wanted.into_iter().map(item).collect()
}

/// The ServiceAccount that every namespace has.
const DEFAULT: &str = "default";

impl PullSecret<'_> {
    pub(super) fn serves(&self, namespace: &Namespace) -> bool {
        self.namespaces.binary_search(namespace).is_ok()
    }
}
