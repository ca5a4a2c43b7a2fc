//! `--strategy patcher` on the real API server: what is applied stays as it is, and the patcher can do its work and no more.

#![cfg(test)]

#[cfg(test)]
#[expect(dead_code, reason = "other tests use the rest")]
mod bench;

use std::collections::BTreeSet;

use bench::{Bench, Run, difference, documents, fresh};
use serde_json::{Value, json};

const LOGINS: (&str, &str) = ("DOCKERHUB_AUTH", r#"{"auths":{"docker.io":{"auth":"YTpi"}}}"#);
/// The base64 of `{"auths":{}}`.
const DATA: &str = "eyJhdXRocyI6e319";
const PATCHERS: [&str; 2] = ["titansoft", "tamcore"];

/// What `render` wrote for a patcher of its own namespace and Secret, applied.
struct Installed {
    bench: &'static Bench,
    namespace: String,
    secret: String,
    rendered: String,
}

impl Installed {
    fn new(bench: &'static Bench, arguments: &[&str]) -> Self {
        let (namespace, secret) = (fresh("patcher"), fresh("secret"));
        let mut installed = Self { bench, namespace, secret, rendered: String::new() };
        installed.rendered = bench.regcred(&[&installed.own()[..], arguments].concat(), &[LOGINS]).succeeded();
        bench.apply(&installed.rendered).succeeded();
        installed
    }

    /// What it is rendered with, besides what is asked for.
    fn own(&self) -> [&str; 7] {
        ["render", "--strategy", "patcher", "--patcher-namespace", &self.namespace, "--secret-name", &self.secret]
    }

    fn user(&self) -> String {
        format!("system:serviceaccount:{}:imagepullsecret-patcher", self.namespace)
    }

    /// As the patcher.
    fn kubectl(&self, arguments: &[&str], stdin: &str) -> Run {
        self.bench.kubectl(&[&["--as", &self.user()], arguments].concat(), stdin)
    }

    /// With every right there is: what is denied now, the guard denies.
    fn may_do_everything(&self) {
        let user = format!("--user={}", self.user());
        let binding = ["create", "clusterrolebinding", &fresh("all"), "--clusterrole=cluster-admin", &user];
        self.bench.kubectl(&binding, "").succeeded();
    }

    /// Until both policies of the guard are in force.
    fn wait_until_guarded(&self, namespace: &str) {
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "probe"}}).to_string();
        let probe = secret("probe", "Opaque", &json!({}));
        for probe in [probe, account] {
            Bench::wait("the guard to be in force", || {
                let create = ["create", "--dry-run=server", "-n", namespace, "-f", "-"];
                self.kubectl(&create, &probe).stderr.contains("a patcher may")
            });
        }
    }

    /// The verbs and resources that the patcher may use in this namespace.
    fn rights(&self, namespace: &str) -> BTreeSet<String> {
        let resources = [
            ("", "namespaces", "", ""),
            ("", "secrets", "", ""),
            ("", "secrets", "", self.secret.as_str()),
            ("", "serviceaccounts", "", ""),
            ("", "serviceaccounts", "", "default"),
            ("", "serviceaccounts", "token", "default"),
            ("", "pods", "", ""),
            ("", "configmaps", "", ""),
            ("", "events", "", ""),
            ("coordination.k8s.io", "leases", "", ""),
            ("coordination.k8s.io", "leases", "", "tamcore.github.com-imagepullsecret-patcher"),
        ];
        let verbs = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];
        let reviews: Vec<_> = resources
            .into_iter()
            .flat_map(|resource| verbs.into_iter().map(move |verb| (verb, resource)))
            .map(|(verb, (group, resource, subresource, name))| {
                let attributes = json!({
                    "namespace": namespace, "verb": verb, "group": group, "resource": resource,
                    "subresource": subresource, "name": name,
                });
                json!({
                    "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
                    "spec": {"user": self.user(), "resourceAttributes": attributes},
                })
            })
            .collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": reviews}).to_string();
        let answers = documents(&self.bench.kubectl(&["create", "-o", "json", "-f", "-"], &list).succeeded());
        assert_eq!(answers.len(), reviews.len());
        answers
            .iter()
            .filter(|answer| answer["status"]["allowed"] == true)
            .map(|answer| {
                let of = |field: &str| answer["spec"]["resourceAttributes"][field].as_str().unwrap_or_default();
                let named = if of("name").is_empty() { "" } else { " by name" };
                format!("{} {}{named}", of("verb"), of("resource"))
            })
            .collect()
    }
}

