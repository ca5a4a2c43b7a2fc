//! Decides who owns an object in a cluster.

use std::fmt;

use super::facts::Metadata;
use crate::names::ResourceName;
use crate::objects::marks::{MANAGED_BY, OWNER};

/// The owner of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// This owner.
    Ours,
    /// Another owner of regcred.
    Another(String),
    /// A tool that would undo every change.
    Managed(String),
    /// No known owner.
    Nobody,
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours => f.write_str("this owner"),
            Self::Another(name) => write!(f, "owner {name}"),
            Self::Managed(tool) => f.write_str(tool),
            Self::Nobody => f.write_str("nobody"),
        }
    }
}

/// Who owns the object with this metadata, from the view of `owner`.
pub fn whose(metadata: &Metadata, owner: &str) -> Whose {
    if let Some(tool) = tool(metadata) {
        return Whose::Managed(tool);
    }
    let is_of_regcred = metadata.labels.get(MANAGED_BY.0).is_some_and(|value| value == MANAGED_BY.1);
    match metadata.annotations.get(OWNER) {
        Some(name) if name == owner && is_of_regcred => Whose::Ours,
        Some(name) if name != owner && name.parse::<ResourceName>().is_ok() => Whose::Another(name.clone()),
        _ => Whose::Nobody,
    }
}

/// Whether Titansoft's imagepullsecret-patcher made the object: the patcher adds this annotation.
pub fn is_of_the_patcher(metadata: &Metadata) -> bool {
    metadata.annotations.get(MANAGED_BY.0).is_some_and(|name| name == "imagepullsecret-patcher")
}

/// The tool that manages an object, as text for a message.
pub fn tool(metadata: &Metadata) -> Option<String> {
    let annotation = |name: &str| metadata.annotations.get(name).map(String::as_str);
    let label = |name: &str| metadata.labels.get(name).map(String::as_str);
    if let Some(owner) = metadata.owner_references.first() {
        return Some(format!("{} {}", plain(&owner.kind), plain(&owner.name)));
    }
    if let Some(release) = annotation("meta.helm.sh/release-name") {
        return Some(format!("Helm release {}", plain(release)));
    }
    if label(MANAGED_BY.0) == Some("Helm") {
        return Some("Helm".to_owned());
    }
    if annotation("argocd.argoproj.io/tracking-id").is_some() || label("argocd.argoproj.io/instance").is_some() {
        return Some("Argo CD".to_owned());
    }
    if label("kustomize.toolkit.fluxcd.io/name").is_some() || label("helm.toolkit.fluxcd.io/name").is_some() {
        return Some("Flux".to_owned());
    }
    None
}

/// The name that somebody wrote into an object, if it is a valid name: other text could forge a message, a comment or a command.
pub fn plain(name: &str) -> &str {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-._:".contains(letter);
    let is_name = name.len() <= 253 && name.starts_with(|first: char| first.is_ascii_alphanumeric());
    if is_name && name.chars().all(is_plain) { name } else { "(no valid name)" }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata(text: &str) -> Metadata {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn the_patchers_mark_is_an_annotation() {
        let mark =
            |place: &str| format!(r#"{{"{place}":{{"app.kubernetes.io/managed-by":"imagepullsecret-patcher"}}}}"#);
        assert!(is_of_the_patcher(&metadata(&mark("annotations"))));
        assert!(!is_of_the_patcher(&metadata(&mark("labels"))) && !is_of_the_patcher(&metadata("{}")));
    }

    #[test]
    fn only_a_valid_name_from_an_object_is_shown() {
        for name in ["web-7", "system:node", "Job", "a_b.c"] {
            assert_eq!(plain(name), name);
        }
        for text in ["x\n::error::y", "/approve", "@all", "<b>", "[a](b)", "##vso[x]", "::a", "\u{1b}[2K", "", "a b"] {
            assert_eq!(plain(text), "(no valid name)");
            for mark in [
                json!({"annotations": {"meta.helm.sh/release-name": text}}),
                json!({"ownerReferences": [{"kind": text, "name": text}]}),
                json!({"managedFields": [{"manager": text, "fieldsV1": {"f:data": {}}}]}),
            ] {
                let metadata: Metadata = serde_json::from_value(mark).unwrap();
                let shown = tool(&metadata).into_iter().chain(metadata.managers("f:data").map(str::to_owned));
                let shown: Vec<_> = shown.collect();
                assert!(shown.len() == 1 && (text.is_empty() || !shown[0].contains(text)), "{shown:?}");
            }
        }
    }

    #[test]
    fn an_object_is_ours_by_label_and_owner_and_a_tools_by_its_marks() {
        const OURS: &str =
            r#""labels":{"app.kubernetes.io/managed-by":"regcred"},"annotations":{"regcred.dev/owner":"a"}"#;
        let managed = |tool: &str| Whose::Managed(tool.to_owned());
        for (text, expected) in [
            ("{}".to_owned(), Whose::Nobody),
            (format!("{{{OURS}}}"), Whose::Ours),
            (r#"{"annotations":{"regcred.dev/owner":"a"}}"#.to_owned(), Whose::Nobody),
            (r#"{"annotations":{"regcred.dev/owner":"b"}}"#.to_owned(), Whose::Another("b".to_owned())),
            (r#"{"annotations":{"regcred.dev/owner":"No Name"}}"#.to_owned(), Whose::Nobody),
            (
                format!(r#"{{{OURS},"ownerReferences":[{{"kind":"SealedSecret","name":"s"}}]}}"#),
                managed("SealedSecret s"),
            ),
            (r#"{"annotations":{"meta.helm.sh/release-name":"r"}}"#.to_owned(), managed("Helm release r")),
            (r#"{"labels":{"app.kubernetes.io/managed-by":"Helm"}}"#.to_owned(), managed("Helm")),
            (r#"{"annotations":{"argocd.argoproj.io/tracking-id":"x"}}"#.to_owned(), managed("Argo CD")),
            (r#"{"labels":{"kustomize.toolkit.fluxcd.io/name":"x"}}"#.to_owned(), managed("Flux")),
        ] {
            assert_eq!(whose(&metadata(&text), "a"), expected, "{text}");
        }
    }
}
