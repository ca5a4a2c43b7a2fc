//! Manifests: what is to be applied, one object at a time and in order; each either holds a secret or is plain.
//!
//! Objects that differ only in their namespace share one [`Blueprint`], whose text is made once and cut where the namespace goes.

mod blueprint;
mod text;

use std::borrow::Cow;
use std::io::{self, Write};

use serde_json::Value;
use zeroize::Zeroizing;

use crate::names::Namespace;
use text::{NAMESPACE_SLOT as SLOT, yaml_scalar};

pub use blueprint::{Blueprint, Content, Place, PullSecret};
pub use text::{Frame, NAMESPACE_SLOT, VALUE_SLOT, to_yaml};

/// One object in its place.
#[derive(Clone, Copy, Debug)]
pub struct Manifest<'a> {
    blueprint: &'a Blueprint,
    namespace: Option<&'a Namespace>,
}

impl<'a> Manifest<'a> {
    /// What it is.
    #[must_use]
    pub fn content(&self) -> &'a Content {
        &self.blueprint.content
    }

    /// Whether it holds a secret.
    #[must_use]
    pub fn is_sensitive(&self) -> bool {
        matches!(self.blueprint.content, Content::Sensitive(_))
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> &'a str {
        match &self.blueprint.content {
            Content::Sensitive(_) => "Secret",
            Content::Plain(object) => object.get("kind").and_then(Value::as_str).unwrap_or_default(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        match (&self.blueprint.content, &self.blueprint.place, self.namespace) {
            (_, Place::Itself, Some(namespace)) => namespace.as_str(),
            (Content::Sensitive(secret), ..) => secret.name.as_str(),
            (Content::Plain(object), ..) => object["metadata"]["name"].as_str().unwrap_or_default(),
        }
    }

    /// Its namespace, if it has one.
    #[must_use]
    pub fn namespace(&self) -> Option<&'a Namespace> {
        match &self.blueprint.place {
            Place::Each => self.namespace,
            Place::Fixed(namespace) => Some(namespace),
            Place::Cluster | Place::Itself => None,
        }
    }

    /// Writes it as one YAML document, without a separator.
    ///
    /// # Errors
    /// The writer's.
    pub fn write_yaml(&self, into: &mut impl Write) -> io::Result<()> {
        let scalar = self.namespace.map_or(Ok(Cow::default()), yaml_scalar)?;
        self.blueprint.yaml()?.fill(into, &scalar)
    }

    /// What stands around its encrypted value: cut once from the text that `make` makes, with [`NAMESPACE_SLOT`] and [`VALUE_SLOT`].
    ///
    /// # Errors
    /// Those of `make`.
    pub fn frame(&self, make: impl FnOnce() -> io::Result<Zeroizing<String>>) -> io::Result<&'a Frame> {
        self.blueprint.frame(make)
    }

    /// Writes it as one line of JSON, without a line end.
    ///
    /// # Errors
    /// The writer's.
    pub fn write_json(&self, into: &mut impl Write) -> io::Result<()> {
        // A namespace is an RFC 1123 label: nothing in it needs an escape.
        let scalar = self.namespace.map_or(String::new(), |namespace| format!("\"{namespace}\""));
        self.blueprint.json()?.fill(into, &scalar)
    }

    /// Writes it as YAML to look at: the values of a Secret are not shown.
    ///
    /// # Errors
    /// The writer's.
    pub fn write_redacted(&self, into: &mut impl Write) -> io::Result<()> {
        let Content::Sensitive(secret) = &self.blueprint.content else { return self.write_yaml(into) };
        let text = to_yaml(&secret.redacted(&self.blueprint.place))?;
        let scalar = self.namespace.map_or(Ok(Cow::default()), yaml_scalar)?;
        into.write_all(text.replace(SLOT, &scalar).as_bytes())
    }
}

