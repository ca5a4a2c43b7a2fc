//! Remembers which writes failed or were undone by somebody else, and when to try again.

use std::collections::{BTreeMap, VecDeque};

use super::{Place, Target};
use crate::cluster::Delivery;
use crate::names::{Namespace, ResourceName};

/// After this number of undone writes within ten minutes, an object is contested.
const CONTESTED_AFTER: usize = 5;
/// How long an undone write counts, and the first pause of a contested write: ten minutes.
const WINDOW: u64 = 10 * 60 * 1000;
/// The longest pause of a contested write.
const LONGEST_CONTEST: u64 = 60 * 60 * 1000;
/// The first pause after a failure, and the longest.
const AFTER_FAILURE: (u64, u64) = (200, 60_000);
/// The first and the longest pause after a race: the watch usually shows the object sooner.
const AFTER_A_RACE: (u64, u64) = (50, 5_000);

/// Why an object waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// It has changed since it was seen.
    Race,
    /// The write failed, with this message.
    Failure(String),
    /// This manager undoes the write.
    Contest(Option<String>),
}

#[derive(Debug, Default)]
struct Trouble {
    /// How many failures and races came in a row.
    tries: u32,
    waits: Option<(u64, Why)>,
    undone: VecDeque<u64>,
    contests: u32,
}

/// The undone writes and the contests, which continue after a change of the settings. Failures do not continue, because the change may have
/// fixed their cause.
#[derive(Debug, Default)]
pub struct Contests(Vec<(Namespace, Named, Trouble)>);

/// An object, by its name: the numbers of pull secrets change with the settings.
#[derive(Debug)]
enum Named {
    Account(ResourceName),
    Secret(ResourceName),
}

/// The objects that wait.
#[derive(Debug, Default)]
pub(super) struct Troubles(BTreeMap<Place, Trouble>);

impl Troubles {
    /// Until when an object waits, and why.
    pub(super) fn waits(&self, place: &Place, now: u64) -> Option<&(u64, Why)> {
        self.0.get(place)?.waits.as_ref().filter(|(until, _)| *until > now)
    }

    /// Why the last write of an object did not succeed, also while the next try runs.
    pub(super) fn last(&self, place: &Place) -> Option<&Why> {
        self.0.get(place)?.waits.as_ref().map(|(_, why)| why)
    }

    pub(super) fn failed(&mut self, place: &Place, now: u64, words: String) {
        self.pause(place, now, AFTER_FAILURE, Why::Failure(words));
    }

    pub(super) fn raced(&mut self, place: &Place, now: u64) {
        self.pause(place, now, AFTER_A_RACE, Why::Race);
    }

    fn pause(&mut self, place: &Place, now: u64, (first, longest): (u64, u64), why: Why) {
        let trouble = self.0.entry(place.clone()).or_default();
        let pause = first.saturating_mul(1 << trouble.tries.min(20)).min(longest);
        trouble.tries += 1;
        // A write that had already begun when the contest began does not end the contest.
        if !matches!(&trouble.waits, Some((until, Why::Contest(_))) if *until > now + pause) {
            trouble.waits = Some((now + pause, why));
        }
    }

    /// The write succeeded. It may have been undone before its result was known: a contest that has begun since then stays.
    pub(super) fn done(&mut self, place: &Place, now: u64) {
        if let Some(trouble) = self.0.get_mut(place) {
            trouble.tries = 0;
            trouble.waits.take_if(|(until, why)| *until <= now || !matches!(why, Why::Contest(_)));
            if trouble.undone.is_empty() {
                self.0.remove(place);
            }
        }
    }

    /// The current object was seen, so there is no reason to wait after a race.
    pub(super) fn seen(&mut self, place: &Place) {
        if let Some(trouble) = self.0.get_mut(place)
            && matches!(trouble.waits, Some((_, Why::Race)))
        {
            trouble.waits = None;
        }
    }

    /// Somebody else has undone a write; returns whether the object is contested now.
    pub(super) fn undone(&mut self, place: &Place, now: u64, manager: Option<String>) -> bool {
        let trouble = self.0.entry(place.clone()).or_default();
        if trouble.undone.back().is_some_and(|last| now.saturating_sub(*last) > 2 * LONGEST_CONTEST) {
            trouble.contests = 0;
        }
        trouble.undone.push_back(now);
        while trouble.undone.front().is_some_and(|first| now.saturating_sub(*first) > WINDOW) {
            trouble.undone.pop_front();
        }
        let is_contested = trouble.contests > 0 || trouble.undone.len() >= CONTESTED_AFTER;
        if is_contested {
            let pause = WINDOW.saturating_mul(1 << trouble.contests.min(10)).min(LONGEST_CONTEST);
            trouble.contests += 1;
            trouble.undone = [now].into();
            trouble.waits = Some((now + pause, Why::Contest(manager)));
        }
        is_contested
    }

    /// The undone writes and the contests, by the names of the objects.
    pub(super) fn contests(&self, delivery: &Delivery<'_>) -> Contests {
        let undone = self.0.iter().filter(|(_, trouble)| !trouble.undone.is_empty());
        let named = undone.map(|(place, trouble)| {
            let object = match &place.target {
                Target::Account(name) => Named::Account(name.clone()),
                Target::Secret(number) => Named::Secret(delivery.pull_secrets[*number].name.clone()),
            };
            let waits = trouble.waits.clone().filter(|(_, why)| matches!(why, Why::Contest(_)));
            let kept = Trouble { tries: 0, waits, undone: trouble.undone.clone(), contests: trouble.contests };
            (place.namespace.clone(), object, kept)
        });
        Contests(named.collect())
    }

