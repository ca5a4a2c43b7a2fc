//! Builds the Kubernetes objects that deliver pull secrets. Nothing here can fail, except a template of the user.

pub(crate) mod at_creation;
pub mod external_secret;
mod fetched;
pub(crate) mod guard;
pub mod marks;
pub mod patcher;
mod plan;
pub mod pod_policy;
pub(crate) mod rbac;

use std::convert::Infallible;
use std::sync::Arc;

use secrecy::SecretString;
use serde_json::{Map, Value, json};

use crate::docker_config::Logins;
use crate::manifest::{Manifests, ObjectTemplate, Place, PullSecret};
use crate::names::{Namespace, ResourceName};
use crate::spec::choice::Link;
use crate::spec::external::ExternalSettings;
use marks::{Marks, Role};
use patcher::PatcherSettings;

pub use plan::{plan, references};

/// An object, with its fields in the order in which they are written.
pub type Object = Map<String, Value>;

/// The pull secrets to deliver, and how.
pub struct Request<'a> {
    /// The pull secrets; a patcher delivers only the first.
    pub pull_secrets: Vec<Wanted<'a>>,
    /// How Pods find them.
    pub link: Link,
    /// Whether Namespaces are written, before all other objects.
    pub create_namespaces: bool,
    /// The patcher that copies the pull secret, if there is one.
    pub patcher: Option<&'a PatcherSettings>,
    /// The marks of every object.
    pub marks: Marks,
}

/// A pull secret, and its namespaces.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// Its name.
    pub name: &'a ResourceName,
    /// Its namespaces, sorted.
    pub namespaces: &'a [Namespace],
    /// The ServiceAccounts that refer to it.
    pub service_accounts: &'a [ResourceName],
    /// Other references that these ServiceAccounts keep.
    pub also_reference: &'a [ResourceName],
    /// The store of its logins, if an operator fetches them.
    pub external: Option<&'a ExternalSettings>,
    /// Its logins.
    pub docker_config: &'a Logins,
}

/// Objects that belong together, and the template by which a user may replace them.
pub struct Part {
    /// The name of the template.
    pub template: &'static str,
    /// The values that the template may use; never a secret.
    pub context: Value,
    /// The objects as we build them.
    pub objects: Vec<Object>,
}

impl Part {
    fn new(template: &'static str, context: Value, objects: impl IntoIterator<Item = Value>) -> Self {
        Self { template, context, objects: self::objects(objects) }
    }
}

/// The values that are objects.
pub(crate) fn objects(values: impl IntoIterator<Item = Value>) -> Vec<Object> {
    values.into_iter().filter_map(|value| if let Value::Object(object) = value { Some(object) } else { None }).collect()
}

/// Adds objects, each in the namespace that it names.
pub(crate) fn add(objects: impl IntoIterator<Item = Object>, manifests: &mut Manifests) {
    for object in objects {
        let namespace = object["metadata"].get("namespace").and_then(Value::as_str);
        let place = namespace.and_then(|namespace| namespace.parse().ok()).map_or(Place::Cluster, Place::Fixed);
        manifests.once(ObjectTemplate::plain(object, place));
    }
}

/// The namespace of a program that has only its own objects: all Pods in it must pass the strictest level.
pub(crate) fn namespace_of_a_program(name: &Namespace) -> Value {
    let labels = json!({"pod-security.kubernetes.io/enforce": "restricted"});
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
}

/// Replaces objects before they get their marks.
pub trait Restyle {
    /// Why it fails.
    type Error;

    /// Returns the objects of this part.
    ///
    /// # Errors
    /// A template that makes no object.
    fn restyle(&self, part: Part) -> Result<Vec<Object>, Self::Error>;
}

/// Makes objects that only a template describes: our template, or the user's template in its place.
pub trait Render: Restyle {
    /// The objects of this template; its context never holds a secret.
    ///
    /// # Errors
    /// A template that makes no object.
    fn render(&self, template: &'static str, context: &Value) -> Result<Vec<Object>, Self::Error>;
}

/// Leaves every object as it was built.
pub struct AsBuilt;

impl Restyle for AsBuilt {
    type Error = Infallible;

