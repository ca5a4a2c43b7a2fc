//! `ExternalSecrets`: where a pull secret's logins are kept in, the objects that make the operator fetch them out. None holds a secret.

use serde::Serialize;
use serde_json::{Map, Value};

use super::profile::{self, Role};
use crate::protect::external::{Fetched, fetched};
use crate::settings::choices::Profile;
use crate::settings::external::generator::{GeneratorSettings, Scope};
use crate::settings::external::{ExternalSettings, Reach, Selection};
use crate::settings::file::external::{LabelExpression, LabelOperator, LabelSelector, StoreKind};
use crate::settings::{PullSecretSettings, Settings};
use crate::templates::Templates;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::manifest::{ObjectTemplate, Place};
use regcred_core::names::{Namespace, ResourceName};

const TEMPLATE: &str = "external-secret.yaml.j2";

#[derive(Serialize)]
struct Context<'a> {
    name: &'a ResourceName,
    refresh_interval: &'a str,
    store: Option<Store<'a>>,
    data: &'a [Value],
    data_from: &'a [Value],
    docker_config: &'a str,
}

#[derive(Serialize)]
struct Store<'a> {
    kind: StoreKind,
    name: &'a ResourceName,
}

#[derive(Serialize)]
struct ClusterContext<'a> {
    name: &'a ResourceName,
    namespace_selectors: &'a [LabelSelector],
    refresh_time: &'a str,
    external_secret_spec: &'a Value,
}

#[derive(Serialize)]
struct GeneratorContext<'a> {
    kind: &'static str,
    name: &'a ResourceName,
    spec: &'a Value,
}

/// The objects of these pull secrets that live in a namespace: generators of ours, then the `ExternalSecrets`.
///
/// # Errors
/// A template of the user's that makes no object.
pub fn in_namespace<'a>(
    pull_secrets: impl Iterator<Item = (&'a ResourceName, &'a ExternalSettings)>,
    profile: Option<Profile>,
    templates: &Templates,
) -> Result<Vec<Map<String, Value>>, Failure> {
    let pull_secrets: Vec<_> = pull_secrets.collect();
    let all = pull_secrets.iter().flat_map(|(_, external)| external.generators());
    let mut objects = generators(all.filter(|generator| generator.scope == Scope::Namespace), templates)?;
    for (name, external) in pull_secrets {
        if matches!(external.reach, Reach::EachNamespace) {
            objects.extend(external_secrets(name, external, templates)?);
        }
    }
    for object in &mut objects {
        mark(object, profile);
    }
    Ok(objects)
}

/// The objects of all pull secrets that live in no namespace: generators of ours, then the `ClusterExternalSecrets`.
///
/// # Errors
/// A template of the user's that makes no object.
pub fn in_cluster(settings: &Settings, templates: &Templates) -> Result<Vec<Map<String, Value>>, Failure> {
    let all = settings.pull_secrets.iter().filter_map(|pull_secret| pull_secret.external.as_ref());
    let all = all.flat_map(ExternalSettings::generators);
    let mut objects = generators(all.filter(|generator| generator.scope == Scope::Cluster), templates)?;
    for pull_secret in &settings.pull_secrets {
        objects.extend(cluster_external_secrets(pull_secret, templates)?);
    }
    for object in &mut objects {
        mark(object, settings.profile);
    }
    Ok(objects)
}

/// The same as blueprints, in this place.
#[must_use]
pub fn blueprints(objects: Vec<Map<String, Value>>, place: &Place) -> Vec<ObjectTemplate> {
    objects.into_iter().map(|object| ObjectTemplate::plain(object, place.clone())).collect()
}

fn mark(object: &mut Map<String, Value>, profile: Option<Profile>) {
    super::own(object);
    profile::annotate(object, profile, Role::CustomResource);
}

fn external_secrets(
    name: &ResourceName,
    external: &ExternalSettings,
    templates: &Templates,
) -> Result<Vec<Map<String, Value>>, Failure> {
    let Fetched { data, data_from, docker_config } = fetched(&external.content);
    let store = external.store.as_ref().map(|store| Store { kind: store.kind, name: &store.name });
    let context = Context {
        name,
        refresh_interval: &external.refresh_interval,
        store,
        data: &data,
        data_from: &data_from,
        docker_config: &docker_config,
    };
    templates.render(TEMPLATE, &context)
}

/// Its `spec` is that of the `ExternalSecret`, of which the template is one for both.
fn cluster_external_secrets(
    pull_secret: &PullSecretSettings,
    templates: &Templates,
) -> Result<Vec<Map<String, Value>>, Failure> {
    let PullSecretSettings { name, external: Some(external), namespaces, .. } = pull_secret else {
        return Ok(Vec::new());
    };
    let Reach::Cluster(selection, refresh_time) = &external.reach else { return Ok(Vec::new()) };
    let objects = external_secrets(name, external, templates)?;
    let Some(spec) = objects.iter().find(|object| object["kind"] == "ExternalSecret").and_then(|it| it.get("spec"))
    else {
        let message = format!("the template `{TEMPLATE}` makes no ExternalSecret with a `spec`");
        let problem =
            Diagnostic::error(Code::InvalidTemplate, message).hint("compare it with the one that it replaces");
        return Err(Failure::of("a template", problem));
    };
    let named;
    let namespace_selectors = match selection {
        Selection::Labelled(selectors) => selectors,
        Selection::Named => {
            named = vec![by_name(namespaces)];
            &named
        }
    };
    let context = ClusterContext { name, namespace_selectors, refresh_time, external_secret_spec: spec };
    templates.render("cluster-external-secret.yaml.j2", &context)
}

/// The label that every namespace has since Kubernetes 1.22, so that none has to be labelled.
fn by_name(namespaces: &[Namespace]) -> LabelSelector {
    let expression = LabelExpression {
        key: "kubernetes.io/metadata.name".to_owned(),
        operator: LabelOperator::In,
        values: namespaces.iter().map(ToString::to_string).collect(),
    };
    LabelSelector { match_expressions: vec![expression], ..LabelSelector::default() }
}

/// Each generator of ours once, however many logins it serves.
fn generators<'a>(
    all: impl Iterator<Item = &'a GeneratorSettings>,
    templates: &Templates,
) -> Result<Vec<Map<String, Value>>, Failure> {
    let mut written: Vec<&GeneratorSettings> = Vec::new();
    let mut objects = Vec::new();
    for generator in all {
        let Some(spec) = generator.object_spec() else { continue };
        if written.iter().any(|other| other.is_same_object(generator)) {
            continue;
        }
        written.push(generator);
        let context = GeneratorContext { kind: generator.object_kind(), name: &generator.name, spec: &spec };
        objects.extend(templates.render("external-generator.yaml.j2", &context)?);
    }
    Ok(objects)
}
