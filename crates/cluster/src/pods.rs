//! Reads the Pods of namespaces, their ServiceAccounts, and the Secrets that they refer to.

use std::collections::{BTreeMap, BTreeSet};

use regcred_core::cluster::Facts;
use regcred_core::cluster::facts::{Account, Secret};
use regcred_core::cluster::pods::Pod;
use regcred_core::cluster::status::Pods;
use regcred_core::cluster::status::online::{Found, Secrets};
use regcred_core::diagnostic::Diagnostic;
use regcred_core::names::{Namespace, ResourceName};

use crate::failure::Attempt;
use crate::path::Kind;
use crate::read::{MAX_SINGLE_READS, for_each_concurrently};
use crate::server::Server;

/// Every Pod of a cluster.
const EVERYWHERE: &str = "/api/v1/pods";
/// Leaves out Pods that have ended: they pull no image any more.
pub(crate) const NOT_ENDED: (&str, &str) = ("fieldSelector", "status.phase!=Succeeded,status.phase!=Failed");

/// Reads the Pods of these namespaces that have not ended. Namespaces whose Pods this account may not list are left out.
///
/// # Errors
/// The cluster does not answer.
pub async fn read(server: &Server, namespaces: Vec<Namespace>) -> Result<Pods, Diagnostic> {
    if namespaces.len() > MAX_SINGLE_READS {
        match server.list::<Pod>(EVERYWHERE, &[NOT_ENDED]).await {
            Ok(found) => return Ok(sorted(found, namespaces)),
            Err(trouble) if trouble.code() == 403 => {}
            Err(trouble) => return Err(Attempt::new("list", "pods").failed(&trouble)),
        }
    }
    let one = |namespace: Namespace| async move {
        match server.list::<Pod>(&format!("/api/v1/namespaces/{namespace}/pods"), &[NOT_ENDED]).await {
            Ok(pods) => Ok(Some((namespace, pods))),
            Err(trouble) if trouble.code() == 403 => Ok(None),
            Err(trouble) => Err(Attempt::new("list", format!("the Pods of {namespace}")).failed(&trouble)),
        }
    };
    for_each_concurrently(namespaces, one).await.into_iter().filter_map(Result::transpose).collect()
}

/// Adds to the facts the ServiceAccounts of Pods that fail to pull, unless the run has read them. A ServiceAccount that this account may not
/// read is left out.
///
/// # Errors
/// The cluster does not answer.
pub async fn accounts<'a>(
    server: &Server,
    facts: &mut Facts,
    pods: impl Iterator<Item = &'a Pod>,
) -> Result<(), Diagnostic> {
    let unread = pods.filter(|pod| !pod.failed_pulls().is_empty()).filter_map(|pod| {
        let (namespace, name) = (pod.metadata.namespace.parse().ok()?, pod.spec.service_account_name.parse().ok()?);
        facts.namespaces.get(&namespace)?.accounts.get(&name).is_none().then_some((namespace, name))
    });
    let unread: BTreeSet<(Namespace, ResourceName)> = unread.collect();
    let one = |(namespace, name): (Namespace, ResourceName)| async move {
        match server.find::<Account>(Kind::ServiceAccount.one(&namespace, &name)).await {
            Ok(account) => Ok(account.map(|account| (namespace, name, account))),
            Err(trouble) if trouble.code() == 403 => Ok(None),
            Err(trouble) => Err(Attempt::new("get", format!("the ServiceAccount {namespace}/{name}")).failed(&trouble)),
        }
    };
    for found in for_each_concurrently(unread, one).await {
        if let Some((namespace, name, account)) = found? {
            facts.namespaces.entry(namespace).or_default().accounts.insert(name, account);
        }
    }
    Ok(())
}

/// Reads these Secrets, one by one.
///
/// # Errors
/// The cluster does not answer.
pub async fn secrets(server: &Server, names: BTreeSet<(Namespace, ResourceName)>) -> Result<Secrets, Diagnostic> {
    let one = |(namespace, name): (Namespace, ResourceName)| async move {
        let found = match server.find::<Secret>(Kind::Secret.one(&namespace, &name)).await {
            Ok(secret) => secret.map_or(Found::Missing, |secret| Found::There(Box::new(secret))),
            Err(trouble) if trouble.code() == 403 => Found::NotRead,
            Err(trouble) => {
                return Err(Attempt::new("get", format!("the Secret {namespace}/{name}")).failed(&trouble));
            }
        };
        Ok(((namespace, name), found))
    };
    for_each_concurrently(names, one).await.into_iter().collect()
}

/// The Pods of the wanted namespaces, by namespace.
fn sorted(found: Vec<Pod>, namespaces: Vec<Namespace>) -> Pods {
    let mut pods: Pods = namespaces.into_iter().map(|namespace| (namespace, Vec::new())).collect::<BTreeMap<_, _>>();
    for pod in found {
        let here = pod.metadata.namespace.parse::<Namespace>().ok();
        if let Some(here) = here.and_then(|namespace| pods.get_mut(&namespace)) {
            here.push(pod);
        }
    }
    pods
}
