//! Lints, templates, installs, upgrades and uninstalls charts and values with the real helm.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::bench::{self, Bench, Run, documents, fresh};

pub const LOGINS: (&str, &str) = ("DOCKERHUB_AUTH", r#"{"auths":{"docker.io":{"auth":"YWNtZS1ib3Q6czNjcjN0"}}}"#);
pub const OTHER_LOGINS: (&str, &str) =
    ("DOCKERHUB_AUTH", r#"{"auths":{"docker.io":{"auth":"YWNtZS1ib3Q6cjB0YXQzZA=="}}}"#);

/// A folder with a chart in `chart`.
pub fn chart(bench: &Bench, arguments: &[&str], logins: (&str, &str)) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chart");
    let render = ["render", "--format", "chart", "--output", path.to_str().unwrap()];
    bench.regcred(&[&render, arguments].concat(), &[logins]).succeeded();
    folder
}

pub fn helm(bench: &Bench, folder: &TempDir, arguments: &[&str]) -> Run {
    bench.program("helm").directory(folder.path()).arguments(arguments).run()
}

/// By kind, namespace and name: the content and the annotations of an object, without the annotations that make Helm keep it.
pub fn effects(documents: &[Value]) -> BTreeMap<String, Value> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    documents
        .iter()
        .map(|document| {
            let metadata = &document["metadata"];
            let key = [text(&document["kind"]), text(&metadata["namespace"]), text(&metadata["name"])].join("/");
            let fields = ["type", "data", "imagePullSecrets", "spec", "rules", "roleRef", "subjects"];
            let fields = fields.map(|field| document[field].clone());
            let mut annotations = metadata["annotations"].as_object().cloned().unwrap_or_default();
            annotations.remove("helm.sh/resource-policy");
            (key, json!([fields, annotations]))
        })
        .collect()
}

/// A chart that helm accepts, that is current, and that makes the same objects as the stream: its folder and its objects.
#[track_caller]
pub fn makes_what_the_stream_makes(bench: &Bench, flags: &[&str]) -> (TempDir, Vec<Value>) {
    let folder = chart(bench, flags, LOGINS);
    let lint = helm(bench, &folder, &["lint", "--strict", "chart"]);
    assert_eq!(lint.status, 0, "{flags:?} {}{}", lint.stdout, lint.stderr);
    let path = folder.path().join("chart");
    let again = ["render", "--format", "chart", "--check", "--output", path.to_str().unwrap()];
    bench.regcred(&[&again, flags].concat(), &[LOGINS]).succeeded();
    let made = documents(&helm(bench, &folder, &["template", "x", "chart"]).succeeded());
    let stream = bench.regcred(&[&["render"], flags].concat(), &[LOGINS]).succeeded();
    assert_eq!(effects(&made), effects(&documents(&stream)), "{flags:?}");
    (folder, made)
}

