//! Tests the messages about mistakes in a regcred.yaml.

use super::*;

const HEAD: &str = "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: acme}\n";

fn messages(text: &str) -> Vec<String> {
    find(text).into_iter().map(|problem| problem.message).collect()
}

#[test]
fn all_faults_of_a_file_come_together_in_its_order_and_without_a_value() {
    let text = "kind: hunter2\nmetadata: {nam: hunter2}\nlogins: []\nspec:\n  strategy: hunter2\n  format: kustomisation\n  \
                pullSecrets:\n  - link: policy\n    nmae: x\n    hunter2: 1\n    serviceAccounts: hunter2\n    logins:\n    \
                - dockerConfig: hunter2\n    - registry: ghcr.io\n      username: hunter2\n      password: {value: hunter2}\n";
    let problems = find(text);
    assert_eq!(
        problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>(),
        [
            "line 1, column 1: the field `apiVersion` is missing",
            "line 1, column 7: `kind`: unknown value",
            "line 2, column 12: unknown field; did you mean `name`?",
            "line 3, column 1: `logins` belongs under `spec.pullSecrets[]`",
            "line 5, column 13: `spec.strategy`: unknown value",
            "line 6, column 11: `spec.format`: unknown value; did you mean `kustomization`?",
            "line 8, column 5: `link` belongs under `spec`",
            "line 9, column 5: unknown field; did you mean `name`?",
            "line 10, column 5: unknown field",
            "line 11, column 22: `spec.pullSecrets[0].serviceAccounts`: expected a list, found text",
            "line 13, column 21: a literal password or Docker config",
            "line 15, column 17: `spec.pullSecrets[0].logins[1].username`: expected a mapping, found text",
            "line 16, column 18: a literal password or Docker config",
        ]
    );
    assert!(problems.iter().all(|problem| problem.hint.is_some()));
    assert!(!format!("{problems:?}").contains("hunter2"));
}

#[test]
fn a_field_in_another_place_is_told_where_it_belongs() {
    for (spec, message) in [
        ("spec: {name: x}", "line 4, column 8: `name` belongs under `metadata` or under `spec.pullSecrets[]`"),
        ("spec: {apiVersion: x}", "line 4, column 8: `apiVersion` belongs to the top level"),
        ("spec: {link: none, link: none}", "line 4, column 20: duplicate key"),
        ("spec: {pullSecrets: [{}, null]}", "line 4, column 26: item 2 of `spec.pullSecrets` is empty"),
        ("spec: {shape: chart}", "line 4, column 8: `shape` is called `format` now"),
        ("spec: {include: []}", "line 4, column 8: `include` belongs under `spec.pullSecrets[].namespaces`"),
        ("spec: {pullSecrets: [{namespace: x}]}", "line 4, column 23: unknown field; did you mean `namespaces`?"),
        (
            "spec: {login: []}",
            "line 4, column 8: unknown field; did you mean `logins`, which belongs under `spec.pullSecrets[]`?",
        ),
    ] {
        assert_eq!(messages(&format!("{HEAD}{spec}\n")), [message]);
    }
}

#[test]
fn a_hint_shows_how_a_secret_is_named() {
    for (login, hint) in [
        ("{registry: ghcr.io, username: {value: a}, password: {value: p}}", "write `password: {env: NAME}`"),
        ("{registry: ghcr.io, username: {value: a}, password: p}", "write `password: {env: NAME}`"),
        ("dockerConfig: p", "write `dockerConfig: {env: NAME}`"),
        ("dockerConfig: {value: p}", "write `dockerConfig: {env: NAME}`"),
        ("registry: ghcr.io", "give `dockerConfig`, or `preset`, or `registry` with `username` and `password`"),
        ("{dockerConfig: {env: A}, preset: ghcr}", "give `dockerConfig`, or `preset`, or `registry`"),
        ("{dockerConfig: }", "give `dockerConfig`, or `preset`, or `registry`"),
    ] {
        let problems = find(&format!("{HEAD}spec:\n  pullSecrets:\n  - logins:\n    - {login}\n"));
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].hint.as_ref().unwrap().contains(hint), "{problems:?}");
    }
}

#[test]
fn a_password_in_place_of_its_key_in_a_store_is_not_sent_elsewhere() {
    for password in ["hunter2", "{value: hunter2}"] {
        let logins = format!("{{logins: [{{registry: ghcr.io, username: {{value: a}}, password: {password}}}]}}");
        let problems = find(&format!("{HEAD}spec: {{protect: external, pullSecrets: [{{external: {logins}}}]}}\n"));
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].hint.as_ref().unwrap().contains("write `password: {key: NAME}`"), "{problems:?}");
    }
}

#[test]
fn what_is_missing_is_told_with_what_to_write() {
    let login = find(&format!(
        "{HEAD}spec: {{pullSecrets: [{{logins: [{{registry: a, username: {{value: a}}, password: {{}}}}]}}]}}\n"
    ));
    assert_eq!(login[0].hint.as_deref(), Some("write `{env: NAME}`, with the name of the variable"));
    let hints: Vec<_> = find("metadata: {}\n").into_iter().filter_map(|problem| problem.hint).collect();
    assert_eq!(hints[0], "write `apiVersion: regcred.dev/v1alpha1`");
    assert_eq!(hints[1], "write `kind: RegistryCredentials`");
    assert!(hints[2..].iter().any(|hint| hint.starts_with("`name` is the owner of the objects")), "{hints:?}");
}

#[test]
fn a_bad_name_is_told_with_its_place_and_field() {
    let text = format!(
        "{HEAD}spec:\n  clusters: [{{name: Prod}}]\n  patcher: {{namespace: a.b, pullSecret: a..b}}\n  pullSecrets:\n  - name: A\n    \
         namespaces: {{include: [a, 'B*'], exclude: ['[a']}}\n    serviceAccounts: ['*', B]\n    logins: [{{preset: ghrc}}]\n"
    );
    assert_eq!(
        messages(&text),
        [
            "line 5, column 21: `name`: the name has a capital letter at position 1",
            "line 6, column 24: `namespace`: the namespace has a dot at position 2",
            "line 6, column 41: `pullSecret`: a part of the name is empty",
            "line 8, column 11: `name`: the name has a capital letter at position 1",
            "line 9, column 31: `include`: the glob has a capital letter at position 1",
            "line 9, column 48: `exclude`: the glob has an error in its brackets or braces",
            "line 10, column 28: `serviceAccounts`: the name has a capital letter at position 1",
            "line 11, column 23: `spec.pullSecrets[0].logins[0].preset`: unknown value; did you mean `ghcr`?",
        ]
    );
}

#[test]
fn a_good_file_has_no_faults() {
    let spec = "spec:\n  createNamespaces: yes\n  profile:\n  pullSecrets:\n  - name: 12\n    namespaces: {include: [on, 1]}\n";
    assert!(messages(&format!("{HEAD}{spec}")).is_empty());
    assert!(messages("a: [\n").is_empty());
}
