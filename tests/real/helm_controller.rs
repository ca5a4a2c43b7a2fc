//! Lints, templates, installs, upgrades and uninstalls the chart of the controller with the real helm.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::helm::{LOGINS, OTHER_LOGINS, chart, helm, makes_what_the_stream_makes};
use crate::harness::bench::{self, Bench, Run, documents, fresh};
use crate::harness::controller::{DEFINITION, knows_the_resource};

const IMAGE: &str = "registry.test/regcred:1";

/// The chart for names that no other test uses.
struct Release {
    bench: &'static Bench,
    folder: TempDir,
    secret: String,
    /// The controller's namespace.
    home: String,
}

impl Release {
    fn new(bench: &'static Bench, more: &[&str]) -> Self {
        let [secret, home] = ["secret", "controller"].map(fresh);
        let folder = render(bench, &secret, &home, LOGINS, more);
        Self { bench, folder, secret, home }
    }

    /// `helm COMMAND` for the release in this namespace.
    fn helm(&self, command: &[&str], namespace: &str, more: &[&str]) -> Run {
        helm(self.bench, &self.folder, &[command, &["--namespace", namespace], more].concat())
    }

    fn install(&self, namespace: &str, more: &[&str]) -> Run {
        let install = ["upgrade", "--install", &self.secret, "chart", "--create-namespace"];
        self.helm(&install, namespace, more)
    }

    fn get(&self, kind: &str) -> Value {
        self.bench.get(&[kind, &format!("regcred-{}", self.secret), "-n", &self.home])
    }

    fn source(&self) -> Value {
        self.bench.get(&["secret", &format!("{}-src", self.secret), "-n", &self.home])
    }

    /// The API server's answer when the account writes its Secret as a token for another account.
    fn forbidden(&self) -> Run {
        let account = format!("system:serviceaccount:{}:regcred-{}", self.home, self.secret);
        let annotations = json!({"kubernetes.io/service-account.name": "default"});
        let token = json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"name": self.secret, "namespace": self.home, "annotations": annotations}});
        let apply = ["apply", "--server-side", "--dry-run=server", "--as", &account, "-f", "-"];
        self.bench.kubectl(&apply, &token.to_string())
    }
}

fn render(bench: &Bench, secret: &str, home: &str, logins: (&str, &str), more: &[&str]) -> TempDir {
    let namespaces = format!("{secret}-*");
    let flags = ["--strategy", "controller", "--controller-image", IMAGE, "--controller-namespace", home];
    chart(bench, &[&flags[..], &["--secret-name", secret, "--namespaces", &namespaces], more].concat(), logins)
}

