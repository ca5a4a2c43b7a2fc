//! Reads an owner's objects in a cluster: its Secrets, the ServiceAccounts that may refer to them, policies and patchers.

use std::collections::BTreeMap;

use regcred_core::cluster::Step;
use regcred_core::cluster::facts::{Metadata, Secret};
use regcred_core::cluster::ownership::{Whose, whose};
use regcred_core::cluster::{Object, Removal, removal};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::names::{Namespace, ResourceName};
use regcred_core::objects::marks::MANAGED_BY;
use serde::Deserialize;

use crate::failure::Attempt;
use crate::path::Kind;
use crate::read::{self, MAX_SINGLE_READS, OnForbiddenSecrets, Spaces, Wanted, for_each_concurrently};
use crate::server::{Server, Trouble};

/// Reads the Secrets of regcred and the Secrets of these names in these namespaces, without their data, and every ServiceAccount there.
/// Without the right to list Secrets, it reads only the Secrets of these names. Without a right to list, it reads only these
/// ServiceAccounts, and returns their names.
///
/// # Errors
/// The cluster does not answer, or forbids even the reads by name.
pub async fn read<'a>(
    server: &Server,
    spaces: &mut Spaces,
    secrets: &[&ResourceName],
    accounts: Wanted<'a>,
) -> Result<Option<Vec<&'a ResourceName>>, Diagnostic> {
    let mut has_read_all = false;
    let namespaces: Vec<_> = spaces.keys().cloned().collect();
    match listed(server, &namespaces, secrets).await {
        Ok(mut found) => {
            for (namespace, space) in spaces.iter_mut() {
                space.secrets = Some(found.remove(namespace).unwrap_or_default());
            }
            let all = add_accounts(server, spaces, Wanted::All).await;
            has_read_all = all.map(|()| true).or_else(|problem| forbidden(problem, Ok(false)))?;
        }
        Err(trouble) if trouble.code() == 403 => {
            let objects = read::Objects {
                secrets: secrets.to_vec(),
                accounts: Wanted::None,
                on_forbidden_secrets: OnForbiddenSecrets::Fail,
            };
            read::objects(server, spaces, &objects).await?;
        }
        Err(trouble) => return Err(Attempt::new("list", "secrets").failed(&trouble)),
    }
    if has_read_all {
        return Ok(None);
    }
    add_accounts(server, spaces, accounts.clone()).await.or_else(|problem| {
        let hint =
            "ask an administrator for that right; with `--link none` or `--link policy` no ServiceAccount is needed";
        forbidden(problem.clone(), Err(problem.clone().hint(hint)))
    })?;
    Ok(if let Wanted::Named(names) = accounts { Some(names) } else { None })
}

fn forbidden<T>(problem: Diagnostic, otherwise: Result<T, Diagnostic>) -> Result<T, Diagnostic> {
    if problem.code == Code::ClusterForbids { otherwise } else { Err(problem) }
}

async fn add_accounts(server: &Server, spaces: &mut Spaces, wanted: Wanted<'_>) -> Result<(), Diagnostic> {
    let found = read::accounts(server, spaces.keys().cloned().collect(), &wanted).await?;
    for (namespace, accounts) in found {
        spaces.entry(namespace).or_default().accounts = accounts.into_iter().collect();
    }
    Ok(())
}

