//! The objects we promise: settings and Docker configs in, the ordered manifests out.

pub mod admission_policy;
pub mod external_secret;
pub mod patcher;
pub mod profile;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::settings::choices::{Link, Profile, Strategy};
use crate::settings::{CreateNamespaces, PullSecretSettings, Settings};
use crate::templates::Templates;
use profile::Role;
use regcred_core::diagnostic::Failure;
use regcred_core::docker_config::DockerConfig;
use regcred_core::manifest::{Manifests, ObjectTemplate, Place, PullSecret};
use regcred_core::names::{Namespace, ResourceName};

/// The annotation of what was created by us.
pub const OWNED: (&str, &str) = ("regcred.dev/owned", "true");

/// The manifests for these settings; `docker_configs` has one for each pull secret.
///
/// # Errors
/// A template of the user's that makes no object.
pub fn build(
    settings: &Settings,
    docker_configs: &[DockerConfig],
    templates: &Templates,
) -> Result<Manifests, Failure> {
    let mut manifests = Manifests::default();
    let secrets: Vec<_> = settings.pull_secrets.iter().zip(docker_configs).collect();
    match (settings.combination.strategy, &settings.patcher, secrets.as_slice()) {
        (Strategy::Static, ..) => each_namespace(settings, &secrets, templates, &mut manifests)?,
        (Strategy::Patcher, Some(patcher), [secret]) => {
            patcher::add(patcher, *secret, settings, templates, &mut manifests)?;
        }
        // The settings made sure of a patcher and of one Secret.
        (Strategy::Patcher, ..) => {}
    }
    Ok(manifests)
}

/// The Secrets by themselves, each in each of its namespaces.
#[must_use]
pub fn secrets(settings: &Settings, docker_configs: &[DockerConfig]) -> Manifests {
    let (plans, namespaces) = plan(settings.pull_secrets.iter());
    let docker_configs: Vec<_> = docker_configs.iter().map(|docker_config| Arc::new(docker_config.to_json())).collect();
    let blueprint = |member: usize| {
        let name = &settings.pull_secrets[member].name;
        ObjectTemplate::sensitive(pull_secret(name, Arc::clone(&docker_configs[member]), settings.profile), Place::Each)
    };
    let plans = plans.into_iter().map(|members| members.into_iter().map(blueprint).collect()).collect();
    let mut manifests = Manifests::default();
    manifests.each(plans, namespaces);
    manifests
}

/// For each namespace the reference, then the Secret; Namespaces and policies first.
fn each_namespace(
    settings: &Settings,
    secrets: &[(&PullSecretSettings, &DockerConfig)],
    templates: &Templates,
    manifests: &mut Manifests,
) -> Result<(), Failure> {
    let (plans, namespaces) = plan(secrets.iter().map(|(pull_secret, _)| *pull_secret));
    if settings.create_namespaces == CreateNamespaces::First {
        let mut objects = templates.render("namespace.yaml.j2", &json!({}))?;
        for object in &mut objects {
            profile::annotate(object, settings.profile, Role::Namespace);
        }
        let blueprints = objects.into_iter().map(|object| ObjectTemplate::plain(object, Place::Itself)).collect();
        manifests.each(vec![blueprints], namespaces.iter().map(|(namespace, _)| (namespace.clone(), 0)).collect());
    }
    if settings.combination.link == Link::Policy {
        for (pull_secret, docker_config) in secrets {
            for object in admission_policy::objects(pull_secret, docker_config, settings, templates)? {
                manifests.once(ObjectTemplate::plain(object, Place::Cluster));
            }
        }
    }
    let docker_configs: Vec<_> = secrets.iter().map(|(_, docker_config)| Arc::new(docker_config.to_json())).collect();
    let plans = plans
        .into_iter()
        .map(|members| {
            let mut blueprints = Vec::new();
            if settings.combination.link == Link::ServiceAccount {
                blueprints.extend(links(&members, secrets, settings.profile, templates)?);
            }
            let kept_elsewhere = members.iter().map(|&member| secrets[member].0);
            let kept_elsewhere = kept_elsewhere.filter_map(|secret| Some((&secret.name, secret.external.as_ref()?)));
            let objects = external_secret::in_namespace(kept_elsewhere, settings.profile, templates)?;
            blueprints.extend(external_secret::blueprints(objects, &Place::Each));
            let read = members.iter().filter(|&&member| secrets[member].0.external.is_none());
            blueprints.extend(read.map(|&member| {
                let secret =
                    pull_secret(&secrets[member].0.name, Arc::clone(&docker_configs[member]), settings.profile);
                ObjectTemplate::sensitive(secret, Place::Each)
            }));
            Ok(blueprints)
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let objects = external_secret::in_cluster(settings, templates)?;
    for blueprint in external_secret::blueprints(objects, &Place::Cluster) {
        manifests.once(blueprint);
    }
    manifests.each(plans, namespaces);
    Ok(())
}

/// A pull secret of ours.
#[must_use]
pub fn pull_secret(
    name: &ResourceName,
    docker_config: Arc<secrecy::SecretString>,
    profile: Option<Profile>,
) -> PullSecret {
    let mut annotations = BTreeMap::from([(OWNED.0.to_owned(), OWNED.1.to_owned())]);
    annotations.extend(
        profile::annotations(profile, Role::Owned)
            .iter()
            .map(|annotation| (annotation.name.to_owned(), annotation.value.to_owned())),
    );
    let labels = BTreeMap::from([("app.kubernetes.io/managed-by".to_owned(), "regcred".to_owned())]);
    PullSecret { name: name.clone(), annotations, labels, docker_config }
}

/// Which pull secrets go together where: each distinct set of them, and for each namespace, sorted, the index of its set.
#[must_use]
pub fn plan<'a>(
    pull_secrets: impl Iterator<Item = &'a PullSecretSettings>,
) -> (Vec<Vec<usize>>, Vec<(Namespace, usize)>) {
    let mut members: Vec<(&Namespace, usize)> = pull_secrets
        .enumerate()
        .flat_map(|(number, pull_secret)| pull_secret.namespaces.iter().map(move |namespace| (namespace, number)))
        .collect();
    members.sort_unstable();
    let mut plans: Vec<Vec<usize>> = Vec::new();
    let mut namespaces: Vec<(Namespace, usize)> = Vec::with_capacity(members.len());
    for group in members.chunk_by(|one, other| one.0 == other.0) {
        let matches = |plan: &Vec<usize>| plan.iter().eq(group.iter().map(|(_, number)| number));
        let plan = plans.iter().position(matches).unwrap_or_else(|| {
            plans.push(group.iter().map(|(_, number)| *number).collect());
            plans.len() - 1
        });
        namespaces.push((group[0].0.clone(), plan));
    }
    (plans, namespaces)
}

/// The references of one ServiceAccount: several pull secrets may share it, and its list is written as a whole.
#[must_use]
pub fn references<'a>(
    pull_secrets: impl Iterator<Item = &'a PullSecretSettings>,
) -> BTreeMap<ResourceName, Vec<ResourceName>> {
    let mut accounts: BTreeMap<ResourceName, Vec<ResourceName>> = BTreeMap::new();
    for pull_secret in pull_secrets {
        for account in &pull_secret.service_accounts {
            let list = accounts.entry(account.clone()).or_default();
            list.push(pull_secret.name.clone());
            list.extend(pull_secret.also_reference.iter().cloned());
        }
    }
    for list in accounts.values_mut() {
        list.sort_unstable();
        list.dedup();
    }
    accounts
}

