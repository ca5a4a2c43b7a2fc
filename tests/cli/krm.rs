//! Checks properties of `regcred krm`: foreign items stay unchanged, and a second run changes nothing.

use std::io::Write;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const LOGINS: &str = r#"{"auths":{"ghcr.io":{"auth":"dTpw"}}}"#;

/// The output for these items.
fn krm(items: &str) -> String {
    let list = format!(
        "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n{items}functionConfig:\n  apiVersion: regcred.dev/v1alpha1\n  \
         kind: RegistryCredentials\n  metadata: {{name: acme}}\n  spec: {{pullSecrets: [{{namespaces: {{include: [team-a, on]}}}}]}}\n"
    );
    let mut child = Command::new(env!("CARGO_BIN_EXE_regcred"))
        .arg("krm")
        .env_clear()
        .env("DOCKERHUB_AUTH", LOGINS)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(list.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{list}{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let (_, rest) = text.split_once("\nitems:\n").unwrap();
    rest.split_once("\nfunctionConfig:").unwrap().0.to_owned() + "\n"
}

/// An item in block style, with text that a YAML reader might change.
fn item() -> impl Strategy<Value = String> {
    let scalar = proptest::sample::select(vec![
        "1.10",
        "012",
        "0o14",
        "yes",
        "on",
        "~",
        "1e3",
        "2020-01-01",
        "'x'",
        "\"a\\tb\"",
        "!!binary aGk=",
        "[1, {a: b}]",
        "{a: 'b: c'}",
        "|\n    - text\n\n    # no comment\n    items:",
        ">-\n    folded\n    text",
        "\n  - x # one\n  -   - y",
        "123456789012345678901234567890 # large",
        "&anchor v\n  again: *anchor",
        "\n    deep:\n      deeper: é\u{1F600}",
    ]);
    let kind = proptest::sample::select(vec!["ConfigMap", "ServiceAccount", "Deployment", "Widget"]);
    let comment = proptest::sample::select(vec!["", "# between\n", "# one\n# after the other\n"]);
    let name = "[a-z]([a-z0-9-]{0,8}[a-z0-9])?";
    (kind, name, scalar, comment).prop_map(|(kind, name, scalar, comment)| {
        format!("{comment}- kind: {kind}\n  metadata: {{name: {name}, namespace: other}}\n  field: {scalar}\n")
    })
}

#[test]
fn other_items_stay_byte_for_byte_and_in_order_and_a_second_run_changes_nothing() {
    let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&proptest::collection::vec(item(), 1..6), |items| {
        let others = items.concat();
        let first = krm(&others);
        prop_assert!(first.starts_with(&others), "{first}\n---\n{others}");
        prop_assert!(first.contains("\n    namespace: \"on\"\n"), "{first}");
        prop_assert_eq!(&krm(&first), &first);
        // Our objects stay in their places, between others.
        let ours = &first[others.len()..];
        let around = krm(&format!("{ours}{others}"));
        prop_assert_eq!(around, format!("{ours}{others}"));
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
