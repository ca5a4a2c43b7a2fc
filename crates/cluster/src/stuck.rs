//! Evicts Pods that fail to pull because they lack the reference. Only `--restart-stuck-pods` needs this right.

use regcred_core::cluster::stuck::{Budget, Pod, Verdict};
use regcred_core::cluster::{Delivery, Facts};
use regcred_core::diagnostic::Diagnostic;
use regcred_core::names::Namespace;
use regcred_core::spec::choice::Link;
use serde_json::json;

use crate::call::Call;
use crate::failure::Attempt;
use crate::path::NAMESPACES;
use crate::pods::{self, NOT_ENDED};
use crate::read::{MAX_SINGLE_READS, for_each_concurrently};
use crate::server::{Server, Trouble};

/// A stuck Pod, and what happened to it.
#[derive(Debug)]
pub struct Stuck {
    /// Its namespace and name.
    pub place: String,
    /// What happened to it.
    pub end: End,
}

/// What happened to a stuck Pod.
#[derive(Debug)]
pub enum End {
    /// It was evicted.
    Evicted,
    /// A run without `--dry-run` would evict it.
    Evictable,
    /// It stays: no controller would create a new Pod.
    Bare,
    /// It stays: a new Pod would lack the reference, too, because this ServiceAccount does not have it.
    NotLinked(String),
    /// It stays: its references are not those of this ServiceAccount, so its template may have a list without the reference.
    OtherReferences(String),
    /// It stays: this account may not read its ServiceAccount, which is not among those of the run.
    NotRead(String),
    /// It stays: this budget allows no disruption.
    Protected(String),
    /// It was already gone.
    Gone,
    /// It stays: the eviction failed.
    Failed(Diagnostic),
}

/// Whether Pods are evicted, or only found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Evict them.
    Evict,
    /// Only find them.
    Find,
}

/// Finds the stuck Pods in the namespaces of a delivery, and evicts each that may be evicted and whose new Pod can pull. It adds the
/// ServiceAccounts of these Pods to the facts.
///
/// # Errors
/// The Pods or the budgets cannot be listed.
pub async fn restart(
    server: &Server,
    delivery: &Delivery<'_>,
    facts: &mut Facts,
    mode: Mode,
) -> Result<Vec<Stuck>, Diagnostic> {
    let all = delivery.pull_secrets.iter().flat_map(|one| &one.namespaces);
    let mut namespaces: Vec<&Namespace> = all.filter(|namespace| facts.namespaces.contains_key(namespace)).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    let pods: Vec<Pod> = lists(server, "/api/v1", "pods", &namespaces, &[NOT_ENDED]).await?;
    let stuck = |pod: Pod| {
        let (namespace, _) = facts.namespaces.get_key_value(&pod.metadata.namespace.parse::<Namespace>().ok()?)?;
        let here = delivery.pull_secrets.iter().enumerate().filter(|(_, one)| one.namespaces.contains(namespace));
        let is_stuck = pod.is_stuck(here.clone().map(|(_, one)| (one.name, one.logins.registries().collect())));
        let numbers: Vec<_> = here.map(|(number, _)| number).collect();
        is_stuck.then(|| (pod, namespace.clone(), numbers))
    };
    let pods: Vec<(Pod, Namespace, Vec<usize>)> = pods.into_iter().filter_map(stuck).collect();
    if pods.is_empty() {
        return Ok(Vec::new());
    }
    if delivery.link == Link::ServiceAccount {
        pods::accounts(server, facts, pods.iter().map(|(pod, ..)| pod)).await?;
    }
    let budgets: Vec<Budget> = lists(server, "/apis/policy/v1", "poddisruptionbudgets", &namespaces, &[]).await?;
    let facts = &*facts;
    let one = |(pod, namespace, numbers): (Pod, Namespace, Vec<usize>)| {
        let (budgets, space) = (&budgets, &facts.namespaces[&namespace]);
        let account = &pod.spec.service_account_name;
        let is_read = account.parse().is_ok_and(|name| space.accounts.get(&name).is_some());
        let stays = (!delivery.helps(&numbers, &pod, &namespace, space)).then(|| match delivery.link {
            Link::ServiceAccount if !is_read => End::NotRead(account.clone()),
            _ if delivery.may_help(&numbers, &pod, &namespace, space) => End::OtherReferences(account.clone()),
            _ => End::NotLinked(account.clone()),
        });
        async move {
            let end = match (stays, pod.verdict(budgets)) {
                (Some(stays), _) => stays,
                (None, Verdict::Bare) => End::Bare,
                (None, Verdict::Protected(budget)) => End::Protected(budget),
                (None, Verdict::Evict) if mode == Mode::Find => End::Evictable,
                (None, Verdict::Evict) => evict(server, &pod).await,
            };
            Stuck { place: format!("{}/{}", pod.metadata.namespace, pod.metadata.name), end }
        }
    };
    Ok(for_each_concurrently(pods, one).await)
}

/// The objects of a kind in these namespaces. Rights in each namespace are enough.
async fn lists<T: serde::de::DeserializeOwned>(
    server: &Server,
    root: &str,
    plural: &'static str,
    namespaces: &[&Namespace],
    query: &[(&str, &str)],
) -> Result<Vec<T>, Diagnostic> {
    let failed = |trouble: Trouble| Attempt::new("list", plural).failed(&trouble);
    if namespaces.len() > MAX_SINGLE_READS {
        match server.list(&format!("{root}/{plural}"), query).await {
            Err(trouble) if trouble.code() == 403 => {}
            found => return found.map_err(failed),
        }
    }
    let one = |namespace: &Namespace| {
        let path = format!("{root}/namespaces/{namespace}/{plural}");
        async move { server.list::<T>(&path, query).await }
    };
    let found = for_each_concurrently(namespaces.iter().copied(), one).await;
    Ok(found.into_iter().collect::<Result<Vec<_>, _>>().map_err(failed)?.into_iter().flatten().collect())
}

/// Evicts a Pod. It asks only once: the 429 for a budget has no `Retry-After`, and may last for hours.
pub(crate) async fn evict(server: &Server, pod: &Pod) -> End {
    let (namespace, name) = (&pod.metadata.namespace, &pod.metadata.name);
    let eviction = json!({
        "apiVersion": "policy/v1", "kind": "Eviction",
        "metadata": {"name": name, "namespace": namespace},
        "deleteOptions": {"preconditions": {"uid": pod.metadata.uid}},
    });
    match server.send_once(&Call::create(format!("{NAMESPACES}/{namespace}/pods/{name}/eviction"), &eviction)).await {
        Ok(_) => End::Evicted,
        Err(trouble) if matches!(trouble.code(), 404 | 409) => End::Gone,
        Err(trouble) if trouble.code() == 429 => End::Protected("a PodDisruptionBudget".to_owned()),
        Err(trouble) => End::Failed(Attempt::new("evict", format!("the Pod {namespace}/{name}")).failed(&trouble)),
    }
}
