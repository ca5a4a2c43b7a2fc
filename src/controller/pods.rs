//! Evicts Pods that were created without the reference and fail to pull, each once (`--restart-stuck-pods`).

use std::collections::VecDeque;

use futures::future::LocalBoxFuture;
use futures::stream::{BoxStream, FuturesUnordered, StreamExt};

use super::log;
use super::news::News;
use super::state::State;
use regcred_cluster::connect::Client;
use regcred_cluster::controller::pods::{restart, waiting};
use regcred_cluster::controller::stream::First;
use regcred_cluster::server::Server;
use regcred_cluster::stuck::{End, Stuck};
use regcred_core::cluster::stuck::Pod;
use regcred_core::controller::Machine;

/// How many Pods are remembered, so that no Pod is tried twice.
const REMEMBERED: usize = 1_000;
/// How many evictions run at once.
const AT_ONCE: usize = 4;

/// The waiting Pods, and the running evictions.
pub struct Pods<'a> {
    server: &'a Server,
    watching: Client,
    first: First,
    waiting: BoxStream<'static, Pod>,
    running: FuturesUnordered<LocalBoxFuture<'a, Result<Stuck, &'static str>>>,
    tried: VecDeque<String>,
}

impl<'a> Pods<'a> {
    /// Starts to watch.
    pub fn new(server: &'a Server, watching: &Client, first: First) -> Self {
        let (running, tried) = (FuturesUnordered::new(), VecDeque::new());
        Self { server, watching: watching.clone(), first, waiting: waiting(watching, first), running, tried }
    }

    /// Waits for a Pod, or for the end of an eviction.
    pub async fn next(&mut self) -> Seen {
        tokio::select! {
            Some(pod) = self.waiting.next() => Seen::Waits(Box::new(pod)),
            Some(end) = self.running.next(), if !self.running.is_empty() => Seen::Ended(end),
        }
    }

    /// Evicts a Pod if it is stuck, and its replacement can pull.
    pub fn judge(&mut self, pod: Pod, machine: &Machine<'_>) {
        let is_new = !self.tried.contains(&pod.metadata.uid) && self.running.len() < AT_ONCE;
        if !is_new || !machine.helps(&pod) {
            return;
        }
        self.tried.push_front(pod.metadata.uid.clone());
        self.tried.truncate(REMEMBERED);
        let (api, client, first) = (self.server, self.watching.clone(), self.first);
        self.running.push(Box::pin(async move { restart(api, &client, first, &pod).await }));
    }
}

/// The event that was waited for.
pub enum Seen {
    Waits(Box<Pod>),
    Ended(Result<Stuck, &'static str>),
}

/// Reports the result of an eviction.
pub fn tell(end: Result<Stuck, &'static str>, state: &State, news: &mut News) {
    let Stuck { place, end } = match end {
        Ok(stuck) => stuck,
        Err(why) => return log::warn("no stuck Pod can be evicted", &[("why", why)]),
    };
    let mut stays =
        |why: &str| news.publish("PodStuck", &format!("the Pod {place} lacks the reference and stays: {why}"), None);
    match end {
        End::Evicted => {
            state.metrics.pods_evicted.inc();
            log::info("evicted a Pod that lacked the reference", &[("pod", &place)]);
        }
        End::Bare => stays("no controller would replace it"),
        End::Protected(budget) => stays(&format!("{budget} allows no eviction")),
        End::Failed(problem) => stays(&problem.message),
        End::NotLinked(_) | End::Gone | End::Evictable => {}
    }
}
