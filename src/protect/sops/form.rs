//! Says which values of a file must be encrypted and which must stay readable.

use serde_json::Value;

/// The kind of a file, which decides which values must be encrypted, and which must stay readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Manifests: values of Secrets are encrypted; a Go reader must still find kind and metadata.
    Manifests,
    /// Values of a chart, in which `dockerConfigJson` is the secret.
    DockerConfigJson,
    /// Values of a chart that contain a whole Secret.
    ExtraObjects,
}

impl Form {
    /// The `encrypted_regex` for sops: it selects what must be encrypted.
    pub fn regex(self) -> &'static str {
        match self {
            Self::Manifests | Self::ExtraObjects => "^(data|stringData)$",
            Self::DockerConfigJson => "^dockerConfigJson$",
        }
    }

    /// Keys whose values must be encrypted.
    fn secret_keys(self) -> &'static [&'static str] {
        match self {
            Self::Manifests => &["data", "stringData"],
            Self::ExtraObjects => &["data"],
            Self::DockerConfigJson => &["dockerConfigJson"],
        }
    }

    /// Whether the value at this path must be encrypted.
    pub fn is_secret(self, path: &[&str]) -> bool {
        path.iter().any(|key| self.secret_keys().contains(key)) && !self.is_clear(path)
    }

    /// Whether the value at this path must stay readable.
    pub fn is_clear(self, path: &[&str]) -> bool {
        self == Self::Manifests && matches!(path.first(), Some(&("apiVersion" | "kind" | "metadata")))
    }
}

/// Calls `visit` for every value that is neither a list nor a mapping, with its path.
pub fn leaves<'a>(value: &'a Value, path: &mut Vec<&'a str>, visit: &mut impl FnMut(&[&'a str], &'a Value)) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                path.push(key);
                leaves(value, path, visit);
                path.pop();
            }
        }
        Value::Array(list) => list.iter().for_each(|value| leaves(value, path, visit)),
        leaf => visit(path, leaf),
    }
}

/// Replaces the values at all places that must be hidden by `null`.
pub fn hide(value: &mut Value, path: &mut Vec<String>, hidden: &impl Fn(&[&str]) -> bool) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                path.push(key.clone());
                hide(value, path, hidden);
                path.pop();
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| hide(value, path, hidden)),
        leaf => {
            if hidden(&path.iter().map(String::as_str).collect::<Vec<_>>()) {
                *leaf = Value::Null;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_called_data_is_no_secret() {
        assert!(!Form::Manifests.is_secret(&["metadata", "annotations", "data"]));
    }
}