#[derive(Serialize)]
struct ServiceAccount<'a> {
    name: &'a ResourceName,
    image_pull_secrets: &'a [ResourceName],
}

fn links(
    members: &[usize],
    secrets: &[(&PullSecretSettings, &DockerConfig)],
    profile: Option<Profile>,
    templates: &Templates,
) -> Result<Vec<ObjectTemplate>, Failure> {
    let mut blueprints = Vec::new();
    for (name, image_pull_secrets) in references(members.iter().map(|&member| secrets[member].0)) {
        let context = ServiceAccount { name: &name, image_pull_secrets: &image_pull_secrets };
        for mut object in templates.render("service-account.yaml.j2", &context)? {
            profile::annotate(&mut object, profile, Role::LinkedServiceAccount);
            blueprints.push(ObjectTemplate::plain(object, Place::Each));
        }
    }
    Ok(blueprints)
}

/// Marks an object as created by us: decided by the annotation, as Helm rewrites the label.
pub fn own(object: &mut Map<String, Value>) {
    let metadata = object.entry("metadata").or_insert_with(|| json!({}));
    metadata["annotations"][OWNED.0] = json!(OWNED.1);
    metadata["labels"]["app.kubernetes.io/managed-by"] = json!("regcred");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(name: &str, namespaces: &[&str], accounts: &[&str]) -> PullSecretSettings {
        PullSecretSettings {
            name: name.parse().unwrap(),
            sources: Vec::new(),
            external: None,
            namespaces: namespaces.iter().map(|name| name.parse().unwrap()).collect(),
            exclude: Vec::new(),
            service_accounts: accounts.iter().map(|name| name.parse().unwrap()).collect(),
            also_reference: Vec::new(),
        }
    }

    #[test]
    fn namespaces_with_the_same_pull_secrets_share_a_plan() {
        let (one, other) = (settings("x", &["a", "b", "c"], &[]), settings("y", &["b", "d"], &[]));
        let (plans, namespaces) = plan([&one, &other].into_iter());
        assert_eq!(plans, [vec![0], vec![0, 1], vec![1]]);
        assert_eq!(
            namespaces.iter().map(|(name, plan)| format!("{name}{plan}")).collect::<Vec<_>>(),
            ["a0", "b1", "c0", "d2"]
        );
    }

    #[test]
    fn a_service_account_refers_to_all_pull_secrets_that_name_it() {
        let (one, other) = (settings("y", &[], &["default"]), settings("x", &[], &["default", "ci"]));
        let accounts = references([&one, &other].into_iter());
        assert_eq!(
            accounts[&"default".parse().unwrap()].iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["x", "y"]
        );
        assert_eq!(accounts.len(), 2);
    }
}
