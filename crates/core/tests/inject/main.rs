//! Checks which objects get references from `inject`, and which messages it has about the others.

#![cfg(test)]

mod properties;
mod tags;
mod text;

use regcred_core::inject::kinds::PodPath;
use regcred_core::inject::rules::{PullSecretRule, Rules, Which};
use regcred_core::inject::{self, Injected};
use serde_json::{Value, json};

fn rules(registries: &[&str], which: Which) -> Rules {
    let registries = registries.iter().map(|registry| registry.parse().unwrap()).collect();
    let name = "pull".parse().unwrap();
    Rules {
        pull_secrets: vec![PullSecretRule { name, registries, include: Vec::new(), exclude: Vec::new() }],
        which,
        paths: PodPath::built_in().collect(),
        namespace: None,
    }
}

/// The text with references, and the number of warnings.
fn injected(text: &str) -> (String, usize) {
    let Injected { edits, warnings, .. } = inject::inject(text, &rules(&["ghcr.io"], Which::Matching)).unwrap();
    (inject::changed(text, &edits), warnings.len())
}

/// The values of the documents, as an API server would read them.
fn values(text: &str) -> Vec<Value> {
    let options = serde_saphyr::options! { budget: None, with_snippet: false };
    serde_saphyr::from_multiple_with_options(text, options).unwrap()
}

/// The expected Pod: the same, with one more reference.
fn with_reference(pod: &Value) -> Value {
    let mut pod = pod.clone();
    let spec = pod["spec"].as_object_mut().unwrap();
    let mut list = spec.get("imagePullSecrets").and_then(Value::as_array).cloned().unwrap_or_default();
    if !list.contains(&json!({"name": "pull"})) {
        list.push(json!({"name": "pull"}));
    }
    spec.insert("imagePullSecrets".to_owned(), list.into());
    pod
}

#[track_caller]
fn assert_only_a_reference_is_added(text: &str) -> String {
    let (after, _) = injected(text);
    let wanted: Vec<_> = values(text).iter().map(with_reference).collect();
    assert_eq!(values(&after), wanted, "{text}\n{after}");
    assert_eq!(injected(&after).0, after, "a second time");
    after
}

fn written(value: &Value, form: usize) -> String {
    let mut text = String::new();
    match form {
        0 => return value.to_string(),
        1 => return serde_json::to_string_pretty(value).unwrap(),
        2 => serde_saphyr::to_fmt_writer_with_options(
            &mut text,
            value,
            serde_saphyr::ser_options! { prefer_block_scalars: false, compact_list_indent: true },
        ),
        _ => serde_saphyr::to_fmt_writer(&mut text, value),
    }
    .unwrap();
    text
}

#[test]
fn every_kind_that_makes_pods_gets_the_reference_in_its_pod_spec() {
    for (version, kind, path) in [
        ("v1", "Pod", "/spec"),
        ("v1", "PodTemplate", "/template/spec"),
        ("v1", "ReplicationController", "/spec/template/spec"),
        ("apps/v1", "Deployment", "/spec/template/spec"),
        ("apps/v1", "StatefulSet", "/spec/template/spec"),
        ("apps/v1", "DaemonSet", "/spec/template/spec"),
        ("apps/v1", "ReplicaSet", "/spec/template/spec"),
        ("batch/v1", "Job", "/spec/template/spec"),
        ("batch/v1", "CronJob", "/spec/jobTemplate/spec/template/spec"),
    ] {
        let pod_spec = json!({"containers": [{"name": "a", "image": "ghcr.io/acme/a"}]});
        let nested =
            path.rsplit('/').filter(|field| !field.is_empty()).fold(pod_spec, |inner, field| json!({field: inner}));
        let mut object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": "a"}});
        object.as_object_mut().unwrap().extend(nested.as_object().unwrap().clone());
        let (after, _) = injected(&written(&object, 0));
        let pod_spec = object.pointer_mut(path).unwrap().as_object_mut().unwrap();
        pod_spec.insert("imagePullSecrets".to_owned(), json!([{"name": "pull"}]));
        assert_eq!(values(&after), [object], "{kind}");
    }
}

