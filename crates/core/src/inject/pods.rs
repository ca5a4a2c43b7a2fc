//! Adds references to the Pods of a document's value, and says which Pods lacked one.

use std::collections::BTreeSet;

use super::kinds::{PodPath, is_group, is_kind, is_path};
use super::lack::Lack;
use super::report::Report;
use super::rules::{Rules, Which};
use super::value::{Content, Value};
use super::{images, visit};
use crate::diagnostic::{Code, Diagnostic};
use crate::docker_config::kubelet::Image;
use crate::names::{Namespace, OPT_OUT, ResourceName};

/// Adds the missing references to the Pods of the objects in the value, also in lists, and returns the added references in order.
pub fn add_references<'a>(value: &mut Value<'a>, rules: &'a Rules, report: &mut Report) -> Vec<Lack<'a>> {
    let mut search = Search { rules, report, lacks: Vec::new() };
    visit::objects(value, &mut |value, group, kind| search.object(value, group, kind));
    search.lacks
}

/// The object whose Pods are searched.
struct Object<'a> {
    kind: &'a str,
    group: &'a str,
    label: String,
    namespace: Option<Namespace>,
}

struct Search<'a, 'report> {
    rules: &'a Rules,
    report: &'report mut Report,
    lacks: Vec<Lack<'a>>,
}

impl<'a> Search<'a, '_> {
    fn object(&mut self, value: &mut Value<'a>, group: &'a str, kind: &'a str) {
        let Some(object) = Object::read(value, group, kind) else { return };
        let rules = self.rules;
        let found = self.report.found;
        let paths = || rules.paths.iter().filter(|path| path.is_for(group, kind));
        for path in paths() {
            visit::places(value, &path.fields, &mut |place| self.place(place, path, &object));
        }
        // A path that a user typed may lead elsewhere.
        if paths().all(|path| path.is_typed) {
            let mut missed = self.missed(value, &object);
            // A Pod spec is a better match than a single image, which the typed path may be for.
            if missed.len() > 1 || self.report.found > found {
                missed.remove("");
            }
            let dot = if group.is_empty() { "" } else { "." };
            for path in missed {
                *self.report.missed.entry((format!("{kind}{dot}{group}"), path)).or_default() += 1;
            }
        }
    }

    /// Adds the references that a Pod spec, or another mapping with images, lacks.
    fn place(&mut self, place: &mut Value<'a>, path: &'a PodPath, object: &Object<'a>) {
        if !matches!(place.content, Content::Mapping(_)) {
            return;
        }
        self.report.found += 1;
        let images = self.images(place, path, object);
        let mut names = self.rules.wanted(&images, object.namespace.as_ref());
        if names.is_empty() {
            self.report.note_namespace(object.namespace.as_ref(), &images, self.rules);
        }
        let Some((holder, path)) = holder(place, &path.references) else { return };
        let field = &path[0];
        let list = holder.get(field).filter(|list| !list.is_null());
        let fits = match list.map(|list| &list.content) {
            None => true,
            Some(Content::Sequence(items)) if path.len() == 1 && Lack::is_list(field) => {
                names.retain(|name| !items.iter().any(|item| item.text_of("name") == Some(name)));
                true
            }
            // A field for one Secret that names another one stays.
            Some(_) if !Lack::is_list(field) && list.is_some_and(|list| list.text().is_some()) => return,
            Some(_) => false,
        };
        if names.is_empty() {
            return;
        }
        if !fits {
            let message =
                format!("`{field}` of {} in {} is not a list, and stays as it is", object.label, self.report.here());
            let hint = "write a list of mappings with `name`";
            return self.report.warnings.push(Diagnostic::warning(Code::NotAList, message).hint(hint));
        }
        let items = list.map_or(&[][..], Value::items);
        let only_name = |item: &Value<'a>| match &item.content {
            Content::Mapping(fields) if fields.len() == 1 => item.text_of("name"),
            _ => None,
        };
        let lack = Lack {
            label: object.label.clone(),
            holder: holder.id,
            path,
            list: holder.get(field).map(|list| list.id),
            present: items.iter().map(only_name).collect(),
            names,
        };
        let value = lack.value(items.to_vec());
        if let Content::Mapping(fields) = &mut holder.content {
            fields.insert(Value::text_at(holder.id, field), value);
        }
        self.lacks.push(lack);
    }

    /// The images that count, without invalid ones.
    fn images(&mut self, place: &Value<'a>, path: &PodPath, object: &Object<'_>) -> Vec<Image> {
        if self.rules.which == Which::All {
            return Vec::new();
        }
        let written = images::at(place, path.images);
        if written.is_empty() && !images::is_pod_spec(place) && path.is_typed {
            let message = format!("`--path` leads to no image in {} in {}", object.label, self.report.here());
            let hint = "let it end at the mapping that takes `imagePullSecrets`; an `image` with a `repository` counts if that begins with a host";
            self.report.warnings.push(Diagnostic::warning(Code::InvalidPath, message).hint(hint));
        }
        let mut fault = None;
        let mut parsed = Vec::new();
        for image in written {
            match images::text(image).map(|text| text.parse::<Image>()) {
                Some(Ok(image)) => parsed.push(image),
                Some(Err(invalid)) => fault = fault.or(Some(invalid.to_string())),
                None if image.is_null() => {}
                None => fault = fault.or(Some("is not a text".to_owned())),
            }
        }
        if let Some(fault) = fault {
            let message = format!("an image of {} in {} {fault}", object.label, self.report.here());
            let hint = "render templates first: a kubelet does not take such an image; the Pod's other images count";
            self.report.warnings.push(Diagnostic::warning(Code::InvalidImage, message).hint(hint));
        }
        parsed
    }

    /// The paths of an object's Pod specs without references that a login matches; an empty path for any other such image.
    fn missed(&self, value: &Value<'a>, object: &Object<'a>) -> BTreeSet<String> {
        let is_named = is_kind(object.kind) && (object.group.is_empty() || is_group(object.group));
        // ConfigMaps and Secrets are plain data: no Pod is made from them.
        if self.rules.which == Which::All || !is_named || matches!(object.kind, "ConfigMap" | "Secret") {
            return BTreeSet::new();
        }
        let matches = |images: &[&Value<'_>]| {
            let images: Vec<Image> = images.iter().filter_map(|image| images::text(image)?.parse().ok()).collect();
            !images.is_empty() && !self.rules.wanted(&images, object.namespace.as_ref()).is_empty()
        };
        let places = images::likely_places(value, "").into_iter().filter(|(_, images)| matches(images));
        places.map(|(path, _)| if is_path(&path) { path } else { String::new() }).collect()
    }
}

