//! Runs `inject` behind the real helm, helmfile and kustomize, and before kubectl.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::bench::{Bench, documents, fresh, write};

/// A chart with a Deployment, a scheduled Job and a Pod that is a test hook, as charts write them.
fn chart() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = |path: &str, text: &str| write(&folder.path().join("chart").join(path), text);
    file("Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n");
    file("values.yaml", "image: ghcr.io/acme/shop\nhookImage: nginx\npullSecrets: []\n");
    file(
        "templates/deployment.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  selector: {matchLabels: {app: shop}}\n  \
         template:\n    metadata: {labels: {app: shop}}\n    spec:\n      {{- with .Values.pullSecrets }}\n      \
         imagePullSecrets:\n        {{- toYaml . | nindent 8 }}\n      {{- end }}\n      # The shop itself\n      containers:\n      \
         - name: shop\n        image: \"{{ .Values.image }}:1.4\"\n",
    );
    file(
        "templates/job.yaml",
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: {{ .Release.Name }}}\nspec:\n  schedule: '@daily'\n  jobTemplate: {spec: {template: \
         {spec: {restartPolicy: Never, initContainers: [{name: a, image: {{ .Values.image }}}], containers: [{name: b, image: nginx}]}}}}\n",
    );
    file(
        "templates/hook.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}-test\n  annotations: {helm.sh/hook: test}\nspec:\n  \
         containers: [{name: a, image: {{ .Values.hookImage }}}]\n",
    );
    file(
        "templates/notes.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata:\n  a: |\n    --- no document\n",
    );
    folder
}

/// A folder with our plugin, as `HELM_PLUGINS`.
fn plugins() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let plugin = Path::new(env!("CARGO_MANIFEST_DIR")).join("helm-plugin/plugin.yaml");
    write(&folder.path().join("regcred/plugin.yaml"), &std::fs::read_to_string(plugin).unwrap());
    folder
}

/// The references of each Pod spec, by kind.
fn references(objects: &[Value]) -> Vec<(String, Value)> {
    let mut all: Vec<_> = objects
        .iter()
        .filter_map(|object| {
            let kind = object["kind"].as_str()?.to_owned();
            let spec = match kind.as_str() {
                "Pod" => &object["spec"],
                "Deployment" => &object["spec"]["template"]["spec"],
                "CronJob" => &object["spec"]["jobTemplate"]["spec"]["template"]["spec"],
                _ => return None,
            };
            Some((kind, spec["imagePullSecrets"].clone()))
        })
        .collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all
}

fn wanted(deployment: Value) -> Vec<(String, Value)> {
    let ours = json!([{"name": "image-pull-secret"}]);
    vec![("CronJob".into(), ours), ("Deployment".into(), deployment), ("Pod".into(), Value::Null)]
}

const ARGUMENTS: [&str; 6] =
    ["--post-renderer", "regcred", "--post-renderer-args", "--registry", "--post-renderer-args", "ghcr.io"];

#[test]
fn helm_takes_the_plugin_for_template_install_and_upgrade() {
    let Some(bench) = Bench::with(&["helm"]) else { return };
    let (folder, plugins) = (chart(), plugins());
    let [namespace] = bench.namespaces();
    let helm = |arguments: &[&str]| {
        let helm = bench.program("helm").directory(folder.path()).variable("HELM_PLUGINS", plugins.path());
        helm.arguments(arguments).arguments(["--namespace", &namespace]).run()
    };
    let plain = documents(&helm(&["template", "x", "chart"]).succeeded());
    let made = helm(&[&["template", "x", "chart"], &ARGUMENTS[..]].concat()).succeeded();
    assert!(made.contains("# The shop itself"), "{made}");
    let made = documents(&made);
    assert_eq!(made.len(), plain.len());
    assert_eq!(references(&made), wanted(json!([{"name": "image-pull-secret"}])));
    let set = ["template", "x", "chart", "--set", "pullSecrets[0].name=theirs"];
    let made = documents(&helm(&[&set[..], &ARGUMENTS].concat()).succeeded());
    assert_eq!(references(&made), wanted(json!([{"name": "theirs"}, {"name": "image-pull-secret"}])));

    let release = fresh("release");
    for command in ["install", "upgrade"] {
        helm(&[&[command, &release, "chart"], &ARGUMENTS[..]].concat()).succeeded();
        let deployment = bench.get(&["deployment", &release, "-n", &namespace]);
        let list = &deployment["spec"]["template"]["spec"]["imagePullSecrets"];
        assert_eq!(*list, json!([{"name": "image-pull-secret"}]));
    }
    // Hooks go the same way.
    let hook = ["template", "x", "chart", "--show-only", "templates/hook.yaml", "--set", "hookImage=ghcr.io/acme/hook"];
    let made = documents(&helm(&[&hook[..], &ARGUMENTS].concat()).succeeded());
    assert_eq!(references(&made), [("Pod".to_owned(), json!([{"name": "image-pull-secret"}]))]);
    // The plugin fails as a whole: nothing is released with only half of the references.
    let refused = helm(&["template", "x", "chart", "--post-renderer", "regcred", "--post-renderer-args", "--bogus"]);
    assert!(refused.stdout.is_empty());
    refused.failed();
}