fn secret(name: &str, kind: &str, data: &Value) -> String {
    let annotations = json!({"app.kubernetes.io/managed-by": "imagepullsecret-patcher", "kubernetes.io/service-account.name": "default"});
    let labels = json!({"app.kubernetes.io/managed-by": "imagepullsecret-patcher"});
    let metadata = json!({"name": name, "annotations": annotations, "labels": labels});
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "data": data}).to_string()
}

fn pull_secret(name: &str) -> String {
    secret(name, "kubernetes.io/dockerconfigjson", &json!({".dockerconfigjson": DATA}))
}

/// What changes with an object: its generation, which a change of its status leaves alone, or else its resourceVersion.
fn versions(objects: &[Value]) -> Vec<Value> {
    objects
        .iter()
        .map(|object| &object["metadata"])
        .map(|metadata| metadata.get("generation").unwrap_or(&metadata["resourceVersion"]).clone())
        .collect()
}

/// Each link, patcher and profile that go together.
fn cells() -> Vec<Vec<&'static str>> {
    let mut cells = vec![
        vec!["--patcher", "titansoft", "--link", "none", "--exclude", "kube-system,kube-public", "--no-guard"],
        vec!["--patcher", "titansoft", "--link", "policy", "--exclude", "kube-system", "--shape", "json"],
        vec!["--patcher", "tamcore", "--service-account", "*", "--exclude", "kube-*", "--patcher-pull-secret", "own"],
        vec!["--patcher", "titansoft", "--service-account", "*", "--patcher-interval", "1m30s"],
    ];
    for patcher in PATCHERS {
        for profile in ["argocd", "flux", "helm"] {
            cells.push(vec!["--patcher", patcher, "--profile", profile]);
        }
    }
    cells
}

#[test]
fn every_cell_is_read_back_equal_and_applied_again_without_a_change() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    for cell in cells() {
        let installed = Installed::new(bench, &cell);
        let live = || documents(&bench.kubectl(&["get", "-o", "json", "-f", "-"], &installed.rendered).succeeded());
        let wanted = documents(&installed.rendered);
        let first = live();
        assert_eq!(first.len(), wanted.len(), "{cell:?}");
        for (wanted, found) in wanted.iter().zip(&first) {
            assert_eq!(difference(wanted, found), None, "{cell:?}");
        }
        bench.apply(&installed.rendered).succeeded();
        assert_eq!(versions(&live()), versions(&first), "{cell:?}");
        let diff = ["diff", "--server-side", "--field-manager=regcred", "-f", "-"];
        assert_eq!(bench.kubectl(&diff, &installed.rendered).succeeded(), "", "{cell:?}");
    }
}

#[test]
fn a_tree_is_applied_as_the_stream_is() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    for cell in cells().into_iter().filter(|cell| !cell.contains(&"--shape")) {
        let installed = Installed::new(bench, &cell);
        let count = documents(&installed.rendered).len();
        for (shape, how) in [("directory", ["-R", "-f"].as_slice()), ("kustomization", ["-k"].as_slice())] {
            let folder = tempfile::tempdir().unwrap();
            let output = folder.path().to_str().unwrap();
            let tree = [&installed.own()[..], &cell, &["--shape", shape, "--output", output]].concat();
            bench.regcred(&tree, &[LOGINS]).succeeded();
            // The very same objects: nothing is different, nothing is new, and nothing is missing.
            let diff = [&["diff", "--server-side", "--field-manager=regcred"], how, &[output]].concat();
            assert_eq!(bench.kubectl(&diff, "").succeeded(), "", "{cell:?} {shape}");
            let apply = [&["apply", "--server-side", "--field-manager=regcred"], how, &[output]].concat();
            let applied = bench.kubectl(&apply, "").succeeded();
            assert_eq!(applied.lines().count(), count, "{cell:?} {shape}: {applied}");
        }
    }
}

#[test]
fn a_tree_installs_the_patcher_in_a_cluster_that_has_nothing_of_it() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    for (shape, how) in [("directory", ["-R", "-f"].as_slice()), ("kustomization", ["-k"].as_slice())] {
        let (namespace, secret) = (fresh("patcher"), fresh("secret"));
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().to_str().unwrap();
        let own = ["render", "--strategy", "patcher", "--patcher-namespace", &namespace, "--secret-name", &secret];
        bench.regcred(&[&own[..], &["--shape", shape, "--output", output]].concat(), &[LOGINS]).succeeded();
        let apply = [&["apply", "--server-side", "--field-manager=regcred"], how, &[output]].concat();
        bench.kubectl(&apply, "").succeeded();
        bench.get(&["deployment", "imagepullsecret-patcher", "-n", &namespace]);
    }
}

