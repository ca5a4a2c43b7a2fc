//! Holds the state that the parts of the controller share, and that /readyz and /metrics show.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::last_error::LastError;
use super::metrics::Metrics;
use regcred_cluster::controller::check::Confined;
use regcred_core::controller::Manner;
use regcred_core::names::Namespace;

/// A leader that has work, but finishes no write within this time, counts as stuck.
const STUCK: Duration = Duration::from_secs(120);
/// Longer than any program runs.
const FOR_EVER: Duration = Duration::from_secs(u32::MAX as u64);
/// The longest time for a turn of the main loop.
const TURN: Duration = Duration::from_secs(60);

/// The state of this replica.
pub struct State {
    pub metrics: Metrics,
    /// Until when this replica may write; `None` while it does not lead.
    pub leads_until: Cell<Option<Instant>>,
    /// Whether it acts as the controller or as Titansoft's patcher, whose account no policy confines.
    pub manner: Manner,
    /// Whether policies confine its account, once that is known.
    pub confined: RefCell<Option<Confined>>,
    /// The clock of all sessions counts from here.
    pub began: Instant,
    /// Whether the watches of this session have seen all namespaces and ServiceAccounts.
    pub may_begin: Cell<bool>,
    /// Whether every watch of some session has seen everything: a change of the mounted files does not make a replica unready.
    pub was_synced: Cell<bool>,
    /// Whether the mounted files were good at least once.
    pub is_configured: Cell<bool>,
    /// The last error of each watch, by its name.
    pub watches: RefCell<BTreeMap<String, LastError>>,
    /// What custom resources still wait for, before their state is known.
    pub waits_for: RefCell<Option<String>>,
    pub is_stopping: Cell<bool>,
    /// A served namespace, for the check of the policies.
    pub sample: RefCell<Option<Namespace>>,
    /// The last turn of the main loop.
    pub turned: Cell<Instant>,
    /// Since when there is work, but no write has ended.
    pub working_since: Cell<Option<Instant>>,
    /// Signals that a field above has changed.
    pub changed: Notify,
    /// Tells the election to stop.
    pub stop: Notify,
}

impl State {
    pub fn new(manner: Manner) -> Self {
        Self {
            metrics: Metrics::new(),
            manner,
            leads_until: Cell::new(None),
            confined: RefCell::new(None),
            began: Instant::now(),
            may_begin: Cell::new(false),
            was_synced: Cell::new(false),
            is_configured: Cell::new(false),
            watches: RefCell::default(),
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

    /// Makes this replica the leader as long as it runs, without an election.
    pub fn lead_alone(&self) {
        self.leads_until.set(Some(Instant::now() + FOR_EVER));
    }

    pub fn is_confined(&self) -> bool {
        *self.confined.borrow() == Some(Confined::Yes)
    }

    /// Whether the account is confined as far as writes require.
    pub fn is_safe(&self) -> bool {
        self.manner == Manner::Patcher || self.is_confined()
    }

    /// Whether this replica may begin a write now.
    pub fn may_write(&self) -> bool {
        self.leads() && self.is_safe() && !self.is_stopping.get()
    }

    /// Takes the error of a watch, which goes on.
    pub fn watch_failed(&self, watch: &str, words: String) {
        self.watches.borrow_mut().entry(watch.to_owned()).or_default().say(watch, words, Instant::now());
    }

    /// Why this replica is not ready; `None` if it is ready.
    pub fn not_ready(&self, now: Instant) -> Option<String> {
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
        if !self.was_synced.get() {
            return Some("not every watch has begun".to_owned());
        }
        let watches = self.watches.borrow();
        let failing = watches.iter().find_map(|(watch, last)| Some((watch, last.lasting(now)?)));
        failing.map(|(watch, words)| format!("the watch of {watch} has failed for several minutes: {words}"))
    }

    /// Why this replica should be restarted; `None` if it makes progress.
    pub fn not_alive(&self, now: Instant) -> Option<&'static str> {
        let is_over = |since: Instant, limit| now.duration_since(since) > limit;
        if is_over(self.turned.get(), TURN) {
            return Some("the main loop does not turn");
        }
        self.working_since.get().is_some_and(|since| is_over(since, STUCK)).then_some("no write ends")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_loop_that_does_not_turn_and_writes_that_do_not_end_are_not_alive() {
        let (state, now) = (State::new(Manner::Controller), Instant::now());
        state.turned.set(now);
        assert_eq!(state.not_alive(now + seconds(60)), None);
        assert_eq!(state.not_alive(now + seconds(61)), Some("the main loop does not turn"));
        // The loop turns, but a write that began at the start does not end.
        state.working_since.set(Some(now));
        for (after, expected) in [(120, None), (121, Some("no write ends"))] {
            state.turned.set(now + seconds(after));
            assert_eq!(state.not_alive(now + seconds(after)), expected);
        }
        state.working_since.set(None);
        assert_eq!(state.not_alive(now + seconds(121)), None);
    }

    #[test]
    fn a_watch_that_has_failed_for_several_minutes_is_not_ready_until_it_recovers() {
        let (state, now) = (State::new(Manner::Controller), Instant::now());
        state.is_configured.set(true);
        state.was_synced.set(true);
        *state.confined.borrow_mut() = Some(Confined::Yes);
        let fails = |after| {
            let mut watches = state.watches.borrow_mut();
            watches.entry("namespaces".to_owned()).or_default().say(
                "namespaces",
                "no".to_owned(),
                now + seconds(after),
            );
        };
        for after in (0..180).step_by(10) {
            fails(after);
            assert_eq!(state.not_ready(now + seconds(after)), None, "{after}");
        }
        fails(180);
        let why = "the watch of namespaces has failed for several minutes: no";
        assert_eq!(state.not_ready(now + seconds(180)).as_deref(), Some(why));
        // It has not failed again.
        assert_eq!(state.not_ready(now + seconds(215)), None);
        // With one error a minute, the watch works between the errors.
        for after in (240..600).step_by(60) {
            fails(after);
        }
        assert_eq!(state.not_ready(now + seconds(541)), None);
    }
}
