//! Builds the account of a patcher with the least rights that work. Only the patcher's Pod has the token.

use serde_json::{Value, json};

use super::{NAME, PatcherSettings};
use crate::names::ResourceName;
use crate::objects::rbac::{self, rule};
use crate::spec::choice::Patcher;

/// ServiceAccount, roles and bindings. A role cannot name objects that are created or watched, so the guard limits the writes.
pub(super) fn objects(patcher: &PatcherSettings, secret: &ResourceName) -> Vec<Value> {
    let (here, named) = (Some(patcher.namespace.as_str()), [secret.as_str()]);
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(NAME, here), "automountServiceAccountToken": false,
    });
    let (mut rules, of_a_secret) = match patcher.patcher {
        Patcher::Titansoft => {
            (vec![rule("", &["namespaces", "serviceaccounts"], &["list"], &[])], &["get", "delete"][..])
        }
        Patcher::Tamcore => (
            vec![rule("", &["namespaces", "serviceaccounts", "secrets"], &["list", "watch"], &[])],
            &["get", "patch", "delete"][..],
        ),
    };
    rules.push(rule("", &["secrets"], &["create"], &[]));
    rules.push(rule("", &["secrets"], of_a_secret, &named));
    if patcher.patcher == Patcher::Tamcore {
        rules.push(rule("", &["events"], &["create", "patch"], &[]));
    }
    if let Some(linked) = patcher.linked() {
        let linked: Vec<_> = linked.iter().map(ResourceName::as_str).collect();
        rules.push(rule("", &["serviceaccounts"], &["patch"], &linked));
    }
    let mut objects = vec![account];
    objects.extend(role(patcher, &patcher.cluster_name(), None, &rules));
    if patcher.patcher == Patcher::Tamcore {
        let lease = ["tamcore.github.com-imagepullsecret-patcher"];
        let rules = [
            rule("coordination.k8s.io", &["leases"], &["create"], &[]),
            rule("coordination.k8s.io", &["leases"], &["get", "update"], &lease),
        ];
        objects.extend(role(patcher, NAME, here, &rules));
    }
    objects
}

fn metadata(name: &str, namespace: Option<&str>) -> Value {
    namespace.map_or_else(|| json!({"name": name}), |namespace| json!({"name": name, "namespace": namespace}))
}

/// A role and its binding, in a namespace or in the cluster.
fn role(patcher: &PatcherSettings, name: &str, namespace: Option<&str>, rules: &[Value]) -> [Value; 2] {
    let kind = if namespace.is_some() { "Role" } else { "ClusterRole" };
    let subject = rbac::service_account(patcher.namespace.as_str(), NAME);
    rbac::role(kind, &metadata(name, namespace), rules, &[subject])
}
