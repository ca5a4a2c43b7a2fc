//! Turns problems into the `results` of a `ResourceList`.

use serde_json::{Value, json};

use super::Identity;
use regcred_core::diagnostic::{Diagnostic, Severity};

/// A problem as a result: message and hint, with the code among the tags.
pub fn of_problem(problem: &Diagnostic) -> Value {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "info",
    };
    let message = match &problem.hint {
        Some(hint) => format!("{}; hint: {hint}", problem.message),
        None => problem.message.clone(),
    };
    json!({"message": message, "severity": severity, "tags": {"code": problem.code}})
}

/// The same result, about an object.
pub fn about(mut result: Value, version: &str, identity: &Identity) -> Value {
    let Identity { kind, namespace, name, .. } = identity;
    result["resourceRef"] = json!({"apiVersion": version, "kind": kind, "name": name});
    if !namespace.is_empty() {
        result["resourceRef"]["namespace"] = json!(namespace);
    }
    result
}

/// A result that is not a problem.
pub fn information(message: &str) -> Value {
    json!({"message": message, "severity": "info"})
}
