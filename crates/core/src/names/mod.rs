//! Parses the names of namespaces, objects and variables. A parsed name is always valid.

mod extended;
mod glob;
mod invalid;
mod key;
mod listed;
mod pattern;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use invalid::{Fault, check, what};

pub use glob::{BRACES, NameGlob, as_globset, is_glob};
pub use invalid::InvalidName;
pub use listed::listed;
pub use pattern::NamespacePattern;
pub(crate) use pattern::PATTERN as NAMESPACE_PATTERN;

macro_rules! name {
    ($(#[$documentation:meta])* $name:ident) => {
        $(#[$documentation])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// A name in our own code, which must be valid.
            pub fn known(name: &'static str) -> Self {
                Self(name.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_ref().to_owned()
            }
        }
    };
}

name! {
    /// A namespace: an RFC 1123 label, 1 to 63 of `a-z`, `0-9` and `-`.
    #[derive(JsonSchema)]
    #[schemars(extend("pattern" = LABEL_PATTERN))]
    Namespace
}

name! {
    /// The name of a Secret, a ServiceAccount or another object: an RFC 1123 subdomain, 253 characters at most.
    #[derive(JsonSchema)]
    #[schemars(extend("pattern" = SUBDOMAIN_PATTERN, "maxLength" = 253))]
    ResourceName
}

name! {
    /// The name of a ServiceAccount, or a glob for several; `*` matches all.
    #[derive(JsonSchema)]
    #[schemars(extend("pattern" = ACCOUNT_PATTERN, "maxLength" = 253))]
    AccountName
}

name! {
    /// A key in the data of a Secret, which is the name of a file where the Secret is mounted.
    #[derive(JsonSchema)]
    #[schemars(extend("pattern" = KEY_PATTERN, "maxLength" = 253))]
    SecretKey
}

name! {
    /// The name of an environment variable.
    VariableName
}

const LABEL_RULE: &str =
    "a namespace is an RFC 1123 label: 1 to 63 of a-z, 0-9 and -, a letter or digit first and last, for example team-a";
const SUBDOMAIN_RULE: &str = "it is an RFC 1123 subdomain: 1 to 253 of a-z, 0-9, - and ., a letter or digit first and last \
     and on both sides of a dot, for example image-pull-secret";
const VARIABLE_RULE: &str = "it is a variable's name: A-Z, a-z, 0-9 and _, no digit first, for example DOCKERHUB_AUTH";

const LABEL_PATTERN: &str = "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$";
pub(crate) const SUBDOMAIN_PATTERN: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
pub(crate) const KEY_PATTERN: &str = r"^(\.?[-_a-zA-Z0-9][-._a-zA-Z0-9]*)$";
pub(crate) const ACCOUNT_PATTERN: &str = r"^[-a-z0-9.*?\[\]{},!^]+$";

/// Why a text does not match this pattern of the JSON Schema.
///
/// # Errors
/// The errors of parsing.
pub fn check_pattern(pattern: &str, text: &str) -> Result<(), InvalidName> {
    match pattern {
        LABEL_PATTERN => text.parse::<Namespace>().map(drop),
        SUBDOMAIN_PATTERN => text.parse::<ResourceName>().map(drop),
        KEY_PATTERN => text.parse::<SecretKey>().map(drop),
        ACCOUNT_PATTERN => text.parse::<AccountName>().map(drop),
        pattern::PATTERN => text.parse::<NamespacePattern>().map(drop),
        _ => Ok(()),
    }
}

fn label_character(character: char) -> bool {
    matches!(character, 'a'..='z' | '0'..='9' | '-')
}

impl FromStr for Namespace {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        check(text, "the namespace", 63, LABEL_RULE, label_character)?;
        Ok(Self(text.into()))
    }
}

impl FromStr for ResourceName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        check(text, "the name", 253, SUBDOMAIN_RULE, |character| label_character(character) || character == '.')?;
        for label in text.split('.') {
            check(label, "a part of the name", 253, SUBDOMAIN_RULE, label_character)?;
        }
        Ok(Self(text.into()))
    }
}

impl FromStr for AccountName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if glob::is_glob(text) {
            return NameGlob::read(text, true).map(|_| Self(text.into()));
        }
        text.parse().map(|ResourceName(name)| Self(name))
    }
}

impl FromStr for VariableName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let fault = match text.chars().position(|character| !(character.is_ascii_alphanumeric() || character == '_')) {
            _ if text.is_empty() => Fault::Empty,
            Some(position) => Fault::Character(position + 1, what(text.chars().nth(position).unwrap_or_default())),
            None if text.starts_with(|character: char| character.is_ascii_digit()) => Fault::Character(1, "a digit"),
            None => return Ok(Self(text.into())),
        };
        Err(InvalidName { kind: "the variable's name", fault, hint: VARIABLE_RULE })
    }
}

impl AccountName {
    /// The glob, if it is one; `None` for a name.
    pub fn glob(&self) -> Option<NameGlob> {
        glob::is_glob(&self.0).then(|| NameGlob::read(&self.0, true).ok()).flatten()
    }