/// All manifests: a lazy, ordered sequence that needs the memory of its namespaces' names.
#[derive(Debug, Default)]
pub struct Manifests {
    sections: Vec<Section>,
}

#[derive(Debug)]
enum Section {
    Once(Blueprint),
    Each { plans: Vec<Vec<Blueprint>>, namespaces: Vec<(Namespace, usize)> },
}

impl Manifests {
    /// Adds one object.
    pub fn once(&mut self, blueprint: Blueprint) {
        self.sections.push(Section::Once(blueprint));
    }

    /// Adds, for each of the namespaces, the objects of its plan: an index into `plans`.
    pub fn each(&mut self, plans: Vec<Vec<Blueprint>>, namespaces: Vec<(Namespace, usize)>) {
        self.sections.push(Section::Each { plans, namespaces });
    }

    /// The manifests, in the order in which they are to be applied.
    pub fn iter(&self) -> impl Iterator<Item = Manifest<'_>> {
        self.sections.iter().flat_map(|section| -> Box<dyn Iterator<Item = Manifest<'_>>> {
            match section {
                Section::Once(blueprint) => Box::new(std::iter::once(Manifest { blueprint, namespace: None })),
                Section::Each { plans, namespaces } => Box::new(namespaces.iter().flat_map(|(namespace, plan)| {
                    plans
                        .get(*plan)
                        .into_iter()
                        .flatten()
                        .map(move |blueprint| Manifest { blueprint, namespace: Some(namespace) })
                })),
            }
        })
    }

    /// Whether any of them holds a secret.
    #[must_use]
    pub fn hold_a_secret(&self) -> bool {
        self.sections.iter().any(|section| match section {
            Section::Once(blueprint) => matches!(blueprint.content, Content::Sensitive(_)),
            Section::Each { plans, .. } => {
                plans.iter().flatten().any(|blueprint| matches!(blueprint.content, Content::Sensitive(_)))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;

    fn secret(json: &str) -> PullSecret {
        PullSecret {
            name: "pull".parse().unwrap(),
            annotations: BTreeMap::new(),
            labels: BTreeMap::new(),
            docker_config: Arc::new(json.into()),
        }
    }

    fn yaml(blueprint: Blueprint, namespace: &str) -> String {
        let mut manifests = Manifests::default();
        manifests.each(vec![vec![blueprint]], vec![(namespace.parse().unwrap(), 0)]);
        let mut text = Vec::new();
        manifests.iter().next().unwrap().write_yaml(&mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_secret_is_one_short_document() {
        assert_eq!(
            yaml(Blueprint::sensitive(secret("{}"), Place::Each), "team-a"),
            "apiVersion: v1\nkind: Secret\ndata:\n  .dockerconfigjson: e30=\nmetadata:\n  name: pull\n  namespace: team-a\ntype: kubernetes.io/dockerconfigjson\n"
        );
    }

    #[test]
    fn a_namespace_that_is_a_word_of_yaml_1_1_is_quoted() {
        for namespace in ["on", "y", "no", "null", "1e3", "0x1f", "0o7", "1-1-1", "2020-01-01", "12", "0b1", "true"] {
            let text = yaml(Blueprint::sensitive(secret("{}"), Place::Each), namespace);
            let quoted = text.contains(&format!("namespace: \"{namespace}\"\n"))
                || text.contains(&format!("namespace: '{namespace}'\n"));
            let plain = text.contains(&format!("namespace: {namespace}\n"));
            assert!(quoted || (plain && namespace == "1-1-1"), "{text}");
        }
    }

    #[test]
    fn debug_shows_the_names_of_keys_and_no_value() {
        let blueprint = Blueprint::sensitive(secret("{\"canary\":1}"), Place::Each);
        blueprint.yaml().unwrap();
        let text = format!("{blueprint:?}");
        assert!(text.contains(".dockerconfigjson") && !text.contains("canary") && !text.contains("eyJj"), "{text}");
    }
}