#[test]
fn a_chart_is_linted_and_makes_what_the_stream_makes() {
    let Some(bench) = Bench::with(&["helm"]) else { return };
    for link in ["none", "policy", "service-account"] {
        for profile in [None, Some("argocd"), Some("flux"), Some("helm")] {
            let mut flags = vec!["--namespaces", "on,team-a,012", "--create-namespaces", "--link", link];
            if link == "service-account" {
                flags.extend(["--service-account", "default", "--service-account", "y"]);
            }
            flags.extend(profile.into_iter().flat_map(|profile| ["--profile", profile]));
            let (_folder, made) = makes_what_the_stream_makes(bench, &flags);
            for object in made {
                let keep = object["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep";
                let foreign = ["Namespace", "ServiceAccount"].contains(&object["kind"].as_str().unwrap());
                assert_eq!(keep, foreign, "{flags:?} {}", object["kind"]);
            }
        }
    }
}

#[test]
fn the_docker_config_is_one_value_and_may_be_another() {
    let Some(bench) = Bench::with(&["helm"]) else { return };
    let folder = chart(bench, &["--namespaces", "a,b"], LOGINS);
    let set = "pullSecrets.image-pull-secret.dockerConfigJson=eyJhdXRocyI6e319";
    let made = documents(&helm(bench, &folder, &["template", "x", "chart", "--set", set]).succeeded());
    assert_eq!(made.len(), 2);
    for secret in made {
        assert_eq!(secret["data"][".dockerconfigjson"], "eyJhdXRocyI6e319");
    }
    let values =
        bench.regcred(&["render", "--format", "helm-values", "--namespaces", "c"], &[OTHER_LOGINS]).succeeded();
    let given = bench.program("helm").directory(folder.path()).arguments(["template", "x", "chart", "--values", "-"]);
    let made = documents(&given.stdin(&values).run().succeeded());
    assert_eq!(made.len(), 1);
    assert_eq!(made[0]["metadata"]["namespace"], "c");
    let without = ["template", "x", "chart", "--set", "pullSecrets.image-pull-secret.dockerConfigJson="];
    let said = helm(bench, &folder, &without).failed();
    assert!(said.contains("pullSecrets.image-pull-secret.dockerConfigJson is empty"), "{said}");
}

#[test]
fn values_that_the_chart_does_not_know_are_refused_without_a_value() {
    let Some(bench) = Bench::with(&["helm"]) else { return };
    let folder = chart(bench, &["--namespaces", "a"], LOGINS);
    for (set, name) in
        [("pullSecret.x=s3cr3t", "pullSecret"), ("pullSecrets.x.dockerConfigJSON=s3cr3t", "dockerConfigJSON")]
    {
        let said = helm(bench, &folder, &["template", "x", "chart", "--set", set]).failed();
        assert!(said.contains(name) && !said.contains("s3cr3t"), "{said}");
    }
}

#[test]
fn a_policy_with_the_braces_of_helms_templates_arrives_as_it_is() {
    let Some(bench) = Bench::with(&["helm"]) else { return };
    let templates = tempfile::tempdir().unwrap();
    let policy = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ name }}\ndata:\n  a: {{ '{{{ .x }}' }}\n";
    write(templates.path(), "admission-policy.yaml.j2", policy);
    let flags = ["--namespaces", "a", "--link", "policy", "--templates", templates.path().to_str().unwrap()];
    let folder = chart(bench, &flags, LOGINS);
    let made = documents(&helm(bench, &folder, &["template", "x", "chart"]).succeeded());
    let policy = made.iter().find(|object| object["kind"] == "ConfigMap").unwrap();
    assert_eq!(policy["data"]["a"], "{{{ .x }}");
}

#[test]
fn a_chart_with_a_policy_asks_for_a_cluster_that_knows_it() {
    let Some(bench) = Bench::with(&["helm"]) else { return };
    let for_version = |version: &str| {
        let [namespace, own] = bench.namespaces();
        let secret = fresh("secret");
        let flags = ["--namespaces", &namespace, "--link", "policy", "--secret-name", &secret];
        let folder = chart(bench, &flags, LOGINS);
        let path = folder.path().join("chart/Chart.yaml");
        let asked = std::fs::read_to_string(&path).unwrap();
        assert!(asked.contains("kubeVersion: \">=1.36.0-0\"\n"), "{asked}");
        bench::write(&path, &asked.replace("1.36.0", version));
        helm(bench, &folder, &["install", "x", "chart", "--namespace", &own])
    };
    for_version("1.36.0").succeeded();
    let refused = for_version("9.0.0").failed();
    assert!(refused.contains("chart requires kubeVersion: >=9.0.0-0 which is incompatible"), "{refused}");

    let folder = chart(bench, &["--namespaces", "a", "--link", "policy"], LOGINS);
    helm(bench, &folder, &["template", "x", "chart", "--kube-version", "v1.36.0-gke.1"]).succeeded();
    let refused = helm(bench, &folder, &["template", "x", "chart", "--kube-version", "v1.35.4"]).failed();
    assert!(refused.contains("chart requires kubeVersion: >=1.36.0-0 which is incompatible"), "{refused}");
    let folder = chart(bench, &["--namespaces", "a"], LOGINS);
    helm(bench, &folder, &["template", "x", "chart", "--kube-version", "v1.20.0"]).succeeded();
}

