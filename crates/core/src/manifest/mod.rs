//! Holds the objects to apply, one at a time and in order, and writes them as YAML or JSON.
//!
//! Objects that differ only in their namespace share one [`ObjectTemplate`], which is serialized once.

mod aliases;
mod pull_secret;
mod sealed;
mod template;
mod text;

use std::borrow::Cow;
use std::io::{self, Write};

use serde_json::{Value, json};

use crate::names::Namespace;
use template::GAP;
use text::yaml_scalar;

pub use aliases::expands_too_far;
pub use pull_secret::PullSecret;
pub use sealed::SealedShell;
pub use template::{Content, ObjectTemplate, Place};
pub use text::to_yaml;

/// One object in one namespace, or cluster-wide.
#[derive(Clone, Copy, Debug)]
pub struct Manifest<'a> {
    template: &'a ObjectTemplate,
    namespace: Option<&'a Namespace>,
}

impl<'a> Manifest<'a> {
    /// The content of the object.
    pub fn content(&self) -> &'a Content {
        &self.template.content
    }

    /// Whether it holds a secret.
    pub fn is_sensitive(&self) -> bool {
        matches!(self.template.content, Content::Sensitive(_))
    }

    /// Its kind.
    pub fn kind(&self) -> &'a str {
        match &self.template.content {
            Content::Sensitive(_) => "Secret",
            Content::Plain(object) => object.get("kind").and_then(Value::as_str).unwrap_or_default(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &'a str {
        match (&self.template.content, &self.template.place, self.namespace) {
            (_, Place::Itself, Some(namespace)) => namespace.as_str(),
            (Content::Sensitive(secret), ..) => secret.name.as_str(),
            (Content::Plain(object), ..) => object["metadata"]["name"].as_str().unwrap_or_default(),
        }
    }

    /// Its namespace; `None` for a cluster-wide object.
    pub fn namespace(&self) -> Option<&'a Namespace> {
        match &self.template.place {
            Place::Each => self.namespace,
            Place::Fixed(namespace) => Some(namespace),
            Place::Cluster | Place::Itself => None,
        }
    }

    /// The object; in a pull secret, the value is in clear.
    pub fn object(&self) -> Value {
        match &self.template.content {
            Content::Sensitive(secret) => serde_json::to_value(secret.object(self.namespace())).unwrap_or_default(),
            Content::Plain(object) => {
                let mut object = Value::Object(object.clone());
                fill(&mut object, &json!(self.namespace));
                object
            }
        }
    }

    /// Writes it as one YAML document, without a separator.
    ///
    /// # Errors
    /// The writer's.
    pub fn write_yaml(&self, into: &mut impl Write) -> io::Result<()> {
        self.template.yaml()?.fill(into, &self.yaml_namespace()?)
    }

    /// Writes it as one line of JSON, without a line end.
    ///
    /// # Errors
    /// The writer's.
    pub fn write_json(&self, into: &mut impl Write) -> io::Result<()> {
        // A namespace is an RFC 1123 label, so it needs no escape.
        let scalar = self.namespace.map_or(String::new(), |namespace| format!("\"{namespace}\""));
        self.template.json()?.fill(into, &scalar)
    }

    /// Writes it as YAML for display: the values of a Secret are not shown.
    ///
    /// # Errors
    /// The writer's.
    pub fn write_redacted(&self, into: &mut impl Write) -> io::Result<()> {
        let Content::Sensitive(secret) = &self.template.content else { return self.write_yaml(into) };
        into.write_all(to_yaml(&secret.redacted(self.namespace()))?.as_bytes())
    }

    /// Writes its SealedSecret as YAML; `value` is the scalar of the sealed Docker config. Writes nothing for other objects.
    ///
    /// # Errors
    /// The writer's.
    pub fn write_sealed(&self, shell: &SealedShell, value: &str, into: &mut impl Write) -> io::Result<()> {
        let Content::Sensitive(secret) = &self.template.content else { return Ok(()) };
        self.template.sealed(secret, shell)?.fill(into, &self.yaml_namespace()?, value)
    }

    /// The sealed value in the text of a SealedSecret, if the rest equals the output of [`Self::write_sealed`].
    ///
    /// # Errors
    /// The serializer's.
    pub fn sealed_value<'t>(&self, shell: &SealedShell, text: &'t [u8]) -> io::Result<Option<&'t [u8]>> {
        let Content::Sensitive(secret) = &self.template.content else { return Ok(None) };
        self.template.sealed(secret, shell)?.value(&self.yaml_namespace()?, text)
    }

    fn yaml_namespace(&self) -> io::Result<Cow<'a, str>> {
        self.namespace.map_or(Ok(Cow::default()), |namespace| yaml_scalar(namespace.as_str()))
    }
}