    /// Whether it is this name, or a glob that matches it.
    pub fn matches(&self, name: &str) -> bool {
        self.as_str() == name || self.glob().is_some_and(|glob| glob.is_match(name))
    }
}

impl VariableName {
    /// Whether an unknown name may be echoed: it looks like a variable, `[A-Z][A-Z0-9_]{0,63}`, and is short if it has no underscore. Some
    /// tokens have only capitals and digits, but they are longer than a name of one word.
    pub fn looks_like_one(text: &str) -> bool {
        const ONE_WORD: usize = 16;
        text.len() <= if text.contains('_') { 64 } else { ONE_WORD }
            && text.starts_with(|character: char| character.is_ascii_uppercase())
            && text.chars().all(|character| matches!(character, 'A'..='Z' | '0'..='9' | '_'))
    }
}

/// The annotations with which a namespace or a ServiceAccount opts out; the value is `"true"`.
pub const OPT_OUT: [&str; 2] = ["regcred.dev/exclude", "k8s.titansoft.com/imagepullsecret-patcher-exclude"];

/// The names that a cluster reserves for its own namespaces, which are served only if somebody names them.
pub const OF_THE_CLUSTER: [&str; 3] = ["kube-*", "openshift", "openshift-*"];

/// Whether a name is one of the cluster's own namespaces, or a glob begins like one.
pub fn is_of_the_cluster(name: &str) -> bool {
    OF_THE_CLUSTER.iter().any(|own| own.strip_suffix('*').map_or(*own == name, |start| name.starts_with(start)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_namespace_is_an_rfc_1123_label() {
        for good in ["a", "team-a", "0x", "1e3", "on", &"a".repeat(63)] {
            assert!(good.parse::<Namespace>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "Team", "a.b", "a b", "é", "a_b", &"a".repeat(64)] {
            assert!(bad.parse::<Namespace>().is_err(), "{bad}");
        }
    }

    #[test]
    fn kubernetes_and_openshift_keep_names_for_their_own_namespaces() {
        for own in ["kube-system", "kube-public", "kube-node-lease", "kube-*", "openshift", "openshift-dns"] {
            assert!(is_of_the_cluster(own), "{own}");
        }
        for other in ["default", "kube", "kubernetes", "team-kube-system", "openshifts", "*"] {
            assert!(!is_of_the_cluster(other), "{other}");
        }
    }

    #[test]
    fn a_resource_name_is_an_rfc_1123_subdomain() {
        for good in ["a", "image-pull-secret", "a.b.c", &"a".repeat(253), &format!("{0}.{0}", "a".repeat(126))] {
            assert!(good.parse::<ResourceName>().is_ok(), "{good}");
        }
        for bad in ["", "a..b", ".a", "a.", "a.-b", "A", "a/b", &"a".repeat(254), &"a.".repeat(127)] {
            assert!(bad.parse::<ResourceName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_service_account_is_named_by_its_name_or_a_glob() {
        for (text, name, matches) in
            [("ci", "ci", None), ("*", "ci", Some(true)), ("ci-*", "ci.x", Some(false)), ("ci?x", "ci.x", Some(true))]
        {
            let glob = text.parse::<AccountName>().unwrap().glob();
            assert_eq!(glob.map(|glob| glob.is_match(name)), matches, "{text}");
        }
        for bad in ["", "CI", "ci-[a", "ci_*"] {
            assert!(bad.parse::<AccountName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_variable_name_is_what_a_shell_takes() {
        for good in ["A", "_a", "DOCKERHUB_AUTH", "a1"] {
            assert!(good.parse::<VariableName>().is_ok(), "{good}");
        }
        for bad in ["", "1A", "A-B", "A=B", "$A", "A B"] {
            assert!(bad.parse::<VariableName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_token_of_capitals_does_not_look_like_a_variable() {
        for (text, looks) in [
            ("DOCKERHUB_AUTH", true),
            ("GHCRTOKEN", true),
            ("AKIAIOSFODNN7EXAMPLE", false),
            (&"A1".repeat(32), false),
            ("hunter2", false),
            ("1A", false),
        ] {
            assert_eq!(VariableName::looks_like_one(text), looks, "{text}");
        }
    }

    #[test]
    fn an_error_says_where_and_what_but_never_the_text() {
        let error = "hunter2-Canary".parse::<Namespace>().unwrap_err();
        assert_eq!(error.to_string(), "the namespace has a capital letter at position 9");
        assert!(!format!("{error:?} {}", error.hint).contains("anary"));
    }

    proptest! {
        #[test]
        fn a_name_that_parses_is_printed_as_it_was(text in "\\PC{0,70}") {
            if let Ok(name) = text.parse::<Namespace>() { prop_assert_eq!(name.to_string(), text.clone()); }
            if let Ok(name) = text.parse::<ResourceName>() { prop_assert_eq!(name.to_string(), text.clone()); }
            if let Ok(name) = text.parse::<VariableName>() { prop_assert_eq!(name.to_string(), text); }
        }
    }
}