#[test]
fn default_is_taken_over_rotated_and_left_with_its_uid() {
    let Some(bench) = Bench::with(&["helm"]) else { return };
    let [namespace, other] = bench.namespaces();
    let uid = |name: &str| bench.get(&["serviceaccount", name, "-n", &namespace])["metadata"]["uid"].clone();
    let pull_secret = || bench.get(&["secret", "image-pull-secret", "-n", &namespace]);
    bench.kubectl(&["create", "secret", "generic", "theirs", "-n", &namespace], "").succeeded();
    bench.kubectl(&["create", "serviceaccount", "theirs", "-n", &namespace], "").succeeded();
    let before = [uid("default"), uid("theirs")];
    let flags = ["--namespaces", &namespace, "--link", "service-account", "--service-account", "default"];
    let folder = chart(bench, &flags, LOGINS);
    let values = std::fs::read_to_string(folder.path().join("chart/values.yaml")).unwrap();
    assert!(values.contains("an existing one needs --take-ownership"), "{values}");

    let release = fresh("release");
    let install = ["upgrade", "--install", &release, "chart", "--namespace", &other];
    let refused = helm(bench, &folder, &install).failed();
    assert!(refused.contains("invalid ownership metadata"), "{refused}");
    helm(bench, &folder, &[&install[..], &["--take-ownership"]].concat()).succeeded();
    let linked = bench.get(&["serviceaccount", "default", "-n", &namespace]);
    assert_eq!(linked["imagePullSecrets"], json!([{"name": "image-pull-secret"}]));
    let first = pull_secret();

    let rotated = chart(bench, &flags, OTHER_LOGINS);
    helm(bench, &rotated, &[&install[..], &["--take-ownership"]].concat()).succeeded();
    let second = pull_secret();
    assert_ne!(first["data"], second["data"]);
    assert_eq!(first["metadata"]["uid"], second["metadata"]["uid"]);

    // First out of the chart, then the release is uninstalled: the object stays both times.
    let unlinked = chart(bench, &["--namespaces", &namespace], LOGINS);
    helm(bench, &unlinked, &install).succeeded();
    assert_eq!([uid("default"), uid("theirs")], before);
    helm(bench, &rotated, &[&install[..], &["--take-ownership"]].concat()).succeeded();
    helm(bench, &folder, &["uninstall", &release, "--namespace", &other]).succeeded();
    assert_eq!([uid("default"), uid("theirs")], before);
    bench.get(&["secret", "theirs", "-n", &namespace]);
    bench.kubectl(&["get", "secret", "image-pull-secret", "-n", &namespace], "").failed();
}

#[test]
fn an_own_service_account_comes_and_goes_with_the_release_and_namespaces_stay() {
    let Some(bench) = Bench::with(&["helm"]) else { return };
    let [own] = bench.namespaces();
    let made = fresh("made");
    let both = format!("{own},{made}");
    let flags = ["--namespaces", &both, "--link", "service-account", "--create-namespaces"];
    let folder = chart(bench, &flags, LOGINS);
    let values = std::fs::read_to_string(folder.path().join("chart/values.yaml")).unwrap();
    assert!(values.contains("they stay after an uninstall"), "{values}");
    let release = fresh("release");
    // The release's own namespace is on the list, but is not taken over.
    helm(bench, &folder, &["install", &release, "chart", "--namespace", &own]).succeeded();
    for namespace in [&own, &made] {
        let account = bench.get(&["serviceaccount", "image-puller", "-n", namespace]);
        assert_eq!(account["imagePullSecrets"], json!([{"name": "image-pull-secret"}]));
    }
    helm(bench, &folder, &["uninstall", &release, "--namespace", &own]).succeeded();
    for namespace in [&own, &made] {
        assert!(bench.get(&["namespace", namespace])["metadata"]["deletionTimestamp"].is_null());
        bench.kubectl(&["get", "serviceaccount", "image-puller", "-n", namespace], "").failed();
    }
}