/// Puts the namespace into every gap.
fn fill(value: &mut Value, namespace: &Value) {
    match value {
        Value::String(text) if text == GAP => *value = namespace.clone(),
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, namespace)),
        Value::Object(fields) => fields.values_mut().for_each(|field| fill(field, namespace)),
        _ => {}
    }
}

/// All manifests in order. Each template is kept once, and of each namespace only the name.
#[derive(Debug, Default)]
pub struct Manifests {
    sections: Vec<Section>,
}

/// The objects of many namespaces. Each namespace has the number of its plan.
#[derive(Debug)]
struct Section {
    plans: Vec<Vec<ObjectTemplate>>,
    places: Vec<(Option<Namespace>, usize)>,
}

impl Manifests {
    /// Adds one object.
    pub fn once(&mut self, template: ObjectTemplate) {
        self.sections.push(Section { plans: vec![vec![template]], places: vec![(None, 0)] });
    }

    /// Adds, for each of the namespaces, the objects of its plan: an index into `plans`.
    pub fn each(&mut self, plans: Vec<Vec<ObjectTemplate>>, namespaces: Vec<(Namespace, usize)>) {
        let places = namespaces.into_iter().map(|(namespace, plan)| (Some(namespace), plan)).collect();
        self.sections.push(Section { plans, places });
    }

    /// The manifests, in the order in which they must be applied.
    pub fn iter(&self) -> impl Iterator<Item = Manifest<'_>> {
        self.sections.iter().flat_map(|Section { plans, places }| {
            places.iter().flat_map(|(namespace, plan)| {
                let templates = plans.get(*plan).map_or(&[][..], Vec::as_slice);
                templates.iter().map(|template| Manifest { template, namespace: namespace.as_ref() })
            })
        })
    }

    /// Whether any manifest holds a secret.
    pub fn hold_a_secret(&self) -> bool {
        let mut templates = self.sections.iter().flat_map(|section| section.plans.iter().flatten());
        templates.any(|template| matches!(template.content, Content::Sensitive(_)))
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

    fn yaml(template: ObjectTemplate, namespace: &str) -> String {
        let mut manifests = Manifests::default();
        manifests.each(vec![vec![template]], vec![(namespace.parse().unwrap(), 0)]);
        let mut text = Vec::new();
        manifests.iter().next().unwrap().write_yaml(&mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_secret_is_one_short_document() {
        assert_eq!(
            yaml(ObjectTemplate::sensitive(secret("{}"), Place::Each), "team-a"),
            "apiVersion: v1\nkind: Secret\ndata:\n  .dockerconfigjson: e30=\nmetadata:\n  name: pull\n  namespace: team-a\ntype: kubernetes.io/dockerconfigjson\n"
        );
    }

    #[test]
    fn a_namespace_that_is_a_word_of_yaml_1_1_is_quoted() {
        for namespace in ["on", "y", "no", "null", "1e3", "0x1f", "0o7", "1-1-1", "2020-01-01", "12", "0b1", "true"] {
            let text = yaml(ObjectTemplate::sensitive(secret("{}"), Place::Each), namespace);
            let quoted = text.contains(&format!("namespace: \"{namespace}\"\n"))
                || text.contains(&format!("namespace: '{namespace}'\n"));
            let plain = text.contains(&format!("namespace: {namespace}\n"));
            assert!(quoted || (plain && namespace == "1-1-1"), "{text}");
        }
    }

    #[test]
    fn debug_shows_the_names_of_keys_and_no_value() {
        let template = ObjectTemplate::sensitive(secret("{\"canary\":1}"), Place::Each);
        template.yaml().unwrap();
        let text = format!("{template:?}");
        assert!(text.contains(".dockerconfigjson") && !text.contains("canary") && !text.contains("eyJj"), "{text}");
    }
}
