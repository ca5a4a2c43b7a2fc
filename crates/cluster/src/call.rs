//! Describes requests to an API server.

use std::fmt::Write;

use http::Method;

/// A request: what a server needs to make it again.
pub struct Call {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// The form of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
    /// The form of the answer.
    pub accept: &'static str,
}

/// The form of a JSON Patch.
pub const JSON_PATCH: &str = "application/json-patch+json";
/// The form of a server-side apply.
pub const APPLY: &str = "application/apply-patch+yaml";
pub(crate) const JSON: &str = "application/json";
/// A list of objects without anything but their metadata.
pub(crate) const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

impl Call {
    /// Reads one object.
    #[must_use]
    pub fn get(path: String) -> Self {
        Self { method: Method::GET, path, content_type: JSON, body: Vec::new(), accept: JSON }
    }

    /// Creates an object: a review or a trial, since another try may find that the first one was heard.
    #[must_use]
    pub fn create(path: String, object: &serde_json::Value) -> Self {
        Self { method: Method::POST, path, content_type: JSON, body: object.to_string().into_bytes(), accept: JSON }
    }

    /// Patches one object.
    #[must_use]
    pub fn patch(path: String, content_type: &'static str, body: Vec<u8>) -> Self {
        Self { method: Method::PATCH, path, content_type, body, accept: JSON }
    }

    /// Deletes one object, if it is still this one.
    #[must_use]
    pub fn delete(path: String, uid: &str) -> Self {
        let body = serde_json::json!({"preconditions": {"uid": uid}});
        Self { method: Method::DELETE, path, content_type: JSON, body: body.to_string().into_bytes(), accept: JSON }
    }
}

/// A value as a query holds it.
pub(crate) fn encoded(value: &str) -> String {
    value.bytes().fold(String::with_capacity(value.len()), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_encoded_for_a_query() {
        assert_eq!(encoded("metadata.name=a"), "metadata.name%3Da");
        assert_eq!(encoded("team in (a, b)"), "team%20in%20%28a%2C%20b%29");
    }
}
