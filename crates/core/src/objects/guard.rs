//! Writes the policies that confine an account to pull secrets and to the references to them. Kubernetes 1.30 and later.
//!
//! Without the policies, an account that may create Secrets could create and read a token of any ServiceAccount.

use serde_json::{Value, json};

use super::pod_policy::binding;
use crate::names::OPT_OUT;

/// The message for a request that violates a condition, and the condition.
pub(crate) type Rule = (String, String);

/// A confined account; expressions are those of the Common Expression Language (CEL).
pub(crate) struct Guard<'a> {
    /// Its name in messages.
    pub(crate) who: &'static str,
    /// The names of its Secrets.
    pub(crate) secrets: Vec<&'a str>,
    /// The labels that it puts on a Secret.
    pub(crate) labels: Vec<(&'a str, &'a str)>,
    /// The annotations that it puts on a Secret.
    pub(crate) annotations: Vec<(&'a str, &'a str)>,
    /// An expression: whether the account wrote the Secret `oldObject`.
    pub(crate) is_its_own: String,
    /// An expression: whether the account serves the namespace of the request.
    pub(crate) is_served: String,
}

impl Guard<'_> {
    /// Allows to write only pull secrets of its names in served namespaces, and never to change a Secret of somebody else.
    pub(crate) fn secret_rules(&self) -> Vec<Rule> {
        let Self { who, secrets, labels, annotations, is_its_own, is_served } = self;
        let deleted = "request.operation == 'DELETE' || ";
        let old = |field: &str, empty: &str| {
            format!("(request.operation == 'CREATE' ? {empty} : oldObject.{field}.orValue({empty}))")
        };
        // Fields that others have added to a Secret stay, and do not violate the rule.
        let only_its_own = |field: &str, own: &[(&str, &str)]| {
            let before = old(&format!("metadata.?{field}"), "{}");
            let own = own.iter().map(|(key, value)| {
                format!("(k == {} && object.metadata.{field}[k] == {}) || ", quoted(key), quoted(value))
            });
            format!(
                "{deleted}object.metadata.?{field}.orValue({{}}).all(k, {}(k in {before} && {before}[k] == \
                 object.metadata.{field}[k]))",
                own.collect::<String>()
            )
        };
        let unchanged = ["finalizers", "ownerReferences"].map(|field| {
            format!("object.metadata.?{field}.orValue([]) == {}", old(&format!("metadata.?{field}"), "[]"))
        });
        let rule = |message: &str, expression: String| (format!("{who} may {message}"), expression);
        let which = match secrets.as_slice() {
            [_] => "write one Secret in each namespace",
            _ => "write the Secrets of its names only",
        };
        vec![
            rule(which, is_one_of("request.name", secrets)),
            rule("change no Secret of somebody else", format!("request.operation == 'CREATE' || {is_its_own}")),
            rule("write only into the namespaces that it serves", format!("{deleted}({is_served})")),
            rule(
                "write Secrets of type kubernetes.io/dockerconfigjson only",
                format!("{deleted}object.type == 'kubernetes.io/dockerconfigjson'"),
            ),
            rule(
                "write no key but .dockerconfigjson",
                format!("{deleted}(has(object.data) && object.data.size() == 1 && '.dockerconfigjson' in object.data)"),
            ),
            rule("set no label but its own", only_its_own("labels", labels)),
            rule("set no annotation but its own", only_its_own("annotations", annotations)),
            rule(
                "set neither finalizers nor owners, and may not make a Secret immutable",
                format!("{deleted}({} && !object.?immutable.orValue(false))", unchanged.join(" && ")),
            ),
        ]
    }

    /// Allows only its references in a ServiceAccount, once and at the end.
    ///
    /// The list is atomic, and a patcher sends the list that it last saw: this rule also protects references that others have added since.
    pub(crate) fn service_account_rules(&self) -> Vec<Rule> {
        let same = ["metadata.?annotations", "metadata.?labels", "metadata.?finalizers", "metadata.?ownerReferences"];
        let same = same.into_iter().chain(["metadata.?generateName", "?secrets", "?automountServiceAccountToken"]);
        let same: Vec<_> = same.map(|field| format!("object.{field} == oldObject.{field}")).collect();
        let list = |object: &str| format!("{object}.?imagePullSecrets.orValue([]).map(entry, entry.?name.orValue(''))");
        let (now, was) = (list("object"), list("oldObject"));
        let rule = |message: &str, expression: String| (format!("{} may {message}", self.who), expression);
        vec![
            rule(
                "change nothing but imagePullSecrets of a ServiceAccount",
                format!("request.operation == 'UPDATE' && {}", same.join(" && ")),
            ),
            rule(
                "add its own reference once, or take it away",
                format!("request.operation != 'UPDATE' || {}", self.list_is_right(&now, &was)),
            ),
            rule(
                "add a reference only in the namespaces that it serves, and on no excluded ServiceAccount",
                format!(
                    "request.operation != 'UPDATE' || {now}.size() <= {was}.size() || ({} && {})",
                    self.is_served,
                    has_not_opted_out("oldObject")
                ),
            ),
        ]
    }

    fn list_is_right(&self, now: &str, was: &str) -> String {
        if let [secret] = self.secrets.as_slice() {
            return format!(
                "{now} == {was} || {now} == {was}.filter(name, name != '{secret}') \
                 || (!('{secret}' in {was}) && {now} == {was} + ['{secret}'])"
            );
        }
        let own = names(&self.secrets);
        format!(
            "({now} == {was}.filter(name, name in {now}) + {now}.filter(name, !(name in {was})) \
             && ({now} + {was}).all(name, name in {own} || (name in {now} && name in {was})) \
             && {now}.all(name, name in {was} || {now}.filter(other, other == name).size() == 1))"
        )
    }
}

/// A policy and its binding: it denies requests that violate one of the rules. `account` is the name and the text of the condition that
/// selects the account.
pub(crate) fn policy(name: &str, resource: &str, account: (&str, &str), rules: &[Rule]) -> [Value; 2] {
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
            "matchConditions": [{"name": account.0, "expression": account.1}],
            "validations": validations,
        },
    });
    [policy, binding("ValidatingAdmissionPolicyBinding", name, json!({"validationActions": ["Deny"]}))]
}

/// Whether the annotations of `object` do not opt out.
pub(crate) fn has_not_opted_out(object: &str) -> String {
    let annotation = |name| format!("{object}.metadata.?annotations[?'{name}'].orValue('') != 'true'");
    OPT_OUT.map(annotation).join(" && ")
}

/// Whether a text is one of these names.
pub(crate) fn is_one_of(text: &str, of: &[&str]) -> String {
    match of {
        [one] => format!("{text} == {}", quoted(one)),
        _ => format!("{text} in {}", names(of)),
    }
}

/// A list of names.
pub(crate) fn names(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| quoted(name)).collect();
    format!("[{}]", names.join(", "))
}

/// A text as CEL writes it.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_or_a_backslash_in_a_text_does_not_end_it() {
        assert_eq!(quoted(r"a'b\c"), r"'a\'b\\c'");
        assert_eq!(is_one_of("x", &["a"]), "x == 'a'");
        assert_eq!(is_one_of("x", &["a", "b'"]), r"x in ['a', 'b\'']");
    }
}
