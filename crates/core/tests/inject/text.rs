//! Checks which bytes of a manifest change.

use super::*;

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