    /// Takes over the contests about the objects of this delivery.
    pub(super) fn resume(&mut self, contests: Contests, delivery: &Delivery<'_>) {
        for (namespace, object, trouble) in contests.0 {
            let target = match object {
                Named::Account(name) => Some(Target::Account(name)),
                Named::Secret(name) => {
                    delivery.pull_secrets.iter().position(|one| *one.name == name).map(Target::Secret)
                }
            };
            if let Some(target) = target {
                self.0.insert(Place { namespace, target }, trouble);
            }
        }
    }

    /// Forgets a deleted namespace.
    pub(super) fn forget(&mut self, namespace: &Namespace) {
        self.0.retain(|place, _| place.namespace != *namespace);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Accounts, OnConflict, PullSecret, Unchangeable};
    use crate::docker_config::Logins;
    use crate::objects::marks::Marks;
    use crate::spec::choice::Link;

    fn place() -> Place {
        Place { namespace: "a".parse().unwrap(), target: Target::Secret(0) }
    }

    #[test]
    fn a_failure_waits_longer_each_time_and_a_success_forgets_it() {
        let (mut troubles, place) = (Troubles::default(), place());
        let mut pauses = Vec::new();
        for _ in 0..12 {
            troubles.failed(&place, 1000, "no".to_owned());
            pauses.push(troubles.waits(&place, 1000).unwrap().0 - 1000);
        }
        assert_eq!(pauses[..4], [200, 400, 800, 1600]);
        assert_eq!(pauses.last(), Some(&60_000));
        troubles.done(&place, 1000);
        assert!(troubles.waits(&place, 0).is_none() && troubles.0.is_empty());
    }

    #[test]
    fn five_undone_writes_in_ten_minutes_begin_a_contest_and_then_one_more_continues_it() {
        let (mut troubles, place) = (Troubles::default(), place());
        let undone = |troubles: &mut Troubles, now: u64| troubles.undone(&place, now * 1000, Some("m".to_owned()));
        for second in [0, 200, 400, 599, 700] {
            assert!(!undone(&mut troubles, second), "{second}");
        }
        assert!(!undone(&mut troubles, 801));
        assert!(undone(&mut troubles, 802));
        assert_eq!(troubles.waits(&place, 802_000), Some(&(1_402_000, Why::Contest(Some("m".to_owned())))));
        assert!(undone(&mut troubles, 1403));
        assert_eq!(troubles.waits(&place, 1_403_000).map(|waits| waits.0), Some(2_603_000));
    }

    #[test]
    fn a_contest_outlives_the_write_that_was_under_way_when_it_began() {
        let (mut troubles, place) = (Troubles::default(), place());
        for _ in 0..CONTESTED_AFTER {
            troubles.undone(&place, 0, None);
        }
        let contest = Some(&(WINDOW, Why::Contest(None)));
        troubles.done(&place, 1);
        assert_eq!(troubles.waits(&place, 1), contest);
        troubles.raced(&place, 1);
        troubles.seen(&place);
        assert_eq!(troubles.waits(&place, 1), contest);
        troubles.failed(&place, 1, "no".to_owned());
        assert_eq!(troubles.waits(&place, 1), contest);
        troubles.done(&place, WINDOW);
        assert!(troubles.last(&place).is_none());
    }

    #[test]
    fn a_contest_outlives_a_change_of_the_settings_under_the_name_of_its_pull_secret() {
        let names = ["b", "a", "gone"].map(ResourceName::known);
        let of = |numbers: &[usize]| Delivery {
            pull_secrets: numbers
                .iter()
                .map(|number| PullSecret::new(&names[*number], Vec::new(), Accounts::All, &Logins::Unavailable))
                .collect(),
            link: Link::ServiceAccount,
            marks: Marks { owner: "acme".to_owned(), profile: None },
            on_conflict: OnConflict::Skip,
            unchangeable: Unchangeable::Refuse,
        };
        let place = |target: Target| Place { target, ..place() };
        let account = place(Target::Account(ResourceName::known("default")));
        let mut troubles = Troubles::default();
        for _ in 0..CONTESTED_AFTER {
            troubles.undone(&place(Target::Secret(0)), 0, None);
        }
        troubles.undone(&place(Target::Secret(1)), 0, None);
        troubles.undone(&account, 0, None);
        troubles.failed(&account, 0, "no".to_owned());
        let mut resumed = Troubles::default();
        resumed.resume(troubles.contests(&of(&[0, 2])), &of(&[1, 0]));
        assert_eq!(resumed.waits(&place(Target::Secret(1)), 1), Some(&(WINDOW, Why::Contest(None))));
        assert!(resumed.waits(&place(Target::Secret(0)), 1).is_none(), "nobody wants `gone` any more");
        assert!(resumed.waits(&account, 0).is_none(), "the change may have mended the failure");
        let undone = (1..=CONTESTED_AFTER).find(|_| resumed.undone(&account, 1, None));
        assert_eq!(undone, Some(CONTESTED_AFTER - 1), "the earlier one counts");
    }

    #[test]
    fn a_race_is_over_when_the_object_is_seen_and_a_failure_is_not() {
        let (mut troubles, place) = (Troubles::default(), place());
        troubles.raced(&place, 0);
        troubles.seen(&place);
        assert!(troubles.waits(&place, 0).is_none());
        troubles.failed(&place, 0, "no".to_owned());
        troubles.seen(&place);
        assert!(troubles.waits(&place, 0).is_some());
    }
}