#[test]
fn helm_3_takes_the_program_for_all_but_its_hooks() {
    let Some(bench) = Bench::with(&["helm3"]) else { return };
    let folder = chart();
    let helm = |more: &[&str]| {
        let helm = bench.program("helm3").directory(folder.path());
        helm.arguments(["template", "x", "chart", "--set", "hookImage=ghcr.io/acme/hook"]).arguments(more).run()
    };
    let arguments =
        |registry| ["inject", "--registry", registry].map(|argument| ["--post-renderer-args", argument]).concat();
    let made = helm(&[&["--post-renderer", "regcred"], &arguments("ghcr.io")[..]].concat()).succeeded();
    assert_eq!(references(&documents(&made)), wanted(json!([{"name": "image-pull-secret"}])));
    // Its messages are shown.
    let said = helm(&[&["--post-renderer", "regcred"], &arguments("no host")[..]].concat()).failed();
    assert!(said.contains("the host in `--registry`"), "{said}");
}

#[test]
fn helm_installs_the_plugin_from_its_folder() {
    let Some(bench) = Bench::with(&["helm"]) else { return };
    let home = tempfile::tempdir().unwrap();
    let plugin = Path::new(env!("CARGO_MANIFEST_DIR")).join("helm-plugin");
    let helm = |arguments: &[&str]| {
        let helm = bench.program("helm").variable("HELM_DATA_HOME", home.path());
        helm.arguments(arguments).run().succeeded()
    };
    helm(&["plugin", "install", plugin.to_str().unwrap()]);
    assert!(helm(&["plugin", "list"]).contains("postrenderer/v1"));
}

#[test]
fn helmfile_passes_its_releases_through() {
    let Some(bench) = Bench::with(&["helm", "helmfile"]) else { return };
    let (folder, plugins) = (chart(), plugins());
    let [namespace] = bench.namespaces();
    let release = fresh("release");
    write(
        &folder.path().join("helmfile.yaml"),
        &format!(
            "helmDefaults:\n  postRenderer: regcred\n  postRendererArgs: [--registry, ghcr.io]\nreleases:\n- name: {release}\n  \
             namespace: {namespace}\n  chart: ./chart\n"
        ),
    );
    let helmfile = |arguments: &[&str]| {
        let helmfile = bench.program("helmfile").directory(folder.path()).variable("HELM_PLUGINS", plugins.path());
        helmfile.arguments(arguments).run().succeeded()
    };
    let made = documents(&helmfile(&["template"]));
    assert_eq!(references(&made), wanted(json!([{"name": "image-pull-secret"}])));
    helmfile(&["sync"]);
    let deployment = bench.get(&["deployment", &release, "-n", &namespace]);
    assert_eq!(deployment["spec"]["template"]["spec"]["imagePullSecrets"], json!([{"name": "image-pull-secret"}]));
}