#[test]
fn the_chart_of_the_controller_is_linted_and_makes_what_the_stream_makes() {
    let Some(bench) = Bench::with(&["helm"]) else { return };
    for link in ["none", "policy", "service-account"] {
        for profile in [None, Some("argocd"), Some("flux"), Some("helm")] {
            let replicas = if profile.is_some() { "1" } else { "3" };
            let mut flags = vec!["--strategy", "controller", "--controller-image", IMAGE, "--link", link];
            flags.extend(["--namespaces", "on,team-a,012", "--exclude", "y", "--replicas", replicas]);
            flags.extend(profile.into_iter().flat_map(|profile| ["--profile", profile]));
            flags.extend((link == "policy").then_some("--crd"));
            let (folder, made) = makes_what_the_stream_makes(bench, &flags);
            for object in &made {
                let keep = object["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep";
                let kept = object["kind"] == "Namespace" || object["kind"] == "CustomResourceDefinition";
                assert_eq!(keep, kept, "{flags:?} {}", object["kind"]);
            }
            // The namespace of the release exists before.
            let there = documents(
                &helm(bench, &folder, &["template", "x", "chart", "--namespace", "regcred-system"]).succeeded(),
            );
            assert!(there.len() == made.len() - 1 && there.iter().all(|object| object["kind"] != "Namespace"));
        }
    }
}

#[test]
fn the_values_of_the_controllers_chart_are_those_of_its_pods() {
    let Some(bench) = Bench::with(&["helm"]) else { return };
    let folder = render(bench, "pull", "regcred-system", LOGINS, &[]);
    let with = |values: Value| {
        let given = bench.program("helm").directory(folder.path());
        let given = given.arguments(["template", "x", "chart", "--values", "-"]).stdin(&values.to_string());
        documents(&given.run().succeeded())
    };
    let find = |objects: &[Value], kind: &str| objects.iter().find(|object| object["kind"] == kind).cloned();
    let tolerations = json!([{"key": "on", "operator": "Exists"}]);
    let made = with(json!({"image": "r.test/x@sha256:0", "replicas": 1, "resources": {"limits": {"memory": "1Gi"}},
        "nodeSelector": {"disk": "on"}, "tolerations": tolerations, "priorityClassName": "high",
        "affinity": {"nodeAffinity": {}}, "pullSecrets": {"pull": {"dockerConfigJson": "eyJhdXRocyI6e319"}}}));
    let deployment = find(&made, "Deployment").unwrap();
    assert_eq!(deployment["spec"]["replicas"], 1);
    assert_eq!(find(&made, "PodDisruptionBudget"), None);
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["containers"][0]["image"], "r.test/x@sha256:0");
    assert_eq!(pod["containers"][0]["resources"]["limits"], json!({"memory": "1Gi"}));
    assert_eq!(pod["nodeSelector"], json!({"disk": "on"}));
    assert_eq!(pod["tolerations"], tolerations);
    assert_eq!(pod["priorityClassName"], "high");
    assert_eq!(pod["affinity"], json!({"nodeAffinity": {}}));
    assert_eq!(find(&made, "Secret").unwrap()["data"], json!({".dockerconfigjson": "eyJhdXRocyI6e319"}));
    assert!(find(&made, "PodMonitor").is_none() && find(&made, "PrometheusRule").is_none());
    let monitoring = json!({"enabled": true, "labels": {"release": "on"}});
    let made = with(json!({"podMonitor": monitoring, "prometheusRule": monitoring}));
    for kind in ["PodMonitor", "PrometheusRule"] {
        let labels = json!({"release": "on", "app.kubernetes.io/managed-by": "Helm"});
        assert_eq!(find(&made, kind).unwrap()["metadata"]["labels"], labels);
    }
}

#[test]
fn values_that_the_controllers_chart_does_not_know_are_refused_without_a_value() {
    let Some(bench) = Bench::with(&["helm"]) else { return };
    let folder = render(bench, "pull", "regcred-system", LOGINS, &[]);
    for (set, name) in [
        // Rights and policies are for the names for which the chart was rendered.
        ("pullSecrets.other.dockerConfigJson=s3cr3t", "other"),
        ("pullSecrets.pull.dockerConfigJSON=s3cr3t", "dockerConfigJSON"),
        ("password=s3cr3t", "password"),
        ("podMonitor.on=s3cr3t", "on"),
        ("replicas=0", "replicas"),
        ("image=", "image"),
        ("pullSecrets.pull.dockerConfigJson=", "pullSecrets.pull.dockerConfigJson is empty"),
    ] {
        let said = helm(bench, &folder, &["template", "x", "chart", "--set", set]).failed();
        assert!(said.contains(name) && !said.contains("s3cr3t"), "{set}: {said}");
    }
    let old = helm(bench, &folder, &["template", "x", "chart", "--kube-version", "v1.35.4"]).failed();
    assert!(old.contains("chart requires kubeVersion: >=1.36.0-0"), "{old}");
}

