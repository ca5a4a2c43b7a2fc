//! Finds the images that objects name.

use super::kinds::FIELD;
use super::value::{Content, Value};

/// The lists of a Pod spec that name images.
const LISTS: [&str; 4] = ["initContainers", "containers", "ephemeralContainers", "volumes"];

/// Whether the mapping has a list that only a Pod spec has.
pub fn is_pod_spec(value: &Value<'_>) -> bool {
    LISTS.iter().any(|list| value.get(list).is_some())
}

/// The images of a Pod's containers and volumes.
pub fn in_pod_spec<'v, 'a>(pod_spec: &'v Value<'a>) -> Vec<&'v Value<'a>> {
    let image = |item: &'v Value<'a>, list: &str| {
        let image = item.get("image")?;
        if list == "volumes" { image.get("reference") } else { Some(image) }
    };
    let of = |list: &'static str| pod_spec.get(list).map_or(&[][..], Value::items).iter().map(move |item| (item, list));
    LISTS.into_iter().flat_map(of).filter_map(|(item, list)| image(item, list)).collect()
}

/// Every field `image`, however deep.
pub fn everywhere<'v, 'a>(value: &'v Value<'a>) -> Vec<&'v Value<'a>> {
    match &value.content {
        Content::Sequence(items) => items.iter().flat_map(everywhere).collect(),
        Content::Mapping(fields) => fields
            .iter()
            .flat_map(|(key, value)| if key.text() == Some("image") { vec![value] } else { everywhere(value) })
            .collect(),
        Content::Word(..) | Content::Text(..) => Vec::new(),
    }
}

/// Mappings that look like Pod specs without references, by path, with their images; and, with an empty path, each image elsewhere.
pub fn likely_places<'v, 'a>(value: &'v Value<'a>, path: &str) -> Vec<(String, Vec<&'v Value<'a>>)> {
    match &value.content {
        Content::Sequence(items) => items.iter().flat_map(|item| likely_places(item, &format!("{path}[]"))).collect(),
        Content::Mapping(_) if value.get("containers").is_some_and(|list| !list.items().is_empty()) => {
            let has_references = value.get(FIELD).is_some_and(|list| !list.items().is_empty());
            if has_references { Vec::new() } else { vec![(path.to_owned(), in_pod_spec(value))] }
        }
        Content::Mapping(fields) => {
            let dot = if path.is_empty() { "" } else { "." };
            let below = |(key, value): (&Value<'a>, &'v Value<'a>)| match key.text() {
                Some("image") => vec![(String::new(), vec![value])],
                Some(name) => likely_places(value, &format!("{path}{dot}{name}")),
                None => Vec::new(),
            };
            fields.iter().flat_map(below).collect()
        }
        Content::Word(..) | Content::Text(..) => Vec::new(),
    }
}
