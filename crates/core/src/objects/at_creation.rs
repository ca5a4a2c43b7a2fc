//! Builds policies that add a reference to an object when it is created. Kubernetes 1.36 and later.

use serde_json::{Value, json};

use crate::names::ResourceName;

/// The list of references in an object; expressions are those of the Common Expression Language (CEL).
#[derive(Clone, Copy)]
pub(crate) struct List<'a> {
    /// Its field, such as `spec.imagePullSecrets`.
    pub(crate) field: &'static str,
    /// The pull secret that the list should have.
    pub(crate) secret: &'a ResourceName,
}

impl List<'_> {
    /// Whether the list lacks the reference.
    pub(crate) fn lacks_it(self) -> String {
        let Self { field, secret } = self;
        format!("!has(object.{field}) || !object.{field}.exists(s, has(s.name) && s.name == '{secret}')")
    }

    /// The patch that adds it at the end.
    pub(crate) fn patch(self) -> String {
        let Self { field, secret } = self;
        let (path, value) = (field.replace('.', "/"), format!("Object.{field}{{name: '{secret}'}}"));
        format!(
            "has(object.{field}) \
             ? [JSONPatch{{op: 'add', path: '/{path}/-', value: {value}}}] \
             : [JSONPatch{{op: 'add', path: '/{path}', value: [{value}]}}]"
        )
    }
}

/// The policy: under these named conditions, it changes a new object of this resource with the patch. If the API server cannot evaluate the
/// policy, it refuses the object (`failurePolicy` is `Fail`), or accepts the object unchanged (`Ignore`).
pub(crate) fn policy(
    name: &str,
    failure_policy: &str,
    resource: &str,
    conditions: &[(&str, &str)],
    patch: &str,
) -> Value {
    let conditions: Vec<_> =
        conditions.iter().map(|(name, expression)| json!({"name": name, "expression": expression})).collect();
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": failure_policy,
            "reinvocationPolicy": "IfNeeded",
            "matchConstraints": {
                "matchPolicy": "Equivalent",
                "namespaceSelector": {},
                "objectSelector": {},
                "resourceRules": [
                    {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": [resource], "scope": "*"}
                ],
            },
            "matchConditions": conditions,
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": patch}}],
        },
    })
}
