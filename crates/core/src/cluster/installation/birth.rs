//! Builds the policies that add the reference to a ServiceAccount or a Pod when it is created.
//!
//! A Pod copies the list of its ServiceAccount when it is created, so a later reference can be too late. Kubernetes 1.36 and later.

use serde_json::{Value, json};

use super::{Installation, InstalledSecret};
use crate::cluster::grant::{Which, is_linked, is_served};
use crate::cluster::selection::Others;
use crate::objects::at_creation::{self, List};
use crate::objects::guard::has_not_opted_out;
use crate::objects::marks::SERVES;
use crate::objects::pod_policy::{self, binding};

/// A policy on ServiceAccounts and its binding. If the policy fails, the ServiceAccount is created unchanged, and the controller adds the
/// reference later.
pub(super) fn policy_on_accounts(of: &Installation<'_>, one: &InstalledSecret<'_>) -> Vec<Value> {
    let name = format!("{}-birth-{}", of.name(), one.name);
    let list = List { field: "imagePullSecrets", secret: one.name };
    let (lacks_it, is_linked) = (list.lacks_it(), is_linked("object.metadata.name", one.written_accounts));
    let mut conditions = vec![("lacks-the-reference", lacks_it.as_str())];
    conditions.extend(is_linked.as_deref().map(|condition| ("is-linked", condition)));
    let where_served = format!("{} && {}", is_served_by(of, one), has_not_opted_out("object"));
    let patch = patch_if(&where_served, &list.patch());
    let mut policy = at_creation::policy(&name, "Ignore", "serviceaccounts", &conditions, &patch);
    annotate_choice(&mut policy, of, one);
    vec![policy, binding("MutatingAdmissionPolicyBinding", &name, json!({}))]
}

/// A policy on Pods and its binding.
pub(super) fn policy_on_pods(of: &Installation<'_>, one: &InstalledSecret<'_>) -> Vec<Value> {
    let name = pod_policy::name(one.name, &of.marks.owner);
    let if_served = |patch: String| patch_if(&is_served_by(of, one), &patch);
    // With custom resources the registries are not known: a custom resource may name logins for other registries.
    let logins = of.settings.resources.is_none().then_some(one.docker_config);
    let mut policy = pod_policy::policy(&name, (one.name, logins), if_served);
    annotate_choice(&mut policy, of, one);
    vec![policy, binding("MutatingAdmissionPolicyBinding", &name, json!({}))]
}

/// Writes the choice of namespaces and ServiceAccounts into an annotation for `explain`, which cannot derive it from the expression.
fn annotate_choice(policy: &mut Value, of: &Installation<'_>, one: &InstalledSecret<'_>) {
    let config = one.config(of.settings);
    let choice = json!({"namespaces": config["namespaces"], "serviceAccounts": config["serviceAccounts"]});
    policy["metadata"]["annotations"][SERVES] = json!(choice.to_string());
}

fn is_served_by(of: &Installation<'_>, one: &InstalledSecret<'_>) -> String {
    is_served(&[one.granted()], Which::Any, Others::All, &of.settings.selector())
}

/// The patch, unless this condition fails. The condition reads the namespace, which a policy's own conditions cannot do.
fn patch_if(condition: &str, patch: &str) -> String {
    format!("!({condition}) ? [] : ({patch})")
}
