//! Takes events and outcomes, and names the writes that are due.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;

use super::index::{Held, Here, is_older, other_manager, place, trimmed};
use super::namespace::{Needs, Rules, Standing};
use super::trouble::Troubles;
use super::{Event, Notice, Outcome, Place, Target, Watch, Write};
use crate::cluster::facts::{Account, Metadata, NamespaceObject, Phase, Secret};
use crate::cluster::reference::refers;
use crate::cluster::selection::Choice;
use crate::cluster::{Accounts, Delivery};
use crate::names::{Namespace, ResourceName};
use crate::spec::choice::Link;

/// The state machine for one version of the settings and the logins.
pub struct Machine<'d> {
    delivery: &'d Delivery<'d>,
    choices: Vec<Choice<'d>>,
    manager: String,
    index: BTreeMap<Namespace, Here>,
    watches: BTreeMap<Watch, Seen>,
    /// By the number of the pull secret: how many namespaces are chosen for it by their names.
    named: Vec<usize>,
    /// Whether it was said that nothing of a pull secret is removed.
    said: Vec<bool>,
    queue: VecDeque<Namespace>,
    queued: BTreeSet<Namespace>,
    ready: VecDeque<Write>,
    busy: BTreeSet<Place>,
    troubles: Troubles,
    due: BTreeSet<(u64, Namespace)>,
    notices: Vec<Notice>,
}

/// What a watch has seen.
#[derive(Debug, Default)]
struct Seen {
    /// Whether it has seen all objects once.
    is_complete: bool,
    /// What it has seen since it began again.
    again: Option<BTreeSet<(Namespace, Option<ResourceName>)>>,
}

/// How many namespaces are how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Chosen ones.
    pub wanted: usize,
    /// Those that have everything.
    pub served: usize,
    /// Those with something to write or to remove.
    pub pending: usize,
    /// Those with a Secret of somebody else.
    pub left: usize,
    /// Those where a write fails.
    pub failing: usize,
    /// Those where another manager undoes what is written.
    pub contested: usize,
}

impl<'d> Machine<'d> {
    /// A machine that has seen nothing; the choices are in the order of the delivery's pull secrets.
    #[must_use]
    pub fn new(delivery: &'d Delivery<'d>, choices: Vec<Choice<'d>>) -> Self {
        let watches = watches(delivery).into_iter().map(|watch| (watch, Seen::default())).collect();
        Self {
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
        }
    }

    /// What it has to be shown.
    #[must_use]
    pub fn watches(&self) -> Vec<Watch> {
        self.watches.keys().cloned().collect()
    }

