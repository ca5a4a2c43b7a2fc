//! Sends requests to an API server, each with a deadline, and with retries where a retry can help.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::error::Error as _;
use std::io;
use std::time::Duration;

use http::{Method, Request, header};
use kube::Client;
use kube::client::Body;
use kube::core::Status;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};

use crate::body;
use crate::call::{Call, JSON, METADATA, encoded};
use crate::pause::Pauses;

/// How often a wait checks whether the program was told to stop.
const TICK: Duration = Duration::from_millis(100);
/// The number of objects on a page of a list.
const PAGE: usize = 500;
/// The most pages that are read, counting repeated reads: enough for five million objects.
const PAGES: usize = 10_000;
/// A list may take this many times the deadline of one call: a real API server sends a page in a fraction of a second.
const CALLS: u32 = 20;

/// An API server, and the limits of its client.
pub struct Server {
    client: Client,
    /// The deadline of one call, with all its retries.
    timeout: Duration,
    /// Whether the program was told to stop.
    stop: fn() -> bool,
    /// Whether the API server has ever answered. One that never answered gets no retries.
    has_answered: Cell<bool>,
    /// The number of answers of each kind.
    answers: RefCell<Answers>,
}

/// The number of answers of an API server, by method and status code.
pub type Answers = BTreeMap<(&'static str, u16), u64>;

/// Why a call has no result, without any value of the request.
#[derive(Debug)]
pub enum Trouble {
    /// The API server refuses the request.
    Refused(Box<Status>),
    /// The API server does not answer.
    Unreachable(String),
    /// The kubeconfig gives no login.
    NoLogin,
    /// The deadline has passed.
    Late,
    /// The program was told to stop.
    Interrupted,
    /// The answer is not from an API server.
    Nonsense,
    /// The answer has no end, or is far too long.
    Endless,
}

impl Trouble {
    /// The status code of a refusal; otherwise 0.
    pub fn code(&self) -> u16 {
        if let Self::Refused(status) = self { status.code } else { 0 }
    }

    /// Whether the namespace is being deleted, or no longer exists.
    pub fn is_end_of_namespace(&self) -> bool {
        let Self::Refused(status) = self else { return false };
        let Some(details) = &status.details else { return false };
        (status.code == 404 && details.kind == "namespaces")
            || details.causes.iter().any(|cause| cause.reason == "NamespaceTerminating")
    }
}

#[derive(Deserialize)]
struct Page<T> {
    #[serde(default)]
    metadata: PageMetadata,
    /// The API server writes `null` for an empty list of metadata.
    items: Option<Vec<T>>,
}

#[derive(Default, Deserialize)]
struct PageMetadata {
    #[serde(rename = "continue", default)]
    next: String,
}

impl Server {
    /// The API server behind a client.
    pub fn new(client: Client, timeout: Duration, stop: fn() -> bool) -> Self {
        Self { client, timeout, stop, has_answered: Cell::new(false), answers: RefCell::default() }
    }

    /// The number of answers of each kind.
    pub fn answers(&self) -> Answers {
        self.answers.borrow().clone()
    }

    /// The deadline of one call.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Makes the call, and reads its answer.
    ///
    /// # Errors
    /// The API server does not answer in time, or refuses.
    pub async fn ask<T: DeserializeOwned>(&self, call: &Call) -> Result<T, Trouble> {
        let answer = self.send(call).await?;
        serde_json::from_slice(&answer).map_err(|_| Trouble::Nonsense)
    }

    /// Reads the object at this path; `None` if it does not exist.
    pub(crate) async fn find<T: DeserializeOwned>(&self, path: String) -> Result<Option<T>, Trouble> {
        match self.ask(&Call::get(path)).await {
            Ok(object) => Ok(Some(object)),
            Err(trouble) if trouble.code() == 404 => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// Reads every object of a collection, page by page. The values of `query` are encoded here.
    ///
    /// # Errors
    /// The errors of [`Self::ask`].
    pub async fn list<T: DeserializeOwned>(&self, collection: &str, query: &[(&str, &str)]) -> Result<Vec<T>, Trouble> {
        self.pages(collection, query, JSON).await
    }

    /// Reads only the metadata of every object of a collection, like [`Self::list`].
    ///
    /// # Errors
    /// The errors of [`Self::ask`].
    pub async fn list_metadata<T: DeserializeOwned>(
        &self,
        collection: &str,
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, Trouble> {
        self.pages(collection, query, METADATA).await
    }

    async fn pages<T: DeserializeOwned>(
        &self,
        collection: &str,
        query: &[(&str, &str)],
        accept: &'static str,
    ) -> Result<Vec<T>, Trouble> {
        let pairs: Vec<_> = query.iter().map(|(key, value)| format!("&{key}={}", encoded(value))).collect();
        let pairs = pairs.concat();
        let (mut all, mut next) = (Vec::new(), String::new());
        let begun = Instant::now();
        for _ in 0..PAGES {
            if begun.elapsed() > self.timeout.saturating_mul(CALLS) {
                break;
            }
            let path = format!("{collection}?limit={PAGE}{pairs}&continue={}", encoded(&next));
            match self.ask::<Page<T>>(&Call { accept, ..Call::get(path) }).await {
                Ok(page) => {
                    all.extend(page.items.unwrap_or_default());
                    next = page.metadata.next;
                    if next.is_empty() {
                        return Ok(all);
                    }
                }
                // The list expired while its pages were read.
                Err(trouble) if trouble.code() == 410 && !next.is_empty() => {
                    all.clear();
                    next.clear();
                }
                Err(trouble) => return Err(trouble),
            }
        }
        Err(Trouble::Endless)
    }

    /// Makes the call, and repeats it while a retry can help and the deadline allows one.
    ///
    /// # Errors
    /// The errors of [`Self::ask`].
    pub async fn send(&self, call: &Call) -> Result<Vec<u8>, Trouble> {
        let end = Instant::now() + self.timeout;
        let mut pauses = Pauses::default();
        loop {
            let (trouble, wait) = match self.patiently(end, self.once(call)).await? {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            let helps = match &trouble {
                Trouble::Refused(status) => matches!(status.code, 429 | 500 | 502..=504),
                Trouble::Unreachable(_) => self.has_answered.get(),
                Trouble::NoLogin | Trouble::Late | Trouble::Interrupted | Trouble::Nonsense | Trouble::Endless => false,
            };
            let pause = pauses.another();
            let wait = wait.unwrap_or(pause);
            // An API server, or a proxy before it, may ask for any number of seconds.
            let is_in_time = Instant::now().checked_add(wait).is_some_and(|then| then < end);
            if !helps || !is_in_time {
                return Err(trouble);
            }
            self.rest(wait).await?;
        }
    }

    /// Makes the call once.
    ///
    /// # Errors
    /// The errors of [`Self::ask`].
    pub async fn send_once(&self, call: &Call) -> Result<Vec<u8>, Trouble> {
        self.patiently(Instant::now() + self.timeout, self.once(call)).await?.map_err(|(trouble, _)| trouble)
    }

    /// Waits, unless the program was told to stop.
    ///
    /// # Errors
    /// The program was told to stop.
    pub async fn rest(&self, time: Duration) -> Result<(), Trouble> {
        self.patiently(Instant::now() + time + TICK, sleep(time)).await
    }

    async fn once(&self, call: &Call) -> Result<Vec<u8>, (Trouble, Option<Duration>)> {
        let Call { method, path, content_type, body, accept } = call;
        let request = Request::builder().method(method.clone()).uri(path).header(header::ACCEPT, *accept);
        let request = request.header(header::CONTENT_TYPE, *content_type).body(Body::from(body.clone()));
        let request = request.map_err(|_| (Trouble::Nonsense, None))?;
        let answer = self.client.send(request).await.map_err(|error| (trouble(&error), None))?;
        self.has_answered.set(true);
        let (parts, body) = answer.into_parts();
        let method =
            [Method::GET, Method::PATCH, Method::POST, Method::DELETE].iter().position(|known| known == method);
        let method = method.map_or("other", |at| ["get", "patch", "create", "delete"][at]);
        *self.answers.borrow_mut().entry((method, parts.status.as_u16())).or_default() += 1;
        let bytes =
            body::whole(body).await.map_err(|error| (error.as_ref().map_or(Trouble::Endless, trouble), None))?;
        if parts.status.is_success() {
            return Ok(bytes);
        }
        let code = parts.status.as_u16();
        let status = serde_json::from_slice::<Status>(&bytes).unwrap_or_default().with_code(code);
        let after = parts.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        Err((Trouble::Refused(Box::new(status)), after.map(Duration::from_secs)))
    }

    /// Waits for the work until the deadline, or until the program is told to stop.
    async fn patiently<T>(&self, end: Instant, work: impl Future<Output = T>) -> Result<T, Trouble> {
        let mut work = std::pin::pin!(work);
        loop {
            if (self.stop)() {
                return Err(Trouble::Interrupted);
            }
            let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                return Err(Trouble::Late);
            };
            tokio::select! {
                done = &mut work => return Ok(done),
                () = sleep(left.min(TICK)) => {}
            }
        }
    }
}

/// The meaning of a client error. Its own text may quote a proxy's address, or the output of a program.
fn trouble(error: &kube::Error) -> Trouble {
    if matches!(error, kube::Error::Auth(_)) {
        return Trouble::NoLogin;
    }
    let mut cause = error.source();
    let mut words = "the connection failed".to_owned();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            words = match error.kind() {
                io::ErrorKind::Other | io::ErrorKind::InvalidData => words,
                kind => kind.to_string(),
            };
        }
        let text = error.to_string();
        if text.starts_with("invalid peer certificate") {
            words = text;
        } else if text.contains("dns error") {
            "its name is not known".clone_into(&mut words);
        }
        cause = error.source();
    }
    Trouble::Unreachable(words)
}
