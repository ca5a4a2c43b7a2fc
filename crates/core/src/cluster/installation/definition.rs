//! Builds the definition of the custom resource `RegistryCredentials`: a subset of regcred.yaml whose logins name Secrets only.
//!
//! A committed regcred.yaml is not a valid resource: its logins name variables, or are left out. In a resource each login names a Secret.

use serde_json::{Value, json};

use crate::names::{ACCOUNT_PATTERN, KEY_PATTERN, NAMESPACE_PATTERN, SUBDOMAIN_PATTERN};

/// The group of the kind.
pub const GROUP: &str = "regcred.dev";
/// The version of the kind.
pub const VERSION: &str = "v1alpha1";
/// The group and the version.
pub const API_VERSION: &str = "regcred.dev/v1alpha1";
/// The kind.
pub const KIND: &str = "RegistryCredentials";
/// The kind in a path.
pub const PLURAL: &str = "registrycredentials";

/// The definition, the same for every controller of a cluster.
pub(super) fn definition() -> Value {
    let column = |name: &str, kind: &str, path: &str| json!({"name": name, "type": kind, "jsonPath": path});
    let ready = r#".status.conditions[?(@.type=="Ready")]"#;
    let columns = json!([
        column("Ready", "string", &format!("{ready}.status")),
        column("Reason", "string", &format!("{ready}.reason")),
        column("Served", "integer", ".status.served"),
        column("Failing", "integer", ".status.failing"),
        column("Last Change", "date", ".status.lastChange"),
    ]);
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{PLURAL}.{GROUP}")},
        "spec": {
            "group": GROUP,
            "names": {"kind": KIND, "listKind": format!("{KIND}List"), "plural": PLURAL, "singular": PLURAL},
            "scope": "Cluster",
            "versions": [{
                "name": VERSION,
                "served": true,
                "storage": true,
                "schema": {"openAPIV3Schema": schema()},
                "subresources": {"status": {}},
                "additionalPrinterColumns": columns,
            }],
        },
    })
}

fn schema() -> Value {
    json!({
        "type": "object",
        "description": "Pull secrets that regcred controller --crd keeps in namespaces.",
        "required": ["spec"],
        "properties": {
            "spec": {
                "type": "object",
                "required": ["pullSecrets"],
                "properties": {"pullSecrets": {
                    "type": "array", "minItems": 1, "maxItems": 64, "items": pull_secret(),
                    "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                    "description": "The pull secrets; their names are among those of the installation.",
                }},
            },
            "status": status(),
        },
    })
}

fn pull_secret() -> Value {
    let patterns = |description: &str| {
        json!({
            "type": "array", "maxItems": 1000, "description": description,
            "items": {"type": "string", "pattern": NAMESPACE_PATTERN, "maxLength": 253},
        })
    };
    json!({
        "type": "object",
        "required": ["name", "logins"],
        "properties": {
            "name": name("The name of the Secret."),
            "logins": {
                "type": "array", "minItems": 1, "maxItems": 64, "items": login(),
                "description": "Its logins, in Secrets of the controller's namespace.",
            },
            "namespaces": {
                "type": "object",
                "description": "Its namespaces; without names and globs every one that the installation permits.",
                "properties": {
                    "include": patterns("Names and globs of namespaces to serve."),
                    "exclude": patterns("Names and globs of namespaces to leave out."),
                    "selector": {
                        "type": "string", "minLength": 1, "maxLength": 1000,
                        "description": "Labels that they must have, as for kubectl: team=shop,stage!=test.",
                    },
                },
            },
            "serviceAccounts": {
                "type": "array", "minItems": 1, "maxItems": 100,
                "description": "Names and globs of the ServiceAccounts that refer to it; default if left out.",
                "items": {"type": "string", "pattern": ACCOUNT_PATTERN, "maxLength": 253},
            },
        },
    })
}

fn login() -> Value {
    let secret = || name("The name of a Secret in the controller's namespace.");
    let key = |description: &str| json!({"type": "string", "pattern": KEY_PATTERN, "maxLength": 253, "description": description});
    let rule = |rule: &str, message: &str| json!([{"rule": rule, "message": message}]);
    json!({
        "type": "object",
        "properties": {
            "dockerConfig": {
                "type": "object", "required": ["secret"],
                "description": "A whole Docker config.",
                "properties": {"secret": secret(), "key": key("The key; .dockerconfigjson if left out.")},
            },
            "registry": {"type": "string", "minLength": 1, "maxLength": 512, "description": "Host, port and path."},
            "username": {
                "type": "object",
                "description": "The user name: itself, or a key of a Secret.",
                "properties": {
                    "value": {"type": "string", "minLength": 1, "maxLength": 1000, "description": "The user name itself."},
                    "secret": secret(),
                    "key": key("The key in it."),
                },
                "x-kubernetes-validations": rule(
                    "has(self.value) ? !has(self.secret) && !has(self.key) : has(self.secret) && has(self.key)",
                    "give `value`, or `secret` and `key`",
                ),
            },
            "password": {
                "type": "object", "required": ["secret", "key"],
                "description": "The password: a key of a Secret.",
                "properties": {"secret": secret(), "key": key("The key in it.")},
            },
        },
        "x-kubernetes-validations": rule(
            "has(self.dockerConfig) ? !has(self.registry) && !has(self.username) && !has(self.password) \
             : has(self.registry) && has(self.username) && has(self.password)",
            "give `dockerConfig: {secret: NAME}`, or `registry` with `username` and `password`",
        ),
    })
}

fn status() -> Value {
    let text = |longest: u32| json!({"type": "string", "maxLength": longest});
    let count = |description: &str| json!({"type": "integer", "format": "int64", "description": description});
    let time = || json!({"type": "string", "format": "date-time"});
    json!({
        "type": "object",
        "properties": {
            "observedGeneration": count("The generation of the spec that this is about."),
            "wanted": count("How many namespaces are chosen."),
            "served": count("How many of them have everything."),
            "failing": count("How many of them are left as they are, failing or contested."),
            "lastChange": time(),
            "conditions": {
                "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"],
                "items": {
                    "type": "object",
                    "required": ["type", "status", "reason", "message", "lastTransitionTime"],
                    "properties": {
                        "type": text(316),
                        "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
                        "observedGeneration": {"type": "integer", "format": "int64"},
                        "lastTransitionTime": time(),
                        "reason": text(1024),
                        "message": text(32768),
                    },
                },
            },
        },
    })
}

fn name(description: &str) -> Value {
    json!({"type": "string", "pattern": SUBDOMAIN_PATTERN, "maxLength": 253, "description": description})
}