    /// Whether every watch has seen all objects once: before that nothing is written.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.watches.values().all(|seen| seen.is_complete)
    }

    /// Whether nothing is left to do now.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.is_synced() && self.queue.is_empty() && self.ready.is_empty() && self.busy.is_empty()
    }

    /// Takes what a watch has seen.
    pub fn see(&mut self, event: Event, now: u64) {
        match event {
            Event::Began(watch) => self.watches.entry(watch).or_default().again = Some(BTreeSet::new()),
            Event::Ended(watch) => self.complete(&watch, now),
            Event::Namespace(object) => self.namespace(object, now),
            Event::NamespaceGone(name) => self.namespace_gone(&name),
            Event::Account(watch, account) => self.account(watch, account, now),
            Event::AccountGone(namespace, name) => self.account_gone(&namespace, &name),
            Event::Secret(number, secret) => self.secret(number, &secret, now),
            Event::SecretGone(number, namespace) => self.secret_gone(number, &namespace, now),
        }
    }

    /// The next write, if one is due. It is not named again before its outcome is known.
    pub fn next(&mut self, now: u64) -> Option<Write> {
        if !self.is_synced() {
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
        self.ready.pop_front()
    }

    /// When something is due that waits.
    #[must_use]
    pub fn due(&self) -> Option<u64> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Takes the outcome of a write.
    pub fn end(&mut self, place: &Place, outcome: Outcome, now: u64) {
        self.busy.remove(place);
        let here = self.index.entry(place.namespace.clone()).or_default();
        match (outcome, &place.target) {
            (Outcome::Account(account), Target::Account(name)) => {
                self.troubles.done(place);
                let known = here.space.accounts.get(name).map(|known| &known.metadata);
                if known.is_some_and(|known| !is_older_than(&account.metadata, known)) {
                    here.space.accounts.insert(name.clone(), trimmed(account));
                }
            }
            (Outcome::Secret(identity), Target::Secret(number)) => {
                self.troubles.done(place);
                let known =
                    here.secrets.get(number).map(|held| (held.identity.uid.as_str(), held.identity.version.as_str()));
                if !known.is_some_and(|known| is_older(&identity.uid, &identity.version, known)) {
                    here.secrets.insert(*number, Held::written(identity));
                }
            }
            (Outcome::Deleted, Target::Secret(number)) => {
                self.troubles.done(place);
                here.secrets.remove(number);
                self.notices.push(Notice::Removed(place.namespace.clone()));
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

    /// What people want to know since this was called last.
    pub fn notices(&mut self) -> Vec<Notice> {
        mem::take(&mut self.notices)
    }

    /// The namespaces that are chosen, with how they are.
    pub fn standings(&self) -> impl Iterator<Item = (&Namespace, &Standing)> {
        self.index.iter().filter(|(_, here)| here.is_known).map(|(name, here)| (name, &here.standing))
    }

    /// How many namespaces are how.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (_, standing) in self.standings() {
            let count = match standing {
                Standing::Unwanted => continue,
                Standing::Served => &mut counts.served,
                Standing::Leaving => {
                    counts.pending += 1;
                    continue;
                }
                Standing::Pending => &mut counts.pending,
                Standing::Left(..) => &mut counts.left,
                Standing::Failing(..) => &mut counts.failing,
                Standing::Contested(..) => &mut counts.contested,
            };
            *count += 1;
            counts.wanted += 1;
        }
        counts
    }

    /// Gives up writes that were named and not made, as when another replica leads from now on.
    pub fn put_back(&mut self, write: &Write) {
        self.busy.remove(&write.place);
        self.queue(&write.place.namespace);
    }

    fn decide(&mut self, namespace: &Namespace, now: u64) {
        let Some(here) = self.index.get(namespace) else { return };
        let holds: Vec<_> = self.named.iter().map(|named| *named == 0).collect();
        let busy = &self.busy;
        let rules = Rules {
            delivery: self.delivery,
            choices: &self.choices,
            holds: &holds,
            troubles: &self.troubles,
            is_busy: &|place| busy.contains(place),
            now,
        };
        let Needs { writes, standing, due } = rules.needs(namespace, here);
        self.due.extend(due.map(|due| (due, namespace.clone())));
        self.busy.extend(writes.iter().map(|write| write.place.clone()));
        self.ready.extend(writes);
        self.said_once(&holds);
        if let Some(here) = self.index.get_mut(namespace)
            && here.standing != standing
        {
            self.notices.extend(match &standing {
                Standing::Served => {
                    here.since.take().map(|since| Notice::Served(namespace.clone(), now.saturating_sub(since)))
                }
                Standing::Left(place, why) => Some(Notice::Left(place.clone(), why.clone())),
                Standing::Failing(place, words) => Some(Notice::Failing(place.clone(), words.clone())),
                Standing::Contested(place, manager) => Some(Notice::Contested(place.clone(), manager.clone())),
                Standing::Unwanted | Standing::Pending | Standing::Leaving => None,
            });
            here.standing = standing;
        }
    }

    /// Says which pull secrets are chosen for no namespace, each once.
    fn said_once(&mut self, holds: &[bool]) {
        for (number, holds) in holds.iter().enumerate() {
            if *holds && !self.said[number] {
                self.notices.push(Notice::HoldsRemovals(number));
            }
            self.said[number] = *holds;
        }
    }

    fn queue(&mut self, namespace: &Namespace) {
        if self.queued.insert(namespace.clone()) {
            self.queue.push_back(namespace.clone());
        }
    }

    /// What a watch that began again has not seen is gone.
    fn complete(&mut self, watch: &Watch, now: u64) {
        let seen = self.watches.entry(watch.clone()).or_default();
        seen.is_complete = true;
        let Some(again) = seen.again.take() else { return };
        let is_gone =
            |namespace: &Namespace, name: Option<&ResourceName>| !again.contains(&(namespace.clone(), name.cloned()));
        let mut gone = Vec::new();
        for (namespace, here) in &self.index {
            match watch {
                Watch::Namespaces if here.is_known && is_gone(namespace, None) => {
                    gone.push(Event::NamespaceGone(namespace.clone()));
                }
                Watch::Secrets(number) if here.secrets.contains_key(number) && is_gone(namespace, None) => {
                    gone.push(Event::SecretGone(*number, namespace.clone()));
                }
                Watch::Accounts(of) => {
                    let names = here.space.accounts.keys().filter(|name| of.as_ref().is_none_or(|of| of == *name));
                    let names = names.filter(|name| is_gone(namespace, Some(name)));
                    gone.extend(names.map(|name| Event::AccountGone(namespace.clone(), name.clone())));
                }
                Watch::Namespaces | Watch::Secrets(_) => {}
            }
        }
        gone.into_iter().for_each(|event| self.see(event, now));
        let all: Vec<_> = self.index.keys().cloned().collect();
        all.iter().for_each(|namespace| self.queue(namespace));
    }

    fn remember(&mut self, watch: Watch, namespace: &Namespace, name: Option<&ResourceName>) {
        if let Some(again) = self.watches.get_mut(&watch).and_then(|seen| seen.again.as_mut()) {
            again.insert((namespace.clone(), name.cloned()));
        }
    }

    fn namespace(&mut self, object: NamespaceObject, now: u64) {
        let Ok(name) = object.metadata.name.parse::<Namespace>() else { return };
        self.remember(Watch::Namespaces, &name, None);
        let here = self.index.entry(name.clone()).or_default();
        if !here.is_known {
            here.since = Some(now);
            for (named, choice) in self.named.iter_mut().zip(&self.choices) {
                *named += usize::from(choice.names_it(&name));
            }
        }
        here.see(object.space());
        self.queue(&name);
    }

    fn namespace_gone(&mut self, name: &Namespace) {
        let Some(here) = self.index.get_mut(name).filter(|here| here.is_known) else { return };
        here.forget();
        if here.is_empty() {
            self.index.remove(name);
        }
        for (named, choice) in self.named.iter_mut().zip(&self.choices) {
            *named -= usize::from(choice.names_it(name));
        }
        self.troubles.forget(name);
    }

    fn account(&mut self, watch: Watch, account: Account, now: u64) {
        let Some((namespace, name)) = place(&account.metadata) else { return };
        self.remember(watch, &namespace, Some(&name));
        let here = self.index.entry(namespace.clone()).or_default();
        if let Some(known) = here.space.accounts.get(&name) {
            if is_older_than(&account.metadata, &known.metadata) {
                return;
            }
            let (was, is) = (&known.image_pull_secrets, &account.image_pull_secrets);
            let lost = self.delivery.pull_secrets.iter().enumerate().any(|(number, one)| {
                refers(was, one.name)
                    && !refers(is, one.name)
                    && self.choices[number].takes(&namespace, &here.space)
                    && one.accounts.has(&name)
            });
            if lost && here.is_known {
                let manager = other_manager(&account.metadata, "f:imagePullSecrets", &self.manager);
                let place = Place { namespace: namespace.clone(), target: Target::Account(name.clone()) };
                self.undone(&place, manager, now);
            }
        }
        let here = self.index.entry(namespace.clone()).or_default();
        here.space.accounts.insert(name.clone(), trimmed(account));
        self.troubles.seen(&Place { namespace: namespace.clone(), target: Target::Account(name) });
        self.queue(&namespace);
    }

    fn account_gone(&mut self, namespace: &Namespace, name: &ResourceName) {
        let Some(here) = self.index.get_mut(namespace) else { return };
        here.space.accounts.remove(name);
        if here.is_empty() {
            self.index.remove(namespace);
        }
        self.queue(namespace);
    }

    fn secret(&mut self, number: usize, secret: &Secret, now: u64) {
        let Ok(namespace) = secret.metadata.namespace.parse::<Namespace>() else { return };
        self.remember(Watch::Secrets(number), &namespace, None);
        let held = Held::new(self.delivery, number, secret);
        let here = self.index.entry(namespace.clone()).or_default();
        let (uid, version) = (&held.identity.uid, &held.identity.version);
        if let Some(known) = here.secrets.get(&number)
            && is_older(uid, version, (&known.identity.uid, &known.identity.version))
        {
            return;
        }
        let was_good = here.secrets.get(&number).is_some_and(Held::is_good);
        let is_wanted = here.is_known && self.choices[number].takes(&namespace, &here.space);
        let is_undone =
            was_good && is_wanted && !held.is_good() && held.identity.version != here.secrets[&number].identity.version;
        here.secrets.insert(number, held);
        let place = Place { namespace: namespace.clone(), target: Target::Secret(number) };
        self.troubles.seen(&place);
        if is_undone {
            let manager = other_manager(&secret.metadata, "f:data", &self.manager);
            self.undone(&place, manager, now);
        }
        self.queue(&namespace);
    }

    fn secret_gone(&mut self, number: usize, namespace: &Namespace, now: u64) {
        let Some(here) = self.index.get_mut(namespace) else { return };
        let was_good = here.secrets.remove(&number).is_some_and(|held| held.is_good());
        let is_undone = was_good && here.is_known && self.choices[number].takes(namespace, &here.space);
        if here.is_empty() {
            self.index.remove(namespace);
        }
        let place = Place { namespace: namespace.clone(), target: Target::Secret(number) };
        self.troubles.seen(&place);
        if is_undone {
            self.undone(&place, None, now);
        }
        self.queue(namespace);
    }

    fn undone(&mut self, place: &Place, manager: Option<String>, now: u64) {
        self.troubles.undone(place, now, manager);
    }
}

/// What has to be watched for a delivery.
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

fn is_older_than(metadata: &Metadata, known: &Metadata) -> bool {
    is_older(&metadata.uid, &metadata.resource_version, (&known.uid, &known.resource_version))
}
