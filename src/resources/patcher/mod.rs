//! A patcher that copies one Secret into every namespace: its settings and a Docker config in, all that it needs to run out.

mod options;

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use super::admission_policy;
use super::external_secret;
use super::profile::{self, Role};
use crate::settings::choices::{Link, Patcher, Profile};
use crate::settings::patcher::{Accounts, Guard, PatcherSettings};
use crate::settings::{PullSecretSettings, Settings};
use crate::templates::Templates;
use options::EnvironmentVariable;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::docker_config::DockerConfig;
use regcred_core::manifest::{Manifests, ObjectTemplate, Place};
use regcred_core::names::{Namespace, ResourceName};

/// What titansoft's own example calls everything: what was made from that is taken over, not made a second time.
pub const NAME: &str = "imagepullsecret-patcher";

/// What the templates may use.
#[derive(Serialize)]
struct Context<'a> {
    patcher: String,
    name: &'static str,
    namespace: &'a Namespace,
    /// The name of objects in no namespace: one for each patcher of a cluster.
    cluster_name: String,
    /// The patcher's account, as the API server calls it.
    user: String,
    image: &'a str,
    pull_secret: Option<&'a ResourceName>,
    secret: &'a ResourceName,
    source: &'a ResourceName,
    directory: &'static str,
    /// The ServiceAccounts that it links: an empty list is every one, no list is none.
    linked: Option<&'a [ResourceName]>,
    options: Vec<EnvironmentVariable>,
}

/// Adds the Namespace, the policies, the account with its rights, the source Secret and the Deployment, in this order:
/// the guard stands before the rights that it confines are there.
///
/// # Errors
/// A template of the user's that makes no object.
pub fn add(
    patcher: &PatcherSettings,
    (pull_secret, docker_config): (&PullSecretSettings, &DockerConfig),
    settings: &Settings,
    templates: &Templates,
    manifests: &mut Manifests,
) -> Result<(), Failure> {
    let context = context(patcher, &pull_secret.name);
    let mut add = |template: &str, part: Part| -> Result<(), Failure> {
        for object in templates.render(template, &context)? {
            manifests.once(part.blueprint(object, settings.profile)?);
        }
        Ok(())
    };
    add("patcher-namespace.yaml.j2", Part::Namespace)?;
    if patcher.guard == Guard::Confined {
        add("patcher-guard.yaml.j2", Part::Policy)?;
    }
    add(
        match patcher.patcher {
            Patcher::Titansoft => "patcher-titansoft-access.yaml.j2",
            Patcher::Tamcore => "patcher-tamcore-access.yaml.j2",
        },
        Part::Other,
    )?;
    if settings.combination.link == Link::Policy {
        for object in admission_policy::objects(pull_secret, docker_config, settings, templates)? {
            manifests.once(ObjectTemplate::plain(object, Place::Cluster));
        }
    }
    let place = Place::Fixed(patcher.namespace.clone());
    if let Some(external) = &pull_secret.external {
        let cluster = external_secret::blueprints(external_secret::in_cluster(settings, templates)?, &Place::Cluster);
        let source = std::iter::once((&patcher.source, external));
        let source = external_secret::in_namespace(source, settings.profile, templates)?;
        for blueprint in cluster.into_iter().chain(external_secret::blueprints(source, &place)) {
            manifests.once(blueprint);
        }
    } else {
        let source = super::pull_secret(&patcher.source, Arc::new(docker_config.to_json()), settings.profile);
        manifests.once(ObjectTemplate::sensitive(source, place));
    }
    for object in templates.render("patcher-deployment.yaml.j2", &context)? {
        manifests.once(Part::Other.blueprint(object, settings.profile)?);
    }
    Ok(())
}

/// The policies that confine a patcher, alone: for one that a chart of somebody else's deploys, under the same name.
///
/// # Errors
/// A template of the user's that makes no object.
pub fn guard(
    patcher: &PatcherSettings,
    secret: &ResourceName,
    profile: Option<Profile>,
    templates: &Templates,
) -> Result<Manifests, Failure> {
    let mut manifests = Manifests::default();
    for object in templates.render("patcher-guard.yaml.j2", &context(patcher, secret))? {
        manifests.once(Part::Policy.blueprint(object, profile)?);
    }
    Ok(manifests)
}

/// What an object is to a patcher.
#[derive(Clone, Copy)]
enum Part {
    Namespace,
    Policy,
    Other,
}

impl Part {
    fn blueprint(self, mut object: Map<String, Value>, profile: Option<Profile>) -> Result<ObjectTemplate, Failure> {
        let role = match self {
            // We write it, yet treat it as never ours to delete: `--patcher-namespace` may name one that others live in,
            // and they would go with it. What we put there is ours and goes by itself; an empty namespace costs nothing.
            Self::Namespace => Role::Namespace,
            Self::Policy => {
                super::own(&mut object);
                Role::Policy
            }
            Self::Other => {
                super::own(&mut object);
                Role::Owned
            }
        };
        profile::annotate(&mut object, profile, role);
        let place = match object["metadata"].get("namespace") {
            None => Place::Cluster,
            Some(namespace) => Place::Fixed(namespace.as_str().unwrap_or_default().parse().map_err(|_| {
                Failure::of(
                    "a template",
                    Diagnostic::error(Code::InvalidTemplate, "a template makes an object with an invalid namespace")
                        .hint("write `namespace: {{ namespace }}`"),
                )
            })?),
        };
        Ok(ObjectTemplate::plain(object, place))
    }
}

