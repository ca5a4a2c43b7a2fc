//! Tests `--strategy patcher` on the real API server: the patcher can do its work and no more.

use std::collections::BTreeSet;

use regcred_core::spec::choice::{Format, Link, Patcher, Protect, Strategy};
use regcred_core::spec::combination::Combination;
use serde_json::{Value, json};

use crate::harness::bench::{Bench, Run, documents, fresh};
use crate::harness::cells::{self, Cell};
use crate::harness::requests::Requests;

const LOGINS: (&str, &str) = ("DOCKERHUB_AUTH", r#"{"auths":{"docker.io":{"auth":"YTpi"}}}"#);
/// The base64 of `{"auths":{}}`.
const DATA: &str = "eyJhdXRocyI6e319";
const PATCHERS: [&str; 2] = ["titansoft", "tamcore"];

/// The applied output of `render` for a patcher with its own namespace and Secret.
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

    /// Additional arguments of `render`.
    fn own(&self) -> [&str; 7] {
        ["render", "--strategy", "patcher", "--patcher-namespace", &self.namespace, "--secret-name", &self.secret]
    }

    fn user(&self) -> String {
        format!("system:serviceaccount:{}:imagepullsecret-patcher", self.namespace)
    }

    /// A request as the patcher.
    fn kubectl(&self, arguments: &[&str], stdin: &str) -> Run {
        self.bench.kubectl(&[&["--as", &self.user()], arguments].concat(), stdin)
    }

    /// Gives the patcher every right: only the guard can deny requests now.
    fn may_do_everything(&self) {
        let user = format!("--user={}", self.user());
        let binding = ["create", "clusterrolebinding", &fresh("all"), "--clusterrole=cluster-admin", &user];
        self.bench.kubectl(&binding, "").succeeded();
    }

    /// Waits until both policies of the guard are active.
    fn wait_until_guarded(&self, namespace: &str) {
        let requests = Requests::of(self.bench, &self.user());
        let secrets = format!("/api/v1/namespaces/{namespace}/secrets?dryRun=All");
        let account = format!("/api/v1/namespaces/{namespace}/serviceaccounts/default?dryRun=All");
        let label = json!({"metadata": {"labels": {"a": "b"}}});
        for (method, path, content, body) in [
            ("POST", secrets, "json", secret("probe", "Opaque", &json!({}))),
            ("PATCH", account, "merge-patch+json", label),
        ] {
            let said = || requests.send(method, &path, content, &body).1;
            Bench::wait("the guard to be in force", || said().contains("a patcher may"));
        }
    }

    /// The rights of the patcher in this namespace that other accounts lack: a verb, a resource, and the name of an object.
    fn rights(&self, namespace: &str) -> BTreeSet<String> {
        let rights = |account: &str| -> BTreeSet<String> {
            let user = format!("--as=system:serviceaccount:{}:{account}", self.namespace);
            let list = self.bench.kubectl(&["auth", "can-i", "--list", "--no-headers", &user, "-n", namespace], "");
            list.succeeded().lines().flat_map(rights_of_a_row).collect()
        };
        let of_everybody = rights("default");
        assert!(of_everybody.contains("create selfsubjectaccessreviews.authorization.k8s.io"), "{of_everybody:?}");
        rights("imagepullsecret-patcher").difference(&of_everybody).cloned().collect()
    }
}

/// `secrets  []  [image-pull-secret]  [get delete]` are two rights: resources, URLs, names, and verbs.
pub fn rights_of_a_row(row: &str) -> Vec<String> {
    let columns: Vec<_> = row.split('[').map(|column| column.trim().trim_end_matches(']')).collect();
    let [resources, urls, names, verbs] = columns.as_slice() else { panic!("{row}") };
    let of = format!("{resources}{urls}");
    let names: Vec<_> = if names.is_empty() { vec![""] } else { names.split_whitespace().collect() };
    let verbs = verbs.split_whitespace();
    verbs
        .flat_map(|verb| {
            names.iter().map(|name| format!("{verb} {of} {name}").trim_end().to_owned()).collect::<Vec<_>>()
        })
        .collect()
}

fn secret(name: &str, kind: &str, data: &Value) -> Value {
    let mut annotations = json!({"app.kubernetes.io/managed-by": "imagepullsecret-patcher"});
    if kind == "kubernetes.io/service-account-token" {
        annotations["kubernetes.io/service-account.name"] = json!("default");
    }
    let labels = json!({"app.kubernetes.io/managed-by": "imagepullsecret-patcher"});
    let metadata = json!({"name": name, "annotations": annotations, "labels": labels});
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "data": data})
}

fn pull_secret(name: &str) -> Value {
    secret(name, "kubernetes.io/dockerconfigjson", &json!({".dockerconfigjson": DATA}))
}

