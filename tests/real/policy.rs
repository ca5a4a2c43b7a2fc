//! Tests `--link policy` on the real API server: which Pods get the reference, and that nothing else changes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::bench::{self, Bench, difference, documents, fresh};

/// Logins for Docker Hub and one other registry.
const LOGINS: &str = r#"{"auths":{"docker.io":{"auth":"YTpi"},"ghcr.io":{"auth":"YTpi"}}}"#;

/// A policy that is active in one namespace; its Secret has a unique name, so that tests do not collide.
struct Policy {
    bench: &'static Bench,
    namespace: String,
    secret: String,
}

impl Policy {
    /// Applies the output of `render` for these logins, and waits until a Pod without the reference gets it.
    fn in_force(bench: &'static Bench, logins: &str, image: &str) -> Self {
        let [namespace] = bench.namespaces();
        let secret = fresh("secret");
        let arguments = ["render", "--link", "policy", "--namespaces", &namespace, "--secret-name", &secret];
        let manifests = bench.regcred(&arguments, &[("DOCKERHUB_AUTH", logins)]).succeeded();
        bench.apply(&manifests).succeeded();
        let policy = Self { bench, namespace, secret };
        policy.wait_until_in_force(image);
        policy
    }

    fn wait_until_in_force(&self, image: &str) {
        // Then a failure of the policy is also an error of the tests.
        let read_back = self.bench.get(&["mutatingadmissionpolicy", &self.secret]);
        assert_eq!(read_back["spec"]["failurePolicy"], "Fail");
        let probe = pod("probe", &json!({"containers": [{"name": "c", "image": image}]}));
        let is_in_force = || self.is_referred_to(&self.admitted(std::slice::from_ref(&probe))[0]);
        Bench::wait("the policy to be in force", is_in_force);
    }

    /// The API server's result for these Pods, as a dry run.
    fn admitted(&self, pods: &[Value]) -> Vec<Value> {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": pods}).to_string();
        let create = ["create", "--dry-run=server", "-o", "json", "-n", &self.namespace, "-f", "-"];
        documents(&self.bench.kubectl(&create, &list).succeeded())
    }

    fn is_referred_to(&self, pod: &Value) -> bool {
        references(pod).contains(&self.secret.as_str())
    }
}

fn pod(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
}

fn references(pod: &Value) -> Vec<&str> {
    pod["spec"]["imagePullSecrets"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|entry| entry["name"].as_str())
        .collect()
}

#[test]
fn a_pod_keeps_what_it_has_and_gets_the_reference_once_at_the_end() {
    let Some(bench) = Bench::with(&[]) else { return };
    let policy = Policy::in_force(bench, LOGINS, "nginx");
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "linked"},
        "imagePullSecrets": [{"name": "of-the-account"}]});
    bench.kubectl(&["create", "-n", &policy.namespace, "-f", "-"], &account.to_string()).succeeded();
    let containers = json!([{"name": "c", "image": "nginx"}]);
    let own = |names: &[&str]| names.iter().map(|name| json!({"name": name})).collect::<Vec<_>>();
    let secret = policy.secret.as_str();
    for (spec, expected) in [
        (json!({}), vec![secret]),
        (json!({"imagePullSecrets": []}), vec![secret]),
        (json!({"imagePullSecrets": own(&["theirs"])}), vec!["theirs", secret]),
        (json!({"imagePullSecrets": own(&["z", "a"])}), vec!["z", "a", secret]),
        (json!({"imagePullSecrets": own(&[secret, "theirs"])}), vec![secret, "theirs"]),
        (json!({"serviceAccountName": "linked"}), vec!["of-the-account", secret]),
        (json!({"serviceAccountName": "linked", "imagePullSecrets": own(&["theirs"])}), vec!["theirs", secret]),
    ] {
        let mut spec = spec;
        spec["containers"] = containers.clone();
        let asked = pod("x", &spec);
        let admitted = policy.admitted(std::slice::from_ref(&asked)).remove(0);
        assert_eq!(references(&admitted), expected, "{spec}");
        let mut unlinked = asked;
        unlinked["spec"].as_object_mut().unwrap().remove("imagePullSecrets");
        assert_eq!(difference(&unlinked, &admitted), None, "{spec}");
    }
}

