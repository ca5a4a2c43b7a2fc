//! Builds the objects of an installed `regcred controller`: policies, rights, logins, its regcred.yaml and its Deployment.

mod birth;
pub mod definition;
mod monitoring;
mod workload;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::grant::{Grant, Granted, Reach, Rights, Selector, Subject};
use super::selection::Others;
use crate::docker_config::Logins;
use crate::manifest::{Manifests, ObjectTemplate, Place, to_yaml};
use crate::names::{Namespace, NamespacePattern, ResourceName};
use crate::objects::marks::{self, CONTROLLER, Marks, Role, STRATEGY};
use crate::objects::rbac::{self, role, rule};
use crate::objects::{self, AsBuilt, external_secret, namespace_of_a_program, objects, source};
use crate::spec::choice::Link;
use crate::spec::external::ExternalSettings;

pub use workload::resources;

/// How the controller is installed.
#[derive(Clone, Debug)]
pub struct ControllerSettings {
    /// Its namespace.
    pub namespace: Namespace,
    /// Its image.
    pub image: String,
    /// How many Pods of it run; one of them writes.
    pub replicas: u32,
    /// The oldest minor version of Kubernetes 1 that the cluster may have.
    pub kubernetes: u32,
    /// The labels of the served namespaces, as written, and parsed.
    pub selector: Option<(String, Selector)>,
    /// Whether it evicts Pods that were created before the reference.
    pub evicts: bool,
    /// How often it asks the registries about each login: a Go duration.
    pub check_online: Option<String>,
    /// Globs of the registries that custom resources may name and the controller may ask; if empty, the registries of the logins.
    pub registries: Vec<String>,
    /// The limits for custom resources, if custom resources decide what the controller does.
    pub resources: Option<ResourceSettings>,
}

/// The limits for custom resources, in addition to the limits of each pull secret.
#[derive(Clone, Debug)]
pub struct ResourceSettings {
    /// More Secrets in the controller's namespace that logins may name.
    pub secrets: Vec<ResourceName>,
}

impl ControllerSettings {
    fn selector(&self) -> Selector {
        self.selector.as_ref().map_or_else(Selector::default, |(_, selector)| selector.clone())
    }
}

/// From this version on, a policy can change an object when it is created.
pub const CHANGES_AT_CREATION: u32 = 36;
/// From this version on, a watch begins with the existing objects, and no list is needed.
const STREAMS_LISTS: u32 = 34;

/// A pull secret that the controller writes.
pub struct InstalledSecret<'a> {
    /// Its name.
    pub name: &'a ResourceName,
    /// Names and globs of its namespaces; an empty list means all except the cluster's own.
    pub include: &'a [NamespacePattern],
    /// Names and globs of namespaces that do not get it.
    pub exclude: Vec<NamespacePattern>,
    /// The ServiceAccounts that the rights name; an empty list means all.
    pub service_accounts: &'a [ResourceName],
    /// The ServiceAccounts as written, with globs.
    pub written_accounts: &'a [String],
    /// The store of its logins, if an operator fetches them.
    pub external: Option<&'a ExternalSettings>,
    /// Its logins.
    pub docker_config: &'a Logins,
}

/// An installation of the controller.
pub struct Installation<'a> {
    /// The options of the installation.
    pub settings: &'a ControllerSettings,
    /// The pull secrets, by name.
    pub pull_secrets: Vec<InstalledSecret<'a>>,
    /// How Pods find them.
    pub link: Link,
    /// The marks of every object of ours.
    pub marks: Marks,
}

