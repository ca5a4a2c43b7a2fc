//! Renders `gitops-examples` as their READMEs say, opens them with the real sops, builds them with the real kustomize, and applies them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::bench::{self, Bench, Run, documents};
use crate::harness::custom_resources;

const LOGINS: &str = r#"{"auths":{"ghcr.io":{"auth":"YWNtZTpjYW5hcnktb2YtdGhlLXBhc3N3b3Jk"}}}"#;

/// A copy of an example.
fn copy(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let example = format!("{}/gitops-examples/{name}/.", env!("CARGO_MANIFEST_DIR"));
    assert!(Command::new("cp").args(["-R", &example]).arg(folder.path()).status().unwrap().success());
    folder
}

/// The line of the example's README that renders, with these variables.
fn render(bench: &Bench, folder: &Path, variables: &[(&str, &str)]) -> Run {
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    let line = readme.lines().find_map(|line| line.strip_prefix("regcred render ")).unwrap();
    let regcred = bench.program("regcred").directory(folder).arguments(["render"]).arguments(line.split(' '));
    variables.iter().fold(regcred, |regcred, (name, value)| regcred.variable(name, value)).run()
}

/// Every file under a folder, by its path, with its bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn the_objects_of_the_examples_are_those_that_init_writes() {
    for (example, tool, written) in [
        ("argocd-sealed", "argocd", &["applicationset.yaml", ".gitlab-ci.yml"][..]),
        ("flux-sops", "flux", &[".sops.yaml", "clusters", ".gitlab-ci.yml"]),
    ] {
        let folder = copy(example);
        let before = files(folder.path());
        for name in written {
            let path = folder.path().join(name);
            if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
        }
        let init = Command::new(env!("CARGO_BIN_EXE_regcred")).args(["init", tool]).current_dir(folder.path()).output();
        assert!(init.unwrap().status.success());
        assert_eq!(files(folder.path()), before, "{example}");
    }
}

#[test]
fn what_sops_encrypted_is_opened_by_the_key_of_its_cluster_alone_and_flux_can_apply_it() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&["sops", "age-keygen", "kustomize"]) else { return };
    let folder = copy("flux-sops");
    let rules = folder.path().join(".sops.yaml");
    for cluster in ["prod-eu", "prod-us"] {
        let keygen = |arguments: &[&str]| {
            bench.program("age-keygen").directory(folder.path()).arguments(arguments).run().succeeded()
        };
        keygen(&["-o", cluster]);
        let text = fs::read_to_string(&rules).unwrap();
        let placeholder = format!("age1-public-key-of-{cluster}\n");
        assert!(text.contains(&placeholder), "{text}");
        bench::write(&rules, &text.replace(&placeholder, &keygen(&["-y", cluster])));
    }
    let variables = [("DOCKERHUB_AUTH", LOGINS), ("REGCRED_FINGERPRINT_KEY", "0f1e2d3c4b5a69788796a5b4c3d2e1f0")];
    render(bench, folder.path(), &variables).succeeded();
    let before = files(&folder.path().join("pull-secrets"));
    render(bench, folder.path(), &variables).succeeded();
    assert_eq!(files(&folder.path().join("pull-secrets")), before, "nothing changed");

    for (cluster, other, namespaces) in [("prod-eu", "prod-us", &["web", "api"][..]), ("prod-us", "prod-eu", &["web"])]
    {
        let object =
            fs::read_to_string(folder.path().join("clusters").join(cluster).join("pull-secrets.yaml")).unwrap();
        let object: Value = serde_saphyr::from_str(&object).unwrap();
        assert_eq!(object["spec"]["decryption"], json!({"provider": "sops", "secretRef": {"name": "sops-age"}}));
        let path = object["spec"]["path"].as_str().unwrap();
        // Flux's steps: it decrypts a copy, builds, and applies.
        let encrypted: Vec<_> = before.keys().filter(|file| file.starts_with(folder.path().join(path))).collect();
        let encrypted: Vec<_> =
            encrypted.into_iter().filter(|file| file.to_str().unwrap().ends_with(".sops.yaml")).collect();
        assert_eq!(encrypted.len(), namespaces.len());
        for file in encrypted {
            let decrypt = |key: &str| {
                let sops = bench.program("sops").variable("SOPS_AGE_KEY_FILE", folder.path().join(key));
                sops.variable("SOPS_DISABLE_VERSION_CHECK", "1").arguments(["decrypt"]).arguments([file]).run()
            };
            decrypt(other).failed();
            bench::write(file, &decrypt(cluster).succeeded());
        }
        let kustomize = bench.program("kustomize").directory(folder.path()).arguments(["build", path]);
        bench.apply(&kustomize.run().succeeded()).succeeded();
        for namespace in namespaces {
            let secret = bench.get(&["secret", "image-pull-secret", "-n", namespace]);
            let docker_config = STANDARD.decode(secret["data"][".dockerconfigjson"].as_str().unwrap()).unwrap();
            let docker_config: Value = serde_json::from_slice(&docker_config).unwrap();
            assert_eq!(docker_config["auths"]["ghcr.io"]["password"], "canary-of-the-password");
        }
    }
}

#[test]
fn external_secrets_need_no_login_are_valid_and_are_taken_by_the_server() {
    const KINDS: [&str; 2] = ["ExternalSecret", "ECRAuthorizationToken"];
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[custom_resources::FILE, "kubeconform"]) else { return };
    let folder = copy("external-secrets");
    render(bench, folder.path(), &[]).succeeded();
    let tree = folder.path().join("pull-secrets");
    let before = files(&tree);
    render(bench, folder.path(), &[]).succeeded();
    assert_eq!(files(&tree), before);
    let check = ["render", "--format", "directory", "--output", "pull-secrets", "--check"];
    bench.program("regcred").directory(folder.path()).arguments(check).run().succeeded();

    let tools = bench::tools(&[]).unwrap();
    let texts = before.iter().filter(|(path, _)| path.extension().is_some_and(|extension| extension == "yaml"));
    let objects: Vec<_> = texts.flat_map(|(_, bytes)| documents(std::str::from_utf8(bytes).unwrap())).collect();
    for kind in KINDS {
        let of_kind: Vec<_> = objects.iter().filter(|object| object["kind"] == kind).map(Value::to_string).collect();
        assert_eq!(of_kind.len(), 2, "{kind}");
        let (status, answer) = custom_resources::validate(&tools, &[kind], &of_kind.join("\n---\n"));
        assert_eq!((status, &answer["summary"]["valid"]), (0, &json!(2)), "{answer}");
    }
    custom_resources::define(bench, &KINDS);
    let tree = tree.to_str().unwrap();
    let apply = ["apply", "--server-side", "--field-manager=regcred", "--validate=strict", "-R", "-f", tree];
    let applied = bench.kubectl(&apply, "").succeeded();
    assert_eq!(applied.lines().count(), objects.len(), "{applied}");
}