#[test]
fn namespaces_may_be_called_what_a_reader_of_yaml_1_1_takes_for_something_else_than_a_string() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&["helm"]) else { return };
    let names = ["0x1f", "12", "1e3", "null", "on", "y"];
    let list = names.join(",");
    let install = ["upgrade", "--install", "pull-secrets", "chart", "--namespace", "1e3", "--create-namespace"];
    for link in ["policy", "service-account"] {
        let flags = ["--namespaces", &list, "--create-namespaces", "--link", link];
        let folder = chart(bench, &flags, LOGINS);
        helm(bench, &folder, &install).succeeded();
        for name in names {
            let secret = bench.get(&["secret", "image-pull-secret", "-n", name]);
            assert_eq!(secret["type"], "kubernetes.io/dockerconfigjson", "{link} {name}");
        }
        if link == "policy" {
            let binding = bench.get(&["mutatingadmissionpolicybinding", "image-pull-secret"]);
            let selector = &binding["spec"]["matchResources"]["namespaceSelector"];
            assert_eq!(selector["matchExpressions"][0]["values"], json!(names));
            continue;
        }
        for name in names {
            let account = bench.get(&["serviceaccount", "image-puller", "-n", name]);
            assert_eq!(account["imagePullSecrets"], json!([{"name": "image-pull-secret"}]), "{name}");
        }
    }
}

#[test]
fn tamcores_chart_takes_its_values_with_the_source_secret() {
    let Some(bench) = Bench::with(&["helm"]) else { return };
    let flags = ["--service-account", "*", "--patcher-image", "r.test/p:v2", "--patcher-pull-secret", "own"];
    let values = [&["render", "--format", "helm-values", "--chart", "tamcore"], &flags[..]].concat();
    let values = bench.regcred(&values, &[LOGINS]).succeeded();
    let made = stand_in(bench, "tamcore", &values);
    let secret = &made["Secret"];
    assert_eq!(secret["metadata"]["name"], "image-pull-secret-src");
    assert_eq!(secret["type"], "kubernetes.io/dockerconfigjson");
    assert!(secret["data"][".dockerconfigjson"].as_str().is_some_and(|value| value.len() > 20));
    let stream = bench.regcred(&["render", "--strategy", "patcher", "--patcher", "tamcore"], &[LOGINS]).succeeded();
    assert_eq!(users(&stream), vec![user(&made["ServiceAccount"]); 2]);
    let pod = &made["Deployment"]["spec"]["template"]["spec"];
    assert_eq!(pod["imagePullSecrets"], json!([{"name": "own"}]));
    assert_eq!(pod["volumes"][0]["secret"]["secretName"], "image-pull-secret-src");
    assert_eq!(pod["containers"][0]["image"], "r.test/p:v2");
    let variables = variables(pod);
    assert_eq!(variables["CONFIG_DOCKERCONFIGJSONPATH"], "/secrets/.dockerconfigjson");
    assert_eq!(variables["CONFIG_WATCH_DOCKERCONFIGJSONPATH"], "true");
    assert_eq!(variables["CONFIG_SERVICEACCOUNTS"], "*");
    assert_eq!(variables["CONFIG_EXCLUDED_NAMESPACES"], "kube-*,openshift,openshift-*");
    assert_eq!(variables["CONFIG_EXCLUDE_ANNOTATION"], "k8s.titansoft.com/imagepullsecret-patcher-exclude");
    restricted(bench, pod);
}