#[test]
fn the_controller_is_installed_confined_rotated_and_uninstalled_by_helm() {
    let Some(bench) = Bench::with(&["helm"]) else { return };
    let release = Release::new(bench, &[]);
    release.install(&release.home, &[]).succeeded();
    let image = |deployment: &Value| deployment["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    assert_eq!(image(&release.get("deployment")), IMAGE);
    let policy = || {
        let name = format!("regcred-{}-secrets", release.secret);
        bench.get(&["validatingadmissionpolicy", &name])["metadata"]["uid"].clone()
    };
    let (before, source) = (policy(), release.source());
    Bench::wait("the policy to be in force", || {
        let said = release.forbidden();
        said.status != 0 && said.stderr.contains(&format!("ValidatingAdmissionPolicy 'regcred-{}", release.secret))
    });

    let rotated = Release {
        folder: render(bench, &release.secret, &release.home, OTHER_LOGINS, &[]),
        secret: release.secret.clone(),
        home: release.home.clone(),
        bench,
    };
    rotated.install(&release.home, &["--set", "image=registry.test/regcred:2"]).succeeded();
    assert_eq!(image(&release.get("deployment")), "registry.test/regcred:2");
    assert_ne!(release.source()["data"], source["data"]);
    // Neither the Secret nor a policy is ever missing.
    assert_eq!(release.source()["metadata"]["uid"], source["metadata"]["uid"]);
    assert_eq!(policy(), before);

    release.helm(&["uninstall", &release.secret], &release.home, &[]).succeeded();
    for kind in [
        "validatingadmissionpolicies,validatingadmissionpolicybindings",
        "clusterroles,clusterrolebindings",
        "mutatingadmissionpolicies,mutatingadmissionpolicybindings",
    ] {
        assert!(!bench.get(&[kind]).to_string().contains(&release.secret), "of {kind} something is left");
    }
    for kind in ["deployment", "secret", "configmap", "role", "rolebinding", "networkpolicy", "poddisruptionbudget"] {
        let left = bench.get(&[kind, "-n", &release.home]).to_string();
        assert!(
            !left.contains(&format!("{}-src", release.secret))
                && !left.contains(&format!("regcred-{}\"", release.secret)),
            "{left}"
        );
    }
}

#[test]
fn a_release_in_another_namespace_makes_that_of_the_controller_and_keeps_it() {
    let Some(bench) = Bench::with(&["helm"]) else { return };
    let [own] = bench.namespaces();
    let release = Release::new(bench, &[]);
    release.install(&own, &[]).succeeded();
    let namespace = || bench.get(&["namespace", &release.home])["metadata"].clone();
    assert_eq!(namespace()["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
    release.get("deployment");
    release.helm(&["uninstall", &release.secret], &own, &[]).succeeded();
    assert_eq!(namespace()["deletionTimestamp"], Value::Null);
}

#[test]
fn the_definition_of_custom_resources_comes_with_each_upgrade_and_outlives_the_release() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&["helm"]) else { return };
    let release = Release::new(bench, &["--crd"]);
    let template = release.folder.path().join("chart/templates/customresourcedefinition.yaml");
    let newer = fs::read_to_string(&template).unwrap();
    bench::write(&template, &newer.replace("- name: Reason", "- name: Since"));
    release.install(&release.home, &[]).succeeded();
    knows_the_resource(bench);
    let resource = json!({"apiVersion": "regcred.dev/v1alpha1", "kind": "RegistryCredentials", "metadata": {"name": "team"},
        "spec": {"pullSecrets": [{"name": release.secret, "namespaces": {"include": [format!("{}-a", release.secret)]},
            "logins": [{"dockerConfig": {"secret": format!("{}-src", release.secret)}}]}]}});
    bench.kubectl(&["apply", "-f", "-"], &resource.to_string()).succeeded();
    let definition = || bench.get(&["crd", DEFINITION]);
    let columns = || definition()["spec"]["versions"][0]["additionalPrinterColumns"].to_string();
    let uid = definition()["metadata"]["uid"].clone();
    assert!(columns().contains("Since"), "the definition of an older version");
    bench::write(&template, &newer);
    release.install(&release.home, &[]).succeeded();
    assert!(columns().contains("Reason"), "{}", columns());
    release.helm(&["uninstall", &release.secret], &release.home, &[]).succeeded();
    assert_eq!(definition()["metadata"]["uid"], uid);
    assert_eq!(bench.get(&["registrycredentials", "team"])["spec"], resource["spec"]);
}
