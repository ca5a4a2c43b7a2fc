//! Manifests: what is to be applied, one object at a time and in order; each either holds a secret or is plain.
//!
//! Objects that differ only in their namespace share one [`Blueprint`], whose text is made once and cut where the namespace goes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, OnceLock};

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::names::{Namespace, ResourceName};

/// Stands where the namespace goes until it is put in. No name can be this: it has a capital letter.
const SLOT: &str = "Regcred-Puts-The-Namespace-Here";

/// An object that is not yet in a namespace.
#[derive(Debug)]
pub struct Blueprint {
    content: Content,
    place: Place,
    yaml: OnceLock<Stencil>,
    json: OnceLock<Stencil>,
}

/// Where an object lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In no namespace.
    Cluster,
    /// In this one.
    Fixed(Namespace),
    /// In each namespace of its section.
    Each,
    /// It is the namespace.
    Itself,
}

/// What an object is.
#[derive(Debug)]
pub enum Content {
    /// A pull secret.
    Sensitive(PullSecret),
    /// Anything else, without its namespace.
    Plain(Map<String, Value>),
}

/// A Secret of type `kubernetes.io/dockerconfigjson`.
#[derive(Clone)]
pub struct PullSecret {
    /// Its name.
    pub name: ResourceName,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The JSON of its Docker config.
    pub docker_config: Arc<SecretString>,
}

impl fmt::Debug for PullSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret {} with .dockerconfigjson", self.name)
    }
}

impl Blueprint {
    /// A pull secret.
    #[must_use]
    pub fn sensitive(secret: PullSecret, place: Place) -> Self {
        Self { content: Content::Sensitive(secret), place, yaml: OnceLock::new(), json: OnceLock::new() }
    }

    /// Any other object; its namespace is what `place` says.
    #[must_use]
    pub fn plain(mut object: Map<String, Value>, place: Place) -> Self {
        let metadata = object.entry("metadata").or_insert_with(|| json!({}));
        match &place {
            Place::Cluster => {}
            Place::Fixed(namespace) => metadata["namespace"] = json!(namespace),
            Place::Each => metadata["namespace"] = json!(SLOT),
            Place::Itself => metadata["name"] = json!(SLOT),
        }
        Self { content: Content::Plain(object), place, yaml: OnceLock::new(), json: OnceLock::new() }
    }

    /// What it is.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Where it lives.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    fn yaml(&self) -> io::Result<&Stencil> {
        if let Some(stencil) = self.yaml.get() {
            return Ok(stencil);
        }
        let text = match &self.content {
            Content::Sensitive(secret) => to_yaml(&secret.object(&self.place)),
            Content::Plain(object) => to_yaml(object),
        }?;
        Ok(self.yaml.get_or_init(|| Stencil::cut(&text, SLOT)))
    }

    fn json(&self) -> io::Result<&Stencil> {
        if let Some(stencil) = self.json.get() {
            return Ok(stencil);
        }
        let text = match &self.content {
            Content::Sensitive(secret) => serde_json::to_string(&secret.object(&self.place)),
            Content::Plain(object) => serde_json::to_string(object),
        }?;
        Ok(self.json.get_or_init(|| Stencil::cut(&text, &format!("\"{SLOT}\""))))
    }
}

impl PullSecret {
    /// The typed object, namespace included.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the Secret's data")]
    pub fn object(&self, place: &Place) -> Secret {
        let filled = |map: &BTreeMap<String, String>| (!map.is_empty()).then(|| map.clone());
        let namespace = match place {
            Place::Fixed(namespace) => Some(namespace.to_string()),
            Place::Each => Some(SLOT.to_owned()),
            Place::Cluster | Place::Itself => None,
        };
        Secret {
            metadata: ObjectMeta {
                name: Some(self.name.to_string()),
                namespace,
                annotations: filled(&self.annotations),
                labels: filled(&self.labels),
                ..ObjectMeta::default()
            },
            type_: Some("kubernetes.io/dockerconfigjson".to_owned()),
            data: Some(BTreeMap::from([(
                ".dockerconfigjson".to_owned(),
                ByteString(self.docker_config.expose_secret().as_bytes().to_vec()),
            )])),
            ..Secret::default()
        }
    }

    /// The same Secret to look at: its value says only how long it is.
    fn redacted(&self, place: &Place) -> Value {
        let mut value = serde_json::to_value(self.object(place)).unwrap_or_default();
        let length = value["data"][".dockerconfigjson"].as_str().map_or(0, str::len);
        value["data"][".dockerconfigjson"] = json!(format!("<redacted, {length} bytes>"));
        value
    }
}

/// YAML that Go's reader takes for the same value.
///
/// # Errors
/// The serializer's, for a value that has no YAML form.
pub fn to_yaml(value: &impl Serialize) -> io::Result<Zeroizing<String>> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false, compact_list_indent: true };
    let mut text = Zeroizing::new(String::new());
    serde_saphyr::to_fmt_writer_with_options(&mut *text, value, options).map_err(io::Error::other)?;
    Ok(text)
}

/// A namespace as YAML writes it: quoted where a reader would take the plain word for something else.
fn yaml_scalar(namespace: &Namespace) -> io::Result<Cow<'_, str>> {
    let name = namespace.as_str();
    // A word with a letter first and a hyphen in it is no number, date or boolean to any reader: most namespaces are such.
    if name.starts_with(|first: char| first.is_ascii_lowercase()) && name.contains('-') {
        return Ok(Cow::Borrowed(name));
    }
    Ok(Cow::Owned(to_yaml(&name)?.trim_end().to_owned()))
}

/// A text with gaps where a namespace goes.
struct Stencil(Vec<Zeroizing<String>>);

impl fmt::Debug for Stencil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a text of {} pieces", self.0.len())
    }
}

impl Stencil {
    fn cut(text: &str, slot: &str) -> Self {
        Self(text.split(slot).map(|piece| Zeroizing::new(piece.to_owned())).collect())
    }

    fn fill(&self, into: &mut impl Write, scalar: &str) -> io::Result<()> {
        for (number, piece) in self.0.iter().enumerate() {
            if number > 0 {
                into.write_all(scalar.as_bytes())?;
            }
            into.write_all(piece.as_bytes())?;
        }
        Ok(())
    }
}

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
        into.write_all(text.replace(SLOT, self.namespace.map_or("", Namespace::as_str)).as_bytes())
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
