//! Which values sops encrypts: what a rule says of keys in, whether the value at a path is encrypted out.

use regex::Regex;
use serde_json::Value;

/// How a rule chooses values, in the sense of sops: one key of a path decides for all below it; lists are not part of a path.
#[derive(Debug)]
pub enum Selection {
    /// `encrypted_regex`: those below a key that matches.
    Encrypted(Regex),
    /// `unencrypted_regex`: those below no key that matches.
    Unencrypted(Regex),
    /// `encrypted_suffix`: those below a key that ends so.
    EncryptedSuffix(String),
    /// `unencrypted_suffix`: those below no key that ends so.
    UnencryptedSuffix(String),
    /// `encrypted_comment_regex`: what we write has no such comment.
    Nothing,
    /// `unencrypted_comment_regex`: the same.
    Everything,
}

impl Selection {
    /// Whether the value at this path is encrypted.
    #[must_use]
    pub fn encrypts(&self, path: &[&str]) -> bool {
        let any = |test: &dyn Fn(&str) -> bool| path.iter().any(|key| test(key));
        match self {
            Self::Encrypted(regex) => any(&|key| regex.is_match(key)),
            Self::Unencrypted(regex) => !any(&|key| regex.is_match(key)),
            Self::EncryptedSuffix(suffix) => any(&|key| key.ends_with(suffix)),
            Self::UnencryptedSuffix(suffix) => !any(&|key| key.ends_with(suffix)),
            Self::Nothing => false,
            Self::Everything => true,
        }
    }
}

/// What a file is: it decides which of its values must be encrypted, and which must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Manifests: values of Secrets are encrypted, and a Go reader must still find kind and metadata.
    Manifests,
    /// Values for a chart, whose `dockerConfigJson` is the secret.
    DockerConfigJson,
    /// Values for a chart, with a whole Secret among them.
    ExtraObjects,
}

impl Form {
    /// The `encrypted_regex` that is given to sops when the rule leaves the choice open: it selects what must be encrypted.
    #[must_use]
    pub fn regex(self) -> &'static str {
        match self {
            Self::Manifests | Self::ExtraObjects => "^(data|stringData)$",
            Self::DockerConfigJson => "^dockerConfigJson$",
        }
    }

    /// Keys whose values must be encrypted.
    #[must_use]
    pub fn secret_keys(self) -> &'static [&'static str] {
        match self {
            Self::Manifests => &["data", "stringData"],
            Self::ExtraObjects => &["data"],
            Self::DockerConfigJson => &["dockerConfigJson"],
        }
    }

    /// Whether the value at this path must be encrypted.
    #[must_use]
    pub fn is_secret(self, path: &[&str]) -> bool {
        path.iter().any(|key| self.secret_keys().contains(key)) && !self.is_clear(path)
    }

    /// Whether the value at this path must stay readable.
    #[must_use]
    pub fn is_clear(self, path: &[&str]) -> bool {
        self == Self::Manifests && matches!(path.first(), Some(&("apiVersion" | "kind" | "metadata")))
    }
}

/// Calls `visit` for every value that is no list and no mapping, with its path.
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

/// Takes the value away from every place that is to be hidden.
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
    fn one_key_of_a_path_decides() {
        let regex = |text| Regex::new(text).unwrap();
        let secret = ["data", ".dockerconfigjson"];
        let name = ["metadata", "name"];
        for (selection, of_secret, of_name) in [
            (Selection::Encrypted(regex("^(data|stringData)$")), true, false),
            (Selection::Encrypted(regex("data")), true, true),
            (Selection::Encrypted(regex("^dockerconfigjson$")), false, false),
            (Selection::Unencrypted(regex("^(apiVersion|kind|metadata|type)$")), true, false),
            (Selection::Unencrypted(regex("data$")), false, false),
            (Selection::EncryptedSuffix("configjson".to_owned()), true, false),
            (Selection::UnencryptedSuffix("_unencrypted".to_owned()), true, true),
            (Selection::Nothing, false, false),
            (Selection::Everything, true, true),
        ] {
            let found = (selection.encrypts(&secret), selection.encrypts(&name));
            assert_eq!(found, (of_secret, of_name), "{selection:?}");
        }
    }

    #[test]
    fn the_regex_of_a_form_selects_its_secret_keys_and_no_other() {
        for form in [Form::Manifests, Form::DockerConfigJson, Form::ExtraObjects] {
            let selection = Selection::Encrypted(Regex::new(form.regex()).unwrap());
            assert!(form.secret_keys().iter().all(|key| selection.encrypts(&[key])), "{form:?}");
            for path in [["metadata", "name"], ["pullSecrets", "namespaces"], ["env", "data2"]] {
                assert!(!selection.encrypts(&path) && !form.is_secret(&path), "{form:?} {path:?}");
            }
        }
    }

    #[test]
    fn an_annotation_called_data_is_no_secret() {
        assert!(!Form::Manifests.is_secret(&["metadata", "annotations", "data"]));
    }
}
