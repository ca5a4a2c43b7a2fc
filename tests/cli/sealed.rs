//! Tests `--protect sealed`: a document opens with the right key and name only, in streams, folders and charts.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::regcred::regcred;
use crate::harness::unseal::{file, unseal, value};

/// The documents that `render` writes with these additional arguments.
fn render(folder: &Path, logins: &str, arguments: &[&str]) -> Vec<Value> {
    let output = regcred(
        folder,
        &[("DOCKERHUB_AUTH", logins)],
        &[&["render", "--link", "none", "--format", "json"], arguments].concat(),
    );
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    list["items"].as_array().unwrap().clone()
}

fn logins(password: &str) -> String {
    json!({"auths": {"ghcr.io": {"username": "u", "password": password}}}).to_string()
}

#[test]
fn what_is_sealed_opens_under_the_right_name_with_the_right_key_only() {
    let folder = tempfile::tempdir().unwrap();
    for (certificate, key, other) in
        [("rsa-2048.pem", "rsa-2048.key", "rsa-4096.key"), ("rsa-4096.pem", "rsa-4096.key", "rsa-2048.key")]
    {
        let certificate = file(certificate).to_str().unwrap().to_owned();
        for (scope, label, wrong) in [
            ("strict", "team-a/pull", &["team-a/pulls", "team-b/pull", "team-a", "", "team-a/"][..]),
            ("namespace-wide", "team-a", &["team-b", "team-a/pull", ""]),
            ("cluster-wide", "", &["team-a", "team-a/pull"]),
        ] {
            for password in ["p", "p<&é\u{2028}\"\\", &"x".repeat(5000)] {
                let names = ["-n", "team-a", "--secret-name", "pull"];
                let sealing = ["--protect", "sealed", "--sealing-cert", &certificate, "--sealing-scope", scope];
                let plain = render(folder.path(), &logins(password), &names).remove(0);
                let sealed = render(folder.path(), &logins(password), &[&names[..], &sealing].concat()).remove(0);
                let text = STANDARD.decode(plain["data"][".dockerconfigjson"].as_str().unwrap()).unwrap();
                assert_eq!(unseal(key, label, value(&sealed)).unwrap().as_bytes(), text, "{scope}");
                assert!(wrong.iter().all(|label| unseal(key, label, value(&sealed)).is_none()), "{scope}");
                assert!(unseal(other, label, value(&sealed)).is_none(), "{scope}");
                let secret = &sealed["spec"]["template"];
                assert_eq!(secret["type"], plain["type"]);
                assert_eq!(secret["metadata"]["labels"], plain["metadata"]["labels"]);
                assert_eq!(sealed["metadata"]["namespace"], plain["metadata"]["namespace"]);
            }
        }
    }
}

#[test]
fn of_a_chain_the_certificate_is_used_and_not_its_newer_authority() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["chain.pem", "several.pem", "newest-unusable.pem"] {
        let certificate = file(name).to_str().unwrap().to_owned();
        let sealing = ["-n", "a", "--protect", "sealed", "--sealing-cert", &certificate];
        let sealed = render(folder.path(), &logins("p"), &sealing).remove(0);
        assert!(unseal("rsa-2048.key", "a/image-pull-secret", value(&sealed)).is_some(), "{name}");
    }
}

#[test]
fn a_long_stream_is_in_order_and_every_value_is_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<_> = (0..2500).map(|number| format!("team-{number:04}")).collect();
    let certificate = file("rsa-2048.pem").to_str().unwrap().to_owned();
    let names_joined = names.join(",");
    let sealing = ["-n", &names_joined, "--protect", "sealed", "--sealing-cert", &certificate];
    let sealed = render(folder.path(), &logins("p"), &sealing);
    assert_eq!(
        sealed.iter().map(|sealed| sealed["metadata"]["namespace"].as_str().unwrap()).collect::<Vec<_>>(),
        names
    );
    let mut values: Vec<_> = sealed.iter().map(value).collect();
    values.sort_unstable();
    values.dedup();
    assert_eq!(values.len(), names.len());
    for place in [0, 1023, 1024, 2499] {
        let label = format!("{}/image-pull-secret", names[place]);
        assert!(unseal("rsa-2048.key", &label, value(&sealed[place])).is_some(), "{label}");
    }
    // The same as YAML.
    let output = regcred(
        folder.path(),
        &[("DOCKERHUB_AUTH", &logins("p"))],
        &[&["render", "--link", "none"], &sealing[..]].concat(),
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let documents: Vec<_> = text.split("---\n").collect();
    assert_eq!(documents.len(), names.len());
    let last: Value = serde_saphyr::from_str(documents[2499]).unwrap();
    assert!(unseal("rsa-2048.key", "team-2499/image-pull-secret", value(&last)).is_some());
}

#[test]
fn no_file_of_a_folder_a_chart_or_a_single_file_holds_the_login() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    let certificate = file("rsa-2048.pem").to_str().unwrap().to_owned();
    for (format, output) in
        [("directory", "tree"), ("kustomization", "kustomized"), ("chart", "chart"), ("yaml", "x.yaml")]
    {
        for _ in 0..2 {
            let arguments = ["render", "-n", "a,b", "--protect", "sealed", "--sealing-cert", &certificate];
            let where_to = ["--create-namespaces", "--format", format, "--output", output];
            let variables = [("DOCKERHUB_AUTH", logins("hunter2-and-more").leak() as &str)];
            let run = regcred(folder.path(), &variables, &[&arguments[..], &where_to].concat());
            assert!(run.status.success(), "{format}: {}", String::from_utf8_lossy(&run.stderr));
        }
        let mut sealed = 0;
        for text in texts(&folder.path().join(output)) {
            for secret in ["hunter2-and-more", &STANDARD.encode("\"hunter2-and-more")[..16], "dockerConfigJson: "] {
                assert!(!text.contains(secret), "{format}: {text}");
            }
            sealed += text.matches("SealedSecret\n").count();
        }
        assert_eq!(sealed, 2, "{format}");
    }
    let chart = folder.path().join("chart/templates");
    assert!(chart.join("namespaces/a/sealedsecret-image-pull-secret.yaml").exists());
    assert!(!chart.join("pull-secrets.yaml").exists());
}

/// The content of a file, or of all files of a folder.
fn texts(path: &Path) -> Vec<String> {
    if path.is_file() {
        return vec![std::fs::read_to_string(path).unwrap()];
    }
    std::fs::read_dir(path).unwrap().flat_map(|entry| texts(&entry.unwrap().path())).collect()
}
