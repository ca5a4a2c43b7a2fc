//! Applies the objects of a controller, and expects `explain`, `apply`, `diff`, `delete` and `status` to respect them.

use serde_json::{Value, json};

use crate::harness::bench::{self, Bench, documents, fresh};
use crate::harness::program::Run;

const LOGINS: &str = r#"{"auths":{"only-here.test":{"auth":"YTpi"}}}"#;
const IMAGE: &str = "only-here.test/app:1";

/// A cluster with a controller, without its Deployment: nothing undoes what the tests do.
struct Cluster {
    bench: &'static Bench,
    owner: String,
    folder: tempfile::TempDir,
}

impl Cluster {
    fn regcred(&self, arguments: &[&str]) -> Run {
        let program = self.bench.program("regcred").variable("DOCKERHUB_AUTH", LOGINS);
        program.arguments(arguments).directory(self.folder.path()).run()
    }

    /// As somebody without the controller's regcred.yaml.
    fn without_file(&self, arguments: &[&str]) -> Run {
        self.regcred(&[arguments, &["--no-config", "--secret-name", &self.owner]].concat())
    }

    /// Applies the controller with these flags for the namespaces that begin with the owner's name.
    fn install(&self, flags: &[&str]) {
        let image = ["--controller-image", "registry.test/regcred:1"];
        let rendered = self.regcred(&[&["render"], &image[..], flags].concat()).succeeded();
        let is_policy = |object: &Value| object["kind"].as_str().unwrap().contains("Policy");
        let is_meant = |object: &Value| is_policy(object) && object["kind"] != "NetworkPolicy";
        let items: Vec<_> = documents(&rendered).into_iter().filter(is_meant).collect();
        let is_marked = |object: &Value| object["metadata"]["annotations"]["regcred.dev/strategy"] == "controller";
        assert!(items.iter().all(is_marked) && items.len() >= 4, "{rendered}");
        self.bench.apply(&json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()).succeeded();
    }

    fn namespace(&self, suffix: &str, annotations: &Value) -> String {
        let name = format!("{}-{suffix}", self.owner);
        let metadata = json!({"name": name, "annotations": annotations});
        self.bench
            .apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}).to_string())
            .succeeded();
        let account = ["get", "serviceaccount", "default", "-n", &name];
        Bench::wait("the ServiceAccount", || self.bench.kubectl(&account, "").status == 0);
        name
    }

    /// The cause, and the message about it.
    fn explained(&self, namespace: &str, account: &str) -> (String, String) {
        let explain = ["explain", "image", IMAGE, "-n", namespace, "--service-account", account, "--offline"];
        let said = self.regcred(&[&explain[..], &["--no-config", "--format", "json"]].concat()).succeeded();
        let answer: Value = serde_json::from_str(&said).unwrap();
        let image = &answer["images"][0];
        (image["cause"].as_str().unwrap().to_owned(), format!("{} {}", image["about"], image["remedy"]))
    }
}

fn cluster() -> Option<Cluster> {
    let bench = Bench::with_a_cluster_of_its_own(&[])?;
    let (owner, folder) = (fresh("owner"), tempfile::tempdir().unwrap());
    let pull_secret =
        json!({"name": owner, "namespaces": {"include": [format!("{owner}-*")], "exclude": [format!("{owner}-out*")]}});
    let config = json!({"apiVersion": "regcred.dev/v1alpha1", "kind": "RegistryCredentials", "metadata": {"name": owner},
        "spec": {"strategy": "controller", "pullSecrets": [pull_secret]}});
    bench::write(&folder.path().join("regcred.yaml"), &config.to_string());
    Some(Cluster { bench, owner, folder })
}

