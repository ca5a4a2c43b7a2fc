//! Watches waiting Pods, and evicts the Pods that lack the reference (`--restart-stuck-pods`). Only this needs the right to evict.

use futures::stream::{BoxStream, StreamExt};
use kube::runtime::watcher;
use kube::{Api, Client};
use regcred_core::cluster::stuck::{Budget, Pod, Verdict};
use tokio::time::timeout;

use super::resource::{Look, look};
use super::stream::{First, objects};
use super::watch::CUT;
use crate::server::Server;
use crate::stuck::{End, Stuck, evict};

/// The pending Pods, without end. A Pod with a container that waits for its image is pending.
pub fn waiting(client: &Client, first: First) -> BoxStream<'static, Look<Pod>> {
    look(Api::all(client.clone()), Some("status.phase=Pending".to_owned()), first)
}

/// Evicts a stuck Pod, unless no controller would create a new one or a budget protects it.
///
/// # Errors
/// The budgets cannot be read; the error is a message.
pub async fn restart(server: &Server, client: &Client, first: First, pod: &Pod) -> Result<Stuck, &'static str> {
    let budgets = budgets(client, first).await?;
    let end = match pod.verdict(&budgets) {
        Verdict::Bare => End::Bare,
        Verdict::Protected(budget) => End::Protected(budget),
        Verdict::Evict => evict(server, pod).await,
    };
    Ok(Stuck { place: format!("{}/{}", pod.metadata.namespace, pod.metadata.name), end })
}

/// Every budget, read like the start of a watch.
async fn budgets(client: &Client, first: First) -> Result<Vec<Budget>, &'static str> {
    let mut events = objects::<Budget>(Api::all(client.clone()), None, first);
    let mut found = Vec::new();
    let read = async {
        // The error may only mean that the watch has to start in the other way.
        let mut failures = 0;
        while failures < 3 {
            match events.next().await {
                Some(Ok(watcher::Event::InitApply(object) | watcher::Event::Apply(object))) => found.push(object.fact),
                Some(Ok(watcher::Event::Init)) => found.clear(),
                Some(Ok(watcher::Event::InitDone)) => return Ok(()),
                Some(Ok(watcher::Event::Delete(_))) => {}
                Some(Err(_)) | None => failures += 1,
            }
        }
        Err("the PodDisruptionBudgets cannot be watched")
    };
    timeout(CUT, read).await.map_err(|_| "the PodDisruptionBudgets did not come in time")??;
    Ok(found)
}