fn context<'a>(settings: &'a PatcherSettings, secret: &'a ResourceName) -> Context<'a> {
    let PatcherSettings {
        patcher,
        namespace,
        image,
        source,
        pull_secret,
        interval: _,
        guard: _,
        exclude: _,
        service_accounts,
    } = settings;
    Context {
        patcher: patcher.to_string(),
        name: NAME,
        namespace,
        cluster_name: if namespace.as_str() == NAME { NAME.to_owned() } else { format!("{NAME}-{namespace}") },
        user: format!("system:serviceaccount:{namespace}:{NAME}"),
        image,
        pull_secret: pull_secret.as_ref(),
        secret,
        source,
        directory: options::DIRECTORY,
        linked: match service_accounts {
            Accounts::All => Some(&[]),
            Accounts::None => None,
            Accounts::Named(names) => Some(names),
        },
        options: options::of(settings, secret),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(patcher: Patcher, accounts: Accounts) -> PatcherSettings {
        PatcherSettings {
            patcher,
            namespace: "pulls".parse().unwrap(),
            image: "registry.test/patcher@sha256:0".to_owned(),
            source: "source".parse().unwrap(),
            pull_secret: None,
            interval: "1m".to_owned(),
            guard: Guard::Confined,
            exclude: Vec::new(),
            service_accounts: accounts,
        }
    }

    fn rendered(template: &str, settings: &PatcherSettings) -> Vec<Value> {
        let secret = "pull".parse().unwrap();
        let objects = Templates::load(None).unwrap().render(template, &context(settings, &secret)).unwrap();
        objects.into_iter().map(Value::Object).collect()
    }

    fn named(names: &[&str]) -> Accounts {
        Accounts::Named(names.iter().map(|name| name.parse().unwrap()).collect())
    }

    #[test]
    fn no_service_account_is_a_variable_that_is_set_and_empty() {
        let settings = settings(Patcher::Titansoft, Accounts::None);
        let deployment = rendered("patcher-deployment.yaml.j2", &settings).remove(0);
        let variables = deployment["spec"]["template"]["spec"]["containers"][0]["env"].as_array().unwrap().clone();
        assert!(variables.contains(&json!({"name": "CONFIG_SERVICEACCOUNTS"})), "{variables:?}");
    }

    #[test]
    fn only_titansofts_image_is_bound_to_one_architecture_and_has_no_probes() {
        for (patcher, bound) in [(Patcher::Titansoft, true), (Patcher::Tamcore, false)] {
            let deployment = rendered("patcher-deployment.yaml.j2", &settings(patcher, Accounts::All)).remove(0);
            let pod = &deployment["spec"]["template"]["spec"];
            assert_eq!(pod["nodeSelector"]["kubernetes.io/arch"] == "amd64", bound);
            assert_eq!(deployment["spec"]["strategy"]["type"] == "Recreate", bound);
            assert_eq!(pod["containers"][0]["readinessProbe"].is_null(), bound);
            assert!(pod.get("imagePullSecrets").is_none());
        }
    }

    #[test]
    fn a_patcher_may_link_the_service_accounts_that_are_named() {
        let patch = |accounts| {
            let role = rendered("patcher-titansoft-access.yaml.j2", &settings(Patcher::Titansoft, accounts)).remove(1);
            let rules = role["rules"].as_array().unwrap().clone();
            rules.into_iter().find(|rule| rule["verbs"] == json!(["patch"]))
        };
        assert_eq!(patch(named(&["ci"])).unwrap()["resourceNames"], json!(["ci"]));
        assert!(patch(Accounts::All).unwrap().get("resourceNames").is_none());
        assert_eq!(patch(Accounts::None), None);
    }

    #[test]
    fn two_patchers_in_one_cluster_share_no_object() {
        let mut settings = settings(Patcher::Titansoft, Accounts::All);
        let secret = "pull".parse().unwrap();
        assert_eq!(context(&settings, &secret).cluster_name, "imagepullsecret-patcher-pulls");
        settings.namespace = NAME.parse().unwrap();
        assert_eq!(context(&settings, &secret).cluster_name, NAME);
    }

    #[test]
    fn an_object_of_a_template_goes_into_the_namespace_it_names() {
        let object = |namespace: &str| {
            let object =
                json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": namespace}});
            Part::Other.blueprint(object.as_object().unwrap().clone(), None)
        };
        assert_eq!(object("pulls").unwrap().place(), &Place::Fixed("pulls".parse().unwrap()));
        assert!(object("No Name").is_err());
    }
}