/// A Deployment as the project's own manifests have it.
fn older_deployment(namespace: &str) -> String {
    let labels = json!({"name": "imagepullsecret-patcher"});
    let container = json!({"name": "imagepullsecret-patcher", "image": "quay.io/titansoft/imagepullsecret-patcher:v0.14",
        "env": [{"name": "OF_THE_OLDER", "value": "x"}]});
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "imagepullsecret-patcher", "namespace": namespace, "labels": labels},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}}}})
    .to_string()
}

#[test]
fn a_patcher_takes_the_place_of_an_older_one_when_its_deployment_goes_first() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let (namespace, secret) = (fresh("patcher"), fresh("secret"));
    bench.kubectl(&["create", "namespace", &namespace], "").succeeded();
    bench.kubectl(&["apply", "-f", "-"], &older_deployment(&namespace)).succeeded();
    let own = ["render", "--strategy", "patcher", "--patcher-namespace", &namespace, "--secret-name", &secret];
    let rendered = bench.regcred(&own, &[LOGINS]).succeeded();
    let apply = ["apply", "--server-side", "--field-manager=regcred", "--force-conflicts", "-f", "-"];
    let seen = bench.kubectl(&apply, &rendered).failed();
    assert!(seen.contains("spec.strategy.rollingUpdate: Forbidden"), "{seen}");
    bench.kubectl(&["delete", "deployment", "imagepullsecret-patcher", "-n", &namespace], "").succeeded();
    bench.kubectl(&apply, &rendered).succeeded();
    let deployment = bench.get(&["deployment", "imagepullsecret-patcher", "-n", &namespace]);
    assert!(!deployment.to_string().contains("OF_THE_OLDER"), "{deployment}");
}

#[test]
fn the_pod_is_admitted_where_only_restricted_pods_are() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    for patcher in PATCHERS {
        let installed = Installed::new(bench, &["--patcher", patcher]);
        let deployment =
            documents(&installed.rendered).into_iter().find(|object| object["kind"] == "Deployment").unwrap();
        let mut pod = deployment["spec"]["template"].clone();
        pod["apiVersion"] = json!("v1");
        pod["kind"] = json!("Pod");
        pod["metadata"]["name"] = json!("pod");
        let create = ["create", "--dry-run=server", "-n", &installed.namespace, "-f", "-"];
        bench.kubectl(&create, &pod.to_string()).succeeded();
        pod["spec"]["containers"][0]["securityContext"] = json!({});
        let refused = bench.kubectl(&create, &pod.to_string()).failed();
        assert!(refused.contains("violates PodSecurity \"restricted:latest\""), "{refused}");
    }
}

#[test]
fn the_account_has_these_rights_and_no_others() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let [elsewhere] = bench.namespaces();
    let set = |rights: &[&str]| -> BTreeSet<String> { rights.iter().map(|right| (*right).to_owned()).collect() };

    let titansoft = Installed::new(bench, &["--patcher", "titansoft"]);
    let works_with = set(&[
        "list namespaces",
        "list serviceaccounts",
        "list serviceaccounts by name",
        "patch serviceaccounts by name",
        "create secrets",
        "create secrets by name",
        "get secrets by name",
        "delete secrets by name",
    ]);
    assert_eq!(titansoft.rights(&elsewhere), works_with);
    assert_eq!(titansoft.rights(&titansoft.namespace), works_with);

    let links_nothing = Installed::new(bench, &["--patcher", "titansoft", "--link", "none"]);
    let mut less = works_with;
    less.remove("patch serviceaccounts by name");
    assert_eq!(links_nothing.rights(&elsewhere), less);

    let tamcore = Installed::new(bench, &["--patcher", "tamcore", "--service-account", "*"]);
    let works_with = set(&[
        "list namespaces",
        "watch namespaces",
        "list serviceaccounts",
        "watch serviceaccounts",
        "patch serviceaccounts",
        "list serviceaccounts by name",
        "watch serviceaccounts by name",
        "patch serviceaccounts by name",
        "list secrets",
        "watch secrets",
        "create secrets",
        "list secrets by name",
        "watch secrets by name",
        "create secrets by name",
        "get secrets by name",
        "patch secrets by name",
        "delete secrets by name",
        "create events",
        "patch events",
    ]);
    assert_eq!(tamcore.rights(&elsewhere), works_with);
    let leases = set(&["create leases", "create leases by name", "get leases by name", "update leases by name"]);
    assert_eq!(tamcore.rights(&tamcore.namespace), works_with.union(&leases).cloned().collect());
}

