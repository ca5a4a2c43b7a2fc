//! Builds the rights that `regcred apply` or the controller needs in a cluster, and the policies that confine its account.
//!
//! Server-side apply creates the Secrets: the API server then checks `create` with the object's name, so a rule can name the object.

mod place;
mod policies;
mod scope;
mod selector;
mod subject;

use std::collections::BTreeSet;

use serde_json::{Value, json};

pub(super) use place::{Which, is_linked, is_served};
pub use selector::{InvalidSelector, Selector};
pub use subject::{InvalidSubject, Subject};

use super::installation::definition::{GROUP, PLURAL};
use super::selection::Others;
use crate::manifest::{Manifests, ObjectTemplate, Place};
use crate::names::{Namespace, NamespacePattern, ResourceName};
use crate::objects::marks::{self, Marks, Role};
use crate::objects::rbac::{role, rule};
use crate::objects::{self, objects, plan};
use crate::spec::choice::Link;

/// The rights to grant.
pub struct Grant<'a> {
    /// Who gets the rights.
    pub subjects: &'a [Subject],
    /// The pull secrets that the account writes, by name.
    pub pull_secrets: Vec<Granted<'a>>,
    /// Where the account writes them.
    pub reach: &'a Reach,
    /// How Pods find the pull secrets.
    pub link: Link,
    /// What the account does.
    pub rights: Rights,
    /// The marks of every object of ours.
    pub marks: Marks,
}

/// A pull secret that the account writes.
pub struct Granted<'a> {
    /// Its name.
    pub name: &'a ResourceName,
    /// Its namespaces, if they are listed.
    pub namespaces: &'a [Namespace],
    /// Names and globs of its namespaces, if they are chosen in the cluster.
    pub include: &'a [NamespacePattern],
    /// Names and globs of namespaces that do not get it.
    pub exclude: &'a [NamespacePattern],
    /// The ServiceAccounts that the rules name (RBAC has no globs); an empty list means all.
    pub service_accounts: &'a [ResourceName],
    /// The names and globs of the ServiceAccounts that refer to it.
    pub written_accounts: &'a [String],
}

/// What the account does in the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// The account runs `regcred apply`, which reads once.
    Applying {
        /// Whether it evicts stuck Pods.
        evicts: bool,
    },
    /// The account runs `regcred controller`, which watches.
    Watching {
        /// Whether a list precedes each watch.
        lists: bool,
        /// Whether custom resources decide what the controller does.
        resources: bool,
        /// Whether it evicts stuck Pods.
        evicts: bool,
    },
}

/// Where the account writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// In listed namespaces: a Role in each of them.
    Listed,
    /// In namespaces that are chosen in the cluster: a ClusterRole.
    Chosen {
        /// Which namespaces are chosen if there are no names and globs.
        others: Others,
        /// The labels of the namespaces.
        selector: Selector,
    },
}

/// The resource that is created to evict a Pod.
const EVICTION: &str = "pods/eviction";

