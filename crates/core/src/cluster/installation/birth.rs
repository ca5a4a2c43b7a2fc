//! Builds the policy that puts the reference on a ServiceAccount when it is created: a Pod copies the list when it is created itself, so
//! a reference that comes a moment later can be too late. Kubernetes 1.36 and later.

use serde_json::{Value, json};

use super::{Installation, Installed};
use crate::cluster::grant::{Granted, is_served};
use crate::cluster::selection::Others;
use crate::names::ResourceName;
use crate::objects::guard::is_one_of;
use crate::objects::pod_policy::binding;

/// A policy and its binding. If it fails, the ServiceAccount is created as it is: the controller adds the reference then.
pub(super) fn policy(of: &Installation<'_>, one: &Installed<'_>) -> Vec<Value> {
    let name = format!("{}-birth-{}", of.name(), one.name);
    let granted = Granted {
        name: one.name,
        namespaces: &[],
        include: one.include,
        exclude: &one.exclude,
        service_accounts: one.service_accounts,
    };
    let accounts: Vec<_> = one.service_accounts.iter().map(ResourceName::as_str).collect();
    let lacks_it = format!(
        "!has(object.imagePullSecrets) || !object.imagePullSecrets.exists(s, has(s.name) && s.name == '{}')",
        one.name
    );
    let mut conditions = vec![json!({"name": "lacks-the-reference", "expression": lacks_it})];
    if !accounts.is_empty() {
        conditions.push(json!({"name": "is-linked", "expression": is_one_of("object.metadata.name", &accounts)}));
    }
    let is_served = is_served(&[granted], Others::All, &of.settings.selector());
    let value = format!("Object.imagePullSecrets{{name: '{}'}}", one.name);
    // The namespace is no variable of a condition.
    let patch = format!(
        "!({is_served} && object.metadata.?annotations[?'regcred.dev/exclude'].orValue('') != 'true') ? [] : \
         (has(object.imagePullSecrets) \
         ? [JSONPatch{{op: 'add', path: '/imagePullSecrets/-', value: {value}}}] \
         : [JSONPatch{{op: 'add', path: '/imagePullSecrets', value: [{value}]}}])"
    );
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Ignore",
            "reinvocationPolicy": "IfNeeded",
            "matchConstraints": {
                "matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {},
                "resourceRules": [{
                    "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["serviceaccounts"],
                    "scope": "*",
                }],
            },
            "matchConditions": conditions,
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": patch}}],
        },
    });
    vec![policy, binding("MutatingAdmissionPolicyBinding", &name, json!({}))]
}