#[test]
fn one_image_of_the_registries_anywhere_in_the_pod_is_enough() {
    let Some(bench) = Bench::with(&[]) else { return };
    let policy = Policy::in_force(bench, LOGINS, "nginx");
    let (ours, other) =
        (json!({"name": "a", "image": "ghcr.io/acme/api"}), json!({"name": "b", "image": "quay.io/x/y"}));
    let volume = |image: &str| json!([{"name": "v", "image": {"reference": image}}]);
    for (spec, expected) in [
        (json!({"containers": [other]}), false),
        (json!({"containers": [other, ours]}), true),
        (json!({"containers": [other], "initContainers": [ours]}), true),
        (json!({"containers": [ours], "initContainers": [other]}), true),
        (json!({"containers": [other], "volumes": volume("ghcr.io/acme/model:1")}), true),
        (json!({"containers": [other], "volumes": volume("quay.io/acme/model:1")}), false),
        (json!({"containers": [other], "volumes": [{"name": "v", "emptyDir": {}}]}), false),
    ] {
        assert_eq!(policy.is_referred_to(&policy.admitted(&[pod("x", &spec)])[0]), expected, "{spec}");
    }
}

#[test]
fn a_very_large_pod_stays_within_what_an_expression_may_cost() {
    let Some(bench) = Bench::with(&[]) else { return };
    let auths: serde_json::Map<_, _> =
        (0..50).map(|number| (format!("registry-{number}.example.com:8443/team"), json!({"auth": "YTpi"}))).collect();
    let policy = Policy::in_force(bench, &json!({"auths": auths}).to_string(), "registry-7.example.com:8443/team/api");
    let containers: Vec<_> = (0..200)
        .map(|number| json!({"name": format!("c{number}"), "image": format!("other.example.com/{}", "path/".repeat(40) + "x")}))
        .collect();
    assert!(!policy.is_referred_to(&policy.admitted(&[pod("large", &json!({"containers": containers}))])[0]));
}

#[test]
fn the_policy_and_verify_agree_on_every_image() {
    let Some(bench) = Bench::with(&[]) else { return };
    let images = [
        "nginx",
        "nginx:1.27",
        "nginx@sha256:0000000000000000000000000000000000000000000000000000000000000000",
        "acme/api",
        "acme/api:1",
        "acmeco/api",
        "acme.x/api",
        "library/nginx",
        "docker.io/nginx",
        "docker.io/acme/api",
        "docker.io/library/nginx:1",
        "index.docker.io/nginx",
        "index.docker.io/acme/api:2",
        "registry-1.docker.io/acme/api",
        "registry.hub.docker.com/acme/api",
        "localhost/x",
        "localhost:5000/x",
        "localhost:5000/x:1",
        "localhost.localdomain/x",
        "localhostx/y",
        "Team/api",
        "ghcr.io/acme/api",
        "ghcr.io/acme/api:1.4@sha256:0000000000000000000000000000000000000000000000000000000000000000",
        "ghcr.io/acmeco/api",
        "ghcr.io/acme",
        "ghcr.io/acme:1",
        "ghcr.io/other/api",
        "ghcr.io:443/acme/api",
        "GHCR.io/acme/api",
        "ghcrxio/acme/api",
        "ghcr.io.evil.test/acme/api",
        "evil.test/ghcr.io/acme/api",
        "123.dkr.ecr.eu-west-1.amazonaws.com/api",
        "dkr.ecr.eu-west-1.amazonaws.com/api",
        "a.b.dkr.ecr.eu-west-1.amazonaws.com/api",
        "quay.io/a/b/c/d",
        "quay.io/a",
        "a:8443/x",
        "a/x",
        "harbor.test:8443/team/api:1",
        "harbor.test/team/api",
        "harbor.test:8443/teams/api",
        "10.0.0.1:5000/x",
        "10.0.0.1/x",
    ];
    for keys in [
        &["docker.io"][..],
        &["https://index.docker.io/v1/", "ghcr.io/acme"],
        &["docker.io/acme"],
        &["docker.io/library"],
        &["docker.io/acme/api", "ghcr.io/acme:1"],
        &["index.docker.io/acme", "https://ghcr.io/v2/"],
        &["registry-1.docker.io", "*.dkr.ecr.eu-west-1.amazonaws.com"],
        &["localhost", "a:8443"],
        &["localhost:5000", "GHCR.io"],
        &["*.io", "harbor.test:8443/team"],
        &["quay.io/a/b", "ghcr.io:443", "10.0.0.1"],
        &["gh*r.io", "harbor.test:8443/team/"],
        &["docker.io", "localhost", "registry.hub.docker.com/acme"],
        &["*.*", "*.*.*.*:5000"],
    ] {
        let auths: serde_json::Map<_, _> =
            keys.iter().map(|key| ((*key).to_owned(), json!({"auth": "YTpi"}))).collect();
        let logins = json!({"auths": auths}).to_string();
        let verified: Vec<bool> = images
            .iter()
            .map(|image| {
                let arguments = ["verify", "--image", image, "--format", "json"];
                let answer = bench.regcred(&arguments, &[("DOCKERHUB_AUTH", &logins)]).succeeded();
                let answer: Value = serde_json::from_str(&answer).unwrap();
                !answer["matches"].as_array().unwrap().is_empty()
            })
            .collect();
        let Some(known) = images.iter().zip(&verified).find(|(_, matches)| **matches) else {
            panic!("no image tells when the policy for {keys:?} is in force");
        };
        let policy = Policy::in_force(bench, &logins, known.0);
        let pods: Vec<_> = images
            .iter()
            .enumerate()
            .map(|(number, image)| pod(&format!("p{number}"), &json!({"containers": [{"name": "c", "image": image}]})))
            .collect();
        let admitted: Vec<bool> = policy.admitted(&pods).iter().map(|pod| policy.is_referred_to(pod)).collect();
        for ((image, verified), admitted) in images.iter().zip(verified).zip(admitted) {
            assert_eq!(admitted, verified, "{image} with {keys:?}: the policy first, then verify");
        }
    }
}

