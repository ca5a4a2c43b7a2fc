//! Validates the output of `init argocd` and `init flux` with the schemas of these tools, and reads the folder as they do.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::bench::{self, Bench, Program, documents};
use crate::harness::custom_resources;

/// A variable with a login.
const LOGINS: (&str, &str) = ("DOCKERHUB_AUTH", r#"{"auths":{"ghcr.io":{"auth":"YWNtZS1ib3Q6czNjcjN0"}}}"#);

/// A tool of `init`, the file for it, its kind, and how its folder is rendered.
struct Tool {
    name: &'static str,
    file: &'static str,
    kind: &'static str,
    namespace: &'static str,
    format: &'static str,
}

const TOOLS: &[Tool] = &[
    Tool { name: "argocd", file: "application.yaml", kind: "Application", namespace: "argocd", format: "directory" },
    Tool {
        name: "flux",
        file: "kustomization-flux.yaml",
        kind: "Kustomization",
        namespace: "flux-system",
        format: "kustomization",
    },
];

fn regcred(folder: &Path, arguments: &[&str]) -> String {
    let regcred = Program::new(Path::new(env!("CARGO_BIN_EXE_regcred"))).directory(folder);
    regcred.variable(LOGINS.0, LOGINS.1).arguments(arguments).run().succeeded()
}

/// A repository as `init` starts it.
fn started(tool: &Tool) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    regcred(folder.path(), &["init", tool.name]);
    folder
}

#[test]
fn what_init_writes_is_valid_by_the_schema_of_its_tool() {
    let Some(tools) = bench::tools(&["kubeconform", custom_resources::FILE]) else { return };
    for tool in TOOLS {
        let text = fs::read_to_string(started(tool).path().join(tool.file)).unwrap();
        let (status, answer) = custom_resources::validate(&tools, &[tool.kind], &text);
        assert_eq!((status, &answer["summary"]["valid"]), (0, &json!(1)), "{answer}");
        // The schema does find errors.
        for more in ["  unknown: 1\n", "  prune: 1\n  project: 1\n"] {
            let broken = text.replacen("\nspec:\n", &format!("\nspec:\n{more}"), 1);
            let broken = broken.replace("\n  project: default\n", "\n").replace("\n  prune: true\n", "\n");
            let (status, answer) = custom_resources::validate(&tools, &[tool.kind], &broken);
            assert_ne!(status, 0, "{}: {more}: {answer}", tool.name);
        }
    }
}

#[test]
fn what_argocd_is_told_to_leave_alone_is_valid_by_its_schema() {
    let Some(tools) = bench::tools(&["kubeconform", custom_resources::FILE]) else { return };
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/profile-argocd.md")).unwrap();
    let block = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let added: Value = serde_saphyr::from_str(block).unwrap();
    let mut application: Value =
        serde_saphyr::from_str(&fs::read_to_string(started(&TOOLS[0]).path().join(TOOLS[0].file)).unwrap()).unwrap();
    application["spec"].as_object_mut().unwrap().extend(added.as_object().unwrap().clone());
    let (status, answer) = custom_resources::validate(&tools, &[TOOLS[0].kind], &application.to_string());
    assert_eq!((status, &answer["summary"]["valid"]), (0, &json!(1)), "{answer}");
}

#[test]
fn what_init_writes_is_taken_by_an_api_server_that_knows_the_kind() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[custom_resources::FILE]) else { return };
    for tool in TOOLS {
        custom_resources::define(bench, &[tool.kind]);
        bench.apply(&format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {}}}\n", tool.namespace)).succeeded();
        let text = fs::read_to_string(started(tool).path().join(tool.file)).unwrap();
        let apply = ["apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"];
        bench.kubectl(&apply, &text).succeeded();
        let seen = bench.kubectl(&apply, &text.replacen("\nspec:\n", "\nspec:\n  unknown: 1\n", 1)).failed();
        assert!(seen.contains("unknown"), "{seen}");
    }
}

