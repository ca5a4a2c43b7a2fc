//! Compares parsed objects, without the fields that depend on the logins.
//!
//! It leaves out the values of Secrets, Docker configs, and in a policy the condition on the registries of the logins.

use serde_json::Value;

use crate::protect::sops;
use regcred_core::objects::pod_policy;

/// The beginning of our Docker configs: JSON without blanks, and its base64.
pub const DOCKER_CONFIG: &[&str] = &[r#"{"auths":{"#, "eyJhdXRocyI6e"];
const LEFT_OUT: &str = "(not compared)";

/// Whether two texts hold the same documents, apart from what depends on the logins. A text that cannot be parsed equals no other.
pub fn are_same(one: &[u8], other: &[u8]) -> bool {
    one == other || matches!((documents(one), documents(other)), (Some(one), Some(other)) if one == other)
}

fn documents(text: &[u8]) -> Option<Vec<Value>> {
    let mut documents = sops::documents(std::str::from_utf8(text).ok()?)?;
    let policy = pod_policy::before_the_registries();
    for document in &mut documents {
        leave_out(document, &policy);
    }
    Some(documents)
}

fn leave_out(value: &mut Value, policy: &str) {
    match value {
        Value::String(text) if DOCKER_CONFIG.iter().any(|start| text.starts_with(start)) => LEFT_OUT.clone_into(text),
        Value::String(text) => {
            if let Some(at) = text.find(policy) {
                text.truncate(at + policy.len());
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| leave_out(value, policy)),
        Value::Object(fields) => {
            if fields.len() == 1 && fields.get("auths").is_some_and(Value::is_object) {
                *value = LEFT_OUT.into();
                return;
            }
            let is_secret = fields.get("kind").is_some_and(|kind| kind == "Secret");
            for (name, value) in fields {
                match value {
                    Value::Object(data) if is_secret && (name == "data" || name == "stringData") => {
                        data.values_mut().for_each(|value| *value = LEFT_OUT.into());
                    }
                    value => leave_out(value, policy),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str =
        "kind: Secret\ndata:\n  .dockerconfigjson: eyJhdXRocyI6eyJnaGNyLmlvIjp7fX19\nmetadata: {namespace: a}\n";

    fn same(one: &str, other: &str) -> bool {
        are_same(one.as_bytes(), other.as_bytes())
    }

    #[test]
    fn the_values_of_a_secret_are_left_out_and_nothing_else() {
        assert!(same(SECRET, &SECRET.replace("eyJhdXRocyI6eyJnaGNyLmlvIjp7fX19", "eyJhdXRocyI6e30=")));
        assert!(!same(SECRET, &SECRET.replace("namespace: a", "namespace: b")));
        assert!(!same(SECRET, &SECRET.replace("  .docker", "  more: x\n  .docker")));
        assert!(!same(SECRET, &format!("{SECRET}---\n{SECRET}")));
        assert!(same("{\"auths\":{\"a\":{}}}\n", "{\"auths\":{}}\n"));
        assert!(same("a: {b: eyJhdXRocyI6e30=}\n", "a: {b: eyJhdXRocyI6e30x}\n") && !same("a: x", "a: y"));
        assert!(!same("", "a") && !same("{", "["));
    }

    #[test]
    fn only_the_condition_on_the_registries_is_left_out_of_a_policy() {
        let before = pod_policy::before_the_registries();
        let yaml = |registry: &str, rest: &str| {
            format!(
                "kind: MutatingAdmissionPolicy\nspec:\n  expression: \"{before}i.startsWith('{registry}') || i == '\\\"')\"\n{rest}---\n{SECRET}"
            )
        };
        assert!(same(&yaml("ghcr.io", ""), &yaml("quay.io", "")));
        // Content that a tool would apply in addition: another field, another document, or anything after a separator.
        for more in ["  failurePolicy: Ignore\n", "---\nkind: ClusterRoleBinding\n", "--- \nkind: ClusterRoleBinding\n"]
        {
            assert!(!same(&yaml("ghcr.io", ""), &yaml("ghcr.io", more)), "{more}");
        }
        let json = |registry: &str, more: &str| {
            format!("{{\"kind\":\"MutatingAdmissionPolicy\",\"expression\":\"{before}i == '{registry}')\"{more}}}\n")
        };
        assert!(same(&json("ghcr.io", ""), &json("quay.io", "")));
        assert!(!same(&json("ghcr.io", ""), &json("ghcr.io", ",\"x\":1")));
    }
}
