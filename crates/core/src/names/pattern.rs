//! Parses the name of a namespace, or a glob for several.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::Deserialize;

use super::glob::is_glob;
use super::{InvalidName, NameGlob, Namespace};

/// A namespace, or a glob for several: `a-z`, `0-9` and `-`, and `*`, `?`, `[…]` or `{…,…}`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = PATTERN))]
pub enum NamespacePattern {
    /// One namespace.
    Name(Namespace),
    /// The namespaces that match.
    Glob(NameGlob),
}

/// The pattern for the JSON Schema.
pub(crate) const PATTERN: &str = r"^[-a-z0-9*?\[\]{},!^]+$";

impl FromStr for NamespacePattern {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if is_glob(text) { NameGlob::read(text, false).map(Self::Glob) } else { text.parse().map(Self::Name) }
    }
}

impl TryFrom<String> for NamespacePattern {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl NamespacePattern {
    /// The text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Name(name) => name.as_str(),
            Self::Glob(glob) => glob.as_str(),
        }
    }

    /// The namespace, unless it is a glob.
    pub fn name(&self) -> Option<&Namespace> {
        if let Self::Name(name) = self { Some(name) } else { None }
    }

    /// At most how many globs without braces it stands for; zero for a name.
    pub fn globs(&self) -> usize {
        if let Self::Glob(glob) = self { glob.alternatives() } else { 0 }
    }

    /// Whether it matches this namespace.
    pub fn matches(&self, namespace: &Namespace) -> bool {
        match self {
            Self::Name(name) => name == namespace,
            Self::Glob(glob) => glob.is_match(namespace.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_namespace_or_a_glob() {
        let serves = |pattern: &str, name: &str| {
            pattern.parse::<NamespacePattern>().map(|pattern| pattern.matches(&name.parse().unwrap()))
        };
        for pattern in ["kube-a", "kube-*", "kube-?", "kube-[a-c]", "kube-[!s]", "kube-[^s]", "{kube,x}-a"] {
            assert_eq!(serves(pattern, "kube-a"), Ok(true), "{pattern}");
            assert_eq!(serves(pattern, "shop"), Ok(false), "{pattern}");
        }
        for (bad, said) in [
            ("Team", "the namespace has a capital letter at position 1"),
            ("kube-[a", "the glob has an error in its brackets or braces"),
            ("a_*", "the glob has an underscore at position 2"),
        ] {
            assert_eq!(serves(bad, "a").unwrap_err().to_string(), said);
        }
    }
}