/// The documents of a folder, as a directory source of Argo CD reads it: by the end of a file's name.
fn read_as_argocd(folder: &Path, objects: &mut Vec<Value>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_read = path.extension().is_some_and(|extension| extension == "yaml" || extension == "json");
        if path.is_dir() {
            read_as_argocd(&path, objects);
        } else if is_read {
            let text = fs::read_to_string(&path).unwrap();
            if !text.contains("# +argocd:skip-file-rendering") {
                objects.extend(documents(&text));
            }
        }
    }
}

fn sorted(mut objects: Vec<Value>) -> Vec<String> {
    let mut texts: Vec<_> = objects
        .iter_mut()
        .map(|object| {
            object.sort_all_objects();
            object.to_string()
        })
        .collect();
    texts.sort();
    texts
}

#[test]
fn the_folder_that_it_points_at_holds_what_render_writes_and_nothing_else() {
    let Some(tools) = bench::tools(&["kustomize"]) else { return };
    for tool in TOOLS {
        let folder = started(tool);
        let object: Value =
            serde_saphyr::from_str(&fs::read_to_string(folder.path().join(tool.file)).unwrap()).unwrap();
        let path = object.pointer("/spec/source/path").or(object.pointer("/spec/path")).unwrap().as_str().unwrap();
        let stream = documents(&regcred(folder.path(), &["render"]));
        regcred(folder.path(), &["render", "--format", tool.format, "--output", path]);
        let mut found = Vec::new();
        if tool.format == "kustomization" {
            let kustomize = Program::new(&tools.join("kustomize")).directory(folder.path()).arguments(["build", path]);
            found = documents(&kustomize.run().succeeded());
        } else {
            read_as_argocd(&folder.path().join(path), &mut found);
        }
        assert_eq!(stream.len(), 4, "{stream:?}");
        assert_eq!(sorted(found), sorted(stream), "{}", tool.name);
    }
}

/// A repository with a fleet, as `init` starts it, with the parts that a user fills in: certificates, or the public key of `age`.
fn fleet(tools: &Path, tool: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    regcred(folder.path(), &["init", tool, "--clusters", "prod-eu,on"]);
    for cluster in ["prod-eu", "on"] {
        let certificate = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates/rsa-2048.pem");
        let certificate = fs::read_to_string(certificate).unwrap();
        bench::write(&folder.path().join("certs").join(cluster).with_extension("pem"), &certificate);
    }
    let rules = folder.path().join(".sops.yaml");
    if rules.exists() {
        let keygen = |arguments: &[&str]| {
            let keygen = Program::new(&tools.join("age-keygen")).directory(folder.path());
            keygen.arguments(arguments).run().succeeded()
        };
        keygen(&["-o", "key"]);
        let key = keygen(&["-y", "key"]);
        let mut text = fs::read_to_string(&rules).unwrap();
        for cluster in ["prod-eu", "on"] {
            text = text.replace(&format!("age1-public-key-of-{cluster}"), key.trim());
        }
        bench::write(&rules, &text);
    }
    folder
}

#[test]
fn a_fleet_of_init_is_valid_and_taken_by_an_api_server_that_knows_the_kinds() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[custom_resources::FILE, "kubeconform", "age-keygen"]) else {
        return;
    };
    let tools = bench::tools(&[]).unwrap();
    for (tool, kind, namespace, names) in [
        ("argocd", "ApplicationSet", "argocd", &["applicationset.yaml"][..]),
        (
            "flux",
            "Kustomization",
            "flux-system",
            &["clusters/prod-eu/pull-secrets.yaml", "clusters/on/pull-secrets.yaml"],
        ),
    ] {
        let folder = fleet(&tools, tool);
        custom_resources::define(bench, &[kind]);
        bench.apply(&format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n")).succeeded();
        for name in names {
            let text = fs::read_to_string(folder.path().join(name)).unwrap();
            let broken = text.replacen("\nspec:\n", "\nspec:\n  unknown: 1\n", 1);
            let (status, answer) = custom_resources::validate(&tools, &[kind], &text);
            assert_eq!((status, &answer["summary"]["valid"]), (0, &json!(1)), "{answer}");
            assert_ne!(custom_resources::validate(&tools, &[kind], &broken).0, 0);
            let apply = ["apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"];
            bench.kubectl(&apply, &text).succeeded();
            assert!(bench.kubectl(&apply, &broken).failed().contains("unknown"));
        }
    }
}

