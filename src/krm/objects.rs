//! Turns manifests into objects of a `ResourceList`.

use serde_json::{Value, json};

use super::Identity;
use regcred_core::manifest::Manifests;
use regcred_core::objects::marks::OWNER;

/// The annotation with the functionConfig that made an object: only a run with that functionConfig removes the object.
pub const MADE_BY: &str = "regcred.dev/function-config";

/// An object that is wanted in the list.
pub struct Object {
    pub identity: Identity,
    /// Whether the object is replaced as a whole, and removed when it is no longer wanted. Otherwise our fields are added, and it stays.
    pub is_ours: bool,
    pub value: Value,
}

/// The objects of these manifests, in their order, marked with the name of the functionConfig.
pub fn of(manifests: &Manifests, config: &str) -> Vec<Object> {
    let object = |mut value: Value| {
        let is_ours = is_owned(&value);
        if is_ours {
            value["metadata"]["annotations"][MADE_BY] = json!(config);
        }
        Object { identity: Identity::of(&value), is_ours, value }
    };
    manifests.iter().map(|manifest| object(manifest.object())).collect()
}

/// Whether regcred created an object.
pub fn is_owned(object: &Value) -> bool {
    object["metadata"]["annotations"].get(OWNER).is_some()
}

/// Replaces each value of a Secret by its length, for a terminal.
pub fn redact(object: &mut Value) {
    if object["kind"] != "Secret" {
        return;
    }
    for field in ["data", "stringData"] {
        for value in object.get_mut(field).and_then(Value::as_object_mut).into_iter().flat_map(|data| data.values_mut())
        {
            *value = json!(format!("<redacted, {} bytes>", value.as_str().map_or(0, str::len)));
        }
    }
}