const WRONG_PATHS: &str = "foo.bar spec.job[].template.spec spec.jobs.template.spec spec spec.jobs[].template";

#[test]
fn objects_of_unknown_kinds_with_matching_images_are_named_with_the_path_to_type() {
    let warnings = |text: &str| {
        let Injected { edits, warnings, .. } = inject::inject(text, &rules(&["ghcr.io"], Which::Matching)).unwrap();
        assert!(edits.is_empty());
        warnings
            .into_iter()
            .map(|warning| format!("{}: {}", warning.message, warning.hint.unwrap()))
            .collect::<Vec<_>>()
    };
    let object = "apiVersion: example.com/v1\nkind: Farm\nspec: {jobs: [{template: {spec: {containers: [{image: ghcr.io/a}]}}}]}\n";
    assert_eq!(
        warnings(&format!("{object}---\n{object}")),
        [
            "no reference for 2 objects of kind Farm.example.com with matching images: no path leads there: say where its Pod \
         spec is with `--path Farm.example.com=spec.jobs[].template.spec`"
        ]
    );
    assert_eq!(
        warnings("apiVersion: example.com/v1\nkind: Farm\nspec: {image: ghcr.io/a}\n"),
        [
            "no reference for 1 object of kind Farm.example.com with matching images: no path leads there: if the kind takes \
         `imagePullSecrets`, say where with `--path Farm.example.com=PATH`; else link its ServiceAccount"
        ]
    );
    for wrong in WRONG_PATHS.split(' ').chain(["spec.jobs[].template.spec.containers[]"]) {
        let mut rules = rules(&["ghcr.io"], Which::Matching);
        rules.paths.push(format!("Farm={wrong}").parse().unwrap());
        let warnings = inject::inject(object, &rules).unwrap().warnings;
        let hint = warnings.last().unwrap().hint.as_deref().unwrap();
        assert_eq!(
            hint, "say where its Pod spec is with `--path Farm.example.com=spec.jobs[].template.spec`",
            "{wrong}"
        );
    }
    for found in [
        "image: {repository: ghcr.io/a, tag: 1.10}",
        "image: {registry: ghcr.io, repository: a}",
        "image: {url: ghcr.io/a}",
        "values: {image: {repository: ghcr.io/a, digest: ''}}",
        "images: {api: ghcr.io/a, worker: quay.io/a}",
        "images: {api: {repository: ghcr.io/a}}",
        "imageName: ghcr.io/a:1",
        "imageURL: ghcr.io/a",
        "imageUrl: ghcr.io/a",
    ] {
        let object = format!("apiVersion: example.com/v1\nkind: Farm\nspec: {{{found}}}\n");
        assert_eq!(warnings(&object).len(), 1, "{found}");
        // The path that the warning asks for leads to the image.
        let mut rules = rules(&["ghcr.io"], Which::Matching);
        rules.paths.push("Farm.example.com=spec".parse().unwrap());
        assert_eq!(inject::inject(&object, &rules).unwrap().added.len(), 1, "{found}");
    }
    for quiet in [
        "image: {repository: quay.io/a}",
        "image: {repository: a, tag: ghcr.io/a}",
        "image: {repository: ghcr.io/A}",
        "image: {repository: '{{ x }}/a'}",
        "image: {registry: ghcr.io}",
        "images: {api: quay.io/a, kind: array}",
        "images: [{name: ghcr.io/a, newTag: 1}]",
        "imageName: 'oci://ghcr.io/a'",
        "imageName: a",
        "url: ghcr.io/a",
        "properties: {image: {type: string, default: ghcr.io/a}}",
    ] {
        let object = format!("apiVersion: example.com/v1\nkind: Farm\nspec: {{{quiet}}}\n");
        assert!(warnings(&object).is_empty(), "{quiet}");
    }
    for quiet in [
        "apiVersion: v1\nkind: ConfigMap\ndata: {image: ghcr.io/a, imageName: ghcr.io/a}\n",
        "apiVersion: example.com/v1\nkind: s3cr3t text\nspec: {image: ghcr.io/a}\n",
        "apiVersion: example.com/v1\nkind: Farm\nspec: {pod: {containers: [{image: ghcr.io/a}], imagePullSecrets: [{name: x}]}}\n",
    ] {
        assert!(warnings(quiet).is_empty(), "{quiet}");
    }
}

