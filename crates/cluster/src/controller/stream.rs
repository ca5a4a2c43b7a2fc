//! Streams the objects of a kind, and starts again when a watch ends, in the way that the API server supports.

use std::fmt::Debug;
use std::time::Duration;

use futures::stream::{BoxStream, StreamExt, unfold};
use kube::Api;
use kube::runtime::watcher::{self, Error, watcher};
use tokio::time::sleep;

use super::polled;
use super::seen::{Fact, Seen};
use super::watch::SECONDS;
use crate::call::Call;
use crate::server::{Server, Trouble};

/// The first pause after an error, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

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
    api: Api<Seen<T>>,
    /// The field selector.
    fields: Option<String>,
    first: First,
    stream: BoxStream<'static, Result<watcher::Event<Seen<T>>, Error>>,
    pause: Duration,
    /// How often it has failed since its last event.
    failures: u32,
}

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
    let stream = start(&api, fields.as_deref(), first);
    let running = Running { api, fields, first, stream, pause: Duration::ZERO, failures: 0 };
    unfold(running, |mut running| async move { Some((running.next().await, running)) }).boxed()
}

fn start<T: Fact>(
    api: &Api<Seen<T>>,
    fields: Option<&str>,
    first: First,
) -> BoxStream<'static, Result<watcher::Event<Seen<T>>, Error>>
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
    async fn next(&mut self) -> Result<watcher::Event<Seen<T>>, Failed> {
        loop {
            sleep(self.pause).await;
            self.pause = Duration::ZERO;
            match self.stream.next().await {
                Some(Ok(event)) => {
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
        self.stream = start(&self.api, self.fields.as_deref(), self.first);
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
