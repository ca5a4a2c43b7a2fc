//! Serves the cluster with one version of the mounted files, until they change.

use std::cell::RefCell;
use std::future::pending;
use std::iter::repeat;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use futures::stream::{BoxStream, FuturesUnordered, SelectAll, StreamExt, select_all};
use tokio::time::{Instant, sleep, sleep_until};

use super::log;
use super::mounted::Mounted;
use super::news::News;
use super::pods::{Pods, Seen};
use super::state::State;
use regcred_cluster::connect::Client;
use regcred_cluster::controller::stream::First;
use regcred_cluster::controller::watch::{self, Message};
use regcred_cluster::controller::write::write;
use regcred_cluster::server::Server;
use regcred_core::cluster::{Accounts, Delivery, PullSecret};
use regcred_core::controller::wanted::{Config, Wanted};
use regcred_core::controller::{Choosing, Machine, Outcome, Watch, Write};
use regcred_core::docker_config::Logins;
use regcred_core::names::Namespace;
use regcred_core::objects::marks::Marks;

/// How many writes run at once. Each has a connection, with about 50 kB of buffers.
const AT_ONCE: usize = 16;
/// How often the loop turns if nothing happens.
const TURN: Duration = Duration::from_secs(1);

/// The delivery that is wanted in the cluster.
pub fn delivery<'a>(config: &'a Config, logins: impl Iterator<Item = &'a Logins>) -> Delivery<'a> {
    let accounts = |one: &'a Wanted| {
        if one.has_all_accounts() { Accounts::All } else { Accounts::Chosen(&one.accounts, &one.account_globs) }
    };
    let pull_secrets = config.pull_secrets.iter().zip(logins);
    Delivery {
        pull_secrets: pull_secrets
            .map(|(one, logins)| PullSecret::new(&one.name, Vec::new(), accounts(one), logins))
            .collect(),
        link: config.link,
        marks: Marks { owner: config.owner.to_string(), profile: None },
        on_conflict: config.on_conflict,
        unchangeable: config.unchangeable,
    }
}

/// The delivery without logins, with every object that this account may write.
pub fn names(mounted: &Mounted) -> Delivery<'_> {
    static NONE: Logins = Logins::Unavailable;
    delivery(mounted.permitted.as_ref().unwrap_or(&mounted.config), repeat(&NONE))
}

/// The namespaces of each pull secret.
pub fn choices(mounted: &Mounted) -> Vec<Choosing<'_>> {
    let pull_secrets = mounted.config.pull_secrets.iter();
    pull_secrets.map(|one| Choosing { selection: &one.namespaces, within: one.within.as_ref() }).collect()
}

/// The state of a session.
pub struct Session<'a> {
    pub state: &'a State,
    pub server: &'a Server,
    pub delivery: &'a Delivery<'a>,
    pub machine: Machine<'a>,
    streams: SelectAll<BoxStream<'static, Message>>,
    first: First,
    writes: FuturesUnordered<LocalBoxFuture<'a, (Write, Outcome)>>,
    pods: Option<Pods<'a>>,
    is_synced: bool,
    ticked: Instant,
    news: &'a RefCell<News>,
}

