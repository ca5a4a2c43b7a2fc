//! Describes requests to an API server.

use std::fmt::Write;

use http::Method;

/// A request that can be repeated.
pub struct Call {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// The media type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
    /// The media type of the answer.
    pub accept: &'static str,
}

/// The media type of a JSON Patch.
pub const JSON_PATCH: &str = "application/json-patch+json";
/// The media type of a server-side apply.
pub const APPLY: &str = "application/apply-patch+yaml";
pub(crate) const JSON: &str = "application/json";
/// The media type of a list with only the metadata of its objects.
pub(crate) const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

impl Call {
    /// Reads one object.
    pub fn get(path: String) -> Self {
        Self { method: Method::GET, path, content_type: JSON, body: Vec::new(), accept: JSON }
    }

    /// Creates an object. Only a review or a dry run may be retried: after a lost answer, a real object could already exist.
    pub fn create(path: String, object: &serde_json::Value) -> Self {
        Self { method: Method::POST, path, content_type: JSON, body: object.to_string().into_bytes(), accept: JSON }
    }

    /// Patches one object.
    pub fn patch(path: String, content_type: &'static str, body: Vec<u8>) -> Self {
        Self { method: Method::PATCH, path, content_type, body, accept: JSON }
    }

    /// Deletes one object, if these preconditions hold.
    pub fn delete(path: String, preconditions: &serde_json::Value) -> Self {
        let body = serde_json::json!({"preconditions": preconditions});
        Self { method: Method::DELETE, path, content_type: JSON, body: body.to_string().into_bytes(), accept: JSON }
    }
}

/// A value, encoded for a query.
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