#[test]
fn kinds_of_operators_get_references_where_they_take_them() {
    for (version, kind, before, after) in [
        ("argoproj.io/v1alpha1", "Rollout", "{template: {spec: {containers: [{image: ghcr.io/a}]}}}", ""),
        ("serving.knative.dev/v1", "Service", "{template: {spec: {containers: [{image: ghcr.io/a}]}}}", ""),
        ("batch.volcano.sh/v1alpha1", "Job", "{tasks: [{template: {spec: {containers: [{image: ghcr.io/a}]}}}]}", ""),
        (
            "kubeflow.org/v1",
            "PyTorchJob",
            "{pytorchReplicaSpecs: {Worker: {template: {spec: {containers: [{image: ghcr.io/a}]}}}}}",
            "",
        ),
        (
            "monitoring.coreos.com/v1",
            "Prometheus",
            "{image: ghcr.io/a, containers: [{name: x}]}",
            "{imagePullSecrets: [{name: pull}], image: ghcr.io/a, containers: [{name: x}]}",
        ),
        (
            "monitoring.coreos.com/v1",
            "Alertmanager",
            "{image: ghcr.io/a}",
            "{imagePullSecrets: [{name: pull}], image: ghcr.io/a}",
        ),
        (
            "argoproj.io/v1alpha1",
            "Workflow",
            "{templates: [{script: {image: ghcr.io/a}}]}",
            "{imagePullSecrets: [{name: pull}], templates: [{script: {image: ghcr.io/a}}]}",
        ),
        (
            "kafka.strimzi.io/v1beta2",
            "Kafka",
            "{kafka: {image: ghcr.io/a}, zookeeper: {image: quay.io/a}}",
            "{kafka: {template: {pod: {imagePullSecrets: [{name: pull}]}}, image: ghcr.io/a}, zookeeper: {image: quay.io/a}}",
        ),
        (
            "kafka.strimzi.io/v1beta2",
            "KafkaConnect",
            "{image: ghcr.io/a, template: {pod: {x: 1}}}",
            "{image: ghcr.io/a, template: {pod: {imagePullSecrets: [{name: pull}], x: 1}}}",
        ),
        (
            "kubevirt.io/v1",
            "VirtualMachineInstance",
            "{volumes: [{containerDisk: {image: ghcr.io/a}}, {containerDisk: {image: ghcr.io/a, imagePullSecret: own}}]}",
            "{volumes: [{containerDisk: {imagePullSecret: pull, image: ghcr.io/a}}, {containerDisk: {image: ghcr.io/a, imagePullSecret: own}}]}",
        ),
    ] {
        let object = |spec: &str| format!("apiVersion: {version}\nkind: {kind}\nspec: {spec}\n");
        let in_pod_spec = before.replace("{containers", "{imagePullSecrets: [{name: pull}], containers");
        let after = object(if after.is_empty() { &in_pod_spec } else { after });
        assert_eq!(injected(&object(before)), (after.clone(), 0));
        assert_eq!(injected(&after).0, after);
    }
    // In block style, too.
    let text = "apiVersion: kafka.strimzi.io/v1\nkind: KafkaBridge\nspec:\n  image: ghcr.io/a\n";
    let field = "  template: {pod: {imagePullSecrets: [{name: pull}]}}\n";
    assert_eq!(injected(text).0, text.replace("  image", &format!("{field}  image")));
}

