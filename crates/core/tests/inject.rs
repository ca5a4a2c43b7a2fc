//! Checks properties of `inject`: only references change, a second run changes nothing, and the rules of the kubelet decide.

#![cfg(test)]

use proptest::prelude::*;
use regcred_core::docker_config::kubelet::{self, Image};
use regcred_core::docker_config::registry::RegistryKey;
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

#[test]
fn the_text_is_changed_where_the_reference_goes_and_nowhere_else() {
    const REFERENCE: &str = "  imagePullSecrets:\n  - name: pull\n";
    for (before, after) in [
        ("  containers:\n  - image: ghcr.io/a\n", "R  containers:\n  - image: ghcr.io/a\n"),
        (
            "  # why\n  # so\n  containers:\n  - image: ghcr.io/a\n",
            "R  # why\n  # so\n  containers:\n  - image: ghcr.io/a\n",
        ),
        ("\n  containers:\n  - {image: ghcr.io/a}", "\nR  containers:\n  - {image: ghcr.io/a}"),
        (
            "  containers: [{image: ghcr.io/a}]\n  x: |+\n    text\n\n\n",
            "R  containers: [{image: ghcr.io/a}]\n  x: |+\n    text\n\n\n",
        ),
        ("  initContainers: [{image: 'ghcr.io/a'}]\n", "R  initContainers: [{image: 'ghcr.io/a'}]\n"),
        ("  ephemeralContainers: [{image: \"ghcr.io/a\"}]\n", "R  ephemeralContainers: [{image: \"ghcr.io/a\"}]\n"),
        ("  volumes: [{image: {reference: ghcr.io/a}}]\n", "R  volumes: [{image: {reference: ghcr.io/a}}]\n"),
        (
            "  imagePullSecrets: []\n  containers: [{image: ghcr.io/a}]\n",
            "  imagePullSecrets: [{name: pull}]\n  containers: [{image: ghcr.io/a}]\n",
        ),
        (
            "  imagePullSecrets: # none\n  containers: [{image: ghcr.io/a}]\n",
            "  imagePullSecrets: [{name: pull}] # none\n  containers: [{image: ghcr.io/a}]\n",
        ),
        (
            "  imagePullSecrets: ~\n  containers: [{image: ghcr.io/a}]\n",
            "  imagePullSecrets: [{name: pull}]\n  containers: [{image: ghcr.io/a}]\n",
        ),
        (
            "  containers: [{image: ghcr.io/a}]\n  imagePullSecrets: null",
            "  containers: [{image: ghcr.io/a}]\n  imagePullSecrets: [{name: pull}]",
        ),
        (
            "  containers: [{image: ghcr.io/a}]\n  imagePullSecrets: [{name: a}, ]\n",
            "  containers: [{image: ghcr.io/a}]\n  imagePullSecrets: [{name: a}, {name: pull}, ]\n",
        ),
        (
            "  containers: [{image: ghcr.io/a}]\n  imagePullSecrets:\n  - name: a # first\n",
            "  containers: [{image: ghcr.io/a}]\n  imagePullSecrets:\n  - name: a # first\n  - name: pull\n",
        ),
        (
            "  containers: [{image: ghcr.io/a}]\n  imagePullSecrets:\n    -  name: a",
            "  containers: [{image: ghcr.io/a}]\n  imagePullSecrets:\n    -  name: a\n    -  name: pull",
        ),
        (
            "  imagePullSecrets:\n  - name: a\n\n  containers: [{image: ghcr.io/a}]\n",
            "  imagePullSecrets:\n  - name: a\n  - name: pull\n\n  containers: [{image: ghcr.io/a}]\n",
        ),
        (
            "  imagePullSecrets: [{name: pull}]\n  containers: [{image: ghcr.io/a}]\n",
            "  imagePullSecrets: [{name: pull}]\n  containers: [{image: ghcr.io/a}]\n",
        ),
        ("  ? containers\n  : [{image: ghcr.io/a}]\n", "R  ? containers\n  : [{image: ghcr.io/a}]\n"),
    ] {
        for (head, windows) in
            [("", false), ("\u{feff}", false), ("# c\n---\n", false), ("%YAML 1.2\n---\n", true), ("", true)]
        {
            let head = format!("{head}apiVersion: v1\nkind: Pod # p\nspec: # s\n");
            let [text, wanted] = [before, &after.replace('R', REFERENCE)].map(|spec| {
                let text = format!("{head}{spec}");
                if windows { text.replace('\n', "\r\n") } else { text }
            });
            assert_eq!(injected(&text), (wanted, 0), "{text}");
            assert_only_a_reference_is_added(&text);
        }
    }
}

