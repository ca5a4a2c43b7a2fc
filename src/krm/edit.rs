//! Puts our objects among the items of a `ResourceList`.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::list::{Entry, Item};
use super::objects::{MADE_BY, Object, is_owned};
use super::{Identity, results};
use regcred_core::diagnostic::{Code, Diagnostic};

/// Annotations of the orchestrator: they say which object of a file or of an earlier step an item is.
const KEPT: [&str; 4] =
    ["internal.config.kubernetes.io/", "config.kubernetes.io/", "config.k8s.io/", "kustomize.config.k8s.io/"];

/// Puts each object in the place of the item with the same identity, or else at the end. Removes objects of an earlier run for the same
/// functionConfig that are no longer wanted, and the references to removed Secrets. Everything else stays unchanged.
pub fn edit(items: &[Item<'_>], wanted: Vec<Object>, config: &str, said: &mut Vec<Value>) -> Vec<Entry> {
    let mut places: HashMap<Identity, usize> =
        wanted.iter().enumerate().map(|(number, object)| (object.identity.clone(), number)).collect();
    let stale: Vec<bool> = items
        .iter()
        .map(|item| is_made_by(&item.value, config) && !places.contains_key(&Identity::of(&item.value)))
        .collect();
    let gone: HashSet<(String, String)> = items
        .iter()
        .zip(&stale)
        .filter(|(item, stale)| **stale && item.value["kind"] == "Secret")
        .map(|(item, _)| Identity::of(&item.value))
        .map(|identity| (identity.namespace, identity.name))
        .collect();
    let mut wanted: Vec<_> = wanted.into_iter().map(Some).collect();
    let mut entries = Vec::with_capacity(items.len() + wanted.len());
    for (number, (item, stale)) in items.iter().zip(stale).enumerate() {
        let identity = Identity::of(&item.value);
        let version = item.value["apiVersion"].as_str().unwrap_or_default();
        if stale {
            let result = results::information("removed: it is from an earlier run, and no longer wanted");
            said.push(results::about(result, version, &identity));
            continue;
        }
        let object = places.remove(&identity).and_then(|place| wanted.get_mut(place)?.take());
        entries.push(match object {
            Some(Object { is_ours: true, mut value, .. }) => {
                if !is_owned(&item.value) {
                    let message = "regcred did not make this object, and replaces it";
                    let problem = Diagnostic::warning(Code::ReplacesAnother, message)
                        .hint("give the pull secret another `name`, or remove the object");
                    said.push(results::about(results::of_problem(&problem), version, &identity));
                }
                keep_annotations(&item.value, &mut value);
                Entry::Made(value)
            }
            object => {
                let mut value = without_references(&item.value, &identity, &gone);
                if let Some(ours) = object {
                    merge(&mut value, ours.value);
                }
                if value == item.value { Entry::Kept(number) } else { Entry::Made(value) }
            }
        });
    }
    entries.extend(wanted.into_iter().flatten().map(|object| Entry::Made(object.value)));
    entries
}

fn is_made_by(item: &Value, config: &str) -> bool {
    is_owned(item) && item["metadata"]["annotations"][MADE_BY] == config
}

fn keep_annotations(from: &Value, into: &mut Value) {
    for (name, value) in from["metadata"]["annotations"].as_object().into_iter().flatten() {
        if KEPT.iter().any(|prefix| name.starts_with(prefix)) {
            into["metadata"]["annotations"][name] = value.clone();
        }
    }
}

/// Removes references to removed Secrets from a `ServiceAccount`; any other object stays unchanged.
fn without_references(item: &Value, identity: &Identity, gone: &HashSet<(String, String)>) -> Value {
    let mut item = item.clone();
    if identity.kind == "ServiceAccount"
        && !gone.is_empty()
        && let Some(references) = item.get_mut("imagePullSecrets").and_then(Value::as_array_mut)
    {
        references.retain(|reference| {
            let name = reference["name"].as_str().unwrap_or_default();
            !gone.contains(&(identity.namespace.clone(), name.to_owned()))
        });
    }
    item
}

/// Adds our fields to an object; existing references stay before ours.
fn merge(into: &mut Value, ours: Value) {
    match (into, ours) {
        (Value::Object(into), Value::Object(ours)) => {
            for (key, value) in ours {
                merge_field(into, key, value);
            }
        }
        (into, ours) => *into = ours,
    }
}

fn merge_field(into: &mut Map<String, Value>, key: String, value: Value) {
    match (into.get_mut(&key), value) {
        (Some(Value::Array(there)), Value::Array(ours)) if key == "imagePullSecrets" => {
            for reference in ours {
                if !there.contains(&reference) {
                    there.push(reference);
                }
            }
        }
        (Some(there), value) => merge(there, value),
        (None, value) => {
            into.insert(key, value);
        }
    }
}
