//! Writes the policies that confine an account to its pull secrets, the references to them, and its evictions.

use serde_json::Value;

use super::place::{Which, is_linked, is_listed, is_served};
use super::{EVICTION, Grant, Reach, Subject};
use crate::objects::guard::{Guard, policy};
use crate::objects::marks::{MANAGED_BY, OWNER};
use crate::spec::choice::Link;

impl Grant<'_> {
    /// The policies on Secrets, ServiceAccounts and evictions, each with its binding.
    pub(in crate::cluster) fn policies(&self) -> Vec<Value> {
        let (label, owner) = (MANAGED_BY, self.marks.owner.as_str());
        let served = |which| match self.reach {
            Reach::Listed => is_listed(&self.pull_secrets, which),
            Reach::Chosen { others, selector } => is_served(&self.pull_secrets, which, *others, selector),
        };
        let mut guard = Guard {
            who: "regcred",
            secrets: self.pull_secrets.iter().map(|one| one.name.as_str()).collect(),
            labels: vec![label],
            annotations: vec![(OWNER, owner)],
            is_its_own: format!(
                "(oldObject.metadata.?labels[?'{}'].orValue('') == '{}' \
                 && oldObject.metadata.?annotations[?'{OWNER}'].orValue('') == '{owner}')",
                label.0, label.1
            ),
            is_served: served(Which::Requested),
        };
        let condition = self.subjects.iter().map(Subject::condition).collect::<Vec<_>>().join(" || ");
        let account = ("is-the-account", condition.as_str());
        let name = |suffix: &str| format!("{}-{suffix}", self.name());
        let is_marked = guard.is_its_own.replace("oldObject", "object");
        let mut rules = guard.secret_rules();
        rules.push((
            "regcred may write no Secret without its label and its owner's annotation".to_owned(),
            format!("request.operation == 'DELETE' || {is_marked}"),
        ));
        let mut policies = policy(&name("secrets"), "secrets", account, &rules).to_vec();
        // The request for a ServiceAccount or a Pod does not name the pull secret.
        guard.is_served = served(Which::Any);
        if self.link == Link::ServiceAccount {
            let mut rules = guard.service_account_rules();
            let written = self.pull_secrets.iter().flat_map(|one| one.written_accounts);
            if let Some(is_linked) = is_linked("request.name", written) {
                rules.insert(0, ("regcred may change no other ServiceAccount".to_owned(), is_linked));
            }
            policies.extend(policy(&name("service-accounts"), "serviceaccounts", account, &rules));
        }
        if self.evicts() {
            let rule = ("regcred may evict Pods only in the namespaces that it serves".to_owned(), guard.is_served);
            policies.extend(policy(&name("evictions"), EVICTION, account, &[rule]));
        }
        policies
    }
}