#[test]
fn a_template_in_the_place_of_an_image_is_named() {
    let (_, warnings) = injected("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: {{ .Values.image }}\n");
    assert_eq!(warnings, 1);
    let text = "a: 1\n---\nkind: Pod\nspec:\n  containers:\n  - image: {{ .Values.image }}:{{ .Values.tag }}\n";
    let problem = inject::inject(text, &rules(&["ghcr.io"], Which::Matching)).unwrap_err();
    assert!(problem.hint.unwrap().contains("helm template"), "{}", problem.message);
}

#[test]
fn a_namespace_without_the_pull_secret_is_the_reason() {
    let mut rules = rules(&["ghcr.io"], Which::Matching);
    rules.pull_secrets[0].include = vec!["team-a".parse().unwrap()];
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {namespace: shop}\nspec: {containers: [{image: ghcr.io/a}]}\n";
    let found = inject::inject(pod, &rules).unwrap();
    let reason = found.left_out.unwrap();
    assert_eq!(
        reason.message,
        "no reference for 1 Pod spec with matching images in `shop`: no pull secret is for that namespace"
    );
    assert!(inject::inject(&pod.replace("ghcr", "quay"), &rules).unwrap().left_out.is_none());
}

#[test]
fn merges_and_aliases_without_end_are_refused_at_once() {
    use std::fmt::Write as _;
    let (mut merges, mut aliases) = ("a0: &a0 {x: y}\n".to_owned(), "a0: &a0 [x, x]\n".to_owned());
    for level in 1..60 {
        writeln!(merges, "a{level}: &a{level} {{<<: [*a{0}, *a{0}], k{level}: 1}}", level - 1).unwrap();
        writeln!(aliases, "a{level}: &a{level} [*a{0}, *a{0}]", level - 1).unwrap();
    }
    // Only in a document that can hold a Pod; any other passes.
    for text in [merges.as_str(), &aliases, "a: &a {b: *a}\n", "a: &a {<<: *a}\n"] {
        assert_eq!(injected(text), (text.to_owned(), 0));
        let problem = inject::inject(&format!("{text}containers: 1\n"), &rules(&["ghcr.io"], Which::Matching));
        assert!(problem.unwrap_err().message.contains("too many aliases"));
    }
    // A long text counts as often as its aliases name it.
    for (length, aliases, is_refused) in [(1 << 20, 60_000, true), (1 << 20, 20, false), (20, 60_000, false)] {
        let text = format!("a: &a {}\nb: [{}]\ncontainers: 1\n", "1".repeat(length), "*a, ".repeat(aliases));
        assert_eq!(inject::inject(&text, &rules(&["ghcr.io"], Which::Matching)).is_err(), is_refused, "{length}");
    }
}

#[test]
fn a_broken_document_is_named_by_number_and_line_without_its_content() {
    for (text, place) in [
        ("a: b\n---\nc: [s3cr3t\n", "document 2 on standard input is not valid YAML: line 3 "),
        ("a: b\n---\nc: *s3cr3t\n", "document 2 on standard input is not valid YAML: line 3 "),
        ("a: \"s3cr3t\n", "document 1 on standard input is not valid YAML: line "),
        ("a: b\n\tc: s3cr3t\n", "document 1 on standard input is not valid YAML: line "),
        ("{\"a\": 1}\n{\"s3cr3t\": }}\n", "document 1 on standard input is not valid YAML: line 2 "),
    ] {
        let problem = inject::inject(text, &rules(&["ghcr.io"], Which::Matching)).unwrap_err();
        assert!(problem.message.starts_with(place), "{text}: {}", problem.message);
        assert!(!format!("{problem:?}").contains("s3cr3t"));
    }
}