impl<'a> Object<'a> {
    /// `None` for an object that has opted out.
    fn read(value: &Value<'a>, group: &'a str, kind: &'a str) -> Option<Self> {
        let metadata = value.get("metadata");
        let text = |name| metadata.and_then(|metadata| metadata.text_of(name));
        let annotations = metadata.and_then(|metadata| metadata.get("annotations"));
        if OPT_OUT.iter().any(|name| annotations.and_then(|all| all.text_of(name)) == Some("true")) {
            return None;
        }
        // An invalid name is not repeated, because it might be anything.
        let name = text("name").or_else(|| text("generateName").map(|name| name.trim_end_matches('-')));
        let name = name.filter(|name| name.parse::<ResourceName>().is_ok());
        Some(Self {
            kind,
            group,
            label: name.map_or_else(|| format!("a {kind}"), |name| format!("{kind} `{name}`")),
            namespace: text("namespace").and_then(|namespace| namespace.parse().ok()),
        })
    }
}

impl<'a> Lack<'a> {
    /// The value of the first field of the path: these items, and after them the missing references.
    fn value(&self, items: Vec<Value<'a>>) -> Value<'a> {
        let text = |text| Value::text_at(self.holder, text);
        let Some(last) = self.path.last() else { return text("") };
        let references = if Lack::is_list(last) {
            let new = self.names.iter().map(|name| Value::field_at(self.holder, "name", text(name)));
            Value { id: self.holder, content: Content::Sequence(items.into_iter().chain(new).collect()) }
        } else {
            text(self.names.first().copied().unwrap_or_default())
        };
        // The first field is the holder's own.
        self.path[1..].iter().rev().fold(references, |value, name| Value::field_at(self.holder, name, value))
    }
}

/// The innermost existing mapping on the path, and the fields that are left.
fn holder<'v, 'a>(place: &'v mut Value<'a>, path: &'a [String]) -> Option<(&'v mut Value<'a>, &'a [String])> {
    let (_, outer) = path.split_last()?;
    let below = |at: &mut &Value<'a>, name: &'a String| {
        *at = at.get(name).filter(|value| matches!(value.content, Content::Mapping(_)))?;
        Some(())
    };
    let depth = outer.iter().scan(&*place, below).count();
    let (there, rest) = path.split_at(depth);
    Some((there.iter().try_fold(place, |at, name| at.get_mut(name))?, rest))
}

#[cfg(test)]
mod tests {
    use super::super::syntax::Document;
    use super::*;

    #[test]
    fn pod_specs_are_found_by_group_kind_and_place() {
        let rules = Rules {
            pull_secrets: vec![crate::inject::rules::PullSecretRule {
                name: "pull".parse().unwrap(),
                registries: Vec::new(),
                include: Vec::new(),
                exclude: Vec::new(),
            }],
            which: Which::All,
            paths: PodPath::built_in().chain(["Batch=spec.tasks[].pod".parse().unwrap()]).collect(),
            namespace: None,
        };
        let found = |text: &str| {
            let document = Document::parse(text).unwrap();
            let Some(mut value) = Value::read(&document).unwrap() else { return String::new() };
            let lacks = add_references(&mut value, &rules, &mut Report::default());
            lacks.iter().map(|lack| lack.label.clone()).collect::<Vec<_>>().join(", ")
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
