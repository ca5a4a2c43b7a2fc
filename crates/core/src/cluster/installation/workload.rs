//! Builds the Deployment of the controller, and the ServiceAccount, ConfigMap and policies of its Pods.

use serde_json::{Value, json};

use super::{Installation, source_name};

/// The folder where the Deployment mounts the ConfigMap.
const CONFIG_FOLDER: &str = "/etc/regcred/config";
/// The mounted regcred.yaml: the default of `regcred controller --config`.
const CONFIG_FILE: &str = "/etc/regcred/config/regcred.yaml";
/// The folder where the Deployment mounts the Secrets with the logins: the default of `--secrets`.
const SECRETS: &str = "/etc/regcred/secrets";
/// The port for probes and metrics: the default of `--listen`.
const PORT: u16 = 8080;

pub(super) fn service_account(installation: &Installation<'_>) -> Value {
    json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(installation), "automountServiceAccountToken": false})
}

pub(super) fn config_map(installation: &Installation<'_>) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(installation), "data": {"regcred.yaml": installation.config()}})
}

/// Allows connections only to the port for probes and metrics, from anywhere.
pub(super) fn network_policy(installation: &Installation<'_>) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata(installation),
        "spec": {
            "podSelector": {"matchLabels": labels(installation)}, "policyTypes": ["Ingress"],
            "ingress": [{"ports": [{"port": PORT, "protocol": "TCP"}]}],
        },
    })
}

pub(super) fn disruption_budget(installation: &Installation<'_>) -> Value {
    json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata(installation),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels(installation)}},
    })
}

pub(super) fn deployment(installation: &Installation<'_>) -> Value {
    let sources: Vec<_> = installation.pull_secrets.iter().map(|pull_secret| source_name(pull_secret.name)).collect();
    // With custom resources, the controller reads the logins from the API server, so it needs no mounted Secret.
    let mounted = if installation.settings.resources.is_some() { &[][..] } else { &sources[..] };
    let volume = |(number, source)| json!({"name": format!("secret-{number}"), "secret": {"secretName": source, "optional": true}});
    let mount = |(number, source)| json!({"name": format!("secret-{number}"), "mountPath": format!("{SECRETS}/{source}"), "readOnly": true});
    let config = json!({"name": "config", "configMap": {"name": installation.name()}});
    let volumes: Vec<_> = [config].into_iter().chain(mounted.iter().enumerate().map(volume)).collect();
    let config = json!({"name": "config", "mountPath": CONFIG_FOLDER, "readOnly": true});
    let mounts: Vec<_> = [config].into_iter().chain(mounted.iter().enumerate().map(mount)).collect();
    let mut arguments = vec!["controller", "--config", CONFIG_FILE, "--secrets", SECRETS, "--log-format", "json"];
    arguments.extend(installation.settings.resources.is_some().then_some("--crd"));
    arguments.extend(installation.settings.evicts.then_some("--restart-stuck-pods"));
    arguments.extend(installation.settings.check_online.iter().flat_map(|interval| ["--check-online", interval]));
    let probe = |path: &str| json!({"httpGet": {"path": path, "port": "http"}});
    let container = json!({
        "name": "controller",
        "image": installation.settings.image,
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
        "serviceAccountName": installation.name(),
        "automountServiceAccountToken": true,
        // The image of the controller may be in a registry of one of these logins.
        "imagePullSecrets": references,
        "securityContext": {
            "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": volumes,
    });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(installation),
        "spec": {
            "replicas": installation.settings.replicas,
            "selector": {"matchLabels": labels(installation)},
            "template": {"metadata": {"labels": labels(installation)}, "spec": pod},
        },
    })
}

/// The requests and limits of a Pod of the controller.
pub fn resources() -> Value {
    json!({"requests": {"cpu": "20m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}})
}

/// The labels of the controller's Pods. The owner is cut to 63 characters, because a label's value cannot be longer.
pub(super) fn labels(installation: &Installation<'_>) -> Value {
    let instance: String = installation.marks.owner.chars().take(63).collect();
    let instance = instance.trim_end_matches(['-', '.']);
    json!({"app.kubernetes.io/name": "regcred-controller", "app.kubernetes.io/instance": instance})
}

pub(super) fn metadata(installation: &Installation<'_>) -> Value {
    json!({"name": installation.name(), "namespace": installation.settings.namespace})
}
