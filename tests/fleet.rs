//! A fleet, with the real program: a folder and a lock a cluster, in one call.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on has failed; fixtures are files"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const CONFIG: &str = "apiVersion: regcred.dev/v1alpha1
kind: RegistryCredentials
metadata: {name: acme}
spec:
  pullSecrets:
  - name: hub
    namespaces: {include: [team-a, team-b]}
    serviceAccounts: [builder]
  - name: ghcr
    logins: [{registry: ghcr.io, username: {value: acme-bot}, password: {env: GHCR_TOKEN}}]
    namespaces: {include: [team-b]}
  clusters:
  - name: eu
  - name: us
    link: none
    profile: flux
    namespaces: {include: [shop]}
    pullSecrets:
    - name: hub
    - name: ghcr
      namespaces: {include: [vault]}
  - name: lab
    createNamespaces: true
    pullSecrets:
    - {name: own, logins: [{dockerConfig: {env: LAB_AUTH}}], namespaces: {include: [lab]}}
";

fn regcred(folder: &Path, arguments: &str) -> Output {
    let auth = r#"{"auths":{"docker.io":{"auth":"dTpjYW5hcnk="}}}"#;
    let output = Command::new(env!("CARGO_BIN_EXE_regcred"))
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .env_clear()
        .envs([("DOCKERHUB_AUTH", auth), ("GHCR_TOKEN", "canary"), ("LAB_AUTH", auth)])
        .output()
        .unwrap();
    assert!(!said(&output).contains("canary"));
    output
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn done(folder: &Path, arguments: &str) -> String {
    let output = regcred(folder, arguments);
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    found.sort_unstable();
    found
}

fn place(config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("regcred.yaml"), config).unwrap();
    folder
}

#[test]
fn each_cluster_has_what_differs_there_and_the_rest_from_above() {
    let folder = place(CONFIG);
    done(folder.path(), "render --output out");
    assert_eq!(
        files(&folder.path().join("out")),
        [
            "eu/namespaces/team-a/secret-hub.yaml",
            "eu/namespaces/team-a/serviceaccount-builder.yaml",
            "eu/namespaces/team-b/secret-ghcr.yaml",
            "eu/namespaces/team-b/secret-hub.yaml",
            "eu/namespaces/team-b/serviceaccount-builder.yaml",
            "eu/namespaces/team-b/serviceaccount-default.yaml",
            "eu/regcred.lock",
            "lab/cluster/namespace-lab.yaml",
            "lab/namespaces/lab/secret-own.yaml",
            "lab/namespaces/lab/serviceaccount-default.yaml",
            "lab/regcred.lock",
            "us/namespaces/shop/secret-hub.yaml",
            "us/namespaces/vault/secret-ghcr.yaml",
            "us/regcred.lock",
        ]
    );
}

#[test]
fn one_cluster_is_the_same_alone_and_among_others() {
    let folder = place(CONFIG);
    done(folder.path(), "render --output all --shape kustomization");
    for cluster in ["eu", "us", "lab"] {
        done(folder.path(), &format!("render --output some --shape kustomization --cluster {cluster}"));
    }
    let (all, some) = (folder.path().join("all"), folder.path().join("some"));
    assert_eq!(files(&all), files(&some));
    for file in files(&all) {
        assert_eq!(fs::read(all.join(&file)).unwrap(), fs::read(some.join(&file)).unwrap(), "{file}");
    }
}

#[test]
fn a_check_names_the_files_of_every_cluster() {
    let folder = place(CONFIG);
    done(folder.path(), "render --output out");
    assert_eq!(done(folder.path(), "render --output out --check"), "");
    fs::remove_file(folder.path().join("out/us/namespaces/shop/secret-hub.yaml")).unwrap();
    fs::write(folder.path().join("regcred.yaml"), CONFIG.replace("include: [lab]", "include: [lab, labs]")).unwrap();
    let output = regcred(folder.path(), "render --output out --check");
    assert_eq!(output.status.code(), Some(3));
    let text = said(&output);
    for line in ["missing: us/namespaces/shop/secret-hub.yaml", "missing: lab/namespaces/labs/secret-own.yaml"] {
        assert!(text.contains(line), "{text}");
    }
    assert!(!text.contains("eu/"), "{text}");
    let chosen = regcred(folder.path(), "render --output out --check --cluster eu");
    assert!(chosen.status.success(), "{}", said(&chosen));
}

#[test]
fn a_cluster_that_is_gone_is_told_and_its_folder_stays() {
    let folder = place(CONFIG);
    done(folder.path(), "render --output out");
    let (without, _) = CONFIG.split_once("  - name: lab").unwrap();
    fs::write(folder.path().join("regcred.yaml"), without).unwrap();
    let text = done(folder.path(), "render --output out");
    assert!(text.contains("`lab` under `--output` was written by regcred, and is no cluster"), "{text}");
    assert!(folder.path().join("out/lab/regcred.lock").exists());
    assert_eq!(done(folder.path(), "render --output out --cluster eu"), "");
    assert_eq!(regcred(folder.path(), "render --output out --check").status.code(), Some(3));
}

#[test]
fn nothing_is_written_for_any_cluster_when_something_is_wrong_with_one() {
    let folder = place(&CONFIG.replace("include: [vault]", "include: [\"vault-*\"]"));
    let output = regcred(folder.path(), "render --output out");
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("(cluster us)"), "{}", said(&output));
    assert!(!folder.path().join("out").exists());
}

#[test]
fn clusters_share_one_reading_of_the_list() {
    // A pipe can be read only once: the second cluster to read it would find nothing.
    let clusters = (0..50).map(|number| format!("  - {{name: c{number}}}\n")).collect::<Vec<_>>().concat();
    let (head, _) = CONFIG.split_once("  - name: eu").unwrap();
    let folder = place(&format!("{head}{clusters}"));
    let list: PathBuf = folder.path().join("list");
    fs::write(&list, "team-a\n").unwrap();
    let output = Command::new("sh")
        .args(["-c", "cat list | \"$0\" render --output out --namespaces-from - -v", env!("CARGO_BIN_EXE_regcred")])
        .current_dir(folder.path())
        .env("DOCKERHUB_AUTH", r#"{"auths":{"docker.io":{"auth":"dTpw"}}}"#)
        .env("GHCR_TOKEN", "t")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(fs::read_dir(folder.path().join("out")).unwrap().count(), 50);
}