#[test]
fn its_options_and_the_names_of_namespaces_arrive_as_they_are_written() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&["kubeconform"]) else { return };
    let cell = |patcher, link, format, namespace, flags: &[&str]| {
        let combination = Combination { strategy: Strategy::Patcher, link, protect: Protect::Plain, format };
        Cell::new(combination, Some(patcher), None).in_namespaces(&[namespace]).with(flags)
    };
    let (titansoft, tamcore, linked) = (Patcher::Titansoft, Patcher::Tamcore, Link::ServiceAccount);
    // Words that a YAML 1.1 reader does not take for strings.
    let cells = [
        cell(titansoft, Link::None, Format::Json, "y", &["--exclude", "1e3,12", "--no-guard"]),
        cell(titansoft, Link::Policy, Format::Yaml, "0x1f", &["--exclude", "on,1e3"]),
        cell(
            titansoft,
            linked,
            Format::Kustomization,
            "on",
            &["--service-account", "*", "--patcher-interval", "1m30s"],
        ),
        cell(tamcore, linked, Format::Directory, "1e3", &["--exclude", "kube-*,on", "--patcher-pull-secret", "on"]),
        cell(tamcore, linked, Format::Json, "12", &["--service-account", "*", "--exclude", "0x1f"]),
    ];
    let live = cells::prove(bench, &cells);
    let one = |number: usize, kind: &str| live[number].iter().find(|object: &&Value| object["kind"] == kind).unwrap();
    let pod = |number: usize| &one(number, "Deployment")["spec"]["template"]["spec"];
    let variable = |number: usize, name: &str| {
        let variables = pod(number)["containers"][0]["env"].as_array().unwrap();
        variables.iter().find(|variable| variable["name"] == name).unwrap()["value"].clone()
    };
    for (number, excluded) in [
        (0, "kube-node-lease,kube-public,kube-system,1e3,12"),
        (1, "kube-node-lease,kube-public,kube-system,on,1e3"),
        (3, "kube-*,openshift,openshift-*,on"),
        (4, "kube-*,openshift,openshift-*,0x1f"),
    ] {
        assert_eq!(variable(number, "CONFIG_EXCLUDED_NAMESPACES"), excluded, "{}", cells[number]);
    }
    assert_eq!(variable(2, "CONFIG_LOOP_DURATION"), "1m30s");
    assert_eq!(variable(4, "CONFIG_SECRET_NAMESPACE"), "12");
    assert_eq!(pod(3)["imagePullSecrets"], json!([{"name": "on"}]));
    let selector = &one(1, "MutatingAdmissionPolicyBinding")["spec"]["matchResources"]["namespaceSelector"];
    assert_eq!(selector["matchExpressions"][0]["operator"], "NotIn");
    assert_eq!(
        selector["matchExpressions"][0]["values"],
        json!(["kube-node-lease", "kube-public", "kube-system", "on", "1e3"])
    );
    assert_eq!(one(1, "ServiceAccount")["metadata"]["namespace"], "0x1f");
}

/// A Deployment as in the project's own manifests.
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

