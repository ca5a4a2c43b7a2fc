//! Builds ExternalSecrets and the objects that they need. The operator fetches the logins, so no object here holds a secret.

use serde_json::{Value, json};

use super::fetched::{Fetched, fetched};
use super::marks::{Marks, Role};
use super::{Object, Part, Request, Restyle};
use crate::names::{Namespace, ResourceName};
use crate::spec::external::ExternalSettings;
use crate::spec::external::written::{Generator, LabelExpression, LabelOperator, LabelSelector};

/// The namespaced objects of these pull secrets: first our generators, then the ExternalSecrets.
///
/// # Errors
/// The errors of `restyle`.
pub fn in_namespace<'a, R: Restyle>(
    pull_secrets: impl Iterator<Item = (&'a ResourceName, &'a ExternalSettings)>,
    marks: &Marks,
    restyle: &R,
) -> Result<Vec<Object>, R::Error> {
    let pull_secrets: Vec<_> = pull_secrets.collect();
    let used = pull_secrets.iter().flat_map(|(_, external)| external.generators());
    let mut parts = generators(used.filter(|generator| !generator.cluster_wide));
    let here = pull_secrets.iter().filter(|(_, external)| external.for_all.is_none());
    parts.extend(here.map(|(name, external)| external_secret(name, external)));
    dressed(parts, marks, restyle)
}

/// The cluster-wide objects of all pull secrets: first our generators, then the `ClusterExternalSecrets`.
///
/// # Errors
/// The errors of `restyle`.
pub fn in_cluster<R: Restyle>(request: &Request<'_>, restyle: &R) -> Result<Vec<Object>, R::Error> {
    let used = request.pull_secrets.iter().filter_map(|secret| secret.external).flat_map(ExternalSettings::generators);
    let mut parts = generators(used.filter(|generator| generator.cluster_wide));
    for secret in &request.pull_secrets {
        let Some(external) = secret.external else { continue };
        let Some(for_all) = &external.for_all else { continue };
        // A ClusterExternalSecret contains the `spec` of the ExternalSecret, so the template of the ExternalSecret restyles both.
        let objects = restyle.restyle(external_secret(secret.name, external))?;
        let spec = objects.into_iter().find_map(|mut object| object.remove("spec")).unwrap_or_default();
        let selectors = match for_all.namespace_selectors.as_slice() {
            [] => json!([by_name(secret.namespaces)]),
            selectors => json!(selectors),
        };
        parts.push(cluster_external_secret(secret.name, &selectors, for_all.refresh_time(), &spec));
    }
    dressed(parts, &request.marks, restyle)
}

fn dressed<R: Restyle>(parts: Vec<Part>, marks: &Marks, restyle: &R) -> Result<Vec<Object>, R::Error> {
    let mut objects = Vec::new();
    for part in parts {
        objects.extend(marks.dress(restyle.restyle(part)?, Role::CustomResource));
    }
    Ok(objects)
}

/// Writes all fields that the API server would fill in, so that no tool finds a difference.
fn external_secret(name: &ResourceName, external: &ExternalSettings) -> Part {
    let Fetched { data, data_from, docker_config } = fetched(&external.content);
    let store = external.store.as_ref().map(|store| json!({"kind": store.kind, "name": store.name}));
    let mut spec = json!({"refreshPolicy": "Periodic", "refreshInterval": external.refresh_interval});
    if let Some(store) = &store {
        spec["secretStoreRef"] = store.clone();
    }
    let template = json!({
        "engineVersion": "v2", "mergePolicy": "Replace", "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": docker_config},
    });
    spec["target"] = json!({"name": name, "creationPolicy": "Owner", "deletionPolicy": "Retain", "template": template});
    for (field, list) in [("data", &data), ("dataFrom", &data_from)] {
        if !list.is_empty() {
            spec[field] = json!(list);
        }
    }
    let context = json!({
        "name": name, "refresh_interval": external.refresh_interval, "store": store,
        "data": data, "data_from": data_from, "docker_config": docker_config,
    });
    let object = json!({
        "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": name}, "spec": spec,
    });
    Part::new("external-secret.yaml.j2", context, [object])
}

/// One object that creates an ExternalSecret in each namespace.
fn cluster_external_secret(name: &ResourceName, selectors: &Value, refresh_time: &str, spec: &Value) -> Part {
    let context = json!({
        "name": name, "namespace_selectors": selectors, "refresh_time": refresh_time, "external_secret_spec": spec,
    });
    let object = json!({
        "apiVersion": "external-secrets.io/v1",
        "kind": "ClusterExternalSecret",
        "metadata": {"name": name},
        "spec": {
            "externalSecretName": name,
            "namespaceSelectors": selectors,
            "refreshTime": refresh_time,
            "externalSecretSpec": spec,
        },
    });
    Part::new("cluster-external-secret.yaml.j2", context, [object])
}

/// Selects namespaces by a label that every namespace has since Kubernetes 1.22.
fn by_name(namespaces: &[Namespace]) -> LabelSelector {
    let expression = LabelExpression {
        key: "kubernetes.io/metadata.name".to_owned(),
        operator: LabelOperator::In,
        values: namespaces.iter().map(ToString::to_string).collect(),
    };
    LabelSelector { match_expressions: vec![expression], ..LabelSelector::default() }
}

/// Each of our generators once, even if several logins use it.
fn generators<'a>(used: impl Iterator<Item = &'a Generator>) -> Vec<Part> {
    let mut written: Vec<&Generator> = Vec::new();
    let mut parts = Vec::new();
    for generator in used {
        let Some(spec) = generator.object_spec() else { continue };
        if written.iter().any(|other| other.is_same_object(generator)) {
            continue;
        }
        written.push(generator);
        let (kind, name) = (generator.object_kind(), &generator.name);
        let object = json!({
            "apiVersion": "generators.external-secrets.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec,
        });
        parts.push(Part::new(
            "external-generator.yaml.j2",
            json!({"kind": kind, "name": name, "spec": spec}),
            [object],
        ));
    }
    parts
}