/// The Secrets with the label of regcred, and the Secrets of these names, by namespace. The names also find a Secret of somebody else, which
/// has no label: the reference to it stays.
async fn listed(
    server: &Server,
    namespaces: &[Namespace],
    names: &[&ResourceName],
) -> Result<BTreeMap<Namespace, BTreeMap<ResourceName, Secret>>, Trouble> {
    let collections = if namespaces.len() > MAX_SINGLE_READS {
        vec![Kind::Secret.everywhere()]
    } else {
        namespaces.iter().map(|namespace| Kind::Secret.within(namespace)).collect()
    };
    let label = ("labelSelector", format!("{}={}", MANAGED_BY.0, MANAGED_BY.1));
    let of_names = names.iter().map(|name| ("fieldSelector", format!("metadata.name={name}")));
    let mut found: BTreeMap<Namespace, BTreeMap<ResourceName, Secret>> = BTreeMap::new();
    for (key, selector) in [label].into_iter().chain(of_names) {
        let query = [(key, selector.as_str())];
        let one = |collection| server.list_metadata::<Secret>(collection, &query);
        let lists = for_each_concurrently(collections.iter().map(String::as_str), one).await;
        let lists = lists.into_iter().collect::<Result<Vec<_>, _>>()?;
        for secret in lists.into_iter().flatten() {
            if let (Ok(namespace), Ok(name)) = (secret.metadata.namespace.parse(), secret.metadata.name.parse()) {
                found.entry(namespace).or_default().insert(name, secret);
            }
        }
    }
    Ok(found)
}

/// The kinds of objects that an earlier run may have left outside of the chosen namespaces, each with its path, in the order of removal:
/// a policy is removed after the rights that it confines.
const OTHERS: &[(&str, &str)] = &[
    ("/apis/apps/v1/deployments", "Deployment"),
    ("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", "ClusterRoleBinding"),
    ("/apis/rbac.authorization.k8s.io/v1/clusterroles", "ClusterRole"),
    ("/apis/rbac.authorization.k8s.io/v1/rolebindings", "RoleBinding"),
    ("/apis/rbac.authorization.k8s.io/v1/roles", "Role"),
    ("/api/v1/serviceaccounts", "ServiceAccount"),
    ("/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding"),
    ("/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies", "MutatingAdmissionPolicy"),
    ("/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding"),
    ("/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies", "ValidatingAdmissionPolicy"),
];

#[derive(Deserialize)]
struct Other {
    metadata: Metadata,
}

/// The objects of an owner that serve more than one namespace.
#[derive(Default)]
pub struct Others {
    /// The steps that remove them.
    pub steps: Vec<Step>,
    /// The kinds that this account may not list.
    pub unread: Vec<&'static str>,
    /// The paths of the confining policies that stay, because rights that they confine may be left.
    pub kept: Vec<String>,
}

/// Finds the policies, patchers and rights of an owner.
///
/// # Errors
/// The cluster does not answer.
pub async fn others(server: &Server, owner: &str) -> Result<Others, Diagnostic> {
    let label = format!("{}={}", MANAGED_BY.0, MANAGED_BY.1);
    let mut others = Others::default();
    for &(collection, kind) in OTHERS {
        match server.list_metadata::<Other>(collection, &[("labelSelector", &label)]).await {
            Ok(found) => {
                let ours = found.into_iter().filter(|other| whose(&other.metadata, owner) == Whose::Ours);
                others.steps.extend(ours.filter_map(|other| step(collection, kind, &other.metadata)));
            }
            Err(trouble) if trouble.code() == 403 => others.unread.push(kind),
            // The cluster is too old to have this kind.
            Err(trouble) if trouble.code() == 404 => {}
            Err(trouble) => return Err(Attempt::new("list", kind).failed(&trouble)),
        }
    }
    if others.unread.iter().any(|kind| removal::grants(kind)) {
        let kept = others.steps.extract_if(.., |step| removal::confines(step.object.kind()));
        others.kept = kept.map(|step| step.change.path).collect();
    }
    Ok(others)
}

fn step(collection: &str, kind: &str, metadata: &Metadata) -> Option<Step> {
    let namespace = metadata.namespace.as_str();
    let (root, plural) = collection.rsplit_once('/')?;
    let within = if namespace.is_empty() { String::new() } else { format!("/namespaces/{namespace}") };
    let object = Object::Other {
        kind: kind.to_owned(),
        path: format!("{root}{within}/{plural}/{}", metadata.name),
        uid: metadata.uid.clone(),
    };
    Some(Removal::other(namespace, metadata.name.parse().ok()?, object))
}
