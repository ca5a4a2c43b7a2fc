//! Watches Pods that wait, and evicts those that lack the reference (`--restart-stuck-pods`). It is a right of its own.

use futures::stream::{BoxStream, StreamExt};
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Client};
use regcred_core::cluster::stuck::{Budget, Pod, Verdict};
use tokio::time::timeout;

use super::seen::{Fact, Seen};
use super::watch::{CUT, SECONDS};
use crate::server::Server;
use crate::stuck::{End, Stuck, evict};

/// The Pods that wait for something, as they are now and as they change. A Pod with a container that waits for its image is pending.
#[must_use]
pub fn waiting(client: &Client) -> BoxStream<'static, Pod> {
    let config = watcher::Config::default().timeout(SECONDS).streaming_lists().fields("status.phase=Pending");
    let pods = watcher(Api::<Seen<Pod>>::all(client.clone()), config);
    let pod = |event: Result<watcher::Event<Seen<Pod>>, watcher::Error>| async move {
        match event {
            Ok(watcher::Event::Apply(pod) | watcher::Event::InitApply(pod)) => Some(pod.fact),
            Ok(watcher::Event::Init | watcher::Event::InitDone | watcher::Event::Delete(_)) => None,
            Err(_) => {
                tokio::time::sleep(PAUSE).await;
                None
            }
        }
    };
    pods.filter_map(pod).boxed()
}

/// The pause after an error of a watch.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(2);

/// Evicts a stuck Pod, unless nobody would make a new one or a budget protects it.
///
/// # Errors
/// The budgets cannot be read, in words.
pub async fn restart(server: &Server, client: &Client, pod: &Pod) -> Result<Stuck, &'static str> {
    let budgets = all::<Budget>(client).await?;
    let end = match pod.verdict(&budgets) {
        Verdict::Bare => End::Bare,
        Verdict::Protected(budget) => End::Protected(budget),
        Verdict::Evict => evict(server, pod).await,
    };
    Ok(Stuck { place: format!("{}/{}", pod.metadata.namespace, pod.metadata.name), end })
}

/// Every object of a kind, with the right to watch only.
async fn all<T: Fact>(client: &Client) -> Result<Vec<T>, &'static str>
where
    Seen<T>: kube::Resource<DynamicType = ()>,
{
    let config = watcher::Config::default().timeout(SECONDS).streaming_lists();
    let mut events = watcher(Api::<Seen<T>>::all(client.clone()), config).boxed();
    let mut found = Vec::new();
    let read = async {
        while let Some(event) = events.next().await {
            match event {
                Ok(watcher::Event::InitApply(object) | watcher::Event::Apply(object)) => found.push(object.fact),
                Ok(watcher::Event::Init) => found.clear(),
                Ok(watcher::Event::InitDone) => return Ok(()),
                Ok(watcher::Event::Delete(_)) => {}
                Err(_) => return Err("the PodDisruptionBudgets cannot be watched"),
            }
        }
        Err("the watch of PodDisruptionBudgets ended")
    };
    timeout(CUT, read).await.map_err(|_| "the PodDisruptionBudgets did not come in time")??;
    Ok(found)
}