/// Kind, namespace and name of each object, sorted.
fn identities(objects: &[Value]) -> Vec<String> {
    let mut found: Vec<_> = objects
        .iter()
        .map(|object| format!("{}/{}/{}", object["kind"], object["metadata"]["namespace"], object["metadata"]["name"]))
        .collect();
    found.sort();
    found
}

#[test]
fn every_folder_that_the_generator_of_argo_cd_finds_is_that_of_a_cluster_and_is_read_whole() {
    let folder = fleet(Path::new(""), "argocd");
    let set = fs::read_to_string(folder.path().join("applicationset.yaml")).unwrap();
    let set: Value = serde_saphyr::from_str(&set).unwrap();
    let glob = set["spec"]["generators"][0]["git"]["directories"][0]["path"].as_str().unwrap();
    let root = folder.path().join(glob.strip_suffix("/*").unwrap());
    assert_eq!(set["spec"]["template"]["spec"]["destination"]["name"], "{{.path.basename}}");
    regcred(folder.path(), &["render", "--format", "directory", "--output", root.to_str().unwrap()]);
    let mut names: Vec<_> =
        fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["on", "prod-eu"]);
    for name in names {
        let mut found = Vec::new();
        read_as_argocd(&root.join(&name), &mut found);
        let stream = documents(&regcred(folder.path(), &["render", "--cluster", &name]));
        assert_eq!(identities(&found), identities(&stream));
        assert_eq!(found.iter().filter(|object| object["kind"] == "SealedSecret").count(), 2, "{found:?}");
        assert!(found.iter().all(|object| object["kind"] != "Secret"), "{found:?}");
    }
}

#[test]
fn every_folder_that_flux_is_pointed_at_is_built_by_kustomize_and_opened_by_sops() {
    let Some(tools) = bench::tools(&["kustomize", "sops", "age-keygen"]) else { return };
    let folder = fleet(&tools, "flux");
    let program = |name: &str| {
        let program = Program::new(&tools.join(name)).directory(folder.path()).variable("HOME", folder.path());
        program.variable("SOPS_AGE_KEY_FILE", folder.path().join("key")).variable("SOPS_DISABLE_VERSION_CHECK", "1")
    };
    let own = Program::new(Path::new(env!("CARGO_BIN_EXE_regcred"))).directory(folder.path());
    let own = own.variable(LOGINS.0, LOGINS.1).variable("PATH", format!("{}:/usr/bin:/bin", tools.display()));
    own.arguments(["render", "--format", "kustomization", "--output", "pull-secrets"]).run().succeeded();
    for cluster in ["prod-eu", "on"] {
        let object = fs::read_to_string(folder.path().join(format!("clusters/{cluster}/pull-secrets.yaml"))).unwrap();
        let object: Value = serde_saphyr::from_str(&object).unwrap();
        assert_eq!(object["spec"]["decryption"]["provider"], "sops");
        let path = object["spec"]["path"].as_str().unwrap();
        let built = documents(&program("kustomize").arguments(["build", path]).run().succeeded());
        let secrets: Vec<_> = built.iter().filter(|object| object["kind"] == "Secret").collect();
        assert_eq!((built.len(), secrets.len()), (4, 2), "{built:?}");
        for secret in secrets {
            let value = secret["data"][".dockerconfigjson"].as_str().unwrap();
            assert!(value.starts_with("ENC[AES256_GCM,"), "{value}");
            let namespace = secret["metadata"]["namespace"].as_str().unwrap();
            let file = format!("{path}/namespaces/{namespace}/secret-image-pull-secret.sops.yaml");
            let opened = documents(&program("sops").arguments(["decrypt", &file]).run().succeeded());
            assert!(opened[0]["data"][".dockerconfigjson"].as_str().unwrap().starts_with("ey"), "{file}");
        }
    }
}