impl<'a> Session<'a> {
    /// Starts the watches.
    pub fn new(
        state: &'a State,
        (server, watching): (&'a Server, &Client),
        delivery: &'a Delivery<'a>,
        choices: Vec<Choosing<'a>>,
        first: First,
        news: &'a RefCell<News>,
        own: &Namespace,
    ) -> Self {
        let machine = Machine::new(delivery, choices, own.clone(), state.manner);
        let stream = |watch: Watch| {
            let name = match &watch {
                Watch::Secrets(number) => Some(delivery.pull_secrets[*number].name),
                Watch::Namespaces | Watch::Accounts(_) => None,
            };
            watch::events(watching, watch, name, first)
        };
        let streams = select_all(machine.watches().into_iter().map(stream));
        let writes = FuturesUnordered::new();
        state.may_begin.set(false);
        let ticked = Instant::now();
        Self { state, server, delivery, machine, streams, first, writes, pods: None, is_synced: false, ticked, news }
    }

    /// Turns on the eviction of stuck Pods.
    pub fn restart_stuck_pods(&mut self, watching: &Client) {
        self.pods = Some(Pods::new(self.server, watching, self.first));
    }

    fn now(&self) -> u64 {
        u64::try_from(self.state.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Starts the writes that are due, and waits until something happens.
    pub async fn turn(&mut self) {
        self.begin_writes();
        self.state.turned.set(Instant::now());
        if self.ticked.elapsed() >= TURN {
            self.ticked = Instant::now();
            self.choose_sample();
            self.evict();
        }
        let now = self.now();
        let due = self
            .machine
            .due()
            .filter(|_| self.state.may_write())
            .map_or(TURN, |due| Duration::from_millis(due.saturating_sub(now)));
        let wake = sleep_until(Instant::now() + due.min(TURN));
        tokio::select! {
            () = self.state.changed.notified() => {}
            () = wake => {}
            Some((write, outcome)) = self.writes.next(), if !self.writes.is_empty() => self.end(&write, outcome),
            Some(message) = self.streams.next() => self.hear(message),
            seen = next(self.pods.as_mut()) => self.of_a_pod(seen),
        }
        for notice in self.machine.notices() {
            self.news.borrow_mut().tell(&notice, self.delivery, self.state);
        }
    }

    /// Waits a moment for the running writes.
    pub async fn drain(&mut self) {
        const PATIENCE: Duration = Duration::from_millis(800);
        let end = Instant::now() + PATIENCE;
        while !self.writes.is_empty() {
            tokio::select! {
                Some((write, outcome)) = self.writes.next() => self.end(&write, outcome),
                () = sleep(end.saturating_duration_since(Instant::now())) => return,
            }
        }
    }

    /// Whether no write runs, and no write is due.
    pub fn is_idle(&self) -> bool {
        self.machine.is_idle() && self.writes.is_empty()
    }

    fn begin_writes(&mut self) {
        while self.writes.len() < AT_ONCE && self.state.may_write() {
            let Some(due) = self.machine.next(self.now()) else { break };
            let (server, delivery) = (self.server, self.delivery);
            self.writes.push(Box::pin(async move {
                let outcome = write(server, delivery, &due).await;
                (due, outcome)
            }));
        }
        if self.writes.is_empty() {
            self.state.working_since.set(None);
        } else if self.state.working_since.get().is_none() {
            self.state.working_since.set(Some(Instant::now()));
        }
    }

    fn end(&mut self, write: &Write, outcome: Outcome) {
        self.state.working_since.set(None);
        let result = self.state.metrics.wrote(write, &outcome);
        log::debug("a write has ended", &[("object", &write.place.words(self.delivery)), ("result", result)]);
        self.machine.end(&write.place, outcome, self.now());
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Event(event) => self.machine.see(*event, self.now()),
            Message::Failed(watch, words) => {
                self.state.metrics.watch_failures.inc();
                self.state.watch_failed(&name(&watch), words);
            }
        }
        if !self.state.may_begin.get() && self.machine.may_begin() {
            self.state.may_begin.set(true);
            self.choose_sample();
            self.state.changed.notify_one();
        }
        if !self.is_synced && self.machine.is_synced() {
            self.is_synced = true;
            self.state.was_synced.set(true);
            log::info("every watch has begun", &[]);
        }
    }

    /// Chooses a sample again: a namespace that is deleted or opts out can no longer be one.
    fn choose_sample(&self) {
        if self.state.may_begin.get() {
            let mut sample = self.state.sample.borrow_mut();
            *sample = self.machine.chosen(sample.as_ref()).cloned();
        }
    }

    fn of_a_pod(&mut self, seen: Seen) {
        match (seen, &mut self.pods) {
            (Seen::Looked(look), Some(pods)) => pods.take(*look),
            (Seen::Ended(end), Some(pods)) => {
                pods.end(end, &self.machine, self.state, &mut self.news.borrow_mut());
                self.evict();
            }
            (_, None) => {}
        }
    }

    /// Evicts stuck Pods. It looks at all waiting Pods: their namespaces may have been served since, or this replica may lead now.
    fn evict(&mut self) {
        if let Some(pods) = self.pods.as_mut().filter(|_| self.state.may_write()) {
            pods.evict(&self.machine);
        }
    }

    /// The last error of the first watch that fails.
    pub fn trouble(&self) -> Option<String> {
        let watches = self.state.watches.borrow();
        let said = watches.iter().find_map(|(watch, last)| Some((watch, last.words()?)));
        said.map(|(watch, words)| format!("the watch of {watch}: {words}"))
    }
}

/// The next event about the Pods; without a watch, no event ever comes.
async fn next(pods: Option<&mut Pods<'_>>) -> Seen {
    match pods {
        Some(pods) => pods.next().await,
        None => pending().await,
    }
}

fn name(watch: &Watch) -> String {
    match watch {
        Watch::Namespaces => "namespaces".to_owned(),
        Watch::Accounts(None) => "serviceaccounts".to_owned(),
        Watch::Accounts(Some(name)) => format!("serviceaccounts/{name}"),
        Watch::Secrets(number) => format!("secrets of pull secret {}", number + 1),
    }
}
