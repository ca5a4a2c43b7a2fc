//! Streams the objects of a kind, and starts again when a watch ends, in the way that the API server supports.

use std::collections::hash_map::RandomState;
use std::fmt::Debug;
use std::hash::BuildHasher;
use std::mem;
use std::time::Duration;

use futures::stream::{BoxStream, StreamExt, unfold};
use kube::Api;
use kube::runtime::watcher::{self, Error, watcher};
use tokio::time::{Instant, sleep, timeout_at};

use super::polled;
use super::seen::{Fact, Seen};
use super::watch::SECONDS;
use crate::call::Call;
use crate::server::{Server, Trouble};

/// The first pause after an error, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// A watch starts again with all existing objects after this time at most, to find changes whose event was lost.
const AFRESH: Duration = Duration::from_secs(600);
/// By how much it may start earlier, so that watches do not start again all at once.
const SPREAD_MILLISECONDS: u64 = 120_000;

/// How a watch gets the existing objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// From the watch itself, which needs only the right to watch: Kubernetes 1.34 and later.
    Streamed,
    /// From a list, which needs the right to list.
    Listed,
    /// From a list, and from another list after each such pause: nothing is watched.
    ListedEach(Duration),
}

/// Guesses from the version how watches get the existing objects from this API server; a server may be configured otherwise.
///
/// # Errors
/// The API server does not answer.
pub async fn first(server: &Server) -> Result<First, Trouble> {
    #[derive(serde::Deserialize)]
    struct Version {
        major: String,
        minor: String,
    }
    let version: Version = server.ask(&Call::get("/version".to_owned())).await?;
    let number =
        |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u32>().unwrap_or(0);
    let streams = (number(&version.major), number(&version.minor)) >= (1, 34);
    Ok(if streams { First::Streamed } else { First::Listed })
}

/// Why a watch failed; the watch goes on.
#[derive(Debug)]
pub struct Failed {
    /// A message without values.
    pub words: String,
    /// The status code of a refusal; otherwise 0.
    pub code: u16,
}

/// A running watch. It starts again if the API server no longer has its version, and starts in the other way if the API server
/// refuses this way.
struct Running<T: Fact> {
    start: Box<dyn Fn(First) -> Events<T> + Send>,
    first: First,
    stream: Events<T>,
    /// How long it only resumes, after it has shown all existing objects.
    resumes: Duration,
    /// When it starts again with all existing objects; `None` while it shows them.
    until: Option<Instant>,
    pause: Duration,
    /// How often it has failed since its last event.
    failures: u32,
}

type Events<T> = BoxStream<'static, Result<watcher::Event<Seen<T>>, Error>>;

/// The events of a watch, without end.
pub(super) fn objects<T: Fact>(
    api: Api<Seen<T>>,
    fields: Option<String>,
    first: First,
) -> BoxStream<'static, Result<watcher::Event<Seen<T>>, Failed>>
where
    Seen<T>: kube::Resource<DynamicType = ()> + Debug,
{
    if let First::ListedEach(pause) = first {
        return polled::objects(api, fields, pause);
    }
    let start = move |first| start(&api, fields.as_deref(), first);
    let running = Running::new(start, first, resumes(RandomState::new().hash_one(0)));
    unfold(running, |mut running| async move { Some((running.next().await, running)) }).boxed()
}

/// How long a watch only resumes.
fn resumes(random: u64) -> Duration {
    AFRESH.saturating_sub(Duration::from_millis(random % SPREAD_MILLISECONDS))
}

fn start<T: Fact>(api: &Api<Seen<T>>, fields: Option<&str>, first: First) -> Events<T>
where
    Seen<T>: kube::Resource<DynamicType = ()> + Debug,
{
    let config = watcher::Config::default().timeout(SECONDS);
    let config = if first == First::Streamed { config.streaming_lists() } else { config };
    let config = if let Some(fields) = fields { config.fields(fields) } else { config };
    watcher(api.clone(), config).boxed()
}