impl Grant<'_> {
    /// First the policies, because a policy takes up to a second to act; then the roles with their bindings.
    pub fn manifests(&self) -> Manifests {
        let mut manifests = Manifests::default();
        objects::add(self.marks.dress(objects(self.policies()), Role::Policy), &mut manifests);
        match self.reach {
            Reach::Listed => {
                let (plans, namespaces) = plan(self.pull_secrets.iter().map(|one| one.namespaces));
                let role = |members: Vec<usize>| {
                    let members: Vec<_> = members.into_iter().map(|member| &self.pull_secrets[member]).collect();
                    let objects = self.marks.dress(objects(self.role("Role", &members)), Role::Owned);
                    objects.map(|object| ObjectTemplate::plain(object, Place::Each)).collect()
                };
                manifests.each(plans.into_iter().map(role).collect(), namespaces);
            }
            Reach::Chosen { .. } => {
                objects::add(self.marks.dress(objects(self.cluster_role()), Role::Owned), &mut manifests);
            }
        }
        manifests
    }

    /// The name of its objects. `apply` and a controller of one owner have their own, so that neither replaces the policies of the other.
    fn name(&self) -> String {
        let name = marks::name(&self.marks.owner);
        if matches!(self.rights, Rights::Applying { .. }) { name + "-apply" } else { name }
    }

    /// The role for every chosen namespace, with its binding.
    pub(super) fn cluster_role(&self) -> [Value; 2] {
        self.role("ClusterRole", &self.pull_secrets.iter().collect::<Vec<_>>())
    }

    fn role(&self, kind: &str, members: &[&Granted<'_>]) -> [Value; 2] {
        let subjects: Vec<_> = self.subjects.iter().map(Subject::binding_subject).collect();
        role(kind, &json!({"name": self.name()}), &self.rules(members), &subjects)
    }

    /// In chosen namespaces, `regcred apply` also lists each kind across namespaces, once for each name.
    fn rules(&self, members: &[&Granted<'_>]) -> Vec<Value> {
        let (read, lists) = match self.rights {
            Rights::Applying { .. } => ("get", matches!(self.reach, Reach::Chosen { .. })),
            Rights::Watching { lists, .. } => ("watch", lists),
        };
        let with_list = |verbs: &[&'static str]| -> Vec<&'static str> {
            [read].into_iter().chain(verbs.iter().copied()).chain(lists.then_some("list")).collect()
        };
        let secrets: Vec<_> = members.iter().map(|one| one.name.as_str()).collect();
        let mut rules = vec![
            rule("", &["namespaces"], &with_list(&[]), &[]),
            rule("", &["secrets"], &with_list(&["create", "patch", "delete"]), &secrets),
        ];
        if self.link == Link::ServiceAccount {
            rules.push(match accounts(members) {
                Some(names) => rule("", &["serviceaccounts"], &with_list(&["patch"]), &names),
                None if matches!(self.rights, Rights::Applying { .. }) => {
                    rule("", &["serviceaccounts"], &["get", "list", "patch"], &[])
                }
                None => rule("", &["serviceaccounts"], &with_list(&["patch"]), &[]),
            });
        }
        if self.follows_resources() {
            rules.push(rule(GROUP, &[PLURAL], &with_list(&[]), &[]));
            rules.push(rule(GROUP, &[&format!("{PLURAL}/status")], &["patch"], &[]));
        }
        if self.evicts() {
            let all = if matches!(self.rights, Rights::Applying { .. }) { vec!["list"] } else { with_list(&[]) };
            rules.extend([
                rule("", &["pods"], &all, &[]),
                rule("policy", &["poddisruptionbudgets"], &all, &[]),
                rule("", &[EVICTION], &["create"], &[]),
            ]);
        }
        rules
    }

    fn evicts(&self) -> bool {
        matches!(self.rights, Rights::Applying { evicts: true } | Rights::Watching { evicts: true, .. })
    }
}

/// The names of the linked ServiceAccounts, sorted; `None` means all.
fn accounts<'a>(members: &[&Granted<'a>]) -> Option<Vec<&'a str>> {
    let names: BTreeSet<_> = members.iter().flat_map(|one| one.service_accounts).map(ResourceName::as_str).collect();
    members.iter().all(|one| !one.service_accounts.is_empty()).then(|| names.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const APPLYING: Rights = Rights::Applying { evicts: false };

    /// Each rule as `PLACE: VERBS RESOURCES NAMES`, in the order of the objects.
    fn rights(reach: &Reach, link: Link, service_accounts: &[&str], rights: Rights) -> Vec<String> {
        let (name, namespaces) = ("pull".parse().unwrap(), ["a".parse().unwrap(), "b".parse().unwrap()]);
        let accounts: Vec<ResourceName> = service_accounts.iter().map(|name| name.parse().unwrap()).collect();
        let subjects = ["user:ci".parse().unwrap()];
        let one = Granted {
            name: &name,
            namespaces: &namespaces,
            include: &[],
            exclude: &[],
            service_accounts: &accounts,
            written_accounts: &[],
        };
        let marks = Marks { owner: "acme".to_owned(), profile: None };
        let grant = Grant { subjects: &subjects, pull_secrets: vec![one], reach, link, rights, marks };
        let manifests = grant.manifests();
        let granting = manifests.iter().filter(|manifest| manifest.kind().ends_with("Role"));
        let words = |value: &Value| {
            let words: Vec<_> = value.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            words.join(",")
        };
        let rules = granting.flat_map(|role| {
            let place = role.namespace().map_or("*", Namespace::as_str);
            let rules = role.object()["rules"].as_array().unwrap().clone();
            rules.into_iter().map(move |rule| {
                format!(
                    "{place}: {} {} {}",
                    words(&rule["verbs"]),
                    words(&rule["resources"]),
                    words(&rule["resourceNames"])
                )
            })
        });
        rules.collect()
    }

    #[test]
    fn listed_namespaces_need_a_role_in_each_and_no_list() {
        let rights_in = |place: &str| {
            [
                format!("{place}: get namespaces "),
                format!("{place}: get,create,patch,delete secrets pull"),
                format!("{place}: get,patch serviceaccounts default"),
            ]
        };
        assert_eq!(
            rights(&Reach::Listed, Link::ServiceAccount, &["default"], APPLYING),
            [rights_in("a"), rights_in("b")].concat()
        );
    }

    #[test]
    fn chosen_namespaces_need_one_role_for_all_and_a_policy_needs_no_right_for_service_accounts() {
        let reach = Reach::Chosen { others: Others::All, selector: Selector::default() };
        let rules = rights(&reach, Link::ServiceAccount, &[], APPLYING);
        assert_eq!(
            rules,
            [
                "*: get,list namespaces ",
                "*: get,create,patch,delete,list secrets pull",
                "*: get,list,patch serviceaccounts "
            ]
        );
        assert_eq!(rights(&reach, Link::Policy, &["default"], APPLYING).len(), 2);
        assert_eq!(rights(&reach, Link::None, &["default"], APPLYING).len(), 2);
    }

    #[test]
    fn evictions_need_the_pods_their_budgets_and_nothing_more() {
        let rules = rights(&Reach::Listed, Link::None, &[], Rights::Applying { evicts: true });
        let evictions = ["a: list pods ", "a: list poddisruptionbudgets ", "a: create pods/eviction "];
        assert_eq!(rules[2..5], evictions);
    }
}