#[test]
fn empathycos_chart_takes_its_values_and_the_secret_is_beside() {
    let Some(bench) = Bench::with(&["helm"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("values.yaml");
    let flags = ["render", "--format", "helm-values", "--chart", "empathyco", "--exclude", "kube-public", "--output"];
    let without = bench.regcred(&flags[..flags.len() - 1], &[LOGINS]);
    assert_eq!(without.status, 2, "{}", without.stderr);
    bench.regcred(&[&flags[..], &[path.to_str().unwrap()]].concat(), &[LOGINS]).succeeded();
    let secret = documents(&std::fs::read_to_string(folder.path().join("values.secret.yaml")).unwrap()).remove(0);
    assert_eq!(secret["metadata"]["name"], "image-pull-secret");
    assert_eq!(secret["metadata"]["namespace"], "imagepullsecret-patcher");
    let made = stand_in(bench, "empathyco", &std::fs::read_to_string(path).unwrap());
    let pod = &made["Deployment"]["spec"]["template"]["spec"];
    assert_eq!(pod["volumes"][0]["secret"]["secretName"], secret["metadata"]["name"]);
    let guard = std::fs::read_to_string(folder.path().join("values.guard.yaml")).unwrap();
    assert_eq!(users(&guard), vec![user(&made["ServiceAccount"]); 2]);
    let variables = variables(pod);
    assert_eq!(variables["CONFIG_SECRETNAME"], "image-pull-secret");
    assert_eq!(
        variables["CONFIG_EXCLUDED_NAMESPACES"],
        "imagepullsecret-patcher,kube-node-lease,kube-public,kube-system"
    );
    assert_eq!(variables["CONFIG_LOOP_DURATION"], "10s");
    assert_eq!(variables["CONFIG_MANAGEDONLY"], "false");
    assert_eq!(variables["CONFIG_FORCE"], "true");
    assert_eq!((&*variables["CONFIG_ALLSERVICEACCOUNT"], &*variables["CONFIG_SERVICEACCOUNTS"]), ("false", "default"));
    restricted(bench, pod);
}

#[test]
fn a_value_that_a_named_chart_does_not_have_is_refused() {
    let Some(bench) = Bench::with(&["helm"]) else { return };
    for (chart, values) in [
        ("tamcore", "conf: {}"),
        ("tamcore", "image: {name: x}"),
        ("tamcore", "env: {CONFIG_FORCE: 'true'}"),
        ("tamcore", "volumes: {}"),
        ("empathyco", "env: {}"),
        ("empathyco", "conf: {runonce: true}"),
        ("empathyco", "conf: {interval: 10}"),
        ("empathyco", "conf: {service_accounts: default}"),
    ] {
        let said = helm_with(bench, "template", "x", chart, "imagepullsecret-patcher", values).failed();
        assert!(said.contains("values don't meet the specifications of the schema"), "{chart} {values}: {said}");
    }
}

#[test]
fn what_lies_beside_the_values_is_applied_before_the_release_and_confines_it() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&["helm"]) else { return };
    for (chart, source) in [("empathyco", "image-pull-secret"), ("tamcore", "image-pull-secret-src")] {
        let [elsewhere] = bench.namespaces();
        let namespace = fresh("patcher");
        bench.kubectl(&["create", "namespace", &namespace], "").succeeded();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("values.yaml");
        let output = ["--patcher-namespace", &namespace, "--output", path.to_str().unwrap()];
        let render = [&["render", "--format", "helm-values", "--chart", chart], &output[..]].concat();
        bench.regcred(&render, &[LOGINS]).succeeded();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        bench.apply(&read("values.guard.yaml")).succeeded();
        if chart == "empathyco" {
            bench.apply(&read("values.secret.yaml")).succeeded();
        }
        helm_with(bench, "install", &fresh("release"), chart, &namespace, &read("values.yaml")).succeeded();
        let volumes = &bench.get(&["deployment", "patcher", "-n", &namespace])["spec"]["template"]["spec"]["volumes"];
        assert_eq!(volumes[0]["secret"]["secretName"], source);
        let secret = bench.get(&["secret", source, "-n", &namespace]);
        assert_eq!(secret["type"], "kubernetes.io/dockerconfigjson");

        // Even with every right in a namespace, the account writes no Secret of another name.
        let account = bench.get(&["serviceaccount", "imagepullsecret-patcher", "-n", &namespace]);
        let admin = ["create", "rolebinding", "all", "--clusterrole=admin", "-n", &elsewhere, "--user"];
        bench.kubectl(&[&admin[..], &[&user(&account)]].concat(), "").succeeded();
        let create = |name: &str| {
            let create = ["create", "secret", "docker-registry", name, "--dry-run=server", "-n", &elsewhere];
            let login = ["--docker-username=u", "--docker-password=p", "--as", &user(&account)];
            bench.kubectl(&[&create[..], &login].concat(), "")
        };
        Bench::wait("the guard to be in force", || create("another").stderr.contains("denied request: a patcher may"));
        create("image-pull-secret").succeeded();
    }
}