    fn restyle(&self, part: Part) -> Result<Vec<Object>, Infallible> {
        Ok(part.objects)
    }
}

/// The objects, in the order in which they are to be applied.
///
/// # Errors
/// The errors of `templates`.
pub fn build<R: Render>(request: &Request<'_>, templates: &R) -> Result<Manifests, R::Error> {
    match (request.patcher, request.pull_secrets.first()) {
        (Some(patcher), Some(secret)) => patcher::build(patcher, secret, request, templates),
        _ => in_each_namespace(request, templates),
    }
}

/// Only the pull secrets, each in all its namespaces.
pub fn secrets(request: &Request<'_>) -> Manifests {
    let (plans, namespaces) = plan(request.pull_secrets.iter().map(|secret| secret.namespaces));
    let secrets: Vec<_> = request.pull_secrets.iter().map(|secret| pull_secret(secret, &request.marks)).collect();
    let template = |member: usize| ObjectTemplate::sensitive(secrets[member].clone(), Place::Each);
    let mut manifests = Manifests::default();
    manifests.each(plans.into_iter().map(|members| members.into_iter().map(template).collect()).collect(), namespaces);
    manifests
}

/// A pull secret with its logins and our marks.
pub fn pull_secret(secret: &Wanted<'_>, marks: &Marks) -> PullSecret {
    source(secret.name, secret.docker_config.to_json(), marks)
}

/// A Secret of this name with these logins and our marks.
pub fn source(name: &ResourceName, docker_config: SecretString, marks: &Marks) -> PullSecret {
    let text = |(name, value): (&'static str, String)| (name.to_owned(), value);
    PullSecret {
        name: name.clone(),
        annotations: marks.annotations(Role::Owned).map(text).collect(),
        labels: marks.labels(Role::Owned).map(text).collect(),
        docker_config: Arc::new(docker_config),
    }
}

/// First Namespaces and policies; then, for each namespace, the references and the objects with the logins.
fn in_each_namespace<R: Restyle>(request: &Request<'_>, restyle: &R) -> Result<Manifests, R::Error> {
    let Request { pull_secrets, link, create_namespaces, patcher: _, marks } = request;
    let mut manifests = Manifests::default();
    let (plans, namespaces) = plan(pull_secrets.iter().map(|secret| secret.namespaces));
    if *create_namespaces {
        let templates = self::namespaces(marks, restyle)?;
        manifests.each(vec![templates], namespaces.iter().map(|(namespace, _)| (namespace.clone(), 0)).collect());
    }
    let mut cluster_wide = Vec::new();
    if *link == Link::Policy {
        for secret in pull_secrets {
            cluster_wide.extend(pod_policy::objects(secret, request, restyle)?);
        }
    }
    cluster_wide.extend(external_secret::in_cluster(request, restyle)?);
    for object in cluster_wide {
        manifests.once(ObjectTemplate::plain(object, Place::Cluster));
    }
    let plans = plans.iter().map(|members| {
        let here: Vec<_> = members.iter().map(|&member| &pull_secrets[member]).collect();
        in_namespace(&here, *link, marks, restyle)
    });
    manifests.each(plans.collect::<Result<_, _>>()?, namespaces);
    Ok(manifests)
}

/// The objects of these pull secrets in a namespace whose name is filled in later.
fn in_namespace<R: Restyle>(
    pull_secrets: &[&Wanted<'_>],
    link: Link,
    marks: &Marks,
    restyle: &R,
) -> Result<Vec<ObjectTemplate>, R::Error> {
    let mut objects = Vec::new();
    if link == Link::ServiceAccount {
        for (name, list) in references(pull_secrets.iter().copied()) {
            objects.extend(marks.dress(restyle.restyle(service_account(&name, &list))?, Role::LinkedServiceAccount));
        }
    }
    let external = pull_secrets.iter().filter_map(|secret| Some((secret.name, secret.external?)));
    objects.extend(external_secret::in_namespace(external, marks, restyle)?);
    let objects = objects.into_iter().map(|object| ObjectTemplate::plain(object, Place::Each));
    let read = pull_secrets.iter().filter(|secret| secret.external.is_none());
    Ok(objects.chain(read.map(|secret| ObjectTemplate::sensitive(pull_secret(secret, marks), Place::Each))).collect())
}

/// A Namespace whose name is filled in later.
///
/// # Errors
/// The errors of `restyle`.
pub fn namespaces<R: Restyle>(marks: &Marks, restyle: &R) -> Result<Vec<ObjectTemplate>, R::Error> {
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {}});
    let objects = marks.dress(restyle.restyle(Part::new("namespace.yaml.j2", json!({}), [object]))?, Role::Namespace);
    Ok(objects.map(|object| ObjectTemplate::plain(object, Place::Itself)).collect())
}

/// A ServiceAccount that refers to pull secrets. The list is atomic: applying it replaces the whole list.
fn service_account(name: &ResourceName, image_pull_secrets: &[ResourceName]) -> Part {
    let list: Vec<_> = image_pull_secrets.iter().map(|name| json!({"name": name})).collect();
    let object =
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}, "imagePullSecrets": list});
    Part::new("service-account.yaml.j2", json!({"name": name, "image_pull_secrets": image_pull_secrets}), [object])
}
