//! Where Pods are made: a document in, the Pod specs of the objects in it out, and the images that they name.

use std::str::FromStr;

use thiserror::Error;

use super::document::{Document, Id};
use super::value::Step;
use regcred_core::names::OPT_OUT;
use regcred_core::names::{Namespace, ResourceName};

/// How deep lists of lists are looked into.
const DEPTH: usize = 8;

/// Group, kind and the place of the Pod spec of what Kubernetes itself makes Pods from.
const BUILT_IN: &[(&str, &str, &str)] = &[
    ("", "Pod", "spec"),
    ("", "PodTemplate", "template.spec"),
    ("", "ReplicationController", "spec.template.spec"),
    ("apps", "DaemonSet", "spec.template.spec"),
    ("apps", "Deployment", "spec.template.spec"),
    ("apps", "ReplicaSet", "spec.template.spec"),
    ("apps", "StatefulSet", "spec.template.spec"),
    ("batch", "CronJob", "spec.jobTemplate.spec.template.spec"),
    ("batch", "Job", "spec.template.spec"),
];

/// The place of the Pod spec in objects of a kind: `KIND[.GROUP]=FIELD.FIELD`, where `[]` after a field is each item of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodPath {
    kind: String,
    group: Option<String>,
    fields: Vec<PathField>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct PathField {
    name: String,
    each_item: bool,
}

/// Why a text is no such place. Never says the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidPath {
    /// There is no `=`.
    #[error("has no `=` between the kind and the path")]
    NoPath,
    /// What comes before the `=` is no kind.
    #[error("has no kind before the `=`: a word that begins with a capital letter, perhaps with `.` and the API group")]
    Kind,
    /// A field is not one.
    #[error("has a field at position {0} that is no name, or none at all")]
    Field(usize),
}

impl FromStr for PodPath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        let (kind, path) = text.split_once('=').ok_or(InvalidPath::NoPath)?;
        let (kind, group) = kind.split_once('.').map_or((kind, None), |(kind, group)| (kind, Some(group)));
        let is_kind = kind.starts_with(|first: char| first.is_ascii_uppercase())
            && kind.len() <= 63
            && kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_kind || group.is_some_and(|group| group.parse::<ResourceName>().is_err()) {
            return Err(InvalidPath::Kind);
        }
        let fields = path.split('.').enumerate().map(|(number, text)| {
            let (name, each_item) = text.strip_suffix("[]").map_or((text, false), |name| (name, true));
            let is_name =
                !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
            if is_name {
                Ok(PathField { name: name.to_owned(), each_item })
            } else {
                Err(InvalidPath::Field(number + 1))
            }
        });
        Ok(Self { kind: kind.to_owned(), group: group.map(str::to_owned), fields: fields.collect::<Result<_, _>>()? })
    }
}

impl PodPath {
    /// Those of what Kubernetes itself makes Pods from.
    pub fn built_in() -> impl Iterator<Item = Self> {
        BUILT_IN.iter().map(|(group, kind, path)| Self {
            kind: (*kind).to_owned(),
            group: Some((*group).to_owned()),
            fields: path.split('.').map(|name| PathField { name: name.to_owned(), each_item: false }).collect(),
        })
    }

    fn is_of(&self, group: &str, kind: &str) -> bool {
        self.kind == kind && self.group.as_deref().is_none_or(|of| of == group)
    }
}

/// A Pod spec, and the object it is in.
#[derive(Debug)]
pub struct Workload {
    /// Where it begins in the document's tree: an alias is followed.
    pub pod_spec: Id,
    /// How to get to it from the root.
    pub steps: Vec<Step>,
    /// The namespace that the object names.
    pub namespace: Option<Namespace>,
    /// The object, for messages: its kind, and its name when it is one.
    pub label: String,
}

/// The Pod specs of the objects in the document, those in lists too, in their order.
#[must_use]
pub fn workloads(document: &Document<'_>, paths: &[PodPath]) -> Vec<Workload> {
    let mut search = Search { document, paths, found: Vec::new() };
    if let Some(root) = document.root() {
        search.object(root, "", "", &mut Vec::new(), DEPTH);
    }
    search.found
}

struct Search<'a, 'text> {
    document: &'a Document<'text>,
    paths: &'a [PodPath],
    found: Vec<Workload>,
}

impl Search<'_, '_> {
    /// An item of a list of one kind, as `DeploymentList` is, says neither its version nor its kind itself.
    fn object(&mut self, id: Id, version: &str, kind: &str, steps: &mut Vec<Step>, depth: usize) {
        let (document, paths) = (self.document, self.paths);
        let text = |name: &str| document.field(id, name).and_then(|field| document.text(field.value));
        let (version, kind) = (text("apiVersion").unwrap_or(version), text("kind").unwrap_or(kind));
        let group = version.split_once('/').map_or("", |(group, _)| group);
        for path in paths.iter().filter(|path| path.is_of(group, kind)) {
            self.walk(id, id, &path.fields, kind, steps);
        }
        let Some(items) = document.field(id, "items").filter(|_| kind.ends_with("List") && depth > 0) else { return };
        let of_items = kind.strip_suffix("List").unwrap_or_default();
        let version = if of_items.is_empty() || of_items == "Resource" { "" } else { version };
        steps.push(Step::Field("items".to_owned()));
        for (number, item) in document.items(items.value).iter().enumerate() {
            steps.push(Step::Item(number));
            self.object(*item, version, of_items, steps, depth - 1);
            steps.pop();
        }
        steps.pop();
    }

