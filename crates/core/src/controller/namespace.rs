//! Decides the next write of one namespace. References come before the Secret, both when they are added and when they go.

use std::collections::BTreeMap;

use super::index::{Held, Here};
use super::trouble::{Troubles, Why};
use super::{Choosing, Deed, Place, Target, Write};
use crate::cluster::facts::{Account, Phase};
use crate::cluster::reference::{self, refers};
use crate::cluster::{Delivery, Object, OnConflict};
use crate::names::{Namespace, ResourceName};
use crate::plan::{Action, Reason};

/// The state of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// It is not chosen, and has no object of ours.
    #[default]
    Unwanted,
    /// It has every Secret and every reference.
    Served,
    /// Something still has to be written.
    Pending,
    /// Our objects there still have to be removed.
    Leaving,
    /// A Secret there stays as it is, for this reason.
    Left(Place, String),
    /// A write fails, with this message.
    Failing(Place, String),
    /// Another manager undoes our writes.
    Contested(Place, Option<String>),
}

/// The next writes of a namespace.
#[derive(Debug, Default)]
pub(super) struct Needs {
    pub(super) writes: Vec<Write>,
    pub(super) standing: Standing,
    /// When the next waiting object is due.
    pub(super) due: Option<u64>,
}

/// The facts for the decision about a namespace.
pub(super) struct Rules<'a, 'd> {
    pub(super) delivery: &'a Delivery<'d>,
    pub(super) choices: &'a [Choosing<'d>],
    /// By the number of the pull secret: whether its objects must not be removed.
    pub(super) holds: &'a [bool],
    /// By the number of the pull secret: whether its Secrets were seen. They are not seen if the account may not watch them.
    pub(super) seen: &'a [bool],
    pub(super) troubles: &'a Troubles,
    pub(super) is_busy: &'a dyn Fn(&Place) -> bool,
    pub(super) now: u64,
}

impl Rules<'_, '_> {
    /// What the namespace needs next.
    pub(super) fn needs(&self, namespace: &Namespace, here: &Here) -> Needs {
        let mut needs = Needs::default();
        if !here.is_known || here.space.phase == Phase::Terminating {
            return needs;
        }
        let chosen = (0..self.choices.len()).filter(|number| self.choices[*number].takes(namespace, here));
        let (wanted, unseen): (Vec<_>, Vec<_>) = chosen.partition(|number| self.seen[*number]);
        if !unseen.is_empty() {
            needs.lower(Standing::Pending);
        }
        if !wanted.is_empty() {
            needs.lower(Standing::Served);
            let is_linked = self.link(&wanted, namespace, here, &mut needs);
            for &number in &wanted {
                self.secret(number, namespace, here, is_linked, &mut needs);
            }
        }
        self.remove(&wanted, namespace, here, &mut needs);
        needs
    }

    /// Adds the references; returns whether the Secret may follow: each reference exists, or cannot be added now.
    fn link(&self, wanted: &[usize], namespace: &Namespace, here: &Here, needs: &mut Needs) -> bool {
        let mut is_done = true;
        for step in self.delivery.links(wanted, namespace, &here.space) {
            let place = Place { namespace: namespace.clone(), target: Target::Account(step.name.clone()) };
            let Object::Account { list, references } = step.object else { continue };
            if !here.space.accounts.contains_key(&step.name) {
                // The cluster creates it soon, and before that no Pod can exist there.
                needs.lower(Standing::Pending);
            } else if step.change.action == Action::Keep {
                self.settled(&place, needs);
            } else if let Some(patch) = reference::add(&list, &references) {
                let patch = if here.unrecorded.contains(&step.name) {
                    reference::recorded(&patch, &self.delivery.field_manager())
                } else {
                    patch
                };
                is_done &= self.write(place, Deed::Link(patch), needs) == Tried::Waits;
            }
        }
        is_done
    }

