//! Holds the state that the parts of the controller share, and that /readyz and /metrics show.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::metrics::Metrics;
use regcred_cluster::controller::check::Confined;
use regcred_core::controller::Manner;
use regcred_core::names::Namespace;

/// How long a replica that leads may have work and end none of it.
const STUCK: Duration = Duration::from_secs(120);
/// Longer than any program runs.
const FOR_EVER: Duration = Duration::from_secs(u32::MAX as u64);
/// How long a turn of the main loop may take.
const TURN: Duration = Duration::from_secs(60);

/// The state of this replica.
pub struct State {
    pub metrics: Metrics,
    /// Until when it may write; `None` while another replica leads.
    pub leads_until: Cell<Option<Instant>>,
    /// A patcher's account is not confined.
    pub manner: Manner,
    /// Whether its account is confined, once that is known.
    pub confined: RefCell<Option<Confined>>,
    /// Whether the watches of this session have seen all namespaces and ServiceAccounts.
    pub may_begin: Cell<bool>,
    /// Whether every watch of any session has seen everything: a change of the mounted files makes no replica unready.
    pub was_synced: Cell<bool>,
    /// Whether the mounted files were good at least once.
    pub is_configured: Cell<bool>,
    /// What custom resources wait for before anything is known of them.
    pub waits_for: RefCell<Option<String>>,
    pub is_stopping: Cell<bool>,
    /// A namespace that is served, for the check of the policies.
    pub sample: RefCell<Option<Namespace>>,
    /// When the main loop was here last.
    pub turned: Cell<Instant>,
    /// Since when there was work and none has ended.
    pub working_since: Cell<Option<Instant>>,
    /// Something above has changed.
    pub changed: Notify,
    /// It is told to stop, for the election.
    pub stop: Notify,
}

impl State {
    pub fn new(manner: Manner) -> Self {
        Self {
            metrics: Metrics::new(),
            manner,
            leads_until: Cell::new(None),
            confined: RefCell::new(None),
            may_begin: Cell::new(false),
            was_synced: Cell::new(false),
            is_configured: Cell::new(false),
            waits_for: RefCell::new(None),
            is_stopping: Cell::new(false),
            sample: RefCell::new(None),
            turned: Cell::new(Instant::now()),
            working_since: Cell::new(None),
            changed: Notify::new(),
            stop: Notify::new(),
        }
    }

    /// Whether this replica leads now.
    pub fn leads(&self) -> bool {
        self.leads_until.get().is_some_and(|until| Instant::now() < until)
    }

    /// It leads as long as it runs, without an election.
    pub fn lead_alone(&self) {
        self.leads_until.set(Some(Instant::now() + FOR_EVER));
    }

    pub fn is_confined(&self) -> bool {
        *self.confined.borrow() == Some(Confined::Yes)
    }

    /// Whether the account is as it has to be for a write.
    pub fn is_safe(&self) -> bool {
        self.manner == Manner::Patcher || self.is_confined()
    }

    /// Whether it may begin a write now.
    pub fn may_write(&self) -> bool {
        self.leads() && self.is_safe() && !self.is_stopping.get()
    }

    /// Why it is not ready; `None` if it is.
    pub fn not_ready(&self) -> Option<String> {
        if self.is_stopping.get() {
            return Some("stopping".to_owned());
        }
        if let Some(why) = &*self.waits_for.borrow() {
            return Some(why.clone());
        }
        if !self.is_configured.get() {
            return Some("the mounted regcred.yaml or a mounted Secret is wrong: the log says what".to_owned());
        }
        match &*self.confined.borrow() {
            Some(Confined::Yes) => {}
            Some(Confined::No(why)) => return Some(format!("not confined: {why}")),
            None => return Some("it is not known yet whether policies confine this account".to_owned()),
        }
        (!self.was_synced.get()).then(|| "not every watch has begun".to_owned())
    }

    /// Why it should be started again; `None` if it makes progress.
    pub fn not_alive(&self) -> Option<&'static str> {
        let is_over = |since: Instant, limit| since.elapsed() > limit;
        if is_over(self.turned.get(), TURN) {
            return Some("the main loop does not turn");
        }
        self.working_since.get().is_some_and(|since| is_over(since, STUCK)).then_some("no write ends")
    }
}