#[test]
fn json_stays_json() {
    for (before, after) in [
        (
            r#"{"containers":[{"image":"ghcr.io/a"}]}"#,
            r#"{"imagePullSecrets": [{"name": "pull"}], "containers":[{"image":"ghcr.io/a"}]}"#,
        ),
        (
            r#"{"containers":[{"image":"ghcr.io/a"}],"imagePullSecrets":[]}"#,
            r#"{"containers":[{"image":"ghcr.io/a"}],"imagePullSecrets":[{"name": "pull"}]}"#,
        ),
        (
            r#"{"containers":[{"image":"ghcr.io/a"}],"imagePullSecrets":null}"#,
            r#"{"containers":[{"image":"ghcr.io/a"}],"imagePullSecrets":[{"name": "pull"}]}"#,
        ),
        (
            "{\n\t\"containers\": [{\"image\": \"ghcr.io\\/a\\ud83d\\ude00\"}, {\"image\": \"ghcr.io/a\"}]\n}",
            "{\n\t\"imagePullSecrets\": [{\"name\": \"pull\"}],\n\t\"containers\": [{\"image\": \"ghcr.io\\/a\\ud83d\\ude00\"}, {\"image\": \"ghcr.io/a\"}]\n}",
        ),
        (
            "{\"containers\":[{\"image\":\"ghcr.io/a\"}],\"imagePullSecrets\":[\n  {\n    \"name\": \"a\"\n  }\n]}",
            "{\"containers\":[{\"image\":\"ghcr.io/a\"}],\"imagePullSecrets\":[\n  {\n    \"name\": \"a\"\n  },\n  {\"name\": \"pull\"}\n]}",
        ),
    ] {
        let [before, after] =
            [before, after].map(|spec| format!(r#"{{"apiVersion":"v1","kind":"Pod","spec":{spec}}}"#));
        assert_eq!(injected(&before).0, after);
        assert!(serde_json::from_str::<Value>(&after).is_ok(), "{after}");
        // One object after the other, as `kubectl` accepts them.
        let [before, after] = [before, after].map(|pod| format!("{pod}\n{{\"kind\": \"x\"}} {pod}"));
        assert_eq!(injected(&before).0, after);
        assert_eq!(injected(&after).0, after);
    }
}

#[test]
fn what_an_anchor_shares_changes_only_where_a_reference_goes() {
    for (text, is_rewritten) in [
        (
            "x: &l [{name: a}]\nkind: Pod\napiVersion: v1\nspec: {containers: [{image: ghcr.io/a}], imagePullSecrets: *l}\n",
            false,
        ),
        (
            "x: &l {containers: [{image: ghcr.io/a}], imagePullSecrets: [{name: a}]}\nkind: Pod\napiVersion: v1\nspec:\n  <<: *l\n  y: 1\n",
            false,
        ),
        ("x: &l {containers: [{image: ghcr.io/a}]}\nkind: Pod\napiVersion: v1\nspec: {<<: [*l, *l], y: 1}\n", false),
        ("x: &l [{image: ghcr.io/a}]\nkind: Pod\napiVersion: v1\nspec:\n  containers: *l\n", false),
        ("kind: Pod\napiVersion: v1\nspec: &l\n  containers: [{image: ghcr.io/a}]\n", false),
        ("kind: Pod\napiVersion: v1\nspec: &l\n  containers: [{image: ghcr.io/a}]\ny: *l\n", true),
        ("x: &l {containers: [{image: ghcr.io/a}]}\nkind: Pod\napiVersion: v1\nspec: *l\n", true),
        (
            "kind: Pod\napiVersion: v1\nspec:\n  containers: [{image: ghcr.io/a}]\n  imagePullSecrets: &l [{name: a}]\n  y: *l\n",
            true,
        ),
        (
            "kind: Pod\napiVersion: v1\nspec:\n  containers: [{image: ghcr.io/a}]\n  imagePullSecrets: !!null\n  y: [1, 1.10, '1', yes, 0o7]\n",
            true,
        ),
        (
            "kind: Pod\napiVersion: v1\nspec:\n  containers: [{image: ghcr.io/a}]\n  imagePullSecrets:\n  - name: |-\n      a\n",
            false,
        ),
    ] {
        let text = format!("a: 1\n---\n{text}---\nb: 1\n");
        let (after, warnings) = injected(&text);
        assert_eq!(warnings == 1, is_rewritten, "{text}\n{after}");
        let (before, now) = (values(&text), values(&after));
        assert_eq!(now[1], with_reference(&before[1]), "{text}\n{after}");
        assert_eq!((&now[0], &now[2]), (&before[0], &before[2]));
        assert_eq!(injected(&after).0, after);
    }
}

#[test]
fn a_list_of_several_pods_that_share_a_spec_gets_one_change() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  spec: &s\n    containers: [{image: ghcr.io/a}]\n\
        - apiVersion: v1\n  kind: Pod\n  spec: *s\n";
    let (after, warnings) = injected(text);
    assert_eq!((after.matches("name: pull").count(), warnings), (1, 0), "{after}");
    assert!(
        values(&after)[0]["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|pod| pod["spec"]["imagePullSecrets"][0]["name"] == "pull")
    );
}

#[test]
fn a_line_may_end_in_each_way_that_go_knows() {
    for end in ["\n", "\r\n", "\u{85}", "\u{2028}", "\u{2029}"] {
        let pod = ["kind: Pod", "spec:", "  containers:", "  - image: ghcr.io/a", "  # é", ""].join(end);
        let expected = pod.replace("  containers:", "  imagePullSecrets:\n  - name: pull\n  containers:");
        let expected = if end == "\r\n" { expected.replace("\r\n", "\n").replace('\n', "\r\n") } else { expected };
        assert_eq!(injected(&pod), (expected, 0), "{end:?}");
    }
}

#[test]
fn what_holds_no_pod_passes_byte_for_byte() {
    for text in [
        "",
        "\n\n",
        "# nothing\n",
        "---\n---\n# only a comment\n---\n",
        "text\n",
        "- kind: Pod\n",
        "apiVersion: v1\nkind: Secret\nstringData:\n  a: |\n    kind: Pod\n     ---\n    spec: {containers: [{image: ghcr.io/a}]}\n",
        "apiVersion: v1\nkind: ConfigMap\ndata: {a: \"kind: Pod\\n---\\n\"}\n...\n",
        "apiVersion: v1\nkind: Pod\nspec:\n  containers: [{image: quay.io/a}, {image: }, {name: x}, text]\n",
        "apiVersion: v1\nkind: Pod\n",
        "kind: Rollout\nspec: {template: {spec: {containers: [{image: quay.io/a}]}}}\n",
        "%YAML 1.2\n# only a directive\n---\n",
        &format!("kind: ConfigMap\ndata:\n  {}{}\n", "{a: ".repeat(2000), "}".repeat(2000)),
        &format!("{{\"kind\": \"ConfigMap\", \"data\": {}{}}}\n", "[".repeat(5000), "]".repeat(5000)),
        "{\"kind\": \"ConfigMap\", \"data\": {\"a\": \"\u{7f} \\ud800\"}}\n",
        "kind: ConfigMap\ndata:\n  a: [\n\t1,\n\t{b: 2}\n\t]\n",
        &format!("{}kind: ConfigMap\n", "# a comment\n".repeat(200)),
        // A reference may be in other fields than those of a Pod spec; the image of a Ceph volume is not a container image.
        "apiVersion: v1\nkind: Pod\nspec: {containers: [], volumes: [{rbd: {image: ghcr.io/a}}]}\n",
    ] {
        assert_eq!(injected(text), (text.to_owned(), 0), "{text}");
    }
}

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
            "no reference for 2 objects of kind Farm.example.com with matching images: the kind is unknown: say where its Pod \
         spec is with `--path Farm.example.com=spec.jobs[].template.spec`"
        ]
    );
    assert_eq!(
        warnings("apiVersion: example.com/v1\nkind: Farm\nspec: {image: ghcr.io/a}\n"),
        [
            "no reference for 1 object of kind Farm.example.com with matching images: the kind is unknown: if the kind takes \
         `imagePullSecrets`, say where with `--path Farm.example.com=PATH`; else link its ServiceAccount"
        ]
    );
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
fn a_reference_comes_after_a_merge_key_that_brings_others() {
    const BASE: &str = "x: &base {imagePullSecrets: [{name: other}]}\nkind: Pod\napiVersion: v1\n";
    for (before, after) in [
        (
            "spec:\n  <<: *base # why\n  # of these\n  containers: [{image: ghcr.io/a}]\n",
            "spec:\n  <<: *base # why\n  imagePullSecrets:\n  - name: other\n  - name: pull\n  # of these\n  containers: [{image: ghcr.io/a}]\n",
        ),
        (
            "spec:\n  containers: [{image: ghcr.io/a}]\n  <<: [*base]",
            "spec:\n  containers: [{image: ghcr.io/a}]\n  <<: [*base]\n  imagePullSecrets:\n  - name: other\n  - name: pull",
        ),
        (
            "spec: {<<: *base, containers: [{image: ghcr.io/a}]}\n",
            "spec: {<<: *base, imagePullSecrets: [{name: other}, {name: pull}], containers: [{image: ghcr.io/a}]}\n",
        ),
        (
            "spec:\n  <<: *base\n  imagePullSecrets: []\n  containers: [{image: ghcr.io/a}]\n",
            "spec:\n  <<: *base\n  imagePullSecrets: [{name: pull}]\n  containers: [{image: ghcr.io/a}]\n",
        ),
    ] {
        assert_eq!(injected(&format!("{BASE}{before}")), (format!("{BASE}{after}"), 0));
        let indented = |text: &str| {
            let body = text.replace("spec:", "  spec:").replace("\n  ", "\n    ");
            format!(
                "x: &base {{imagePullSecrets: [{{name: other}}]}}\nkind: List\nitems:\n- kind: Pod\n  apiVersion: v1\n{body}"
            )
        };
        assert_eq!(injected(&indented(before)), (indented(after), 0), "in a list");
    }
    // The own list is before the merge key, which wins: kubectl does not see the own list.
    let (after, warnings) = injected(&format!(
        "{BASE}spec: {{imagePullSecrets: [{{name: pull}}], <<: *base, containers: [{{image: ghcr.io/a}}]}}\n"
    ));
    assert_eq!(warnings, 1);
    assert_eq!(values(&after)[0]["spec"]["imagePullSecrets"], json!([{"name": "other"}, {"name": "pull"}]));
    // Of equal keys the last one wins.
    let text = "kind: Pod\napiVersion: v1\nspec: {imagePullSecrets: [{name: pull}], containers: [{image: ghcr.io/a}], imagePullSecrets: [{name: b}]}\n";
    assert_eq!(injected(text), (text.replace("{name: b}", "{name: b}, {name: pull}"), 0));
}