impl<T: Fact> Running<T>
where
    Seen<T>: kube::Resource<DynamicType = ()> + Debug,
{
    fn new(start: impl Fn(First) -> Events<T> + Send + 'static, first: First, resumes: Duration) -> Self {
        let stream = start(first);
        Self { start: Box::new(start), first, stream, resumes, until: None, pause: Duration::ZERO, failures: 0 }
    }

    async fn next(&mut self) -> Result<watcher::Event<Seen<T>>, Failed> {
        loop {
            // Even a sleep of no time lasts until the next tick of the clock, which is a millisecond for each event.
            if !self.pause.is_zero() {
                sleep(mem::take(&mut self.pause)).await;
            }
            let next = self.stream.next();
            let next = match self.until {
                Some(until) => timeout_at(until, next).await,
                None => Ok(next.await),
            };
            let Ok(next) = next else {
                self.again();
                continue;
            };
            match next {
                Some(Ok(event)) => {
                    if matches!(event, watcher::Event::InitDone) {
                        self.until = Some(Instant::now() + self.resumes);
                    }
                    // A new start is not a success yet.
                    if !matches!(event, watcher::Event::Init) {
                        self.failures = 0;
                    }
                    return Ok(event);
                }
                Some(Err(error)) => {
                    let failed = of_a_watch(&error);
                    let other = self.other_way(&error, failed.code);
                    self.failed(failed.code == 410 || other == Some(First::Listed));
                    // A kind that is unknown now may come back, with other versions.
                    if matches!(failed.code, 404 | 410) || other.is_some() {
                        self.first = other.unwrap_or(self.first);
                        self.again();
                    }
                    return Err(failed);
                }
                None => {
                    self.failed(false);
                    self.again();
                }
            }
        }
    }

    /// The other way to start, if the API server streams no lists, or this account may not list.
    fn other_way(&self, error: &Error, code: u16) -> Option<First> {
        match (self.first, error, code) {
            (First::Streamed, Error::WatchStartFailed(_), 400 | 422) => Some(First::Listed),
            (First::Listed, Error::InitialListFailed(_), 403) => Some(First::Streamed),
            _ => None,
        }
    }

    fn again(&mut self) {
        self.until = None;
        self.stream = (self.start)(self.first);
    }

    /// Waits before the next try, longer each time; does not wait if the watch only has to start again.
    fn failed(&mut self, begins_again: bool) {
        let pause = PAUSES.0.saturating_mul(1 << self.failures.min(10)).min(PAUSES.1);
        self.pause = if begins_again && self.failures == 0 { Duration::ZERO } else { pause };
        self.failures += 1;
    }
}

/// The meaning of a client error. The error's own text may quote an object.
pub(super) fn of_client(error: &kube::Error) -> Failed {
    match error {
        kube::Error::Api(status) => {
            Failed { words: format!("the API server refuses it ({})", status.code), code: status.code }
        }
        _ => Failed { words: "the connection failed".to_owned(), code: 0 },
    }
}

/// The same for an error of a watch.
fn of_a_watch(error: &Error) -> Failed {
    let more = |error: &kube::Error, code: u16, more: &str| {
        let failed = of_client(error);
        let more = if failed.code == code { more } else { "" };
        Failed { words: failed.words + more, ..failed }
    };
    match error {
        Error::InitialListFailed(error) => {
            more(error, 403, "; before Kubernetes 1.34 it needs the right to list, which --kube-version 1.33 grants")
        }
        Error::WatchStartFailed(error) => more(error, 422, ": it begins no watch with the objects that are there"),
        Error::WatchFailed(error) => of_client(error),
        Error::WatchError(status) => {
            Failed { words: format!("the API server ends it ({})", status.code), code: status.code }
        }
        Error::NoResourceVersion => Failed { words: "an object had no version".to_owned(), code: 0 },
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::stream::{iter, pending};
    use regcred_core::cluster::facts::NamespaceObject;

    use super::*;

    #[test]
    fn a_watch_only_resumes_for_ten_minutes_at_most_and_each_for_another_time() {
        let all: Vec<_> = [0, 1, 59_999, u64::MAX].into_iter().map(resumes).collect();
        assert!(all.iter().all(|time| (480..=600).contains(&time.as_secs())), "{all:?}");
        assert!(all.windows(2).all(|two| two[0] != two[1]), "{all:?}");
    }

    #[tokio::test]
    async fn a_watch_that_works_starts_again_with_all_objects_when_its_time_is_over() {
        let silent = |_| iter([Ok(watcher::Event::Init), Ok(watcher::Event::InitDone)]).chain(pending()).boxed();
        let mut running: Running<NamespaceObject> = Running::new(silent, First::Streamed, Duration::from_millis(20));
        let mut ended = None;
        for _ in 0..3 {
            assert!(matches!(running.next().await, Ok(watcher::Event::Init)));
            assert!(ended.is_none_or(|ended: Instant| ended.elapsed() >= Duration::from_millis(20)));
            assert!(matches!(running.next().await, Ok(watcher::Event::InitDone)));
            ended = Some(Instant::now());
        }
    }

    #[tokio::test]
    async fn events_that_are_there_are_not_waited_for() {
        let many = |_| iter((0..100).map(|_| Ok(watcher::Event::Init))).chain(pending()).boxed();
        let mut running: Running<NamespaceObject> = Running::new(many, First::Streamed, Duration::from_secs(1));
        assert!((0..100).all(|_| running.next().now_or_never().is_some()));
        assert!(running.next().now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_watch_that_still_shows_its_objects_is_not_started_again() {
        let slow = |_| {
            let late = futures::stream::once(async {
                sleep(Duration::from_millis(60)).await;
                Ok(watcher::Event::InitDone)
            });
            iter([Ok(watcher::Event::Init)]).chain(late).chain(pending()).boxed()
        };
        let mut running: Running<NamespaceObject> = Running::new(slow, First::Streamed, Duration::from_millis(1));
        assert!(matches!(running.next().await, Ok(watcher::Event::Init)));
        assert!(matches!(running.next().await, Ok(watcher::Event::InitDone)));
    }
}