#[test]
fn a_policy_comes_changes_and_goes_with_its_release() {
    let Some(bench) = Bench::with(&["helm"]) else { return };
    let [namespace, other] = bench.namespaces();
    let (secret, release) = (fresh("secret"), fresh("release"));
    let references = |image: &str| {
        let spec = json!({"containers": [{"name": "c", "image": image}]});
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec}).to_string();
        let create = ["create", "--dry-run=server", "-o", "json", "-n", &namespace, "-f", "-"];
        documents(&bench.kubectl(&create, &pod).succeeded()).remove(0)["spec"]["imagePullSecrets"].clone()
    };
    let ours = json!([{"name": secret}]);
    for (command, registry, other_registry) in
        [("install", "one.test", "two.test"), ("upgrade", "two.test", "one.test")]
    {
        let logins = LOGINS.1.replace("docker.io", registry);
        let flags = ["--namespaces", &namespace, "--link", "policy", "--secret-name", &secret];
        let folder = chart(bench, &flags, (LOGINS.0, &logins));
        helm(bench, &folder, &[command, &release, "chart", "--namespace", &other]).succeeded();
        Bench::wait("the policy to be in force", || references(&format!("{registry}/app")) == ours);
        assert_eq!(references(&format!("{other_registry}/app")), Value::Null);
        bench.get(&["secret", &secret, "-n", &namespace]);
    }
    let folder = tempfile::tempdir().unwrap();
    helm(bench, &folder, &["uninstall", &release, "--namespace", &other]).succeeded();
    Bench::wait("the policy to be gone", || references("two.test/app") == Value::Null);
    for kind in ["mutatingadmissionpolicy", "mutatingadmissionpolicybinding", "secret"] {
        let seen = bench.kubectl(&["get", kind, &secret, "-n", &namespace], "").failed();
        assert!(seen.contains("NotFound"), "{seen}");
    }
}

/// Runs helm with a chart that replaces a third-party chart, and these values.
fn helm_with(bench: &Bench, command: &str, release: &str, chart: &str, namespace: &str, values: &str) -> Run {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/charts").join(chart);
    let arguments = [command, release, path.to_str().unwrap(), "--namespace", namespace, "--values", "-"];
    bench.program("helm").arguments(arguments).stdin(values).run()
}

/// The output of such a chart for these values, by kind.
fn stand_in(bench: &Bench, chart: &str, values: &str) -> BTreeMap<String, Value> {
    let made = helm_with(bench, "template", "x", chart, "imagepullsecret-patcher", values).succeeded();
    documents(&made).into_iter().map(|object| (object["kind"].as_str().unwrap().to_owned(), object)).collect()
}

/// The name of an account at the API server.
fn user(account: &Value) -> String {
    let metadata = &account["metadata"];
    format!("system:serviceaccount:{}:{}", metadata["namespace"].as_str().unwrap(), metadata["name"].as_str().unwrap())
}

/// The accounts that the policies among these objects confine.
fn users(objects: &str) -> Vec<String> {
    let policies = documents(objects).into_iter().filter(|object| object["kind"] == "ValidatingAdmissionPolicy");
    let expression = |policy: Value| policy["spec"]["matchConditions"][0]["expression"].as_str().unwrap().to_owned();
    policies.map(|policy| expression(policy).split('"').nth(1).unwrap().to_owned()).collect()
}

fn variables(pod: &Value) -> BTreeMap<String, String> {
    let variables = pod["containers"][0]["env"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    variables.iter().map(|variable| (text(&variable["name"]), text(&variable["value"]))).collect()
}

/// Asks the API server whether a namespace with the level `restricted` accepts the Pod.
fn restricted(bench: &Bench, pod: &Value) {
    let [namespace] = bench.namespaces();
    let level = "pod-security.kubernetes.io/enforce=restricted";
    bench.kubectl(&["label", "namespace", &namespace, level], "").succeeded();
    let create = |spec: &Value| {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "patcher"}, "spec": spec});
        bench.kubectl(&["create", "--dry-run=server", "-n", &namespace, "-f", "-"], &pod.to_string())
    };
    create(pod).succeeded();
    let mut lax = pod.clone();
    lax["containers"][0]["securityContext"] = json!({});
    let said = create(&lax).failed();
    assert!(said.contains("violates PodSecurity"), "{said}");
}

#[expect(clippy::disallowed_methods, reason = "a fixture")]
fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}
