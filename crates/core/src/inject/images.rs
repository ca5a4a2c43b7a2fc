//! Finds the images that objects name.

use std::borrow::Cow;

use super::kinds::{FIELD, Images};
use super::value::{Content, Value};
use crate::docker_config::kubelet::Image;

/// The lists of a Pod spec that name images.
const LISTS: [&str; 4] = ["initContainers", "containers", "ephemeralContainers", "volumes"];

/// Whether the mapping has a list that only a Pod spec has.
pub fn is_pod_spec(value: &Value<'_>) -> bool {
    LISTS.iter().any(|list| value.get(list).is_some())
}

/// The images that count at a place.
pub fn at<'v, 'a>(place: &'v Value<'a>, which: Images) -> Vec<&'v Value<'a>> {
    if which == Images::OfPodSpec && is_pod_spec(place) { in_pod_spec(place) } else { everywhere(place) }
}

/// The images of a Pod's containers and volumes.
fn in_pod_spec<'v, 'a>(pod_spec: &'v Value<'a>) -> Vec<&'v Value<'a>> {
    let image = |item: &'v Value<'a>, list: &str| {
        let image = item.get("image")?;
        if list == "volumes" { image.get("reference") } else { Some(image) }
    };
    let of = |list: &'static str| pod_spec.get(list).map_or(&[][..], Value::items).iter().map(move |item| (item, list));
    LISTS.into_iter().flat_map(of).filter_map(|(item, list)| image(item, list)).collect()
}

/// The images of every field, at any depth, whose name says that it holds images.
fn everywhere<'v, 'a>(value: &'v Value<'a>) -> Vec<&'v Value<'a>> {
    match &value.content {
        Content::Sequence(items) => items.iter().flat_map(everywhere).collect(),
        Content::Mapping(fields) => fields
            .iter()
            .flat_map(|(key, value)| of_field(key.text(), value).unwrap_or_else(|| everywhere(value)))
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
            let below = |(key, value): (&Value<'a>, &'v Value<'a>)| match (key.text(), of_field(key.text(), value)) {
                (_, Some(images)) => vec![(String::new(), images)],
                (Some(name), None) => likely_places(value, &format!("{path}{dot}{name}")),
                (None, None) => Vec::new(),
            };
            fields.iter().flat_map(below).collect()
        }
        Content::Word(..) | Content::Text(..) => Vec::new(),
    }
}

/// An image as text. A mapping with the parts of an image, as in the values of charts, becomes a text without the tag.
pub fn text<'a>(image: &Value<'a>) -> Option<Cow<'a, str>> {
    let name = image.text().or_else(|| image.text_of("repository")).or_else(|| image.text_of("url"))?;
    let registry = image.text_of("registry").filter(|registry| !registry.is_empty());
    Some(registry.map_or(Cow::Borrowed(name), |registry| Cow::Owned(format!("{registry}/{name}"))))
}

/// The images of a field, if its name says that it holds images. All except a plain `image` count only with the host of a registry.
fn of_field<'v, 'a>(name: Option<&str>, value: &'v Value<'a>) -> Option<Vec<&'v Value<'a>>> {
    let values = match (name?, &value.content) {
        ("image", Content::Word(..) | Content::Text(..)) => return Some(vec![value]),
        ("image" | "imageName" | "imageURL" | "imageUrl", _) => vec![value],
        ("images", Content::Mapping(images)) => images.values().collect(),
        _ => return None,
    };
    let has_host = |text: Cow<'_, str>| text.parse::<Image>().is_ok_and(|image| text.starts_with(image.domain()));
    let images: Vec<_> = values.into_iter().filter(|image| text(image).is_some_and(has_host)).collect();
    (!images.is_empty()).then_some(images)
}
