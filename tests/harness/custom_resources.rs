//! Reads the custom resource definitions of other projects, as schemas for kubeconform and as kinds in the cluster.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::bench::{self, Bench, Program};

/// The file with the definitions, in the folder of the tools.
pub const FILE: &str = "custom-resources.yaml";

/// The definitions of these kinds, each as text.
fn definitions(tools: &Path, kinds: &[&str]) -> Vec<String> {
    let stream = fs::read_to_string(tools.join(FILE)).unwrap();
    let all: Vec<_> = stream.split("---\n").collect();
    kinds
        .iter()
        .map(|kind| {
            let name = format!("\n    kind: {kind}\n");
            (*all.iter().find(|text| text.contains(&name)).unwrap_or_else(|| panic!("no definition of {kind}")))
                .to_owned()
        })
        .collect()
}

/// The exit status and the messages of kubeconform about these objects, with the schemas of these kinds.
///
/// kubeconform is stricter than the server: an unknown field is an error here, and only dropped there.
pub fn validate(tools: &Path, kinds: &[&str], manifests: &str) -> (i32, Value) {
    let folder = tempfile::tempdir().unwrap();
    let location = write_schemas(tools, kinds, folder.path());
    let kubeconform = Program::new(&tools.join("kubeconform")).arguments(["-strict", "-summary", "-output", "json"]);
    let run = kubeconform.arguments(["-schema-location".as_ref(), location.as_os_str()]).stdin(manifests).run();
    (run.status, serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}")))
}

/// Writes the schemas of these kinds, and returns the value for `-schema-location`.
fn write_schemas(tools: &Path, kinds: &[&str], folder: &Path) -> PathBuf {
    for definition in definitions(tools, kinds) {
        let definition: Value = serde_saphyr::from_str(&definition).unwrap();
        let spec = &definition["spec"];
        let kind = spec["names"]["kind"].as_str().unwrap().to_lowercase();
        let group = spec["group"].as_str().unwrap().split('.').next().unwrap();
        for version in spec["versions"].as_array().unwrap() {
            let mut schema = version["schema"]["openAPIV3Schema"].clone();
            make_strict(&mut schema);
            let file = format!("{kind}-{group}-{}.json", version["name"].as_str().unwrap());
            bench::write(&folder.join(file), &schema.to_string());
        }
    }
    folder.join("{{.ResourceKind}}{{.KindSuffix}}.json")
}

/// Forbids unknown fields at every depth.
fn make_strict(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    let is_open = object.get("x-kubernetes-preserve-unknown-fields") == Some(&json!(true));
    if object.contains_key("properties") && !is_open {
        object.insert("additionalProperties".to_owned(), json!(false));
    }
    let fields = object.get_mut("properties").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut);
    fields.for_each(make_strict);
    for below in ["items", "additionalProperties"] {
        object.get_mut(below).into_iter().for_each(make_strict);
    }
}

/// Adds these kinds to the cluster; a kind that exists stays unchanged.
pub fn define(bench: &Bench, kinds: &[&str]) {
    let Some(tools) = bench::tools(&[FILE]) else { return };
    for definition in definitions(&tools, kinds) {
        let name = definition.lines().find_map(|line| line.strip_prefix("  name: ")).unwrap();
        if bench.kubectl(&["get", "crd", name], "").status != 0 {
            bench.kubectl(&["create", "-f", "-"], &definition).succeeded();
        }
        // A new definition has no conditions for a moment, which `kubectl wait` takes for an error.
        Bench::wait("the kind to be known", || {
            let established = ["wait", "--for=condition=Established", "--timeout=1s", "crd", name];
            bench.kubectl(&established, "").status == 0
        });
    }
}
