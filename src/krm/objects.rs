//! Manifests in, objects for a `ResourceList` out: the one place where a manifest becomes a value.

use serde_json::{Value, json};

use super::Identity;
use crate::resources::OWNED;
use regcred_core::manifest::{Manifest, Manifests};

/// The annotation that says which functionConfig made an object: another one's objects are not ours to remove.
pub const MADE_BY: &str = "regcred.dev/function-config";

/// An object that is wanted in the list.
pub struct Object {
    /// Which one it is.
    pub identity: Identity,
    /// Whether it is ours alone, or only some of its fields are.
    pub ownership: Ownership,
    /// The object; it may hold a secret.
    pub value: Value,
}

/// Whose an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// Ours: it is replaced as a whole, and goes when it is no longer wanted.
    Ours,
    /// Perhaps somebody else's: our fields are put into it, and it stays.
    Shared,
}

/// The objects of these manifests, in their order, made by the functionConfig of this name.
#[must_use]
pub fn of(manifests: &Manifests, config: &str) -> Vec<Object> {
    manifests.iter().map(|manifest| object(&manifest, config)).collect()
}

fn object(manifest: &Manifest<'_>, config: &str) -> Object {
    let mut value = manifest.object();
    let ownership = if is_owned(&value) { Ownership::Ours } else { Ownership::Shared };
    if ownership == Ownership::Ours {
        value["metadata"]["annotations"][MADE_BY] = json!(config);
    }
    Object { identity: Identity::of(&value), ownership, value }
}

/// Whether an object was created by us.
#[must_use]
pub fn is_owned(object: &Value) -> bool {
    object["metadata"]["annotations"][OWNED.0] == OWNED.1
}

/// Puts the length of each value of a Secret in its place, for a terminal.
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