    fn walk(&mut self, object: Id, id: Id, fields: &[PathField], kind: &str, steps: &mut Vec<Step>) {
        let document = self.document;
        let Some((field, rest)) = fields.split_first() else {
            if document.is_mapping(id) {
                let workload = self.workload(object, id, kind, steps.clone());
                self.found.extend(workload);
            }
            return;
        };
        let Some(found) = document.field(id, &field.name) else { return };
        steps.push(Step::Field(field.name.clone()));
        if field.each_item {
            for (number, item) in document.items(found.value).iter().enumerate() {
                steps.push(Step::Item(number));
                self.walk(object, *item, rest, kind, steps);
                steps.pop();
            }
        } else {
            self.walk(object, found.value, rest, kind, steps);
        }
        steps.pop();
    }

    /// `None` where the object has opted out.
    fn workload(&self, object: Id, pod_spec: Id, kind: &str, steps: Vec<Step>) -> Option<Workload> {
        let document = self.document;
        let metadata = document.field(object, "metadata").map(|field| field.value);
        let of = |from: Option<Id>, name: &str| document.field(from?, name).map(|field| field.value);
        let text = |name: &str| of(metadata, name).and_then(|value| document.text(value));
        let annotations = of(metadata, "annotations");
        let has_opted_out = OPT_OUT.iter().any(|name| {
            of(annotations, name).and_then(|value| document.text(value)).is_some_and(|text| text == "true")
        });
        // A name that is none might be anything: it is not repeated.
        let name = text("name").or_else(|| text("generateName").map(|name| name.trim_end_matches('-')));
        let name = name.filter(|name| name.parse::<ResourceName>().is_ok());
        let label = name.map_or_else(|| format!("a {kind}"), |name| format!("{kind} `{name}`"));
        let namespace = text("namespace").and_then(|namespace| namespace.parse().ok());
        (!has_opted_out).then(|| Workload { pod_spec: document.target(pod_spec), steps, namespace, label })
    }
}

/// The images that the Pod's containers and volumes name, as they are written.
pub fn images<'a>(document: &'a Document<'_>, pod_spec: Id) -> impl Iterator<Item = &'a str> {
    let items = move |name| document.field(pod_spec, name).map_or(&[][..], |list| document.items(list.value));
    let text = |id: Id, name: &str| document.field(id, name).and_then(|field| document.text(field.value));
    let containers = ["initContainers", "containers", "ephemeralContainers"].into_iter().flat_map(items);
    let volumes = items("volumes").iter().filter_map(|volume| document.field(*volume, "image"));
    let of_containers = containers.filter_map(move |container| text(*container, "image"));
    of_containers.chain(volumes.filter_map(move |image| text(image.value, "reference")))
}

#[cfg(test)]
mod tests {
    use super::super::document::Documents;
    use super::*;

    #[test]
    fn a_path_has_a_kind_and_fields() {
        for good in ["Rollout=spec.template.spec", "Job.batch.volcano.sh=spec.tasks[].template.spec", "A1=x-y_z"] {
            assert!(good.parse::<PodPath>().is_ok(), "{good}");
        }
        for (bad, error) in [
            ("Rollout", InvalidPath::NoPath),
            ("=spec", InvalidPath::Kind),
            ("rollout=spec", InvalidPath::Kind),
            ("Roll out=spec", InvalidPath::Kind),
            ("Rollout.=spec", InvalidPath::Kind),
            ("Rollout=", InvalidPath::Field(1)),
            ("Rollout=spec..x", InvalidPath::Field(2)),
            ("Rollout=spec/template", InvalidPath::Field(1)),
            ("Rollout=spec.[]", InvalidPath::Field(2)),
        ] {
            assert_eq!(bad.parse::<PodPath>(), Err(error), "{bad}");
        }
    }

    #[test]
    fn pod_specs_are_found_by_group_kind_and_place() {
        let paths: Vec<_> = PodPath::built_in().chain(["Batch=spec.tasks[].pod".parse().unwrap()]).collect();
        let found = |text: &str| {
            let document = Documents::of(text).next().unwrap().unwrap();
            let found = workloads(&document, &paths);
            found.iter().map(|workload| workload.label.clone()).collect::<Vec<_>>().join(", ")
        };
        let template = "spec: {template: {spec: {containers: []}}}";
        for (text, labels) in [
            ("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {}\n".to_owned(), "Pod `a`"),
            ("apiVersion: v1\nkind: Pod\nmetadata: {generateName: a-}\nspec: {}\n".to_owned(), "Pod `a`"),
            ("apiVersion: v1\nkind: Pod\nmetadata: {name: A_b}\nspec: {}\n".to_owned(), "a Pod"),
            ("apiVersion: v1\nkind: Pod\nspec: null\n".to_owned(), ""),
            (format!("apiVersion: apps/v1\nkind: Deployment\n{template}\n"), "a Deployment"),
            (format!("apiVersion: other/v1\nkind: Deployment\n{template}\n"), ""),
            (format!("apiVersion: apps/v1\nkind: DeploymentList\nitems: [{{{template}}}, {{}}]\n"), "a Deployment"),
            (format!("kind: List\nitems: [{{apiVersion: batch/v1, kind: Job, {template}}}]\n"), "a Job"),
            ("kind: Batch\nspec: {tasks: [{pod: {}}, {pod: {}}, {}]}\n".to_owned(), "a Batch, a Batch"),
            (
                "kind: Batch\nmetadata: {annotations: {regcred.dev/exclude: 'true'}}\nspec: {tasks: [{pod: {}}]}\n"
                    .to_owned(),
                "",
            ),
            ("- kind: Pod\n".to_owned(), ""),
            ("# nothing\n---\n".to_owned(), ""),
        ] {
            assert_eq!(found(&text), labels, "{text}");
        }
    }
}
