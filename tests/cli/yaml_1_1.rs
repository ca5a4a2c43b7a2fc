//! Checks that names which YAML 1.1 reads as booleans, numbers, dates or null are quoted.

use std::path::Path;

use crate::harness::regcred::regcred;
use crate::harness::words::{WORDS, everywhere};

fn render(arguments: &[&str]) -> String {
    let config = r#"{"auths":{"ghcr.io":{"username":"on","password":"1e3"}}}"#;
    let arguments = [&["render", "--no-config"], arguments].concat();
    let output = regcred(Path::new(env!("CARGO_TARGET_TMPDIR")), &[("DOCKERHUB_AUTH", config)], &arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Every value of these fields, as written.
fn values<'a>(text: &'a str, field: &str) -> Vec<&'a str> {
    let prefixes = [format!("{field}: "), format!("- {field}: ")];
    text.lines()
        .filter_map(|line| prefixes.iter().find_map(|prefix| line.trim_start().strip_prefix(prefix.as_str())))
        .collect()
}

fn is_quoted(value: &str, word: &str) -> bool {
    value == format!("\"{word}\"") || value == format!("'{word}'")
}

#[test]
fn every_such_word_is_quoted_as_a_namespace_a_secret_and_a_service_account() {
    for word in WORDS {
        let text = render(&everywhere(word));
        let (names, namespaces) = (values(&text, "name"), values(&text, "namespace"));
        // The Namespace, the ServiceAccount and its reference, the Secret.
        assert_eq!((names.len(), namespaces.len()), (4, 2), "{text}");
        for value in names.into_iter().chain(namespaces) {
            assert!(is_quoted(value, word), "{word} is written {value}");
        }
    }
}

#[test]
fn every_such_word_is_quoted_in_a_policy() {
    for word in WORDS {
        let text = render(&["-n", word, "--secret-name", word, "--link", "policy"]);
        let written: Vec<_> = values(&text, "name").into_iter().filter(|value| value.contains(word)).collect();
        assert!(written.iter().filter(|value| is_quoted(value, word)).count() >= 3, "{text}");
        let policy = values(&text, "policyName");
        assert!(policy.len() == 1 && is_quoted(policy[0], word), "{text}");
        let namespace =
            text.lines().find_map(|line| line.trim_start().strip_prefix("- ").filter(|item| is_quoted(item, word)));
        assert!(namespace.is_some(), "{word} among the policy's namespaces: {text}");
    }
}

#[test]
fn the_values_of_our_own_annotations_are_quoted() {
    for profile in ["argocd", "flux", "helm"] {
        let text = render(&["-n", "a", "--create-namespaces", "--profile", profile]);
        for (name, word) in [("argocd.argoproj.io/sync-wave", "-2")] {
            for value in values(&text, name) {
                assert!(is_quoted(value, word), "{name}: {value}");
            }
        }
        assert_eq!(values(&text, "regcred.dev/owner"), ["image-pull-secret"]);
    }
}
