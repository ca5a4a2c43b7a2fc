//! Builds roles and their bindings.

use serde_json::{Value, json};

pub(crate) const GROUP: &str = "rbac.authorization.k8s.io";

/// A rule: these verbs for these resources; if names are given, only for objects of these names.
pub(crate) fn rule(group: &str, resources: &[&str], verbs: &[&str], names: &[&str]) -> Value {
    let mut rule = json!({"apiGroups": [group], "resources": resources, "verbs": verbs});
    if !names.is_empty() {
        rule["resourceNames"] = json!(names);
    }
    rule
}

/// A role and its binding: `kind` is `Role` or `ClusterRole`.
pub(crate) fn role(kind: &str, metadata: &Value, rules: &[Value], subjects: &[Value]) -> [Value; 2] {
    let version = format!("{GROUP}/v1");
    [
        json!({"apiVersion": version, "kind": kind, "metadata": metadata, "rules": rules}),
        json!({
            "apiVersion": version, "kind": format!("{kind}Binding"), "metadata": metadata,
            "roleRef": {"apiGroup": GROUP, "kind": kind, "name": metadata["name"]}, "subjects": subjects,
        }),
    ]
}

/// A ServiceAccount as the subject of a binding.
pub(crate) fn service_account(namespace: &str, name: &str) -> Value {
    json!({"kind": "ServiceAccount", "name": name, "namespace": namespace})
}