impl Installation<'_> {
    /// The policies come before the rights, because a policy takes up to a second to act; the Deployment comes last.
    pub fn manifests(&self) -> Manifests {
        let mut manifests = Manifests::default();
        let mut add = |mut values: Vec<Value>, role| {
            if role == Role::Policy {
                for policy in &mut values {
                    policy["metadata"]["annotations"][STRATEGY] = json!(CONTROLLER);
                }
            }
            objects::add(self.marks.dress(objects(values), role), &mut manifests);
        };
        let subjects =
            [Subject::ServiceAccount(self.settings.namespace.clone(), ResourceName::extended(&self.name(), ""))];
        let reach = Reach::Chosen { others: Others::All, selector: self.settings.selector() };
        let grant = self.grant(&subjects, &reach);
        add(vec![namespace_of_a_program(&self.settings.namespace)], Role::Namespace);
        add(self.settings.resources.iter().map(|_| definition::definition()).collect(), Role::Definition);
        add(grant.policies(), Role::Policy);
        add(grant.scope_policy(&self.settings.namespace), Role::Policy);
        let each = |policies: fn(&Self, &InstalledSecret<'_>) -> Vec<Value>| {
            self.pull_secrets.iter().flat_map(|one| policies(self, one)).collect()
        };
        match self.link {
            Link::ServiceAccount if self.settings.kubernetes >= CHANGES_AT_CREATION => {
                add(each(birth::policy_on_accounts), Role::Policy);
            }
            Link::Policy => add(each(birth::policy_on_pods), Role::Policy),
            Link::ServiceAccount | Link::None => {}
        }
        add(vec![workload::service_account(self)], Role::Owned);
        add(grant.cluster_role().to_vec(), Role::Owned);
        add(self.own_role().to_vec(), Role::Owned);
        self.logins(&mut manifests);
        let mut workload = vec![workload::config_map(self), workload::network_policy(self), workload::deployment(self)];
        workload.extend((self.settings.replicas > 1).then(|| workload::disruption_budget(self)));
        objects::add(self.marks.dress(objects(workload), Role::Owned), &mut manifests);
        manifests
    }

    /// The name of the controller's objects.
    fn name(&self) -> String {
        marks::name(&self.marks.owner)
    }

    fn grant<'g>(&'g self, subjects: &'g [Subject], reach: &'g Reach) -> Grant<'g> {
        let granted = self.pull_secrets.iter().map(InstalledSecret::granted);
        let (resources, evicts) = (self.settings.resources.is_some(), self.settings.evicts);
        let rights = Rights::Watching { lists: self.lists(), resources, evicts };
        Grant { subjects, pull_secrets: granted.collect(), reach, link: self.link, rights, marks: self.marks.clone() }
    }

    /// Whether a list precedes each watch.
    fn lists(&self) -> bool {
        self.settings.kubernetes < STREAMS_LISTS
    }

    /// The controller's rights in its own namespace: it holds and watches its Lease, which a server-side apply creates, and writes Events.
    /// If custom resources name the Secrets of the logins, it watches these Secrets.
    fn own_role(&self) -> [Value; 2] {
        let (namespace, name) = (self.settings.namespace.as_str(), self.name());
        let mut rules = vec![
            rule("coordination.k8s.io", &["leases"], &["get", "watch", "create", "patch"], &[&name]),
            rule("events.k8s.io", &["events"], &["create", "patch"], &[]),
        ];
        if let Some(ResourceSettings { secrets }) = &self.settings.resources {
            let own = self.pull_secrets.iter().map(|one| source_name(one.name));
            let sources: BTreeSet<_> = own.chain(secrets.iter().cloned()).collect();
            let sources: Vec<_> = sources.iter().map(ResourceName::as_str).collect();
            let verbs: &[&str] = if self.lists() { &["watch", "list"] } else { &["watch"] };
            rules.push(rule("", &["secrets"], verbs, &sources));
        }
        let metadata = json!({"name": name, "namespace": namespace});
        role("Role", &metadata, &rules, &[rbac::service_account(namespace, &name)])
    }

    /// Only the Secrets with the logins; not those that an operator fetches.
    pub fn secrets(&self) -> Manifests {
        let mut manifests = Manifests::default();
        for one in self.pull_secrets.iter().filter(|one| one.external.is_none()) {
            manifests.once(self.source(one));
        }
        manifests
    }

    /// The objects with which the Prometheus operator reads the metrics and the alerts. They are not part of [`Self::manifests`], because a
    /// cluster may lack these two kinds.
    pub fn monitoring(&self) -> Manifests {
        let mut manifests = Manifests::default();
        let monitoring = vec![monitoring::pod_monitor(self), monitoring::rules(self)];
        objects::add(self.marks.dress(objects(monitoring), Role::CustomResource), &mut manifests);
        manifests
    }

    /// The logins of each pull secret, as a Secret or as the objects with which an operator fetches it.
    fn logins(&self, manifests: &mut Manifests) {
        for one in &self.pull_secrets {
            let Some(external) = one.external else {
                manifests.once(self.source(one));
                continue;
            };
            let name = source_name(one.name);
            let Ok(objects) = external_secret::in_namespace([(&name, external)].into_iter(), &self.marks, &AsBuilt);
            for object in objects {
                manifests.once(ObjectTemplate::plain(object, Place::Fixed(self.settings.namespace.clone())));
            }
        }
    }

    fn source(&self, one: &InstalledSecret<'_>) -> ObjectTemplate {
        let source = source(&source_name(one.name), one.docker_config.to_json(), &self.marks);
        ObjectTemplate::sensitive(source, Place::Fixed(self.settings.namespace.clone()))
    }

    /// The registries that custom resources may name and the controller may ask.
    fn registries(&self) -> Vec<String> {
        if !self.settings.registries.is_empty() {
            return self.settings.registries.clone();
        }
        let of_logins = self.pull_secrets.iter().flat_map(|one| one.docker_config.registries());
        let all: BTreeSet<_> = of_logins.map(|registry| globset::escape(registry.index())).collect();
        all.into_iter().collect()
    }

    /// The regcred.yaml that the controller reads.
    fn config(&self) -> String {
        let pull_secrets: Vec<_> = self.pull_secrets.iter().map(|one| one.config(self.settings)).collect();
        let mut config = json!({
            "apiVersion": definition::API_VERSION,
            "kind": definition::KIND,
            "metadata": {"name": self.marks.owner},
            "spec": {"link": self.link.to_string(), "pullSecrets": pull_secrets},
        });
        if self.settings.resources.is_some() || self.settings.check_online.is_some() {
            config["spec"]["controller"] = json!({"registries": self.registries()});
        }
        if let Some(ResourceSettings { secrets }) = &self.settings.resources {
            config["spec"]["controller"]["crd"] = json!(true);
            if !secrets.is_empty() {
                config["spec"]["controller"]["secrets"] = json!(secrets);
            }
        }
        to_yaml(&config).map(|text| text.to_string()).unwrap_or_default()
    }
}

impl InstalledSecret<'_> {
    fn granted(&self) -> Granted<'_> {
        Granted {
            name: self.name,
            namespaces: &[],
            include: self.include,
            exclude: &self.exclude,
            service_accounts: self.service_accounts,
            written_accounts: self.written_accounts,
        }
    }

    fn config(&self, settings: &ControllerSettings) -> Value {
        let mut config = json!({
            "name": self.name,
            "logins": [{"dockerConfig": {"secret": source_name(self.name)}}],
            "namespaces": {"exclude": texts(&self.exclude)},
            "serviceAccounts": self.written_accounts,
        });
        if !self.include.is_empty() {
            config["namespaces"]["include"] = json!(texts(self.include));
        }
        if let Some((text, _)) = &settings.selector {
            config["namespaces"]["selector"] = json!(text);
        }
        config
    }
}

fn texts(patterns: &[NamespacePattern]) -> Vec<&str> {
    patterns.iter().map(NamespacePattern::as_str).collect()
}

/// The name of the Secret that holds the logins of a pull secret. It differs from the pull secret's name, because the controller may
/// read and delete Secrets of that name.
pub fn source_name(pull_secret: &ResourceName) -> ResourceName {
    ResourceName::extended(pull_secret.as_str(), "-src")
}