#[test]
fn pods_of_deployments_and_jobs_get_the_reference_and_older_pods_stay_as_they_are() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    let create = |object: &Value| {
        bench.kubectl(&["create", "-n", &namespace, "-f", "-"], &object.to_string()).succeeded();
    };
    let spec = json!({"restartPolicy": "Never", "containers": [{"name": "c", "image": "ghcr.io/acme/api"}]});
    create(&pod("older", &spec));
    let secret = fresh("secret");
    let arguments = ["render", "--link", "policy", "--namespaces", &namespace, "--secret-name", &secret];
    bench.apply(&bench.regcred(&arguments, &[("DOCKERHUB_AUTH", LOGINS)]).succeeded()).succeeded();
    let policy = Policy { bench, namespace: namespace.clone(), secret };
    policy.wait_until_in_force("nginx");

    let entries = json!([{"name": "of-the-account"}]);
    for (name, entries) in [("newer", json!([])), ("with-entries", entries)] {
        create(&json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name},
            "imagePullSecrets": entries}));
    }
    let accounts = ["default", "newer", "with-entries"];
    for account in accounts {
        let mut spec = spec.clone();
        spec["serviceAccountName"] = json!(account);
        create(&json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": account},
            "spec": {"template": {"spec": spec}}}));
        let labels = json!({"app": account});
        create(&json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": account},
            "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
                "spec": {"serviceAccountName": account, "containers": [{"name": "c", "image": "nginx"}]}}}}));
    }
    let pods = || bench.get(&["pods", "-n", &namespace])["items"].as_array().unwrap().clone();
    Bench::wait("the Pods of the Deployments and the Jobs", || pods().len() == 1 + accounts.len() * 3);
    let expected = |pod: &Value| match (pod["metadata"]["name"].as_str(), pod["spec"]["serviceAccountName"].as_str()) {
        (Some("older"), _) => vec![],
        (_, Some("with-entries")) => vec!["of-the-account", &policy.secret],
        _ => vec![policy.secret.as_str()],
    };
    let pods = pods();
    for pod in &pods {
        assert_eq!(references(pod), expected(pod), "{pod}");
    }

    // A Pod can still be debugged, also with an image of the registries, whether it is older or has the reference.
    let is_older = |pod: &&Value| pod["metadata"]["name"] == "older";
    let [older, linked] = [pods.iter().find(is_older).unwrap(), pods.iter().find(|pod| !is_older(pod)).unwrap()];
    for pod in [older, linked] {
        let name = pod["metadata"]["name"].as_str().unwrap();
        let debug =
            ["debug", name, "-n", &namespace, "--image=ghcr.io/acme/tools", "-c", "debugger", "--profile=general"];
        bench.kubectl(&debug, "").succeeded();
        let debugged = bench.get(&["pod", name, "-n", &namespace]);
        assert_eq!(debugged["spec"]["ephemeralContainers"][0]["name"], "debugger");
        assert_eq!(references(&debugged), expected(pod), "{name}");
    }
}

