//! Counts the namespaces in each state, one change at a time: there may be many namespaces.

use super::Target;
use super::index::Here;
use super::machine::Machine;
use super::namespace::Standing;
use crate::names::{Namespace, NamespacePattern, ResourceName};
use crate::spec::choice::Link;

/// The number of namespaces in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Chosen namespaces.
    pub wanted: usize,
    /// Namespaces that have everything.
    pub served: usize,
    /// Namespaces with something to write or to remove.
    pub pending: usize,
    /// Namespaces where a Secret stays as it is, for example because it belongs to somebody else.
    pub left: usize,
    /// Namespaces with a failing write.
    pub failing: usize,
    /// Namespaces where another manager undoes our writes.
    pub contested: usize,
}

impl Counts {
    /// Moves a namespace from one state to another.
    pub(super) fn moved(&mut self, from: &Standing, to: &Standing) {
        self.count(from, |count| count.saturating_sub(1));
        self.count(to, |count| count + 1);
    }

    fn count(&mut self, standing: &Standing, change: impl Fn(usize) -> usize) {
        let count = match standing {
            Standing::Unwanted => return,
            Standing::Served => &mut self.served,
            Standing::Pending | Standing::Leaving => &mut self.pending,
            Standing::Left(..) => &mut self.left,
            Standing::Failing(..) => &mut self.failing,
            Standing::Contested(..) => &mut self.contested,
        };
        *count = change(*count);
        if *standing != Standing::Leaving {
            self.wanted = change(self.wanted);
        }
    }
}

impl Machine<'_> {
    /// How many namespaces with one of these pull secrets are in each state, and the state of the first namespace that is left alone, fails
    /// or is contested.
    pub fn counts_of(&self, pull_secrets: &[usize]) -> (Counts, Option<&Standing>) {
        let (mut counts, mut trouble) = (Counts::default(), None);
        for (name, here) in &self.index {
            let chosen = pull_secrets.iter().copied().filter(|number| self.choices[*number].takes(name, here));
            let chosen: Vec<_> = chosen.collect();
            if chosen.is_empty() {
                continue;
            }
            let standing = standing_of(&chosen, here);
            counts.moved(&Standing::Unwanted, standing);
            let is_trouble = matches!(standing, Standing::Left(..) | Standing::Failing(..) | Standing::Contested(..));
            trouble = trouble.or(Some(standing).filter(|_| is_trouble));
        }
        (counts, trouble)
    }

    /// The namespaces and ServiceAccounts that these pull secrets name, but that do not exist: a name may have a typo, or come later. A
    /// ServiceAccount counts as missing if no chosen namespace has it.
    pub fn absent_of(&self, pull_secrets: &[usize]) -> Vec<String> {
        let mut absent = Vec::new();
        for number in pull_secrets {
            let choice = &self.choices[*number];
            let names = choice.selection.include.iter().filter_map(NamespacePattern::name);
            let is_there = |name: &&Namespace| self.index.get(*name).is_some_and(|here| here.is_known);
            absent.extend(names.filter(|name| !is_there(name)).map(|name| format!("namespace {name}")));
            let spaces = || self.index.iter().filter(|(name, here)| choice.takes(name, here)).map(|(_, here)| here);
            let is_there = |name: &&ResourceName| spaces().any(|here| here.space.accounts.get(*name).is_some());
            let accounts = self.delivery.pull_secrets[*number].accounts.names().iter();
            let accounts = accounts.filter(|_| self.delivery.link == Link::ServiceAccount && spaces().next().is_some());
            absent.extend(accounts.filter(|name| !is_there(name)).map(|name| format!("ServiceAccount {name}")));
        }
        absent.sort_unstable();
        absent.dedup();
        absent
    }
}

/// The state of a namespace for these pull secrets: a problem with the Secret of another pull secret does not count.
fn standing_of<'h>(chosen: &[usize], here: &'h Here) -> &'h Standing {
    match &here.standing {
        // The last decision was made before the namespace was chosen.
        Standing::Unwanted | Standing::Leaving => &Standing::Pending,
        Standing::Left(place, _) | Standing::Failing(place, _) | Standing::Contested(place, _) if matches!(place.target, Target::Secret(number) if !chosen.contains(&number)) =>
        {
            let is_good = chosen.iter().all(|number| here.secrets.get(number).is_some_and(|held| held.is_good()));
            if is_good { &Standing::Served } else { &Standing::Pending }
        }
        standing => standing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_that_moves_is_counted_where_it_is() {
        let mut counts = Counts::default();
        for (from, to) in [
            (Standing::Unwanted, Standing::Pending),
            (Standing::Unwanted, Standing::Served),
            (Standing::Pending, Standing::Served),
            (Standing::Served, Standing::Leaving),
        ] {
            counts.moved(&from, &to);
        }
        assert_eq!(counts, Counts { wanted: 1, served: 1, pending: 1, ..Counts::default() });
        counts.moved(&Standing::Leaving, &Standing::Unwanted);
        counts.moved(&Standing::Served, &Standing::Unwanted);
        assert_eq!(counts, Counts::default());
    }
}