#[test]
fn kustomize_takes_it_for_a_transformer() {
    let Some(bench) = Bench::with(&["kustomize"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = |path: &str, text: &str| write(&folder.path().join(path), text);
    file(
        "kustomization.yaml",
        "resources: [pods.yaml]\nimages: [{name: shop, newName: ghcr.io/acme/shop}]\ntransformers: [inject.yaml]\n",
    );
    file(
        "pods.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers: [{name: a, image: shop}]\n---\n\
         apiVersion: v1\nkind: Pod\nmetadata: {name: b}\nspec:\n  containers: [{name: a, image: nginx}]\n",
    );
    file(
        "inject.yaml",
        "apiVersion: regcred.dev/v1alpha1\nkind: Inject\nmetadata:\n  name: inject\n  annotations:\n    config.kubernetes.io/function: |\n      \
         exec:\n        path: regcred\n        args: [inject, --registry, ghcr.io]\n",
    );
    let kustomize = |arguments: &[&str]| bench.program("kustomize").directory(folder.path()).arguments(arguments).run();
    let made = documents(&kustomize(&["build", "--enable-alpha-plugins", "--enable-exec", "."]).succeeded());
    let lists: Vec<_> = made.iter().map(|pod| pod["spec"]["imagePullSecrets"].clone()).collect();
    assert_eq!(lists, [json!([{"name": "image-pull-secret"}]), Value::Null]);
    let annotations = made.iter().map(|pod| &pod["metadata"]["annotations"]);
    assert!(annotations.into_iter().all(Value::is_null), "{made:?}");
    // If the function fails, kustomize fails with the same message.
    file(
        "inject.yaml",
        &std::fs::read_to_string(folder.path().join("inject.yaml")).unwrap().replace("ghcr.io", "'no host'"),
    );
    let said = kustomize(&["build", "--enable-alpha-plugins", "--enable-exec", "."]).failed();
    assert!(said.contains("the host in `--registry`"), "{said}");
}

#[test]
fn a_pod_of_the_piped_output_has_the_reference_beside_that_of_its_account() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    let manifests = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: ours, namespace: {namespace}}}\nspec:\n  # c\n  containers: [{{name: a, image: ghcr.io/acme/a}}]\n---\n\
         apiVersion: v1\nkind: Pod\nmetadata: {{name: both, namespace: {namespace}}}\nspec:\n  containers: [{{name: a, image: ghcr.io/acme/a}}]\n  \
         imagePullSecrets:\n  - name: theirs\n---\n\
         apiVersion: v1\nkind: Pod\nmetadata: {{name: other, namespace: {namespace}}}\nspec:\n  containers: [{{name: a, image: nginx}}]\n---\n\
         apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {{name: base, namespace: {namespace}}}\n  \
         spec: &base\n    containers: [{{name: a, image: nginx}}]\n    imagePullSecrets: [{{name: theirs}}]\n- apiVersion: v1\n  \
         kind: Pod\n  metadata: {{name: merged, namespace: {namespace}}}\n  spec:\n    <<: *base\n    \
         containers: [{{name: a, image: ghcr.io/acme/a}}]\n"
    );
    let script =
        "regcred inject --no-config --registry ghcr.io | kubectl apply --server-side --field-manager=test -f -";
    bench.program("sh").arguments(["-c", script]).stdin(&manifests).run().succeeded();
    for (name, list) in [
        ("ours", json!([{"name": "image-pull-secret"}])),
        ("both", json!([{"name": "theirs"}, {"name": "image-pull-secret"}])),
        ("other", Value::Null),
        ("base", json!([{"name": "theirs"}])),
        // kubectl's reader takes the later of two keys, merged or not.
        ("merged", json!([{"name": "theirs"}, {"name": "image-pull-secret"}])),
    ] {
        assert_eq!(bench.get(&["pod", name, "-n", &namespace])["spec"]["imagePullSecrets"], list, "{name}");
    }
    // The output of the cluster, a list in JSON, passes in the same way.
    let back = bench.get(&["pods", "-n", &namespace]).to_string();
    let run =
        bench.program("regcred").arguments(["inject", "--no-config", "--registry", "docker.io"]).stdin(&back).run();
    let pods = documents(&run.succeeded());
    assert_eq!(pods.len(), 5);
    assert!(pods.iter().all(|pod| {
        let list = pod["spec"]["imagePullSecrets"].as_array();
        list.is_some_and(|list| list.contains(&json!({"name": "image-pull-secret"})))
    }));
}
