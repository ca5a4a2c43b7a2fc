//! Checks properties of logins: any password and any order of sources give the same logins and bytes.

use std::path::Path;
use std::process::Output;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::{Namespace, Secret, ServiceAccount};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::harness::regcred::regcred;

fn run(variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    regcred(Path::new(env!("CARGO_TARGET_TMPDIR")), variables, &[arguments, &["--no-config"]].concat())
}

#[track_caller]
fn printed(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Any text that a variable can hold and that regcred neither changes, refuses nor interprets: no NUL, no line end at the end.
fn password() -> impl Strategy<Value = String> {
    any::<String>().prop_filter("a password that is taken as it is", |text| {
        text.contains(|it: char| it != '*' && !it.is_whitespace())
            && !text.contains('\0')
            && !text.ends_with(['\r', '\n'])
            && !text.contains("ref+")
            && !text.contains("$(")
            && !text.starts_with('/')
            && text.matches('.').count() != 2
    })
}

fn username() -> impl Strategy<Value = String> {
    "[^:\\x00-\\x1f\\x7f-\\x9f/]{1,20}".prop_filter("a user name that is taken as it is", |text| {
        !text.contains("ref+") && text.contains(|it: char| it != '*' && !it.is_whitespace())
    })
}

fn registry() -> impl Strategy<Value = String> {
    "[a-z0-9]{1,8}\\.(io|com|example\\.org)(:[1-9][0-9]{1,3})?(/[a-z0-9]{1,8})?"
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_docker_config_survives_any_text_in_a_password(name in username(), secret in password()) {
        let arguments = ["render", "--format", "docker-config", "--raw"];
        let text = printed(run(&[("U", &name), ("P", &secret)], &[&arguments[..], &["--login", "ghcr.io=U:P"]].concat()));
        let config: Value = serde_json::from_str(&text).unwrap();
        let auth = STANDARD.encode(format!("{name}:{secret}"));
        prop_assert_eq!(&config, &json!({"auths": {"ghcr.io": {"username": name, "password": secret, "auth": auth}}}));
        // The output is read again, in clear and in base64, and written the same.
        prop_assert_eq!(&printed(run(&[("DOCKERHUB_AUTH", &text)], &arguments)), &text);
        prop_assert_eq!(&printed(run(&[("DOCKERHUB_AUTH", &STANDARD.encode(&text))], &arguments)), &text);
        let base64 = printed(run(&[("DOCKERHUB_AUTH", &text)], &["render", "--format", "docker-config"]));
        prop_assert_eq!(STANDARD.decode(base64.trim_end()).unwrap(), text.trim_end().as_bytes());
    }

    #[test]
    fn the_order_of_sources_does_not_matter(
        logins in prop::collection::btree_map(registry(), (username(), "[ -~]{1,20}".prop_filter("plain", |text| !text.contains("ref+") && !text.contains("$(") && text.contains(|it| it != '*'))), 1..5),
        seed in any::<u64>(),
    ) {
        let mut configs: Vec<String> = logins
            .iter()
            .map(|(host, (name, secret))| json!({"auths": {host: {"username": name, "password": secret}}}).to_string())
            .collect();
        let render = |configs: &[String]| {
            let names: Vec<String> = (0..configs.len()).map(|number| format!("A{number}")).collect();
            let variables: Vec<_> = names.iter().map(String::as_str).zip(configs.iter().map(String::as_str)).collect();
            let sources: Vec<_> = names.iter().flat_map(|name| ["--docker-config", name]).collect();
            run(&variables, &[&["render", "-n", "b,a", "--allow-short-lived"], &sources[..]].concat())
        };
        let first = printed(render(&configs));
        prop_assert_eq!(&printed(render(&configs)), &first, "two runs");
        let middle = usize::try_from(seed % configs.len() as u64).unwrap();
        configs.rotate_left(middle);
        prop_assert_eq!(&printed(render(&configs)), &first, "another order");
        configs.reverse();
        prop_assert_eq!(&printed(render(&configs)), &first, "the reverse order");
    }

    #[test]
    fn the_output_is_the_typed_objects_that_were_meant(
        namespaces in prop::collection::btree_set("[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", 1..5),
        account in "[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?".prop_filter("labels", |name| !["..", ".-", "-."].iter().any(|bad| name.contains(bad))),
        secret in password(),
    ) {
        let list = namespaces.iter().rev().cloned().collect::<Vec<_>>().join(",");
        let arguments = ["render", "--create-namespaces", "--login", "ghcr.io=U:P", "--service-account", &account, "-n", &list];
        let variables = [("U", "u"), ("P", secret.as_str())];
        let yaml = documents(&printed(run(&variables, &arguments)));
        let json: Value = serde_json::from_str(&printed(run(&variables, &[&arguments[..], &["--format", "json"]].concat()))).unwrap();
        prop_assert_eq!(&json!(yaml), &json["items"]);
        prop_assert_eq!(yaml.len(), 3 * namespaces.len());
        let config = json!({"auths": {"ghcr.io": {"username": "u", "password": secret, "auth": STANDARD.encode(format!("u:{secret}"))}}});
        let (first, rest) = yaml.split_at(namespaces.len());
        for ((namespace, object), pair) in namespaces.iter().zip(first).zip(rest.chunks(2)) {
            let object: Namespace = serde_json::from_value(object.clone()).unwrap();
            prop_assert_eq!(object.metadata.name.as_ref(), Some(namespace));
            let link: ServiceAccount = serde_json::from_value(pair[0].clone()).unwrap();
            prop_assert_eq!(link.metadata.namespace.as_ref(), Some(namespace));
            prop_assert_eq!(link.metadata.name.as_ref(), Some(&account));
            prop_assert_eq!(&link.image_pull_secrets.unwrap()[0].name, "image-pull-secret");
            let secret: Secret = serde_json::from_value(pair[1].clone()).unwrap();
            prop_assert_eq!(secret.metadata.namespace.as_ref(), Some(namespace));
            prop_assert_eq!(serde_json::from_slice::<Value>(&secret.data.unwrap()[".dockerconfigjson"].0).unwrap(), config.clone());
        }
    }
}

fn documents(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).unwrap()
}
