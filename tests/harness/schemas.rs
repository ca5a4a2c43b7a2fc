//! Runs kubeconform without a network, with the API server's own schemas.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::bench::{self, Bench};

/// The messages of kubeconform about the manifests under a folder, which have these kinds.
pub fn validate(bench: &Bench, kinds: &BTreeSet<&str>, manifests: &Path) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let location = write(bench, kinds, folder.path());
    let kubeconform = bench.program("kubeconform").arguments(["-strict", "-summary", "-output", "json"]);
    let kubeconform = kubeconform.arguments(["-ignore-filename-pattern", "kustomization.yaml$"]);
    let run = kubeconform.arguments(["-schema-location".as_ref(), location.as_os_str(), manifests.as_os_str()]).run();
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"))
}

/// Writes the schemas of these kinds, and returns the value for `-schema-location`.
fn write(bench: &Bench, kinds: &BTreeSet<&str>, folder: &Path) -> PathBuf {
    let description = bench.kubectl(&["get", "--raw", "/openapi/v2"], "").succeeded();
    let mut description: Value = serde_json::from_str(&description).unwrap();
    let mut definitions = description["definitions"].take();
    definitions.as_object_mut().unwrap().values_mut().for_each(make_strict);
    for (name, definition) in definitions.as_object().unwrap() {
        for identity in definition["x-kubernetes-group-version-kind"].as_array().into_iter().flatten() {
            let [group, version, kind] =
                ["group", "version", "kind"].map(|key| identity[key].as_str().unwrap_or_default());
            if !kinds.contains(kind) {
                continue;
            }
            let file = [kind, group.split('.').next().unwrap_or_default(), version]
                .iter()
                .filter(|part| !part.is_empty())
                .map(|part| part.to_lowercase())
                .collect::<Vec<_>>()
                .join("-");
            let mut needed = BTreeMap::new();
            collect(name, &definitions, &mut needed);
            let schema = json!({"$ref": reference(name), "definitions": needed});
            bench::write(&folder.join(file + ".json"), &schema.to_string());
        }
    }
    folder.join("{{.ResourceKind}}{{.KindSuffix}}.json")
}

/// Forbids unknown fields.
fn make_strict(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    if object.get("format") == Some(&json!("int-or-string")) {
        object.insert("type".to_owned(), json!(["integer", "string"]));
    }
    if object.contains_key("properties") {
        object.insert("additionalProperties".to_owned(), json!(false));
    }
}

/// The definition with this name, and all definitions that it refers to.
fn collect(name: &str, definitions: &Value, into: &mut BTreeMap<String, Value>) {
    if into.contains_key(name) {
        return;
    }
    into.insert(name.to_owned(), definitions[name].clone());
    let mut left = vec![&definitions[name]];
    while let Some(value) = left.pop() {
        match value {
            Value::Array(items) => left.extend(items),
            Value::Object(fields) => {
                left.extend(fields.values());
                if let Some(other) = target(fields) {
                    collect(other, definitions, into);
                }
            }
            _ => {}
        }
    }
}

fn reference(name: &str) -> String {
    format!("#/definitions/{name}")
}

fn target(fields: &Map<String, Value>) -> Option<&str> {
    fields.get("$ref")?.as_str()?.strip_prefix("#/definitions/")
}
