//! Watches a kind of object: each watch ends after a minute at most and goes on, so that a cut connection is noticed.

use std::fmt::Debug;
use std::time::Duration;

use futures::stream::{BoxStream, LocalBoxStream, StreamExt, unfold};
use kube::runtime::watcher::{self, Error, watcher};
use kube::{Api, Client};
use regcred_core::cluster::facts::{Account, NamespaceObject, Secret};
use regcred_core::controller::{Event, Watch};
use regcred_core::names::ResourceName;
use tokio::time::sleep;

use super::polled;
use super::seen::{Fact, Seen};
use crate::call::Call;
use crate::server::{Server, Trouble};

/// After how many seconds the API server ends a watch.
pub const SECONDS: u32 = 50;
/// After how long without a byte the connection of a watch counts as cut: bookmarks come once a minute, and the end of the watch before.
pub const CUT: Duration = Duration::from_secs(SECONDS as u64 + 5);
/// The first pause after an error, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// How a watch gets the objects that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// In the watch itself, which needs the right to watch only: Kubernetes 1.34 and later.
    Streamed,
    /// By a list, which needs the right to list.
    Listed,
    /// By a list, and another one after each such pause: nothing is watched.
    ListedEach(Duration),
}

/// What a watch says.
#[derive(Debug)]
pub enum Said {
    /// It has seen something.
    Event(Box<Event>),
    /// It failed, in words without a value, and goes on.
    Failed(Watch, String),
}

/// How watches get the first objects from this API server.
///
/// # Errors
/// It does not answer.
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

/// The events of a watch, for ever; `name` is that of the pull secret for a watch of Secrets.
#[must_use]
pub fn events(
    client: &Client,
    watch: Watch,
    name: Option<&ResourceName>,
    first: First,
) -> LocalBoxStream<'static, Said> {
    let client = client.clone();
    match &watch {
        Watch::Namespaces => run(
            client,
            watch,
            None,
            first,
            |_, object: NamespaceObject| Some(Event::Namespace(object)),
            |_, object| Some(Event::NamespaceGone(object.metadata.name.parse().ok()?)),
        ),
        Watch::Accounts(of) => {
            let of = of.clone();
            run(
                client,
                watch,
                of,
                first,
                |watch, object: Account| Some(Event::Account(watch.clone(), object)),
                |_, object| {
                    Some(Event::AccountGone(
                        object.metadata.namespace.parse().ok()?,
                        object.metadata.name.parse().ok()?,
                    ))
                },
            )
        }
        Watch::Secrets(_) => {
            let number = |watch: &Watch| if let Watch::Secrets(number) = watch { *number } else { 0 };
            let seen = move |watch: &Watch, object: Secret| Some(Event::Secret(number(watch), object));
            run(client, watch, name.cloned(), first, seen, move |watch, object| {
                Some(Event::SecretGone(number(watch), object.metadata.namespace.parse().ok()?))
            })
        }
    }
}

/// One that runs: it is made again where its place in the history can no longer be had.
struct Running<T: Fact> {
    stream: BoxStream<'static, Result<watcher::Event<Seen<T>>, Error>>,
    pause: Duration,
    /// How often it has failed since it last saw something.
    failures: u32,
}

impl<T: Fact> Running<T> {
    /// Waits before the next try: longer each time, and not at all where it only has to begin again.
    fn failed(&mut self, begins_again: bool) {
        let pause = PAUSES.0.saturating_mul(1 << self.failures.min(10)).min(PAUSES.1);
        self.pause = if begins_again && self.failures == 0 { Duration::ZERO } else { pause };
        self.failures += 1;
    }
}

fn run<T: Fact>(
    client: Client,
    watch: Watch,
    name: Option<ResourceName>,
    first: First,
    seen: impl Fn(&Watch, T) -> Option<Event> + 'static,
    gone: impl Fn(&Watch, T) -> Option<Event> + 'static,
) -> LocalBoxStream<'static, Said>
where
    Seen<T>: kube::Resource<DynamicType = ()> + Debug,
{
    if let First::ListedEach(pause) = first {
        return polled::run(client, watch, name, pause, seen);
    }
    let start = move || {
        let config = watcher::Config::default().timeout(SECONDS);
        let config = if first == First::Streamed { config.streaming_lists() } else { config };
        let config = match &name {
            Some(name) => config.fields(&format!("metadata.name={name}")),
            None => config,
        };
        watcher(Api::<Seen<T>>::all(client.clone()), config).boxed()
    };
    let running = Running { stream: start(), pause: Duration::ZERO, failures: 0 };
    unfold((running, start, watch, seen, gone), |(mut running, start, watch, seen, gone)| async move {
        loop {
            sleep(running.pause).await;
            running.pause = Duration::ZERO;
            let said = match running.stream.next().await {
                Some(Ok(event)) => {
                    // That it begins again is no success yet.
                    if !matches!(event, watcher::Event::Init) {
                        running.failures = 0;
                    }
                    let event = match event {
                        watcher::Event::Init => Some(Event::Began(watch.clone())),
                        watcher::Event::InitDone => Some(Event::Ended(watch.clone())),
                        watcher::Event::InitApply(object) | watcher::Event::Apply(object) => seen(&watch, object.fact),
                        watcher::Event::Delete(object) => gone(&watch, object.fact),
                    };
                    event.map(Box::new).map(Said::Event)
                }
                Some(Err(error)) => {
                    let (words, code) = words(&error);
                    running.failed(code == 410);
                    if code == 410 {
                        running.stream = start();
                    }
                    Some(Said::Failed(watch.clone(), words))
                }
                None => {
                    running.failed(false);
                    running.stream = start();
                    None
                }
            };
            if let Some(said) = said {
                return Some((said, (running, start, watch, seen, gone)));
            }
        }
    })
    .boxed_local()
}

/// What an error of a watch means, and the status code of a refusal. The error's own text may quote an object.
fn words(error: &Error) -> (String, u16) {
    let of_client = |error: &kube::Error| match error {
        kube::Error::Api(status) => (format!("the API server refuses it ({})", status.code), status.code),
        _ => ("the connection failed".to_owned(), 0),
    };
    match error {
        Error::InitialListFailed(error) | Error::WatchStartFailed(error) | Error::WatchFailed(error) => {
            of_client(error)
        }
        Error::WatchError(status) => (format!("the API server ends it ({})", status.code), status.code),
        Error::NoResourceVersion => ("an object had no version".to_owned(), 0),
    }
}
