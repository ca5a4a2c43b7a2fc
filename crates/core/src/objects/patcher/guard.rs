//! Builds the policies that confine a patcher's account to what a patcher does. Kubernetes 1.30 and later.
//!
//! Without them, the right to create Secrets is the right to have the token of any ServiceAccount made, and to read it.

use serde_json::{Value, json};

use super::{NAME, PatcherSettings};
use crate::names::{OPT_OUT, ResourceName};
use crate::objects::marks::{MANAGED_BY, OWNER};
use crate::objects::pod_policy::binding;
use crate::spec::choice::Patcher;

/// A condition, and the message for what breaks it.
type Rule = (&'static str, String);

/// The patcher's account, as the API server calls it.
pub(super) fn user(patcher: &PatcherSettings) -> String {
    format!("system:serviceaccount:{}:{NAME}", patcher.namespace)
}

/// A policy for Secrets and one for ServiceAccounts, each with its binding.
pub(super) fn policies(patcher: &PatcherSettings, secret: &ResourceName, owner: &str) -> Vec<Value> {
    let secrets = policy(patcher, "secrets", "secrets", &secret_rules(patcher, secret, owner));
    let accounts = service_account_rules(patcher, secret);
    secrets.into_iter().chain(policy(patcher, "service-accounts", "serviceaccounts", &accounts)).collect()
}

fn policy(patcher: &PatcherSettings, suffix: &str, resource: &str, rules: &[Rule]) -> [Value; 2] {
    let name = format!("{}-{suffix}", patcher.cluster_name());
    let is_the_patcher = format!("request.userInfo.username == \"{}\"", user(patcher));
    let validations: Vec<_> =
        rules.iter().map(|(message, rule)| json!({"message": message, "expression": rule})).collect();
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE", "DELETE"],
                "resources": [resource], "scope": "*",
            }]},
            "matchConditions": [{"name": "is-the-patcher", "expression": is_the_patcher}],
            "validations": validations,
        },
    });
    [policy, binding("ValidatingAdmissionPolicyBinding", &name, json!({"validationActions": ["Deny"]}))]
}

/// One Secret of our name, type and content in each namespace that is served; never one of somebody else.
pub(super) fn secret_rules(patcher: &PatcherSettings, secret: &ResourceName, owner: &str) -> Vec<Rule> {
    let (managed_by, deleted) = (MANAGED_BY.0, "request.operation == 'DELETE' || ");
    let old = |field: &str, empty: &str| {
        format!("(request.operation == 'CREATE' ? {empty} : oldObject.{field}.orValue({empty}))")
    };
    // What somebody else has put on a Secret of the patcher stays, and blocks nothing.
    let only_ours = |field: &str| {
        let before = old(&format!("metadata.?{field}"), "{}");
        format!(
            "{deleted}object.metadata.?{field}.orValue({{}}).all(k, \
             (k == '{managed_by}' && object.metadata.{field}[k] == '{NAME}') \
             || (k in {before} && {before}[k] == object.metadata.{field}[k]))"
        )
    };
    let unchanged = ["finalizers", "ownerReferences"]
        .map(|field| format!("object.metadata.?{field}.orValue([]) == {}", old(&format!("metadata.?{field}"), "[]")));
    vec![
        ("a patcher may write one Secret in each namespace", format!("request.name == '{secret}'")),
        (
            "a patcher may change no Secret of somebody else",
            format!(
                "request.operation == 'CREATE' || oldObject.metadata.?annotations[?'{managed_by}'].orValue('') == '{NAME}' \
                 || oldObject.metadata.?annotations[?'{OWNER}'].orValue('') == '{owner}'"
            ),
        ),
        ("a patcher may write into no excluded namespace", format!("{deleted}({})", is_served(patcher))),
        (
            "a patcher may write Secrets of type kubernetes.io/dockerconfigjson only",
            format!("{deleted}object.type == 'kubernetes.io/dockerconfigjson'"),
        ),
        (
            "a patcher may write no key but .dockerconfigjson",
            format!("{deleted}(has(object.data) && object.data.size() == 1 && '.dockerconfigjson' in object.data)"),
        ),
        ("a patcher may set no label but its own", only_ours("labels")),
        ("a patcher may set no annotation but its own", only_ours("annotations")),
        (
            "a patcher may set neither finalizers nor owners, and may not make a Secret immutable",
            format!("{deleted}({} && !object.?immutable.orValue(false))", unchanged.join(" && ")),
        ),
    ]
}

/// Our reference, once and at the end, and nothing else of a ServiceAccount.
///
/// The list is atomic, and a patcher sends it as it last saw it: this also saves what another has added since.
pub(super) fn service_account_rules(patcher: &PatcherSettings, secret: &ResourceName) -> Vec<Rule> {
    let same = ["metadata.?annotations", "metadata.?labels", "metadata.?finalizers", "metadata.?ownerReferences"];
    let same = same.into_iter().chain(["metadata.?generateName", "?secrets", "?automountServiceAccountToken"]);
    let same: Vec<_> = same.map(|field| format!("object.{field} == oldObject.{field}")).collect();
    let list = |object: &str| format!("{object}.?imagePullSecrets.orValue([]).map(entry, entry.?name.orValue(''))");
    let (now, was) = (list("object"), list("oldObject"));
    vec![
        (
            "a patcher may change nothing but imagePullSecrets of a ServiceAccount",
            format!("request.operation == 'UPDATE' && {}", same.join(" && ")),
        ),
        (
            "a patcher may add its own reference once, or take it away",
            format!(
                "request.operation != 'UPDATE' || {now} == {was} || {now} == {was}.filter(name, name != '{secret}') \
                 || (!('{secret}' in {was}) && {now} == {was} + ['{secret}'])"
            ),
        ),
        (
            "a patcher may add a reference in no excluded namespace, and on no excluded ServiceAccount",
            format!(
                "request.operation != 'UPDATE' || {now}.size() <= {was}.size() || ({} && {})",
                is_served(patcher),
                has_not_opted_out("oldObject")
            ),
        ),
    ]
}

/// Whether the namespace of the request is neither excluded nor has opted out.
fn is_served(patcher: &PatcherSettings) -> String {
    let names = || patcher.exclude.iter().map(String::as_str);
    let excluded = match patcher.patcher {
        Patcher::Titansoft => {
            format!("request.namespace in [{}]", names().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", "))
        }
        Patcher::Tamcore => {
            format!("request.namespace.matches('^({})$')", names().map(regex).collect::<Vec<_>>().join("|"))
        }
    };
    format!("!({excluded}) && {}", has_not_opted_out("namespaceObject"))
}

fn has_not_opted_out(object: &str) -> String {
    let annotation = |name| format!("{object}.metadata.?annotations[?'{name}'].orValue('') != 'true'");
    OPT_OUT.map(annotation).join(" && ")
}

/// A glob of Go as a regular expression: a namespace has nothing in it that needs care.
fn regex(glob: &str) -> String {
    let mut brackets = false;
    glob.chars().fold(String::new(), |text, character| {
        brackets = character == '[' || (brackets && character != ']');
        match character {
            '*' if !brackets => text + ".*",
            '?' if !brackets => text + ".",
            _ => text + character.encode_utf8(&mut [0; 4]),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_of_go_is_a_regular_expression() {
        for (glob, expected) in [("kube-*", "kube-.*"), ("t?p", "t.p"), ("a[^b-d]*", "a[^b-d].*"), ("plain", "plain")] {
            assert_eq!(regex(glob), expected);
        }
    }
}
