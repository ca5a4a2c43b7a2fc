//! Takes events and outcomes, and returns the writes that are due.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;

use super::counts::Counts;
use super::index::{Held, Here, is_older, is_older_than, trimmed};
use super::namespace::{Needs, Rules, Standing};
use super::trouble::{Contests, Troubles};
use super::{Choosing, Deed, Notice, Outcome, Place, Target, Watch, Write};
use crate::cluster::facts::Phase;
use crate::cluster::stuck::Pod;
use crate::cluster::{Accounts, Delivery};
use crate::names::{Namespace, ResourceName};
use crate::spec::choice::Link;

/// The state machine for one version of the settings and the logins.
pub struct Machine<'d> {
    pub(super) delivery: &'d Delivery<'d>,
    pub(super) choices: Vec<Choosing<'d>>,
    /// The controller's own namespace, where the sources of the Secrets are.
    pub(super) own: Namespace,
    pub(super) manner: Manner,
    pub(super) manager: String,
    pub(super) index: BTreeMap<Namespace, Box<Here>>,
    pub(super) watches: BTreeMap<Watch, Seen>,
    /// By the number of the pull secret: how many namespaces are chosen for it, even if they have opted out.
    pub(super) named: Vec<usize>,
    /// By the number of the pull secret: whether a notice says that its objects are not removed.
    pub(super) said: Vec<bool>,
    pub(super) queue: VecDeque<Namespace>,
    pub(super) queued: BTreeSet<Namespace>,
    pub(super) ready: VecDeque<Write>,
    pub(super) busy: BTreeSet<Place>,
    pub(super) troubles: Troubles,
    pub(super) due: BTreeSet<(u64, Namespace)>,
    pub(super) notices: Vec<Notice>,
    pub(super) counts: Counts,
}

/// How the machine treats objects that are no longer chosen, and its own namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// It removes objects that are no longer chosen, and does nothing in its own namespace.
    #[default]
    Controller,
    /// It acts as Titansoft's patcher: it removes nothing, and serves its own namespace like any other. In its own namespace, a Secret
    /// without an owner's annotation stays, because it may be the source.
    Patcher,
}

/// What a watch has seen so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Whether it has seen all objects once.
    pub(super) is_complete: bool,
    /// The objects that it has seen since it started again.
    pub(super) again: Option<BTreeSet<(Namespace, Option<ResourceName>)>>,
}

