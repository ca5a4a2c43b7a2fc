//! Updates the index from the events of watches, and recognizes when somebody else has undone a write.

use std::collections::BTreeSet;
use std::mem;

use super::index::{Held, is_older, is_older_than, other_manager, place, trimmed};
use super::machine::Machine;
use super::namespace::Standing;
use super::{Event, Place, Target, Watch};
use crate::cluster::OnConflict;
use crate::cluster::facts::{Account, NamespaceObject, Secret};
use crate::cluster::reference::refers;
use crate::names::{Namespace, ResourceName};

impl Machine<'_> {
    /// Takes an event of a watch.
    pub fn see(&mut self, event: Event, now: u64) {
        match event {
            Event::Began(watch) => self.watches.entry(watch).or_default().again = Some(BTreeSet::new()),
            Event::Ended(watch) => self.complete(&watch, now),
            Event::Namespace(object) => self.namespace(object, now),
            Event::NamespaceGone(name) => self.namespace_gone(&name),
            Event::Account(watch, account) => self.account(&watch, account, now),
            Event::AccountGone(namespace, name) => self.account_gone(&namespace, &name),
            Event::Secret(number, secret) => self.secret(number, &secret, now),
            Event::SecretGone(number, namespace) => self.secret_gone(number, &namespace, now),
        }
    }

    /// Removes the objects that a watch did not see after it started again.
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
        for event in gone {
            self.see(event, now);
        }
        let all: Vec<_> = self.index.keys().cloned().collect();
        for namespace in &all {
            self.queue(namespace);
        }
    }

    fn remember(&mut self, watch: &Watch, namespace: &Namespace, name: Option<&ResourceName>) {
        if let Some(again) = self.watches.get_mut(watch).and_then(|seen| seen.again.as_mut()) {
            again.insert((namespace.clone(), name.cloned()));
        }
    }

    fn namespace(&mut self, object: NamespaceObject, now: u64) {
        let Ok(name) = object.metadata.name.parse::<Namespace>() else { return };
        if self.is_apart(&name) {
            return;
        }
        self.remember(&Watch::Namespaces, &name, None);
        let is_new = self.watches.get(&Watch::Namespaces).is_some_and(|seen| seen.is_complete);
        let here = self.index.entry(name.clone()).or_default();
        let (version, known) = (&object.metadata.resource_version, &here.space.metadata.resource_version);
        // Versions of namespaces are comparable, so this also ignores an earlier namespace of the same name.
        if is_older("", version, ("", known)) {
            return;
        }
        if !here.is_known {
            // The time until the first namespaces are served says nothing about how long a new namespace waits.
            here.since = Some(now).filter(|_| is_new);
        }
        here.see(object.space(), |label| self.choices.iter().any(|choice| choice.mentions(label)));
        let named: Vec<_> = self.choices.iter().map(|choice| choice.names_it(&name, here)).collect();
        let before = mem::replace(&mut here.named, named.clone());
        self.recount(&before, &named);
        self.queue(&name);
    }

    fn namespace_gone(&mut self, name: &Namespace) {
        let Some(here) = self.index.get_mut(name).filter(|here| here.is_known) else { return };
        self.counts.moved(&here.standing, &Standing::Unwanted);
        here.forget();
        let named = mem::take(&mut here.named);
        if here.is_empty() {
            self.index.remove(name);
        }
        self.recount(&named, &[]);
        self.troubles.forget(name);
    }

    /// Updates how many namespaces are chosen for each pull secret, after the choice of one namespace changed from `before` to `after`.
    fn recount(&mut self, before: &[bool], after: &[bool]) {
        for (number, count) in self.named.iter_mut().enumerate() {
            let is = |named: &[bool]| usize::from(named.get(number).copied().unwrap_or(false));
            *count = *count + is(after) - is(before);
        }
    }

    fn account(&mut self, watch: &Watch, account: Account, now: u64) {
        let Some((namespace, name)) = place(&account.metadata).filter(|(namespace, _)| !self.is_apart(namespace))
        else {
            return;
        };
        self.remember(watch, &namespace, Some(&name));
        let place = Place { namespace: namespace.clone(), target: Target::Account(name.clone()) };
        let here = self.index.entry(namespace.clone()).or_default();
        let mut is_undone = false;
        if let Some(known) = here.space.accounts.get(&name) {
            if is_older_than(&account.metadata, &known.metadata) {
                return;
            }
            let (was, is) = (&known.image_pull_secrets, &account.image_pull_secrets);
            is_undone = self.delivery.pull_secrets.iter().enumerate().any(|(number, one)| {
                refers(was, one.name)
                    && !refers(is, one.name)
                    && self.choices[number].takes(&namespace, here)
                    && one.accounts.has(&name)
            });
            if is_undone {
                let manager = other_manager(&account.metadata, "f:imagePullSecrets", &self.manager);
                self.troubles.undone(&place, now, manager);
            }
        }
        if !account.metadata.managed_fields.is_empty() {
            here.unrecorded.remove(&name);
        } else if is_undone {
            here.unrecorded.insert(name.clone());
        }
        here.space.accounts.insert(name, trimmed(account));
        self.troubles.seen(&place);
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
        if self.is_apart(&namespace) {
            return;
        }
        self.remember(&Watch::Secrets(number), &namespace, None);
        let on_conflict = match self.delivery.on_conflict {
            OnConflict::Overwrite if namespace == self.own => OnConflict::Inherit,
            elsewhere => elsewhere,
        };
        let held = Held::new(self.delivery.judge(number, secret, on_conflict), secret);
        let here = self.index.entry(namespace.clone()).or_default();
        let (uid, version) = (&held.identity.uid, &held.identity.version);
        if let Some(known) = here.secrets.get(&number)
            && is_older(uid, version, (&known.identity.uid, &known.identity.version))
        {
            return;
        }
        let was_good = here.secrets.get(&number).is_some_and(|held| held.is_good());
        let is_undone = was_good
            && !held.is_good()
            && self.choices[number].takes(&namespace, here)
            && held.identity.version != here.secrets[&number].identity.version;
        here.secrets.insert(number, Box::new(held));
        let place = Place { namespace: namespace.clone(), target: Target::Secret(number) };
        self.troubles.seen(&place);
        if is_undone {
            let manager = other_manager(&secret.metadata, "f:data", &self.manager);
            self.troubles.undone(&place, now, manager);
        }
        self.queue(&namespace);
    }

    fn secret_gone(&mut self, number: usize, namespace: &Namespace, now: u64) {
        let Some(here) = self.index.get_mut(namespace) else { return };
        let was_good = here.secrets.remove(&number).is_some_and(|held| held.is_good());
        let is_undone = was_good && self.choices[number].takes(namespace, here);
        if here.is_empty() {
            self.index.remove(namespace);
        }
        let place = Place { namespace: namespace.clone(), target: Target::Secret(number) };
        self.troubles.seen(&place);
        if is_undone {
            self.troubles.undone(&place, now, None);
        }
        self.queue(namespace);
    }
}
