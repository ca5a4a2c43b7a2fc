//! Tests which namespaces the controller's policies on ServiceAccounts and on Pods choose.

use serde_json::{Value, json};

use crate::harness::bench::{Bench, documents, fresh};

const LOGINS: &str = r#"{"auths":{"only-here.test":{"auth":"YTpi"}}}"#;
/// The ServiceAccount that the policy on ServiceAccounts is for.
const ACCOUNT: &str = "builder";

/// The active policies of one link.
struct Policies {
    bench: &'static Bench,
    secret: String,
    /// An object without the reference, and the place of its list.
    probe: (Value, &'static str),
}

impl Policies {
    fn of_pods(bench: &'static Bench, flags: &[&str]) -> Self {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"},
            "spec": {"containers": [{"name": "c", "image": "only-here.test/app"}]}});
        Self::applied(bench, (pod, "/spec/imagePullSecrets"), &[&["--link", "policy"], flags].concat())
    }

    fn of_accounts(bench: &'static Bench, flags: &[&str]) -> Self {
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT}});
        Self::applied(bench, (account, "/imagePullSecrets"), &[&["--service-account", ACCOUNT], flags].concat())
    }

    /// Applies only the policies that change objects when they are created.
    fn applied(bench: &'static Bench, probe: (Value, &'static str), flags: &[&str]) -> Self {
        let secret = fresh("secret");
        let render = ["render", "--strategy", "controller", "--controller-image", "registry.test/regcred:1"];
        let render = [&render[..], &["--secret-name", &secret], flags].concat();
        let rendered = documents(&bench.regcred(&render, &[("DOCKERHUB_AUTH", LOGINS)]).succeeded());
        let is_meant = |object: &Value| object["kind"].as_str().unwrap().starts_with("MutatingAdmissionPolicy");
        let items: Vec<_> = rendered.into_iter().filter(is_meant).collect();
        assert_eq!(items.len(), 2, "a policy and its binding");
        bench.apply(&json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()).succeeded();
        Self { bench, secret, probe }
    }

    /// Whether the object gets the reference in this namespace.
    fn reach(&self, namespace: &str) -> bool {
        let create = ["create", "--dry-run=server", "-o", "json", "-n", namespace, "-f", "-"];
        let (probe, list) = &self.probe;
        let created: Value =
            serde_json::from_str(&self.bench.kubectl(&create, &probe.to_string()).succeeded()).unwrap();
        // The policies of another test may add their own references.
        let references = created.pointer(list).and_then(Value::as_array);
        references.is_some_and(|list| list.contains(&json!({"name": self.secret})))
    }

    /// Waits until the served object has it, and then checks the others.
    fn reach_only(&self, served: &str, others: &[String]) {
        Bench::wait("the policy to be in force", || self.reach(served));
        for other in others {
            assert!(!self.reach(other), "{other}");
        }
    }
}

/// Makes a namespace with these annotations and labels, in which Pods can be created.
fn namespace(bench: &Bench, name: String, annotations: &Value, labels: &Value) -> String {
    let metadata = json!({"name": name, "annotations": annotations, "labels": labels});
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata});
    bench.apply(&object.to_string()).succeeded();
    let account = ["get", "serviceaccount", "default", "-n", &name];
    Bench::wait("the ServiceAccount", || bench.kubectl(&account, "").status == 0);
    name
}

#[test]
fn the_policies_on_pods_and_on_service_accounts_choose_the_namespaces_that_the_controller_serves() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let (prefix, shop, none) = (fresh("team"), json!({"team": "shop"}), json!({}));
    let make = |name: &str, annotations: Value, labels: &Value| {
        namespace(bench, name.replace("TEAM", &prefix), &annotations, labels)
    };
    let served = make("TEAM-one", json!({"regcred.dev/exclude": "no"}), &shop);
    let others = [
        make("TEAM-two", json!({"regcred.dev/exclude": "true"}), &shop),
        make("TEAM-three", json!({"k8s.titansoft.com/imagepullsecret-patcher-exclude": "true"}), &shop),
        make("TEAM-out-four", json!({}), &shop),
        make("TEAM-five", json!({}), &none),
        make("other-TEAM", json!({}), &shop),
    ];
    let (include, exclude) = (format!("{prefix}-*"), format!("{prefix}-out-*"));
    let flags = ["--namespaces", &include, "--exclude", &exclude, "--selector", "team=shop"];
    Policies::of_pods(bench, &flags).reach_only(&served, &others);
    Policies::of_accounts(bench, &flags).reach_only(&served, &others);
}

#[test]
fn where_no_namespace_is_named_the_policies_choose_all_but_those_of_the_cluster() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let (name, none) = (fresh("space"), json!({}));
    let make = |name: String| namespace(bench, name, &none, &none);
    let served = make(name.clone());
    let others = [make(format!("kube-{name}")), make(format!("openshift-{name}")), make(format!("out-{name}"))];
    for policies in [Policies::of_pods, Policies::of_accounts] {
        policies(bench, &["--exclude", "out-*"]).reach_only(&served, &others);
    }
}

#[test]
fn a_glob_for_service_accounts_is_as_narrow_in_the_policy_as_it_is_written() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let space = namespace(bench, fresh("space"), &json!({}), &json!({}));
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "ci-one"}});
    let flags = ["--service-account", "ci-*"];
    let mut policies = Policies::applied(bench, (account, "/imagePullSecrets"), &flags);
    Bench::wait("the policy to be in force", || policies.reach(&space));
    policies.probe.0["metadata"]["name"] = json!(ACCOUNT);
    assert!(!policies.reach(&space));
}

#[test]
fn with_custom_resources_a_pod_gets_the_reference_for_an_image_of_any_registry() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let space = namespace(bench, fresh("space"), &json!({}), &json!({}));
    let mut policies = Policies::of_pods(bench, &["--crd"]);
    policies.probe.0["spec"]["containers"][0]["image"] = json!("named-by-a-resource.test/app");
    Bench::wait("the policy to be in force", || policies.reach(&space));
}
