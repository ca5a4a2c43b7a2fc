//! Finds out what the kustomization of a generator would change in our objects.
//!
//! kustomize moves and renames the objects of a generator. Secrets of one name conflict in one namespace, and the error of kustomize prints
//! them in full. So regcred reads the kustomization first.

use std::path::Path;

use serde::Deserialize;

use super::Identity;
use super::list::ResourceList;
use super::objects::Object;
use crate::environment::read_text;
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::inject::stream::with_line_feeds;
use regcred_core::manifest::expands_too_far;

const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Kustomization {
    namespace: String,
    name_prefix: String,
    name_suffix: String,
}

/// Whether kustomize runs us as a generator: then the functionConfig is the only item.
pub fn is_a_generator(list: &ResourceList<'_>) -> bool {
    !list.items.is_empty()
        && list.items.iter().all(|item| {
            Identity::of(&item.value) == Identity::of(&list.function_config)
                && item.value["metadata"]["annotations"]["config.kubernetes.io/local-config"] == "true"
        })
}

/// Problems that the kustomization in this directory would cause with generated objects.
pub fn check(directory: &Path, objects: &[Object]) -> Vec<Diagnostic> {
    let read = |name| Some(with_line_feeds(&read_text(&directory.join(name)).ok()?));
    let Some(text) = NAMES.iter().find_map(read).filter(|text| !expands_too_far(text)) else { return Vec::new() };
    let options = serde_saphyr::options! { with_snippet: false };
    // kustomize reports errors in its own file.
    let Kustomization { namespace, name_prefix, name_suffix } =
        serde_saphyr::from_str_with_options(&text, options).unwrap_or_default();
    let hint = "list it under `transformers:` instead of `generators:`, or give it its own kustomization";
    let mut problems = Vec::new();
    if !namespace.is_empty() && objects.iter().any(|object| is_elsewhere(&object.identity, &namespace)) {
        let message = "`namespace:` of the kustomization would move what this generator makes into one namespace";
        problems.push(Diagnostic::error(Code::KustomizationMoves, message).hint(hint));
    }
    let is_renamed = !name_prefix.is_empty() || !name_suffix.is_empty();
    // kustomize also rewrites references in Pods, but no Pod uses a renamed ServiceAccount.
    let suffers = |object: &Object| !object.is_ours || object.identity.kind != "Secret";
    if is_renamed && objects.iter().any(suffers) {
        let message = "`namePrefix:` or `nameSuffix:` of the kustomization would rename what this generator makes";
        problems.push(Diagnostic::error(Code::KustomizationRenames, message).hint(hint));
    }
    problems
}

fn is_elsewhere(identity: &Identity, namespace: &str) -> bool {
    let place = if identity.kind == "Namespace" { &identity.name } else { &identity.namespace };
    !place.is_empty() && place != namespace
}
