//! Evicts Pods that were created without the reference and fail to pull (`--restart-stuck-pods`).

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use futures::stream::{BoxStream, FuturesUnordered, StreamExt};
use tokio::time::Instant;

use super::log;
use super::news::News;
use super::observed::Watched;
use super::state::State;
use regcred_cluster::connect::Client;
use regcred_cluster::controller::pods::{restart, waiting};
use regcred_cluster::controller::resource::Look;
use regcred_cluster::controller::stream::First;
use regcred_cluster::server::Server;
use regcred_cluster::stuck::{End, Stuck};
use regcred_core::cluster::stuck::Pod;
use regcred_core::controller::Machine;
use regcred_core::names::listed;

/// How many evictions run at once.
const AT_ONCE: usize = 4;
/// The first pause after an eviction that failed, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

/// The waiting Pods, and the running evictions.
pub struct Pods<'a> {
    server: &'a Server,
    watching: Client,
    first: First,
    stream: BoxStream<'static, Look<Pod>>,
    waiting: Waiting,
    running: FuturesUnordered<LocalBoxFuture<'a, Ended>>,
}

/// The uid of a Pod, and the result of its eviction.
type Ended = (String, Result<Stuck, &'static str>);

/// The event that was waited for.
pub enum Seen {
    Looked(Box<Look<Pod>>),
    Ended(Ended),
}

impl<'a> Pods<'a> {
    /// Starts to watch.
    pub fn new(server: &'a Server, watching: &Client, first: First) -> Self {
        let (stream, running) = (waiting(watching, first), FuturesUnordered::new());
        Self { server, watching: watching.clone(), first, stream, waiting: Waiting::default(), running }
    }

    /// Waits for an event of the watch, or for the end of an eviction.
    pub async fn next(&mut self) -> Seen {
        tokio::select! {
            Some(look) = self.stream.next() => Seen::Looked(Box::new(look)),
            Some(end) = self.running.next(), if !self.running.is_empty() => Seen::Ended(end),
        }
    }

    /// Takes an event of the watch.
    pub fn take(&mut self, look: Look<Pod>) {
        self.waiting.take(look);
    }

    /// Evicts Pods that are stuck, and whose replacement can pull.
    pub fn evict(&mut self, machine: &Machine<'_>) {
        while self.running.len() < AT_ONCE {
            let Some(pod) = self.waiting.next(Instant::now(), |pod| machine.helps(pod)) else { return };
            let (api, client, first) = (self.server, self.watching.clone(), self.first);
            self.running.push(Box::pin(async move {
                let end = restart(api, &client, first, &pod).await;
                (pod.metadata.uid, end)
            }));
        }
    }

    /// Takes the result of an eviction, and reports it unless the previous try had the same result.
    pub fn end(&mut self, (uid, end): Ended, machine: &Machine<'_>, state: &State, news: &mut News) {
        let why = match &end {
            Ok(Stuck { place, end: End::Evicted }) => {
                state.metrics.pods_evicted.inc();
                log::info("evicted a Pod that lacked the reference", &[("pod", place)]);
                None
            }
            Ok(Stuck { end: End::Bare, .. }) => Some("no controller would replace it".to_owned()),
            Ok(Stuck { end: End::Protected(budget), .. }) => Some(format!("{budget} allows no eviction")),
            Ok(Stuck { end: End::Failed(problem), .. }) => Some(problem.message.clone()),
            Ok(Stuck {
                end: End::NotLinked(_) | End::OtherReferences(_) | End::NotRead(_) | End::Gone | End::Evictable,
                ..
            }) => None,
            Err(why) => {
                if let Some(pods) = self.waiting.refused(why, |pod| machine.helps(pod)) {
                    log::warn("no stuck Pod can be evicted", &[("why", why), ("pods", &pods)]);
                }
                None
            }
        };
        self.waiting.refused = end.as_ref().err().copied();
        let helps_again = matches!(&end, Err(_) | Ok(Stuck { end: End::Protected(_) | End::Failed(_), .. }));
        let is_news = self.waiting.ended(&uid, helps_again.then(Instant::now), why.as_deref());
        if let (Some(why), Ok(Stuck { place, .. })) = (why.filter(|_| is_news), end) {
            news.publish("PodStuck", &format!("the Pod {place} lacks the reference and stays: {why}"), None);
        }
    }
}

/// The Pods that fail to pull, by their uids.
#[derive(Default)]
struct Waiting {
    pods: Watched<Pod>,
    tried: BTreeMap<String, Try>,
    /// Why the last eviction could not even be tried.
    refused: Option<&'static str>,
}

/// The evictions of one Pod.
#[derive(Default)]
struct Try {
    /// When the next eviction may begin; `None` while one runs, or if another eviction would not help.
    next: Option<Instant>,
    failures: u32,
    /// Why the last one did not succeed.
    why: Option<String>,
}

impl Waiting {
    fn take(&mut self, look: Look<Pod>) {
        let look = match look {
            Look::Is(pod) if pod.failed_pulls().is_empty() => Look::Gone(pod),
            look => look,
        };
        let is_ended = matches!(look, Look::Ended);
        self.pods.take(look, |pod| pod.metadata.uid.clone());
        if is_ended {
            self.tried.retain(|uid, _| self.pods.objects.contains_key(uid));
        }
    }

    /// The next Pod to evict: one whose replacement can pull, and whose last eviction did not just fail.
    fn next(&mut self, now: Instant, helps: impl Fn(&Pod) -> bool) -> Option<Pod> {
        let is_due = |uid| self.tried.get(uid).is_none_or(|tried| tried.next.is_some_and(|next| next <= now));
        let (uid, pod) = self.pods.objects.iter().find(|(uid, pod)| is_due(*uid) && helps(pod))?;
        self.tried.entry(uid.clone()).or_default().next = None;
        Some(pod.clone())
    }

    /// The names of the stuck Pods, unless `why` is also the reason why the last eviction could not be tried.
    fn refused(&self, why: &'static str, helps: impl Fn(&Pod) -> bool) -> Option<String> {
        let place = |pod: &Pod| format!("{}/{}", pod.metadata.namespace, pod.metadata.name);
        let stuck = || self.pods.objects.values().filter(|pod| helps(pod)).map(place).collect::<Vec<_>>();
        (self.refused != Some(why)).then(|| listed(&stuck()))
    }

    /// An eviction has ended; returns whether its reason differs from the reason of the previous try. If it failed at `failed`, the Pod is
    /// tried again after a pause.
    fn ended(&mut self, uid: &str, failed: Option<Instant>, why: Option<&str>) -> bool {
        let tried = self.tried.entry(uid.to_owned()).or_default();
        tried.next = failed.map(|at| at + PAUSES.0.saturating_mul(1 << tried.failures.min(10)).min(PAUSES.1));
        tried.failures += 1;
        let is_news = tried.why.as_deref() != why;
        tried.why = why.map(str::to_owned);
        is_news
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn pod(uid: &str, reason: &str) -> Pod {
        let status = json!({"name": "c", "state": {"waiting": {"reason": reason}}});
        from_value(json!({"metadata": {"name": uid, "namespace": "a", "uid": uid},
            "spec": {"containers": [{"name": "c", "image": "ghcr.io/acme/api:1"}]}, "status": {"containerStatuses": [status]}}))
        .unwrap()
    }

    fn with(pods: &[&str]) -> Waiting {
        let mut waiting = Waiting::default();
        waiting.take(Look::Began);
        for uid in pods {
            waiting.take(Look::Is(pod(uid, "ImagePullBackOff")));
        }
        waiting.take(Look::Ended);
        waiting
    }

    fn uid(pod: Option<Pod>) -> Option<String> {
        pod.map(|pod| pod.metadata.uid)
    }

    #[test]
    fn a_pod_is_evicted_when_that_begins_to_help_and_only_while_it_fails_to_pull() {
        let (mut waiting, now) = (with(&["a", "b"]), Instant::now());
        waiting.take(Look::Is(pod("starts", "ContainerCreating")));
        assert_eq!(uid(waiting.next(now, |_| false)), None, "nothing helps yet");
        assert_eq!(uid(waiting.next(now, |_| true)).as_deref(), Some("a"));
        assert_eq!(uid(waiting.next(now, |_| true)).as_deref(), Some("b"), "the first eviction still runs");
        assert_eq!(uid(waiting.next(now, |_| true)), None);
        let mut waiting = with(&["a"]);
        waiting.take(Look::Is(pod("a", "ContainerCreating")));
        assert_eq!(uid(waiting.next(now, |_| true)), None, "it pulls");
    }

    #[test]
    fn an_eviction_that_failed_is_tried_again_later_and_its_reason_is_told_once() {
        let (mut waiting, now) = (with(&["a"]), Instant::now());
        let mut at = now;
        for (seconds, is_news) in [(5, true), (10, false), (20, false)] {
            assert_eq!(uid(waiting.next(at, |_| true)).as_deref(), Some("a"));
            assert_eq!(waiting.ended("a", Some(at), Some("keep allows no eviction")), is_news);
            assert_eq!(uid(waiting.next(at + Duration::from_secs(seconds - 1), |_| true)), None);
            at += Duration::from_secs(seconds);
        }
        for _ in 0..10 {
            assert!(waiting.next(at, |_| true).is_some());
            waiting.ended("a", Some(at), None);
            at += PAUSES.1;
        }
    }

    #[test]
    fn budgets_that_cannot_be_read_are_told_once_for_all_pods() {
        let (mut waiting, why) = (with(&["a", "b", "c", "d", "e"]), "the PodDisruptionBudgets cannot be watched");
        let helps = |pod: &Pod| pod.metadata.uid != "e";
        assert_eq!(waiting.refused(why, helps).as_deref(), Some("a/a, a/b, a/c and 1 more"));
        waiting.refused = Some(why);
        assert_eq!(waiting.refused(why, helps), None);
    }

    #[test]
    fn a_pod_that_was_evicted_or_has_no_controller_is_not_tried_again() {
        let (mut waiting, now) = (with(&["bare"]), Instant::now());
        assert!(waiting.next(now, |_| true).is_some());
        assert!(waiting.ended("bare", None, Some("no controller would replace it")));
        // A kubelet writes the status repeatedly, and the watch starts again.
        waiting.take(Look::Is(pod("bare", "ErrImagePull")));
        waiting.take(Look::Began);
        waiting.take(Look::Is(pod("bare", "ImagePullBackOff")));
        waiting.take(Look::Ended);
        assert_eq!(uid(waiting.next(now + 2 * PAUSES.1, |_| true)), None);
    }
}
