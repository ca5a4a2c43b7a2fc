//! Judges one Secret, and the references of one namespace, for a program that keeps no Secret.

use super::compare::{Step, accounts, steps};
use super::delivery::Delivery;
use super::facts::{Secret, Space};
use crate::names::Namespace;
use crate::plan::{Action, Owner, Plan, Reason};
use crate::spec::choice::Link;

/// What is done with a Secret that is there, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What is done.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// Whether it is this owner's.
    pub is_ours: bool,
    /// Whose it is, where that is why.
    pub whose: Option<String>,
}

impl Delivery<'_> {
    /// What is done with a Secret that is there, and wanted.
    #[must_use]
    pub fn judge(&self, number: usize, there: &Secret) -> Judged {
        let (actual, whose) = self.assess(&self.pull_secrets[number], there);
        let (action, reason) = Plan::of_one(Some(actual));
        Judged { action, reason, is_ours: actual.owner == Owner::Proven, whose }
    }

    /// The ServiceAccounts of a namespace that should refer to these pull secrets, by their numbers.
    #[must_use]
    pub fn links(&self, numbers: &[usize], namespace: &Namespace, space: &Space) -> Vec<Step> {
        if self.link != Link::ServiceAccount {
            return Vec::new();
        }
        let here: Vec<_> = numbers.iter().map(|number| (*number, &self.pull_secrets[*number])).collect();
        steps(accounts(&here, namespace, space, &mut Vec::new()))
    }
}