#[test]
fn mirror_pods_and_other_namespaces_are_left_alone() {
    let Some(bench) = Bench::with(&[]) else { return };
    let policy = Policy::in_force(bench, LOGINS, "nginx");
    let containers = json!([{"name": "c", "image": "nginx"}]);
    let mut mirror = pod("mirror", &json!({"nodeName": "node", "containers": containers}));
    mirror["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "x"});
    let mut annotated = pod("annotated", &json!({"containers": containers}));
    annotated["metadata"]["annotations"] = json!({"acme.test/other": "x"});
    let admitted = policy.admitted(&[mirror, annotated]);
    assert_eq!(references(&admitted[0]), Vec::<&str>::new());
    assert!(policy.is_referred_to(&admitted[1]));

    let [namespace] = bench.namespaces();
    let other = Policy { namespace, ..policy };
    assert_eq!(references(&other.admitted(&[pod("x", &json!({"containers": containers}))])[0]), Vec::<&str>::new());
}

#[test]
fn the_policy_of_a_patcher_reaches_every_namespace_but_the_excluded_ones() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let [served, excluded] = bench.namespaces();
    let (secret, patcher, left_out) = (fresh("secret"), fresh("patcher"), format!("kube-system,{excluded}"));
    // Another registry, because the policy also applies to the Pods of every other test.
    let logins = r#"{"auths":{"only-here.test":{"auth":"YTpi"}}}"#;
    let arguments = ["render", "--strategy", "patcher", "--link", "policy", "--patcher-namespace", &patcher];
    let arguments = [&arguments[..], &["--secret-name", &secret, "--exclude", &left_out]].concat();
    bench.apply(&bench.regcred(&arguments, &[("DOCKERHUB_AUTH", logins)]).succeeded()).succeeded();
    let mut policy = Policy { bench, namespace: served, secret };
    policy.wait_until_in_force("only-here.test/app");

    let one = |image: &str| [pod("x", &json!({"containers": [{"name": "c", "image": image}]}))];
    // A namespace that is newer than the policy is served like an older one.
    [policy.namespace] = bench.namespaces();
    assert!(policy.is_referred_to(&policy.admitted(&one("only-here.test/app"))[0]));
    assert!(!policy.is_referred_to(&policy.admitted(&one("elsewhere.test/app"))[0]));
    policy.namespace = excluded;
    assert!(!policy.is_referred_to(&policy.admitted(&one("only-here.test/app"))[0]));
    let binding = ["delete", "mutatingadmissionpolicybinding,mutatingadmissionpolicy", &policy.secret];
    bench.kubectl(&binding, "").succeeded();
}

#[test]
fn a_namespace_without_the_secret_still_gets_its_pods_and_without_the_policy_all_is_as_before() {
    let Some(bench) = Bench::with(&[]) else { return };
    let policy = Policy::in_force(bench, LOGINS, "nginx");
    let (namespace, secret) = (policy.namespace.as_str(), policy.secret.as_str());
    bench.kubectl(&["delete", "secret", secret, "-n", namespace], "").succeeded();
    let spec = json!({"containers": [{"name": "c", "image": "nginx"}]});
    let create = |name| {
        bench.kubectl(&["create", "-n", namespace, "-f", "-"], &pod(name, &spec).to_string()).succeeded();
        bench.get(&["pod", name, "-n", namespace])
    };
    assert!(policy.is_referred_to(&create("without-the-secret")));

    let kinds = "mutatingadmissionpolicybinding,mutatingadmissionpolicy";
    bench.kubectl(&["delete", kinds, secret], "").succeeded();
    let probe = pod("probe", &spec);
    Bench::wait("the policy to be gone", || !policy.is_referred_to(&policy.admitted(std::slice::from_ref(&probe))[0]));
    assert_eq!(references(&create("without-the-policy")), Vec::<&str>::new());
    bench.kubectl(&["label", "pod", "without-the-secret", "still=changeable", "-n", namespace], "").succeeded();
    bench.kubectl(&["delete", "pods", "--all", "--grace-period=0", "--force", "-n", namespace], "").succeeded();
}

/// The names of all cluster-wide objects, including namespaces.
fn cluster_scoped(bench: &Bench) -> BTreeSet<String> {
    let kinds = ["api-resources", "--namespaced=false", "--verbs=list,delete", "-o", "name"];
    let kinds = bench.kubectl(&kinds, "").succeeded().split_whitespace().collect::<Vec<_>>().join(",");
    bench.kubectl(&["get", &kinds, "-o", "name"], "").succeeded().lines().map(str::to_owned).collect()
}

#[test]
fn on_a_cluster_that_is_there_these_tests_leave_nothing_behind() {
    let Some(bench) = Bench::alone() else { return };
    let before = cluster_scoped(bench);
    let tests = bench.program(std::env::current_exe().unwrap().to_str().unwrap()).arguments(["--exact"]).arguments([
        "policy::a_pod_keeps_what_it_has_and_gets_the_reference_once_at_the_end",
        "policy::mirror_pods_and_other_namespaces_are_left_alone",
        "policy::the_policy_of_a_patcher_reaches_every_namespace_but_the_excluded_ones",
    ]);
    let tests = tests.variable("REGCRED_USE_KUBECONFIG", "1").variable("REGCRED_TOOLS", bench::tools(&[]).unwrap());
    // To the end of the output, because the cleanup uses it, too.
    let run = tests.run();
    assert_eq!(run.stderr.matches("SKIPPED: not on a cluster that others may use\n").count(), 1, "{run:?}");
    assert!(run.succeeded().contains("test result: ok. 3 passed"));
    assert_eq!(cluster_scoped(bench), before);
}