impl<'d> Machine<'d> {
    /// A machine that has seen nothing. The choices are in the order of the delivery's pull secrets. `own` is the controller's namespace,
    /// where the sources of the Secrets are.
    pub fn new(delivery: &'d Delivery<'d>, choices: Vec<Choosing<'d>>, own: Namespace, manner: Manner) -> Self {
        let watches = watches(delivery).into_iter().map(|watch| (watch, Seen::default())).collect();
        Self {
            own,
            manner,
            manager: delivery.field_manager(),
            index: BTreeMap::new(),
            watches,
            named: vec![0; choices.len()],
            said: vec![false; choices.len()],
            delivery,
            choices,
            queue: VecDeque::new(),
            queued: BTreeSet::new(),
            ready: VecDeque::new(),
            busy: BTreeSet::new(),
            troubles: Troubles::default(),
            due: BTreeSet::new(),
            notices: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// The undone writes and the contests, for the machine that follows after a change of the settings.
    pub fn contests(&self) -> Contests {
        self.troubles.contests(self.delivery)
    }

    /// Takes over the contests of the previous machine; both use the same clock.
    pub fn resume(&mut self, contests: Contests) {
        self.troubles.resume(contests, self.delivery);
    }

    /// The kinds of objects that it has to watch.
    pub fn watches(&self) -> Vec<Watch> {
        self.watches.keys().cloned().collect()
    }

    /// Whether every watch has seen all objects once.
    pub fn is_synced(&self) -> bool {
        self.watches.values().all(|seen| seen.is_complete)
    }

    /// Whether all namespaces and ServiceAccounts were seen: nothing is written before that. The Secrets of a pull secret matter only for
    /// that pull secret.
    pub fn may_begin(&self) -> bool {
        self.watches.iter().all(|(watch, seen)| seen.is_complete || matches!(watch, Watch::Secrets(_)))
    }

    /// Whether every watch is complete, and no work is queued or under way.
    pub fn is_idle(&self) -> bool {
        self.is_synced() && self.queue.is_empty() && self.ready.is_empty() && self.busy.is_empty()
    }

    /// The next write, if one is due. The same write is not returned again before its outcome is known.
    pub fn next(&mut self, now: u64) -> Option<Write> {
        if !self.may_begin() {
            return None;
        }
        while self.due.first().is_some_and(|(due, _)| *due <= now) {
            if let Some((_, namespace)) = self.due.pop_first() {
                self.queue(&namespace);
            }
        }
        while self.ready.is_empty() {
            let namespace = self.queue.pop_front()?;
            self.queued.remove(&namespace);
            self.decide(&namespace, now);
        }
        let write = self.ready.pop_front()?;
        if let (Deed::Link(_), Target::Account(name)) = (&write.deed, &write.place.target)
            && let Some(here) = self.index.get_mut(&write.place.namespace)
        {
            here.linked.insert(name.clone(), ());
        }
        Some(write)
    }

    /// When the next waiting write is due.
    pub fn due(&self) -> Option<u64> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Takes the outcome of a write.
    pub fn end(&mut self, place: &Place, outcome: Outcome, now: u64) {
        self.busy.remove(place);
        let here = self.index.entry(place.namespace.clone()).or_default();
        match (outcome, &place.target) {
            (Outcome::Account(account), Target::Account(name)) => {
                self.troubles.done(place, now);
                let known = here.space.accounts.get(name).map(|known| &known.metadata);
                if known.is_some_and(|known| !is_older_than(&account.metadata, known)) {
                    here.space.accounts.insert(name.clone(), trimmed(account));
                }
            }
            (Outcome::Secret(identity), Target::Secret(number)) => {
                self.troubles.done(place, now);
                let known = here.secrets.get(number).map(|held| &held.identity);
                if !known.is_some_and(|seen| is_older(&identity.uid, &identity.version, (&seen.uid, &seen.version))) {
                    here.secrets.insert(*number, Box::new(Held::written(identity)));
                }
            }
            (Outcome::Deleted, Target::Secret(number)) => {
                self.troubles.done(place, now);
                here.secrets.remove(number);
                if self.manner == Manner::Controller {
                    self.notices.push(Notice::Removed(place.namespace.clone()));
                }
            }
            (Outcome::NamespaceEnds, _) => here.space.phase = Phase::Terminating,
            (Outcome::Failed(words), _) => self.troubles.failed(place, now, words),
            (Outcome::Stale | Outcome::Account(_) | Outcome::Secret(_) | Outcome::Deleted, _) => {
                self.troubles.raced(place, now);
            }
        }
        if here.is_empty() {
            self.index.remove(&place.namespace);
        }
        self.queue(&place.namespace);
    }

    /// The news since the last call.
    pub fn notices(&mut self) -> Vec<Notice> {
        mem::take(&mut self.notices)
    }

    /// The existing namespaces, each with its state.
    pub fn standings(&self) -> impl Iterator<Item = (&Namespace, &Standing)> {
        self.index.iter().filter(|(_, here)| here.is_known).map(|(name, here)| (name, &here.standing))
    }

    /// Whether a Pod is stuck in a namespace that has everything, so that a new Pod in its place would not be.
    pub fn helps(&self, pod: &Pod) -> bool {
        let Ok(namespace) = pod.metadata.namespace.parse() else { return false };
        let here = self.index.get(&namespace).filter(|here| here.standing == Standing::Served);
        here.is_some_and(|here| {
            let numbers = (0..self.choices.len()).filter(|number| self.choices[*number].takes(&namespace, here));
            let numbers: Vec<_> = numbers.collect();
            self.delivery.helps(&numbers, pod, &namespace, &here.space)
        })
    }

    /// A namespace that is chosen for a pull secret, if there is one: `before`, as long as it is chosen.
    pub fn chosen(&self, before: Option<&Namespace>) -> Option<&Namespace> {
        let takes = |name: &Namespace, here: &Here| self.choices.iter().any(|choice| choice.takes(name, here));
        let stays = before.and_then(|name| self.index.get_key_value(name)).filter(|(name, here)| takes(name, here));
        stays.or_else(|| self.index.iter().find(|(name, here)| takes(name, here))).map(|(name, _)| name)
    }

    /// The number of namespaces in each state.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn decide(&mut self, namespace: &Namespace, now: u64) {
        let Some(here) = self.index.get(namespace) else { return };
        let is_held = |named: &usize| self.manner == Manner::Patcher || *named == 0;
        let holds: Vec<_> = self.named.iter().map(is_held).collect();
        let is_seen = |number| self.watches.get(&Watch::Secrets(number)).is_some_and(|seen| seen.is_complete);
        let seen: Vec<_> = (0..self.choices.len()).map(is_seen).collect();
        let busy = &self.busy;
        let rules = Rules {
            delivery: self.delivery,
            choices: &self.choices,
            holds: &holds,
            seen: &seen,
            troubles: &self.troubles,
            is_busy: &|place| busy.contains(place),
            now,
        };
        let Needs { writes, standing, due } = rules.needs(namespace, here);
        self.due.extend(due.map(|due| (due, namespace.clone())));
        self.busy.extend(writes.iter().map(|write| write.place.clone()));
        self.ready.extend(writes);
        self.report_holds(&holds);
        let Some(here) = self.index.get_mut(namespace) else { return };
        if here.standing != standing {
            self.notices.extend(match &standing {
                Standing::Served => {
                    here.since.take().map(|since| Notice::Served(namespace.clone(), now.saturating_sub(since)))
                }
                Standing::Left(place, why) => Some(Notice::Left(place.clone(), why.clone())),
                Standing::Failing(place, words) => Some(Notice::Failing(place.clone(), words.clone())),
                Standing::Contested(place, manager) => Some(Notice::Contested(place.clone(), manager.clone())),
                Standing::Unwanted | Standing::Pending | Standing::Leaving => None,
            });
            self.counts.moved(&here.standing, &standing);
            here.standing = standing;
        }
    }

    /// Reports once each pull secret for which no namespace is chosen.
    fn report_holds(&mut self, holds: &[bool]) {
        if self.manner == Manner::Patcher {
            return;
        }
        for (number, holds) in holds.iter().enumerate() {
            if *holds && !self.said[number] {
                self.notices.push(Notice::HoldsRemovals(number));
            }
            self.said[number] = *holds;
        }
    }

    /// Whether the controller does nothing in a namespace.
    pub(super) fn is_apart(&self, namespace: &Namespace) -> bool {
        self.manner == Manner::Controller && *namespace == self.own
    }

    /// Queues a changed namespace, and drops its writes that have not begun, because they were decided from the old state.
    pub(super) fn queue(&mut self, namespace: &Namespace) {
        if self.ready.front().is_some_and(|write| write.place.namespace == *namespace) {
            for write in self.ready.drain(..) {
                self.busy.remove(&write.place);
            }
        }
        if self.queued.insert(namespace.clone()) {
            self.queue.push_back(namespace.clone());
        }
    }
}

/// The kinds of objects to watch for a delivery.
fn watches(delivery: &Delivery<'_>) -> Vec<Watch> {
    let all = delivery.pull_secrets.iter().any(|one| match one.accounts {
        Accounts::All => true,
        Accounts::Chosen(_, globs) => !globs.is_empty(),
    });
    let names: BTreeSet<_> = delivery.pull_secrets.iter().flat_map(|one| one.accounts.names()).cloned().collect();
    let accounts: Vec<_> = match delivery.link {
        Link::ServiceAccount if all => vec![Watch::Accounts(None)],
        Link::ServiceAccount => names.into_iter().map(|name| Watch::Accounts(Some(name))).collect(),
        Link::Policy | Link::None => Vec::new(),
    };
    let secrets = (0..delivery.pull_secrets.len()).map(Watch::Secrets);
    [Watch::Namespaces].into_iter().chain(accounts).chain(secrets).collect()
}
