//! Builds the Deployment of the controller, and the other objects in its namespace.

use serde_json::{Value, json};

use super::{Installation, source_name};

/// Where the Deployment mounts regcred.yaml and the logins, and the port of the probes: the defaults of `regcred controller`.
const CONFIG: &str = "/etc/regcred/config";
const MOUNTED: &str = "/etc/regcred/config/regcred.yaml";
const SECRETS: &str = "/etc/regcred/secrets";
const PORT: u16 = 8080;

pub(super) fn service_account(of: &Installation<'_>) -> Value {
    json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(of), "automountServiceAccountToken": false})
}

pub(super) fn config_map(of: &Installation<'_>) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(of), "data": {"regcred.yaml": of.config()}})
}

/// Only readers of its metrics need to reach the controller; kubelets always may.
pub(super) fn network_policy(of: &Installation<'_>) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata(of),
        "spec": {
            "podSelector": {"matchLabels": labels(of)}, "policyTypes": ["Ingress"],
            "ingress": [{"ports": [{"port": PORT, "protocol": "TCP"}]}],
        },
    })
}

pub(super) fn disruption_budget(of: &Installation<'_>) -> Value {
    json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata(of),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels(of)}},
    })
}

pub(super) fn deployment(of: &Installation<'_>) -> Value {
    let sources: Vec<_> = of.pull_secrets.iter().map(|one| source_name(one.name)).collect();
    // With custom resources, the controller reads the logins from the API.
    let mounted = if of.settings.resources.is_some() { &[][..] } else { &sources[..] };
    let volume = |(number, source)| json!({"name": format!("secret-{number}"), "secret": {"secretName": source, "optional": true}});
    let mount = |(number, source)| json!({"name": format!("secret-{number}"), "mountPath": format!("{SECRETS}/{source}"), "readOnly": true});
    let config = json!({"name": "config", "configMap": {"name": of.name()}});
    let volumes: Vec<_> = [config].into_iter().chain(mounted.iter().enumerate().map(volume)).collect();
    let config = json!({"name": "config", "mountPath": CONFIG, "readOnly": true});
    let mounts: Vec<_> = [config].into_iter().chain(mounted.iter().enumerate().map(mount)).collect();
    let mut arguments = vec!["controller", "--config", MOUNTED, "--secrets", SECRETS, "--log-format", "json"];
    arguments.extend(of.settings.resources.iter().map(|_| "--crd"));
    arguments.extend(of.settings.evicts.then_some("--restart-stuck-pods"));
    arguments.extend(of.settings.check_online.iter().flat_map(|interval| ["--check-online", interval]));
    let probe = |path: &str| json!({"httpGet": {"path": path, "port": "http"}});
    let container = json!({
        "name": "controller",
        "image": of.settings.image,
        "args": arguments,
        "ports": [{"name": "http", "containerPort": PORT}],
        "livenessProbe": probe("/healthz"),
        "readinessProbe": probe("/readyz"),
        "resources": resources(),
        "securityContext": {
            "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": true,
        },
        "volumeMounts": mounts,
    });
    let references: Vec<_> = sources.iter().map(|source| json!({"name": source})).collect();
    let pod = json!({
        "serviceAccountName": of.name(),
        "automountServiceAccountToken": true,
        // The controller's own image may need one of the logins.
        "imagePullSecrets": references,
        "securityContext": {
            "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": volumes,
    });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(of),
        "spec": {
            "replicas": of.settings.replicas,
            "selector": {"matchLabels": labels(of)},
            "template": {"metadata": {"labels": labels(of)}, "spec": pod},
        },
    })
}

/// The requests and limits of a Pod of the controller.
pub fn resources() -> Value {
    json!({"requests": {"cpu": "20m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}})
}

/// The value of a label has at most 63 characters.
pub(super) fn labels(of: &Installation<'_>) -> Value {
    let instance: String = of.marks.owner.chars().take(63).collect();
    let instance = instance.trim_end_matches(['-', '.']);
    json!({"app.kubernetes.io/name": "regcred-controller", "app.kubernetes.io/instance": instance})
}

pub(super) fn metadata(of: &Installation<'_>) -> Value {
    json!({"name": of.name(), "namespace": of.settings.namespace})
}