#[test]
fn a_controllers_policies_are_read_for_what_they_are_and_no_other_run_replaces_them() {
    let Some(cluster) = cluster() else { return };
    let none = json!({});
    let served = cluster.namespace("one", &none);
    let excluded = cluster.namespace("out", &none);
    let opted_out = cluster.namespace("two", &json!({"regcred.dev/exclude": "true"}));
    for namespace in [&served, &excluded, &opted_out] {
        cluster.bench.kubectl(&["create", "serviceaccount", "web", "-n", namespace], "").succeeded();
    }

    // The policy is for ServiceAccounts, not for Pods, and serves only `default`.
    cluster.install(&[]);
    let (cause, said) = cluster.explained(&served, "web");
    assert!(cause == "no-reference" && said.contains("`web`, which is not served"), "{cause} {said}");
    let (cause, said) = cluster.explained(&served, "default");
    assert!(cause == "no-reference" && !said.contains("not served"), "{cause} {said}");
    assert!(
        said.contains("change the login or the regcred.yaml of the controller, which serves this cluster"),
        "{said}"
    );
    assert_eq!(cluster.explained(&excluded, "default").0, "no-reference");

    // The policy on Pods has the choice of namespaces in its expression.
    cluster.install(&["--link", "policy"]);
    assert_eq!(cluster.explained(&served, "web").0, "policy-later");
    let (cause, said) = cluster.explained(&excluded, "web");
    assert!(cause == "policy-excludes" && said.contains("in the controller's regcred.yaml"), "{cause} {said}");
    let (cause, said) = cluster.explained(&opted_out, "web");
    let command = format!("`kubectl annotate namespace {opted_out} regcred.dev/exclude-`");
    assert!(cause == "namespace-excluded" && said.contains(&command), "{cause} {said}");

    // Somebody else's run leaves them as they are.
    let before = || {
        let both = "mutatingadmissionpolicies,mutatingadmissionpolicybindings";
        let all = cluster.bench.get(&[both])["items"].clone();
        let versions = all.as_array().unwrap().iter().map(|one| one["metadata"]["resourceVersion"].clone());
        versions.collect::<Vec<_>>()
    };
    let versions = before();
    let run = cluster.without_file(&["apply", "--link", "policy", "-n", &served]);
    assert_eq!(run.status, 1, "{}", run.stderr);
    assert!(run.stderr.contains("is managed by the controller of this owner"), "{}", run.stderr);
    let run = cluster.without_file(&["diff", "--link", "policy", "-n", &served]);
    assert!(run.status == 3 && run.stdout.contains("refuse MutatingAdmissionPolicy/"), "{}", run.stdout);
    assert!(run.stdout.contains("managed by the controller of this owner"), "{}", run.stdout);
    assert_eq!(before(), versions);
    let missing = cluster.bench.kubectl(&["get", "secret", &cluster.owner, "-n", &served], "");
    assert_ne!(missing.status, 0, "nothing is written where something is refused");

    // A warning says that the controller would undo the run.
    let run = cluster.without_file(&["apply", "-n", &served]);
    assert!(run.status == 0 && run.stderr.contains("a controller of this owner serves"), "{}", run.stderr);
    let run = cluster.without_file(&["apply", "-n", &served]);
    assert!(run.status == 0 && !run.stderr.contains("a controller"), "nothing is undone: {}", run.stderr);
    let run = cluster.without_file(&["delete", "-n", &served, "--dry-run"]);
    assert!(run.stderr.contains("a controller of this owner serves"), "{}", run.stderr);
    let name = format!("regcred-{}", cluster.owner);
    let template =
        json!({"metadata": {"labels": {"app": "c"}}, "spec": {"containers": [{"name": "c", "image": IMAGE}]}});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": excluded, "labels": {"app.kubernetes.io/managed-by": "regcred"},
            "annotations": {"regcred.dev/owner": cluster.owner}},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "c"}}, "template": template}});
    cluster.bench.apply(&deployment.to_string()).succeeded();
    let run = cluster.without_file(&["delete", "-A", "--yes"]);
    assert!(run.status == 1 && run.stderr.contains("this controller serves the cluster"), "{}", run.stderr);
    assert_eq!(before(), versions);
    let run = cluster.regcred(&["delete", "-A", "--dry-run"]);
    assert_eq!(run.status, 3, "that of the controller's own file: {}", run.stderr);
    cluster.bench.kubectl(&["delete", "deployment", &name, "-n", &excluded], "").succeeded();
    assert_eq!(cluster.without_file(&["delete", "-A", "--yes"]).status, 0, "without its Deployment it is left over");
    assert_ne!(before(), versions);
}

#[test]
fn a_cluster_with_a_controller_is_looked_at_with_the_controllers_own_file() {
    let Some(cluster) = cluster() else { return };
    let served = cluster.namespace("one", &json!({}));
    cluster.namespace("out", &json!({}));
    let own = ["--config", "own.yaml"];
    let pull_secret = json!({"name": cluster.owner});
    let config = json!({"apiVersion": "regcred.dev/v1alpha1", "kind": "RegistryCredentials", "metadata": {"name": cluster.owner},
        "spec": {"strategy": "controller", "controller": {"namespace": served}, "pullSecrets": [pull_secret]}});
    bench::write(&cluster.folder.path().join("own.yaml"), &config.to_string());

    let run = cluster.regcred(&["status"]);
    assert_eq!(run.status, 3, "{}", run.stderr);
    assert!(run.stdout.contains(&format!("{served} ")) && !run.stdout.contains("-out"), "{}", run.stdout);
    let run = cluster.regcred(&["diff"]);
    assert!(run.status == 3 && run.stdout.contains("create Secret/"), "{} {}", run.stdout, run.stderr);
    // Without a choice a controller serves every namespace but its own.
    let run = cluster.regcred(&[&["status", "-A"], &own[..]].concat());
    assert!(run.status == 3 && !run.stdout.contains(&format!("{served} ")), "{} {}", run.stdout, run.stderr);
    let explain = ["explain", "image", IMAGE, "-n", &served, "--offline"];
    assert!(cluster.regcred(&explain).succeeded().contains("cause: "));
    let run = cluster.regcred(&["apply"]);
    assert!(run.status == 2 && run.stderr.contains("would write them a second time"), "{}", run.stderr);
}