    fn secret(&self, number: usize, namespace: &Namespace, here: &Here, is_linked: bool, needs: &mut Needs) {
        let place = Place { namespace: namespace.clone(), target: Target::Secret(number) };
        let there = here.secrets.get(&number).map(Box::as_ref);
        let left = |held: &Held| match (held.judged.action, held.judged.reason) {
            (Action::Keep | Action::Refuse, Reason::Unchangeable) => {
                Some("its type, or its data, cannot change".to_owned())
            }
            (Action::Keep, _) if self.delivery.on_conflict == OnConflict::Keep => {
                Some("it is not what is wanted, and nothing may be overwritten".to_owned())
            }
            (Action::Keep | Action::Refuse, _) => Some(match &held.judged.whose {
                Some(whose) => format!("it belongs to {whose}"),
                None => "it is somebody else's".to_owned(),
            }),
            _ => None,
        };
        match (there, there.and_then(left)) {
            (Some(held), _) if held.is_good() => self.settled(&place, needs),
            (_, Some(why)) => needs.lower(Standing::Left(place, why)),
            (Some(held), _) if is_linked && held.judged.reason == Reason::Unchangeable => {
                self.write(place, Deed::Delete(held.identity.clone()), needs);
            }
            _ if is_linked => {
                self.write(place, Deed::Apply(there.map(|held| held.identity.clone())), needs);
            }
            _ => needs.lower(Standing::Pending),
        }
    }

    /// Removes our objects that are no longer wanted: first the references, and when all are gone the Secret. A reference without a Secret
    /// of ours counts as ours if this controller added it.
    fn remove(&self, wanted: &[usize], namespace: &Namespace, here: &Here, needs: &mut Needs) {
        let mut references: BTreeMap<&ResourceName, Vec<ResourceName>> = BTreeMap::new();
        for (number, pull_secret) in self.delivery.pull_secrets.iter().enumerate() {
            if wanted.contains(&number) || self.holds[number] || !self.seen[number] {
                continue;
            }
            let ours = here.secrets.get(&number).filter(|held| held.judged.is_ours);
            let refers_here = |(name, account): &(&ResourceName, &Account)| {
                refers(&account.image_pull_secrets, pull_secret.name)
                    && (ours.is_some() || here.linked.contains_key(*name))
            };
            let referring: Vec<_> = here.space.accounts.iter().filter(refers_here).map(|(name, _)| name).collect();
            if ours.is_some() || !referring.is_empty() {
                needs.lower(Standing::Leaving);
            }
            if let (Some(held), true) = (ours, referring.is_empty()) {
                let place = Place { namespace: namespace.clone(), target: Target::Secret(number) };
                self.write(place, Deed::Delete(held.identity.clone()), needs);
            }
            for account in referring {
                references.entry(account).or_default().push(pull_secret.name.clone());
            }
        }
        for (account, names) in references {
            let place = Place { namespace: namespace.clone(), target: Target::Account(account.clone()) };
            let list = here.space.accounts.get(account).map_or(&[][..], |account| &account.image_pull_secrets);
            // Only one write of an object at a time: adding a reference comes first.
            if needs.writes.iter().all(|write| write.place != place)
                && let Some(patch) = reference::remove(list, &names)
            {
                self.write(place, Deed::Unlink(patch), needs);
            }
        }
    }

    /// Adds the write, unless it already runs, or waits after a failure.
    fn write(&self, place: Place, deed: Deed, needs: &mut Needs) -> Tried {
        needs.lower(match self.troubles.last(&place) {
            Some(Why::Contest(manager)) => Standing::Contested(place.clone(), manager.clone()),
            Some(Why::Failure(words)) => Standing::Failing(place.clone(), words.clone()),
            Some(Why::Race) | None => Standing::Pending,
        });
        if (self.is_busy)(&place) {
            return Tried::Runs;
        }
        if let Some((until, why)) = self.troubles.waits(&place, self.now) {
            needs.due = Some(needs.due.map_or(*until, |due| due.min(*until)));
            return if *why == Why::Race { Tried::Runs } else { Tried::Waits };
        }
        needs.writes.push(Write { place, deed });
        Tried::Runs
    }

    /// An object is as wanted; it may still be contested.
    fn settled(&self, place: &Place, needs: &mut Needs) {
        if let Some((until, Why::Contest(manager))) = self.troubles.waits(place, self.now) {
            needs.due = Some(needs.due.map_or(*until, |due| due.min(*until)));
            needs.lower(Standing::Contested(place.clone(), manager.clone()));
        }
    }
}

/// The state of the work on an object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tried {
    /// It runs, or will run in a moment.
    Runs,
    /// It waits after a failure.
    Waits,
}

impl Needs {
    /// The worse of two states counts.
    fn lower(&mut self, standing: Standing) {
        let rank = |standing: &Standing| match standing {
            Standing::Unwanted => 0,
            Standing::Served => 1,
            Standing::Leaving => 2,
            Standing::Pending => 3,
            Standing::Left(..) => 4,
            Standing::Failing(..) => 5,
            Standing::Contested(..) => 6,
        };
        if rank(&standing) > rank(&self.standing) {
            self.standing = standing;
        }
    }
}

#[cfg(test)]
mod tests;