/// A request of a patcher, with the right that it needs: method, path and body.
type Request = (String, &'static str, String, Value);

/// A reference of somebody else in a ServiceAccount's list.
const THEIRS: &str = "theirs";

/// The list as a patcher last saw it, with the patcher's entry at the end.
fn linked(secret: &str) -> Value {
    json!({"imagePullSecrets": [{"name": THEIRS}, {"name": secret}]})
}

/// One round of titansoft's patcher with a rotation.
fn requests_of_titansoft(secret: &str, namespace: &str) -> Vec<Request> {
    let within = format!("/api/v1/namespaces/{namespace}");
    let create = ("create secrets".to_owned(), "POST", format!("{within}/secrets"), pull_secret(secret));
    vec![
        ("list namespaces".to_owned(), "GET", "/api/v1/namespaces".to_owned(), Value::Null),
        create.clone(),
        (format!("get secrets {secret}"), "GET", format!("{within}/secrets/{secret}"), Value::Null),
        (format!("delete secrets {secret}"), "DELETE", format!("{within}/secrets/{secret}"), Value::Null),
        create,
        ("list serviceaccounts".to_owned(), "GET", format!("{within}/serviceaccounts"), Value::Null),
        (
            "patch serviceaccounts default".to_owned(),
            "PATCH",
            format!("{within}/serviceaccounts/default"),
            linked(secret),
        ),
    ]
}

/// All requests of tamcore's patcher when it serves one namespace, and finds a Secret of another type there.
fn requests_of_tamcore(secret: &str, namespace: &str) -> Vec<Request> {
    let within = format!("/api/v1/namespaces/{namespace}");
    let mut requests = Vec::new();
    for resource in ["namespaces", "serviceaccounts", "secrets"] {
        requests.push((format!("list {resource}"), "GET", format!("/api/v1/{resource}"), Value::Null));
        requests.push((format!("watch {resource}"), "GET", format!("/api/v1/{resource}?watch=true"), Value::Null));
    }
    let (one, account) = (format!("{within}/secrets/{secret}"), format!("{within}/serviceaccounts/default"));
    let create = ("create secrets".to_owned(), "POST", format!("{within}/secrets"), pull_secret(secret));
    let about = json!({"kind": "Secret", "name": secret, "namespace": namespace});
    let event = json!({"metadata": {"name": "event"}, "involvedObject": about, "reason": "Created"});
    requests.extend([
        create.clone(),
        (format!("get secrets {secret}"), "GET", one.clone(), Value::Null),
        (format!("patch secrets {secret}"), "PATCH", one.clone(), pull_secret(secret)),
        (format!("delete secrets {secret}"), "DELETE", one, Value::Null),
        create,
        ("patch serviceaccounts default".to_owned(), "PATCH", account, linked(secret)),
        ("create events".to_owned(), "POST", format!("{within}/events"), event),
        ("patch events".to_owned(), "PATCH", format!("{within}/events/event"), json!({"count": 2})),
    ]);
    requests
}

/// How a replica of tamcore's patcher becomes the leader, in its own namespace.
fn election_of_tamcore(own: &str) -> Vec<Request> {
    let (resource, lease) = ("leases.coordination.k8s.io", "tamcore.github.com-imagepullsecret-patcher");
    let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{own}/leases");
    let object = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": lease}});
    vec![
        (format!("create {resource}"), "POST", leases.clone(), object),
        (format!("get {resource} {lease}"), "GET", format!("{leases}/{lease}"), Value::Null),
        (format!("update {resource} {lease}"), "PUT", format!("{leases}/{lease}"), Value::Null),
    ]
}

fn rights_for(requests: &[Request]) -> BTreeSet<String> {
    requests.iter().map(|(right, ..)| right.clone()).collect()
}

#[test]
fn each_patcher_works_with_exactly_the_rights_that_its_requests_need() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    for patcher in PATCHERS {
        let [namespace] = bench.namespaces();
        let installed = Installed::new(bench, &["--patcher", patcher]);
        let (secret, own) = (installed.secret.as_str(), installed.namespace.as_str());
        let (patch, everywhere, at_home) = if patcher == "titansoft" {
            ("strategic-merge-patch+json", requests_of_titansoft(secret, &namespace), Vec::new())
        } else {
            ("merge-patch+json", requests_of_tamcore(secret, &namespace), election_of_tamcore(own))
        };
        assert_eq!(installed.rights(&namespace), rights_for(&everywhere), "{patcher}");
        let all = [everywhere, at_home].concat();
        assert_eq!(installed.rights(own), rights_for(&all), "{patcher}");

        let before = json!({"imagePullSecrets": [{"name": THEIRS}]}).to_string();
        bench.kubectl(&["patch", "serviceaccount", "default", "-n", &namespace, "-p", &before], "").succeeded();
        installed.wait_until_guarded(&namespace);
        let requests = Requests::of(bench, &installed.user());
        for (right, method, path, body) in all {
            let content = if method == "PATCH" { patch } else { "json" };
            // An update sends the object that was read.
            let body = if method == "PUT" { bench.get(&["leases", "-n", own])["items"][0].clone() } else { body };
            let (status, answer) = requests.send(method, &path, content, &body);
            assert!(status < 300, "{patcher}, {right}: {status} {answer}");
        }
        let account = bench.get(&["serviceaccount", "default", "-n", &namespace]);
        assert_eq!(account["imagePullSecrets"], linked(secret)["imagePullSecrets"], "{patcher}");
        assert_eq!(bench.get(&["secret", secret, "-n", &namespace])["data"][".dockerconfigjson"], DATA, "{patcher}");
    }
}

#[test]
fn what_is_linked_decides_which_service_accounts_may_be_patched() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let [namespace] = bench.namespaces();
    let patched = |flags: &[&str]| -> Vec<String> {
        let rights = Installed::new(bench, flags).rights(&namespace);
        rights.into_iter().filter(|right| right.starts_with("patch serviceaccounts")).collect()
    };
    for patcher in PATCHERS {
        assert_eq!(patched(&["--patcher", patcher, "--service-account", "*"]), ["patch serviceaccounts"]);
        let two = ["--patcher", patcher, "--service-account", "ci", "--service-account", "default"];
        assert_eq!(patched(&two), ["patch serviceaccounts ci", "patch serviceaccounts default"]);
    }
    assert!(patched(&["--patcher", "titansoft", "--link", "none"]).is_empty());
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
fn the_guard_denies_everything_else_even_to_an_account_with_all_rights() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    for patcher in PATCHERS {
        denies_everything_else(&Installed::new(bench, &["--patcher", patcher]));
    }
}

