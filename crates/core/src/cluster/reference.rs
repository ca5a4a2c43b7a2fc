//! Writes the JSON Patch that adds references to a ServiceAccount's list, or removes ours.
//!
//! The list is atomic: a merge replaces it as a whole. So the patch first tests that the list has not changed since it was read, and then
//! adds entries at the end or removes single entries. If another writer was faster, the API server answers with an error, and the list
//! is read again.

use serde_json::{Value, json};

use crate::names::ResourceName;

const PATH: &str = "/imagePullSecrets";

/// Whether the list refers to this Secret.
pub fn refers(list: &[Value], name: &ResourceName) -> bool {
    list.iter().any(|entry| is(entry, name))
}

/// Adds the missing names at the end; `None` if no name is missing.
pub fn add(list: &[Value], names: &[ResourceName]) -> Option<Value> {
    let mut missing: Vec<_> = names.iter().filter(|name| !refers(list, name)).collect();
    missing.dedup();
    if missing.is_empty() {
        return None;
    }
    let entries: Vec<_> = missing.iter().map(|name| json!({"name": name})).collect();
    Some(if list.is_empty() {
        // The API server keeps no empty list, so the test for an empty list is `null`.
        json!([{"op": "test", "path": PATH, "value": null}, {"op": "add", "path": PATH, "value": entries}])
    } else {
        let added = entries.into_iter().map(|entry| json!({"op": "add", "path": format!("{PATH}/-"), "value": entry}));
        [test(list)].into_iter().chain(added).collect()
    })
}

/// Extends a patch of the list so that the API server begins to record who writes the list.
///
/// The API server does not record managers of an object that was created without fields, such as the ServiceAccount `default`. After the
/// first entry, it records them. If it records them already, the patch fails.
pub fn recorded(patch: &Value, manager: &str) -> Value {
    const MANAGERS: &str = "/metadata/managedFields";
    let entry = json!([{"manager": manager, "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:imagePullSecrets": {}}}]);
    let begins = [
        json!({"op": "test", "path": MANAGERS, "value": null}),
        json!({"op": "add", "path": MANAGERS, "value": entry}),
    ];
    patch.as_array().into_iter().flatten().cloned().chain(begins).collect()
}

/// Removes every entry with one of the names; `None` if there is no such entry.
pub fn remove(list: &[Value], names: &[ResourceName]) -> Option<Value> {
    let found: Vec<_> = (0..list.len()).filter(|&at| names.iter().any(|name| is(&list[at], name))).collect();
    if found.is_empty() {
        return None;
    }
    // From the end, so that the positions of other entries stay valid.
    let removed = found.iter().rev().map(|at| json!({"op": "remove", "path": format!("{PATH}/{at}")}));
    Some([test(list)].into_iter().chain(removed).collect())
}

fn is(entry: &Value, name: &ResourceName) -> bool {
    entry["name"].as_str() == Some(name.as_str())
}

fn test(list: &[Value]) -> Value {
    json!({"op": "test", "path": PATH, "value": list})
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The result of the patch at the API server, or `None` if a test fails.
    fn patched(mut list: Vec<Value>, patch: &Value) -> Option<Vec<Value>> {
        for operation in patch.as_array().unwrap() {
            let place = operation["path"].as_str().unwrap().strip_prefix(PATH).unwrap();
            match (operation["op"].as_str().unwrap(), place) {
                ("test", "") => {
                    let now = if list.is_empty() { Value::Null } else { json!(list) };
                    if operation["value"] != now {
                        return None;
                    }
                }
                ("add", "") => list = operation["value"].as_array().unwrap().clone(),
                ("add", "/-") => list.push(operation["value"].clone()),
                ("remove", at) => drop(list.remove(at[1..].parse().unwrap())),
                other => panic!("{other:?}"),
            }
        }
        Some(list)
    }

    fn entries() -> impl Strategy<Value = Vec<Value>> {
        let entry = prop_oneof![
            "[a-e]".prop_map(|name| json!({"name": name})),
            Just(json!({})),
            Just(json!({"name": "a", "more": 1})),
        ];
        prop::collection::vec(entry, 0..6)
    }

    fn names() -> impl Strategy<Value = Vec<ResourceName>> {
        prop::collection::vec("[a-g]", 0..4).prop_map(|names| names.iter().map(|name| name.parse().unwrap()).collect())
    }

    proptest! {
        #[test]
        fn adding_keeps_every_entry_in_its_place_and_a_second_run_adds_nothing(list in entries(), names in names()) {
            let Some(patch) = add(&list, &names) else {
                prop_assert!(names.iter().all(|name| refers(&list, name)));
                return Ok(());
            };
            let after = patched(list.clone(), &patch).unwrap();
            prop_assert_eq!(&after[..list.len()], &list[..]);
            prop_assert!(after.len() <= list.len() + names.len());
            prop_assert!(names.iter().all(|name| refers(&after, name)));
            prop_assert!(add(&after, &names).is_none());
        }

        #[test]
        fn removing_takes_ours_and_keeps_the_order_of_all_others(list in entries(), names in names()) {
            let others: Vec<_> = list.iter().filter(|entry| !names.iter().any(|name| is(entry, name))).cloned().collect();
            let after = remove(&list, &names).map_or(Some(list.clone()), |patch| patched(list.clone(), &patch)).unwrap();
            prop_assert_eq!(&after, &others);
            prop_assert!(remove(&after, &names).is_none());
        }

        #[test]
        fn a_list_that_somebody_else_has_changed_is_not_patched(list in entries(), now in entries(), names in names()) {
            prop_assume!(list != now);
            for patch in [add(&list, &names), remove(&list, &names)].into_iter().flatten() {
                prop_assert!(patched(now.clone(), &patch).is_none());
            }
        }
    }
}