#[test]
fn a_list_gets_the_reference_in_the_way_it_is_written() {
    for (before, after) in [
        ("\n  -\n    name: a\n", "\n  -\n    name: a\n  - name: pull\n"),
        ("\n  -\n    # c\n    name: a # d\n", "\n  -\n    # c\n    name: a # d\n  - name: pull\n"),
        (" &l\n  - &m\n    name: a\n", " &l\n  - &m\n    name: a\n  - name: pull\n"),
        (" &l [{name: a}]\n", " &l [{name: a}, {name: pull}]\n"),
        ("\n  - name: |\n      a\n\n", "\n  - name: |\n      a\n  - name: pull\n\n"),
        ("\n  - name: |-\n      a\n\n\n  x: 1\n", "\n  - name: |-\n      a\n  - name: pull\n\n\n  x: 1\n"),
        (" !!seq [{name: a}]\n", " !!seq [{name: a}, {name: pull}]\n"),
        ("\n  - name: >-\n      a", "\n  - name: >-\n      a\n  - name: pull"),
        (" [ # none yet\n  ]\n", " [ # none yet\n  {name: pull}]\n"),
        (" [\n\t{name: a}\n  ]\n", " [\n\t{name: a},\n\t{name: pull}\n  ]\n"),
    ] {
        let pod = |list: &str| {
            format!(
                "---\n\u{feff}apiVersion: v1\nkind: Pod\nspec:\n  containers: [{{image: ghcr.io/a}}]\n  imagePullSecrets:{list}---\na: 1\n"
            )
        };
        let (before, after) = if before.ends_with('\n') {
            (pod(before), pod(after))
        } else {
            (pod(before).replace("---\na: 1\n", ""), pod(after).replace("---\na: 1\n", ""))
        };
        assert_eq!(injected(&before), (after.clone(), 0), "{before}");
        assert_eq!(injected(&after).0, after);
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

/// Any value that YAML and JSON can both hold; some keys are names that mean something.
fn value() -> impl Strategy<Value = Value> {
    let key = prop_oneof!["[a-z]{1,6}", Just("imagePullSecrets".to_owned()), Just("items".to_owned()), any::<String>()];
    let leaf = prop_oneof![
        any::<String>().prop_map(Value::from),
        "[ -~\n\t#:|>-]{0,20}".prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
        Just(json!({})),
        Just(json!([])),
    ];
    leaf.prop_recursive(3, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// A Pod with a matching image, and random other fields.
fn pod() -> impl Strategy<Value = Value> {
    let list = prop_oneof![
        Just(None),
        Just(Some(Value::Null)),
        prop::collection::vec("[a-z]{1,3}|pull", 0..3)
            .prop_map(|names| Some(names.iter().map(|name| json!({"name": name})).collect::<Value>())),
    ];
    (prop::collection::btree_map("[a-z]{1,6}", value(), 0..4), list, any::<bool>()).prop_map(|(rest, list, first)| {
        let mut spec = serde_json::Map::new();
        if first {
            spec.extend(list.clone().map(|list| ("imagePullSecrets".to_owned(), list)));
        }
        spec.extend(rest);
        spec.insert("containers".to_owned(), json!([{"image": "ghcr.io/acme/api:1"}]));
        if !first {
            spec.extend(list.map(|list| ("imagePullSecrets".to_owned(), list)));
        }
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": spec})
    })
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

/// Also compares the order of keys, which `Value`'s equality ignores, without the new field.
fn ordered(value: &Value) -> String {
    let mut value = value.clone();
    value["spec"].as_object_mut().unwrap().shift_remove("imagePullSecrets");
    value.to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn everything_else_is_unchanged_in_value_and_order(
        pods in prop::collection::vec((pod(), 0..4usize), 1..4),
        windows in any::<bool>(),
    ) {
        let texts: Vec<_> = pods.iter().map(|(pod, form)| written(pod, *form)).collect();
        let text = texts.join("\n---\n");
        // A lone line end within quotation marks is a space in both.
        let text = if windows { text.replace("\r\n", "\n").replace('\n', "\r\n") } else { text };
        let before = values(&text);
        let (after, warnings) = injected(&text);
        prop_assert_eq!(warnings, 0, "{}", after);
        let now = values(&after);
        prop_assert_eq!(&now, &before.iter().map(with_reference).collect::<Vec<_>>(), "{}\n{}", text, after);
        for (now, before) in now.iter().zip(&before) {
            prop_assert_eq!(ordered(now), ordered(before));
        }
        prop_assert_eq!(&injected(&after).0, &after);
    }

    #[test]
    fn any_text_is_refused_or_passes(text in any::<String>()) {
        if let Ok(Injected { edits, .. }) = inject::inject(&text, &rules(&["ghcr.io"], Which::All)) {
            prop_assert!(edits.is_empty());
        }
    }

    #[test]
    fn a_pod_gets_a_reference_where_a_kubelet_would_try_a_login(
        key in "(https://)?(ghcr\\.io|\\*\\.io|docker\\.io|index\\.docker\\.io|r\\.test:5000)(/acme|/v1/)?",
        image in "((ghcr\\.io|docker\\.io|r\\.test:5000|localhost|a\\.b\\.io)/)?(acme/|library/)?[a-z]{1,3}(:[a-z0-9]{1,3})?",
    ) {
        let parsed: RegistryKey = key.parse().unwrap();
        let wanted = !kubelet::matching(std::iter::once(&parsed), &image.parse::<Image>().unwrap()).is_empty();
        let text = format!("apiVersion: v1\nkind: Pod\nspec: {{containers: [{{image: none.test/x}}, {{image: '{image}'}}]}}\n");
        let found = inject::inject(&text, &rules(&[&key], Which::Matching)).unwrap();
        prop_assert_eq!(found.added.len() == 1, wanted, "{} {}", key, image);
    }
}