/// Secrets with our name and type that a stolen token could write: a key of Sealed Secrets, or one that nobody can delete.
fn forged_fields() -> [(&'static str, Value); 6] {
    let (patcher, key) = ("imagepullsecret-patcher", "sealedsecrets.bitnami.com/sealed-secrets-key");
    let owner = json!({"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "x"});
    let metadata = |field: &str, value: Value| {
        let mut metadata = pull_secret("x")["metadata"].clone();
        metadata[field] = value;
        metadata
    };
    [
        ("/data", json!({".dockerconfigjson": DATA, "tls.key": DATA})),
        ("/metadata/labels", json!({"app.kubernetes.io/managed-by": patcher, key: "active"})),
        ("/metadata/annotations", json!({"app.kubernetes.io/managed-by": patcher, "acme.test/other": "x"})),
        ("/metadata", metadata("finalizers", json!(["acme.test/never"]))),
        ("/metadata", metadata("ownerReferences", json!([owner]))),
        ("", {
            let mut immutable = pull_secret("x");
            immutable["immutable"] = json!(true);
            immutable
        }),
    ]
}

fn writes_into_served_namespaces_only(installed: &Installed) {
    let Installed { bench, secret, .. } = installed;
    let denied_in = |namespace: &str| {
        let create =
            installed.kubectl(&["create", "-n", namespace, "-f", "-"], &pull_secret(secret).to_string()).failed();
        let list = json!({"imagePullSecrets": [{"name": secret}]}).to_string();
        let patch = ["patch", "serviceaccount", "default", "-n", namespace, "--type", "merge", "-p", &list];
        for said in [create, installed.kubectl(&patch, "").failed()] {
            assert!(said.contains("the namespaces that it serves"), "{namespace}: {said}");
        }
    };
    denied_in("kube-public");
    for annotation in ["regcred.dev/exclude=true", "k8s.titansoft.com/imagepullsecret-patcher-exclude=true"] {
        let [opted_out] = bench.namespaces();
        bench.kubectl(&["annotate", "namespace", &opted_out, annotation], "").succeeded();
        denied_in(&opted_out);
    }
}

fn changes_only_what_is_its_own(installed: &Installed, namespace: &str) {
    let Installed { bench, secret, .. } = installed;
    let mut theirs = pull_secret(secret);
    theirs["metadata"]["annotations"] = json!({"acme.test/owner": "somebody"});
    bench.kubectl(&["create", "-n", namespace, "-f", "-"], &theirs.to_string()).succeeded();
    let data = json!({"data": {".dockerconfigjson": DATA}, "metadata": {"annotations": {"a": "b"}}}).to_string();
    let patch = ["patch", "secret", secret, "-n", namespace, "--type", "merge", "-p", &data];
    for arguments in [&patch[..], &["delete", "secret", secret, "-n", namespace]] {
        let said = installed.kubectl(arguments, "").failed();
        assert!(said.contains("a patcher may change no Secret of somebody else"), "{arguments:?}: {said}");
    }
    bench.kubectl(&["delete", "secret", secret, "-n", namespace], "").succeeded();
    // The patcher may add its reference, and remove it.
    for list in [json!([{"name": "one"}, {"name": secret}]), json!([{"name": "one"}])] {
        let list = json!({"imagePullSecrets": list}).to_string();
        let patch = ["patch", "serviceaccount", "default", "-n", namespace, "--type", "merge", "-p", &list];
        installed.kubectl(&patch, "").succeeded();
    }
}

fn denies_everything_else(installed: &Installed) {
    let bench = installed.bench;
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
    bench.kubectl(&["create", "-n", &namespace, "-f", "-"], &pull_secret("of-another").to_string()).succeeded();

    let token = secret(name, "kubernetes.io/service-account-token", &json!({}));
    denied(&["create", "-f", "-"], &token.to_string());
    denied(&["create", "-f", "-"], &secret(name, "Opaque", &json!({})).to_string());
    denied(&["create", "-f", "-"], &pull_secret("another-name").to_string());
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
        json!({"imagePullSecrets": [{"name": "one"}, {"name": name}, {"name": name}]}),
    ] {
        denied(&["patch", "serviceaccount", "default", "--type", "merge", "-p", &patch.to_string()], "");
    }
    for (field, value) in forged_fields() {
        let mut forged = pull_secret(name);
        *forged.pointer_mut(field).unwrap() = value;
        forged["metadata"]["name"] = json!(name);
        denied(&["create", "-f", "-"], &forged.to_string());
    }
    writes_into_served_namespaces_only(installed);
    changes_only_what_is_its_own(installed, &namespace);
    let unguarded =
        bench.kubectl(&["create", "--dry-run=server", "-n", &namespace, "-f", "-"], &pull_secret("free").to_string());
    unguarded.succeeded();
}
