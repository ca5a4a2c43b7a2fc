//! Builds the policy that puts the reference on a ServiceAccount when it is created: a Pod copies the list when it is created itself, so
//! a reference that comes a moment later can be too late. Kubernetes 1.36 and later.

use serde_json::{Value, json};

use super::{Installation, Installed};
use crate::cluster::grant::is_served;
use crate::cluster::selection::Others;
use crate::names::ResourceName;
use crate::objects::at_creation::{self, List, OnFailure};
use crate::objects::guard::{has_not_opted_out, is_one_of};
use crate::objects::pod_policy::binding;

/// A policy and its binding. If it fails, the ServiceAccount is created as it is: the controller adds the reference then.
pub(super) fn policy(of: &Installation<'_>, one: &Installed<'_>) -> Vec<Value> {
    let name = format!("{}-birth-{}", of.name(), one.name);
    let accounts: Vec<_> = one.service_accounts.iter().map(ResourceName::as_str).collect();
    let list = List { field: "imagePullSecrets", secret: one.name };
    let (lacks_it, is_linked) = (list.lacks_it(), is_one_of("object.metadata.name", &accounts));
    let mut conditions = vec![("lacks-the-reference", lacks_it.as_str())];
    if !accounts.is_empty() {
        conditions.push(("is-linked", &is_linked));
    }
    // The namespace is no variable of a condition.
    let is_served = is_served(&[one.granted()], Others::All, &of.settings.selector());
    let patch = format!("!({is_served} && {}) ? [] : ({})", has_not_opted_out("object"), list.patch());
    let policy = at_creation::policy(&name, OnFailure::Ignore, "serviceaccounts", &conditions, &patch);
    vec![policy, binding("MutatingAdmissionPolicyBinding", &name, json!({}))]
}
