//! Checks that `inject` reads tags as kubectl does.

use super::*;

const TAGS: [&str; 5] = ["!", "!!str", "!foo", "!<tag:yaml.org,2002:str>", "!!merge"];

#[test]
fn a_key_with_a_tag_is_the_key_that_kubectl_reads() {
    for key in ["kind", "items", "spec", "template", "containers", "image", "apiVersion"] {
        let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: apps/v1\n  kind: Deployment\n  spec:\n    template:\n      \
             spec:\n        x: 1\n        containers:\n        - image: ghcr.io/a\n";
        let before = "        x: 1\n";
        let after = "        imagePullSecrets:\n        - name: pull\n        x: 1\n";
        for tag in TAGS {
            for written in [key.to_owned(), format!("\"{key}\"")] {
                let text = list.replace(&format!("{key}:"), &format!("{tag} {written}:"));
                assert_eq!(injected(&text), (text.replace(before, after), 0), "{text}");
            }
        }
    }
    // `spec` and `kind` in base64.
    let text = "!!binary a2luZA==: Pod\n!!binary c3BlYw==: {x: 1, containers: [{image: ghcr.io/a}]}\n";
    assert_eq!(injected(text), (text.replace("{x", "{imagePullSecrets: [{name: pull}], x"), 0));
}

#[test]
fn a_list_under_a_key_with_a_tag_is_not_written_twice() {
    let binary = "!!binary aW1hZ2VQdWxsU2VjcmV0cw==".to_owned();
    for key in TAGS.map(|tag| format!("{tag} imagePullSecrets")).into_iter().chain([binary]) {
        let pod = format!("kind: Pod\nspec:\n  {key}: [{{name: other}}]\n  containers: [{{image: ghcr.io/a}}]\n");
        let after = pod.replace("other}", "other}, {\"name\": \"pull\"}");
        assert_eq!(injected(&pod), (after.clone(), 0));
        assert_eq!(injected(&after), (after.clone(), 0));
        let merged = format!(
            "x: &b\n  {key}: [{{name: other}}]\nkind: Pod\nspec:\n  <<: *b\n  containers: [{{image: ghcr.io/a}}]\n"
        );
        let lines = "<<: *b\n  imagePullSecrets:\n  - name: other\n  - name: pull\n";
        assert_eq!(injected(&merged), (merged.replace("<<: *b\n", lines), 0));
    }
}

#[test]
fn a_value_with_a_tag_is_the_text_that_kubectl_reads() {
    for (kind, image, is_found) in [
        ("!!str Pod", "!!str ghcr.io/a", true),
        ("! Pod", "! 'ghcr.io/a'", true),
        ("!!binary UG9k", "!!binary Z2hjci5pby9h", true),
        ("!!binary |\n  UG\n  9k", "!!binary 'Z2hjci5pby9h'", true),
        // kubectl reads no spaces in base64.
        ("!!binary 'UG 9k'", "ghcr.io/a", false),
        ("Pod", "!!binary cXVheS5pby9h", false),
    ] {
        let text = format!("kind: {kind}\nspec: {{x: 1, containers: [{{image: {image}}}]}}\n");
        let after = text.replace("{x", "{imagePullSecrets: [{name: pull}], x");
        assert_eq!(injected(&text), (if is_found { after } else { text.clone() }, 0), "{text}");
    }
    // Only null itself gives way to a list.
    let text = "kind: Pod\nspec: {imagePullSecrets: !!str null, containers: [{image: ghcr.io/a}]}\n";
    assert_eq!(injected(text), (text.to_owned(), 1));
}

#[test]
fn a_merge_key_merges_where_kubectl_merges() {
    for (key, merges) in [
        ("! <<", true),
        ("! '<<'", true),
        ("!!merge '<<'", true),
        ("!!str <<", false),
        ("!foo <<", false),
        ("!!binary PDw=", false),
    ] {
        let text = format!("x: &b {{kind: Pod, spec: {{x: 1, containers: [{{image: ghcr.io/a}}]}}}}\n{key}: *b\n");
        let found = inject::inject(&text, &rules(&["ghcr.io"], Which::Matching)).unwrap();
        assert_eq!(found.added.len(), usize::from(merges), "{text}");
    }
}

#[test]
fn json_has_no_tags() {
    // The Pod spec is shared, so no smaller change keeps the meaning of `z`.
    let shared = |value: &str| {
        let text = format!("kind: Pod\nspec: &l\n  x: {value}\n  containers: [{{image: ghcr.io/a}}]\nz: *l\n");
        inject::inject(&text, &rules(&["ghcr.io"], Which::Matching)).map(|found| inject::changed(&text, &found.edits))
    };
    for (value, json) in [
        ("!foo 5", "\"5\""),
        ("! yes", "\"yes\""),
        ("!!str", "\"\""),
        ("!!binary aGk=", "\"hi\""),
        ("!!set {}", "{}"),
        ("5", "5"),
    ] {
        let after = shared(value).unwrap();
        assert!(after.contains(&format!("\"x\": {json}\n")) && !after.contains('!'), "{value}: {after}");
    }
    for value in ["!!int '5'", "!!float 5", "!!timestamp 2001-01-01", "!!binary gICA", "!!binary a"] {
        let problem = shared(value).unwrap_err();
        assert!(problem.message.starts_with("no reference can be added to a Pod"), "{value}: {}", problem.message);
        assert!(problem.hint.unwrap().contains("no tag like `!!int`"));
    }
}
