//! Reads our admission policies: whether one adds references to the Pods of a namespace, and which ServiceAccounts a controller serves.

use serde::Deserialize;
use serde_json::Value;

use super::facts::PolicyState;
use crate::cluster::facts::{LabelSelector, NamespaceObject, Space};
use crate::cluster::grant::Selector;
use crate::cluster::selection::{Aim, Choice, Others};
use crate::names::{AccountName, Namespace, NamespacePattern};
use crate::objects::marks::{CONTROLLER, SERVES, STRATEGY};

/// Our admission policies, as far as the account may read them.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    /// The policies that change objects when they are created.
    pub mutating: Vec<Value>,
    /// Their bindings.
    pub bindings: Vec<Value>,
    /// The policies that confine accounts.
    pub confining: Vec<Value>,
}

impl Policies {
    /// Whether one of these policies adds references to the Pods of a namespace.
    pub fn state(&self, name: &str, namespace: Option<&Value>) -> PolicyState {
        let mut state = PolicyState::None;
        let labels = match namespace {
            Some(_) => space(namespace).metadata.labels,
            None => [("kubernetes.io/metadata.name".to_owned(), name.to_owned())].into(),
        };
        for binding in &self.bindings {
            let Some(policy) = self.policy(binding).filter(|policy| is_on(policy, "pods")) else { continue };
            let selector = LabelSelector::deserialize(&binding["spec"]["matchResources"]["namespaceSelector"]);
            if selector.unwrap_or_default().matches(&labels)
                && Served::read(policy).is_none_or(|served| served.has(name, namespace))
            {
                return PolicyState::Serves;
            }
            state = PolicyState::Excludes;
        }
        state
    }

    /// Whether a controller of ours serves the cluster.
    pub fn are_of_a_controller(&self) -> bool {
        let is_marked = |policy: &Value| policy["metadata"]["annotations"][STRATEGY] == CONTROLLER;
        self.mutating.iter().chain(&self.confining).any(is_marked)
    }

    /// Whether controllers serve this namespace, but do not link this ServiceAccount there.
    pub fn leave_out(&self, account: &str, name: &str, namespace: Option<&Value>) -> bool {
        let on_accounts = self.mutating.iter().filter(|policy| is_on(policy, "serviceaccounts"));
        let served: Vec<_> = on_accounts.filter_map(Served::read).filter(|one| one.has(name, namespace)).collect();
        !served.is_empty() && !served.iter().any(|one| one.links(account))
    }

    fn policy(&self, binding: &Value) -> Option<&Value> {
        self.mutating.iter().find(|policy| policy["metadata"]["name"] == binding["spec"]["policyName"])
    }
}

/// Whether the policy is for objects of this resource.
fn is_on(policy: &Value, resource: &str) -> bool {
    let rules = policy["spec"]["matchConstraints"]["resourceRules"].as_array().into_iter().flatten();
    rules.flat_map(|rule| rule["resources"].as_array().into_iter().flatten()).any(|one| one == resource)
}

/// The choice of a controller, from the annotation on its policy. The policy itself contains the choice only as an expression.
struct Served {
    include: Vec<NamespacePattern>,
    exclude: Vec<NamespacePattern>,
    selector: Selector,
    accounts: Vec<String>,
}

impl Served {
    fn read(policy: &Value) -> Option<Self> {
        let text = policy["metadata"]["annotations"][SERVES].as_str()?;
        let choice: Value = serde_json::from_str(text).ok()?;
        let texts = |list: &Value| -> Vec<String> {
            list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let patterns = |list: &Value| texts(list).iter().map(|text| text.parse().ok()).collect::<Option<_>>();
        Some(Self {
            include: patterns(&choice["namespaces"]["include"])?,
            exclude: patterns(&choice["namespaces"]["exclude"])?,
            selector: choice["namespaces"]["selector"].as_str().unwrap_or_default().parse().unwrap_or_default(),
            accounts: texts(&choice["serviceAccounts"]),
        })
    }

    fn has(&self, name: &str, namespace: Option<&Value>) -> bool {
        let Ok(valid) = name.parse::<Namespace>() else { return false };
        let space = space(namespace);
        let choice = Choice { include: &self.include, exclude: &self.exclude, others: Others::All, aim: Aim::Serve };
        choice.takes(&valid, &space) && (namespace.is_none() || self.selector.matches(&space.metadata.labels))
    }

    /// Whether it links this ServiceAccount; without names and globs it links every one.
    fn links(&self, account: &str) -> bool {
        let is_it = |text: &String| text.parse::<AccountName>().is_ok_and(|name| name.matches(account));
        self.accounts.is_empty() || self.accounts.iter().any(is_it)
    }
}

/// The namespace, as far as the account may read it.
fn space(namespace: Option<&Value>) -> Space {
    let object = namespace.and_then(|object| NamespaceObject::deserialize(object).ok());
    object.map(NamespaceObject::space).unwrap_or_default()
}
