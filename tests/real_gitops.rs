//! What `init argocd` and `init flux` write: valid by those tools' own schemas, and the folder that it points at is read as they read it.

#![cfg(test)]

#[cfg(test)]
#[expect(dead_code, reason = "other tests use the rest")]
mod bench;
#[cfg(test)]
#[path = "bench/custom_resources.rs"]
mod custom_resources;

use std::fs;
use std::path::Path;

use bench::{Bench, Program, documents};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A variable with a login.
const LOGINS: (&str, &str) = ("DOCKERHUB_AUTH", r#"{"auths":{"ghcr.io":{"auth":"YWNtZS1ib3Q6czNjcjN0"}}}"#);

/// A tool of `init`, the file for it, its kind, and how its folder is rendered.
struct Tool {
    name: &'static str,
    file: &'static str,
    kind: &'static str,
    namespace: &'static str,
    shape: &'static str,
}

const TOOLS: &[Tool] = &[
    Tool { name: "argocd", file: "application.yaml", kind: "Application", namespace: "argocd", shape: "directory" },
    Tool {
        name: "flux",
        file: "kustomization-flux.yaml",
        kind: "Kustomization",
        namespace: "flux-system",
        shape: "kustomization",
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
        // The schema would also find something.
        for more in ["  unknown: 1\n", "  prune: 1\n  project: 1\n"] {
            let broken = text.replacen("\nspec:\n", &format!("\nspec:\n{more}"), 1);
            let broken = broken.replace("\n  project: default\n", "\n").replace("\n  prune: true\n", "\n");
            let (status, answer) = custom_resources::validate(&tools, &[tool.kind], &broken);
            assert_ne!(status, 0, "{}: {more}: {answer}", tool.name);
        }
    }
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

/// The documents of a folder, as a directory source of Argo CD reads it: by what its name ends in.
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
        regcred(folder.path(), &["render", "--shape", tool.shape, "--output", path]);
        let mut found = Vec::new();
        if tool.shape == "kustomization" {
            let kustomize = Program::new(&tools.join("kustomize")).directory(folder.path()).arguments(["build", path]);
            found = documents(&kustomize.run().succeeded());
        } else {
            read_as_argocd(&folder.path().join(path), &mut found);
        }
        assert_eq!(stream.len(), 4, "{stream:?}");
        assert_eq!(sorted(found), sorted(stream), "{}", tool.name);
    }
}
