//! Visits the objects in a document, and the places in an object that a path leads to.

use super::kinds::PathField;
use super::value::{Content, Value};

/// How deep lists of lists are searched.
const DEPTH: usize = 8;

/// Visits each object in the value, also in lists, with its API group and kind.
pub fn objects<'a>(value: &mut Value<'a>, visitor: &mut impl FnMut(&mut Value<'a>, &'a str, &'a str)) {
    objects_to_depth(value, "", "", DEPTH, visitor);
}

/// An item of a list of one kind, such as `DeploymentList`, has neither version nor kind: both follow from the version and kind of the list.
fn objects_to_depth<'a>(
    value: &mut Value<'a>,
    version: &'a str,
    kind: &'a str,
    depth: usize,
    visitor: &mut impl FnMut(&mut Value<'a>, &'a str, &'a str),
) {
    let version = value.text_of("apiVersion").unwrap_or(version);
    let kind = value.text_of("kind").unwrap_or(kind);
    let Some(of_items) = kind.strip_suffix("List") else {
        return visitor(value, version.split_once('/').map_or("", |(group, _)| group), kind);
    };
    let version = if matches!(of_items, "" | "Resource") { "" } else { version };
    let items = value.get_mut("items").filter(|_| depth > 0);
    if let Some(Value { content: Content::Sequence(items), .. }) = items {
        for item in items {
            objects_to_depth(item, version, of_items, depth - 1, visitor);
        }
    }
}

/// Visits each place in the value that the path leads to.
pub fn places<'a>(value: &mut Value<'a>, path: &'a [PathField], visitor: &mut impl FnMut(&mut Value<'a>)) {
    let Some((field, rest)) = path.split_first() else { return visitor(value) };
    let Some(below) = value.get_mut(&field.name) else { return };
    match &mut below.content {
        Content::Sequence(items) if field.each_item => {
            for item in items {
                places(item, rest, visitor);
            }
        }
        Content::Mapping(values) if field.each_item => {
            for value in values.values_mut() {
                places(value, rest, visitor);
            }
        }
        _ if !field.each_item => places(below, rest, visitor),
        _ => {}
    }
}