#[test]
fn the_guard_is_right_by_the_types_of_what_it_looks_at() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let installed = Installed::new(bench, &[]);
    for kind in ["secrets", "service-accounts"] {
        let name = format!("imagepullsecret-patcher-{}-{kind}", installed.namespace);
        let status = || bench.get(&["validatingadmissionpolicy", &name])["status"].clone();
        Bench::wait("the expressions to be checked", || status()["observedGeneration"] == 1);
        assert_eq!(status()["typeChecking"], json!({}), "{name}");
    }
}

#[test]
fn the_guard_lets_the_work_through() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    for patcher in PATCHERS {
        let installed = Installed::new(bench, &["--patcher", patcher]);
        let [namespace] = bench.namespaces();
        installed.may_do_everything();
        installed.wait_until_guarded(&namespace);
        let name = installed.secret.as_str();
        let create = || installed.kubectl(&["create", "-n", &namespace, "-f", "-"], &pull_secret(name)).succeeded();
        let patch = |kind: &str, name: &str, form: &str, patch: &Value| {
            let patch = patch.to_string();
            installed.kubectl(&["patch", kind, name, "-n", &namespace, "--type", form, "-p", &patch], "").succeeded()
        };
        create();
        installed.kubectl(&["delete", "secret", name, "-n", &namespace], "").succeeded();
        create();
        let label = json!({"metadata": {"labels": {"a": "b"}}, "data": {".dockerconfigjson": DATA}});
        patch("secret", name, "merge", &label);
        patch("serviceaccount", "default", "strategic", &json!({"imagePullSecrets": [{"name": name}]}));
        let others = json!({"imagePullSecrets": [{"name": "one"}, {"name": "other"}]});
        let by_another = ["patch", "serviceaccount", "default", "-n", &namespace, "-p", &others.to_string()];
        bench.kubectl(&by_another, "").succeeded();
        let appended = json!({"imagePullSecrets": [{"name": "one"}, {"name": "other"}, {"name": name}]});
        patch("serviceaccount", "default", "merge", &appended);
    }
}

#[test]
fn the_guard_denies_everything_else_even_to_an_account_with_all_rights() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let installed = Installed::new(bench, &["--patcher", "titansoft"]);
    let [namespace] = bench.namespaces();
    installed.may_do_everything();
    installed.wait_until_guarded(&namespace);
    let name = installed.secret.as_str();
    let denied = |arguments: &[&str], stdin: &str| {
        let said = installed.kubectl(&[&["-n", &namespace], arguments].concat(), stdin).failed();
        assert!(said.contains("denied request: a patcher may"), "{arguments:?}: {said}");
    };
    let others = json!({"imagePullSecrets": [{"name": "one"}]}).to_string();
    bench.kubectl(&["patch", "serviceaccount", "default", "-n", &namespace, "-p", &others], "").succeeded();
    bench.kubectl(&["create", "-n", &namespace, "-f", "-"], &pull_secret("of-another")).succeeded();

    let token = secret(name, "kubernetes.io/service-account-token", &json!({}));
    denied(&["create", "-f", "-"], &token);
    denied(&["create", "-f", "-"], &secret(name, "Opaque", &json!({})));
    denied(&["create", "-f", "-"], &pull_secret("another-name"));
    denied(&["delete", "secret", "of-another"], "");
    denied(&["delete", "secret", "--all"], "");
    denied(&["label", "secret", "of-another", "a=b"], "");
    denied(&["create", "serviceaccount", "new"], "");
    denied(&["delete", "serviceaccount", "default"], "");
    for patch in [
        json!({"metadata": {"annotations": {"iam.gke.io/gcp-service-account": "admin"}}}),
        json!({"metadata": {"labels": {"a": "b"}}}),
        json!({"metadata": {"finalizers": ["a.b/c"]}}),
        json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "x"}]}}),
        json!({"secrets": [{"name": "x"}]}),
        json!({"automountServiceAccountToken": false}),
        json!({"imagePullSecrets": [{"name": name}]}),
        json!({"imagePullSecrets": []}),
        json!({"imagePullSecrets": [{"name": "one"}, {"name": "another"}]}),
    ] {
        denied(&["patch", "serviceaccount", "default", "--type", "merge", "-p", &patch.to_string()], "");
    }
    let unguarded = bench.kubectl(&["create", "--dry-run=server", "-n", &namespace, "-f", "-"], &pull_secret("free"));
    unguarded.succeeded();
}
