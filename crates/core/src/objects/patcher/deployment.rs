//! Builds the Deployment of a patcher, which reads the source Secret from a directory and never from a variable.

use serde_json::{Value, json};

use super::{NAME, PatcherSettings, options};
use crate::names::ResourceName;
use crate::spec::choice::Patcher;

/// The label of titansoft's example: a selector cannot be changed, so with this label objects from the example can be taken over.
pub(super) fn deployment(patcher: &PatcherSettings, secret: &ResourceName) -> Value {
    let titansoft = patcher.patcher == Patcher::Titansoft;
    let labels = json!({"name": NAME});
    let mut pod = json!({"serviceAccountName": NAME, "automountServiceAccountToken": true});
    if let Some(name) = &patcher.pull_secret {
        pod["imagePullSecrets"] = json!([{"name": name}]);
    }
    if titansoft {
        pod["nodeSelector"] = json!({"kubernetes.io/arch": "amd64"});
    }
    pod["securityContext"] = json!({
        "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "seccompProfile": {"type": "RuntimeDefault"},
    });
    pod["containers"] = json!([container(patcher, secret)]);
    pod["volumes"] = json!([{"name": "source", "secret": {"secretName": patcher.source}}]);
    let mut spec = json!({"replicas": 1, "selector": {"matchLabels": labels}});
    if titansoft {
        // Two Pods at once would race: one deletes what the other has just created.
        spec["strategy"] = json!({"type": "Recreate"});
    }
    spec["template"] = json!({"metadata": {"labels": labels}, "spec": pod});
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": NAME, "namespace": patcher.namespace}, "spec": spec})
}

fn container(patcher: &PatcherSettings, secret: &ResourceName) -> Value {
    // A variable without a value is set to the empty text.
    let variable = |it: options::EnvironmentVariable| match it.value.as_str() {
        "" => json!({"name": it.name}),
        value => json!({"name": it.name, "value": value}),
    };
    let environment: Vec<_> = options::options(patcher, secret).into_iter().map(variable).collect();
    let mut container = json!({"name": NAME, "image": patcher.image, "env": environment});
    let (cpu, memory) = match patcher.patcher {
        Patcher::Titansoft => ("100m", "30Mi"),
        Patcher::Tamcore => {
            let port = |name: &str, port: u16| json!({"name": name, "containerPort": port});
            container["ports"] = json!([port("metrics", 8080), port("health", 8081)]);
            for (probe, path) in [("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
                container[probe] = json!({"httpGet": {"path": path, "port": "health"}});
            }
            ("10m", "100Mi")
        }
    };
    container["resources"] =
        json!({"requests": {"cpu": cpu, "memory": "15Mi"}, "limits": {"cpu": "200m", "memory": memory}});
    container["securityContext"] = json!({
        "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": true,
    });
    container["volumeMounts"] = json!([{"name": "source", "mountPath": options::DIRECTORY, "readOnly": true}]);
    container
}
