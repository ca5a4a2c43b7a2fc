//! Checks the order of what `render --strategy controller` writes, and how its Pods run.

use serde_json::Value;

use crate::harness::regcred::regcred;

const LOGIN: (&str, &str) = ("DOCKERHUB_AUTH", r#"{"auths":{"ghcr.io":{"username":"bot","password":"canary"}}}"#);

fn render(arguments: &[&str]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let always = ["render", "--strategy", "controller", "--controller-image", "r.test/regcred:v1", "--format", "json"];
    let output = regcred(folder.path(), &[LOGIN], &[&always, arguments].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    list["items"].as_array().unwrap().clone()
}

fn first<'a>(objects: &'a [Value], kind: &str) -> (usize, &'a Value) {
    objects.iter().enumerate().find(|(_, object)| object["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"))
}

/// The regcred.yaml that the controller mounts.
fn mounted(objects: &[Value]) -> &str {
    first(objects, "ConfigMap").1["data"]["regcred.yaml"].as_str().unwrap()
}

#[test]
fn policies_and_bindings_come_before_the_rights_and_the_rights_before_the_deployment() {
    let objects = render(&[]);
    let last = |kind: &str| objects.iter().rposition(|object| object["kind"] == kind).unwrap();
    let of_rights = ["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"].map(|kind| first(&objects, kind).0);
    let deployment = first(&objects, "Deployment").0;
    for kind in ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"] {
        assert!(of_rights.iter().all(|right| last(kind) < *right), "{kind}");
    }
    assert!(["ClusterRoleBinding", "RoleBinding", "Secret", "ConfigMap"].iter().all(|kind| last(kind) < deployment));
    assert_eq!(first(&objects, "Namespace").0, 0);
}

#[test]
fn two_replicas_run_with_arguments_and_without_any_privilege() {
    let objects = render(&[]);
    let deployment = first(&objects, "Deployment").1;
    assert_eq!(deployment["spec"]["replicas"], 2);
    let pod = &deployment["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(container["args"][0], "controller");
    assert!(container["command"].is_null(), "the entry point of the image counts: {container}");
    let context = &container["securityContext"];
    assert_eq!(context["readOnlyRootFilesystem"], true);
    assert_eq!(context["allowPrivilegeEscalation"], false);
    assert_eq!(context["capabilities"]["drop"][0], "ALL");
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    assert_eq!(first(&objects, "PodDisruptionBudget").1["spec"]["maxUnavailable"], 1);
    let namespace = first(&objects, "Namespace").1;
    assert_eq!(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
}

#[test]
fn the_mounted_file_names_the_registries_that_may_be_asked() {
    assert!(!mounted(&render(&[])).contains("registries"));
    let objects = render(&["--check-online", "1h"]);
    let file = mounted(&objects);
    assert!(file.contains("controller:\n    registries:\n") && file.contains("- ghcr.io\n"), "{file}");
    assert!(!file.contains("crd:"), "{file}");
    let objects = render(&["--crd"]);
    let file = mounted(&objects);
    assert!(file.contains("controller:\n    registries:\n") && file.contains("    crd: true\n"), "{file}");
}
