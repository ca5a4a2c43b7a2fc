//! Counts what /metrics shows. No label holds a value of a login or the name of a namespace.

use std::collections::BTreeMap;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use regcred_core::controller::conditions::Verdict;
use regcred_core::controller::{Counts, Deed, Outcome, Write};

type Labels = Vec<(&'static str, String)>;

/// The media type of the text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All counters.
pub struct Metrics {
    registry: Registry,
    namespaces: Family<Labels, Gauge>,
    served_seconds: Histogram,
    pub writes: Family<Labels, Counter>,
    pub watch_failures: Counter,
    api_calls: Family<Labels, Counter>,
    pub leader: Gauge,
    pub confined: Gauge,
    pub config_broken: Gauge,
    resources: Family<Labels, Gauge>,
    pub login_refused: Family<Labels, Gauge>,
    pub login_expires: Family<Labels, Gauge>,
    pub pods_evicted: Counter,
}

impl Metrics {
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("regcred");
        let buckets = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0];
        let metrics = Self {
            namespaces: Family::default(),
            served_seconds: Histogram::new(buckets),
            writes: Family::default(),
            watch_failures: Counter::default(),
            api_calls: Family::default(),
            leader: Gauge::default(),
            confined: Gauge::default(),
            config_broken: Gauge::default(),
            resources: Family::default(),
            login_refused: Family::default(),
            login_expires: Family::default(),
            pods_evicted: Counter::default(),
            registry: Registry::default(),
        };
        let m = &metrics;
        registry.register(
            "namespaces",
            "Chosen namespaces by how they are, as the leader sees them",
            m.namespaces.clone(),
        );
        registry.register(
            "namespace_served_seconds",
            "Time from a new namespace to its last write",
            m.served_seconds.clone(),
        );
        registry.register("writes", "Writes of Secrets and references, by result", m.writes.clone());
        registry.register("watch_failures", "Errors of watches, which go on", m.watch_failures.clone());
        registry.register("api_calls", "Answers of the API server, without watches", m.api_calls.clone());
        registry.register("leader", "Whether this replica writes", m.leader.clone());
        registry.register(
            "confined",
            "Whether policies confine this account; without them nothing is written",
            m.confined.clone(),
        );
        registry.register(
            "config_broken",
            "Whether the mounted files are wrong, so that the earlier ones count",
            m.config_broken.clone(),
        );
        registry.register(
            "resources",
            "Custom resources that are followed, are not permitted, or have a broken login",
            m.resources.clone(),
        );
        registry.register("login_refused", "Whether the registry refuses the login", m.login_refused.clone());
        registry.register(
            "login_expires_timestamp_seconds",
            "When a login ends, where it says so",
            m.login_expires.clone(),
        );
        registry.register("pods_evicted", "Pods evicted because they lacked the reference", m.pods_evicted.clone());
        Self { registry, ..metrics }
    }

    /// Sets the number of namespaces in each state.
    pub fn count(&self, counts: Counts) {
        let Counts { wanted, served, pending, left, failing, contested } = counts;
        let states = [
            ("wanted", wanted),
            ("served", served),
            ("pending", pending),
            ("left", left),
            ("failing", failing),
            ("contested", contested),
        ];
        for (state, count) in states {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.namespaces.get_or_create(&vec![("state", state.to_owned())]).set(count);
        }
    }

    /// Sets the number of custom resources in each state; there are none without `--crd`.
    pub fn resources(&self, verdicts: &[Verdict]) {
        let (mut followed, mut not_permitted, mut broken) = (0, 0, 0);
        for verdict in verdicts {
            let count = match (verdict.refusals.is_empty(), verdict.broken.is_empty()) {
                (false, _) => &mut not_permitted,
                (true, false) => &mut broken,
                (true, true) => &mut followed,
            };
            *count += 1;
        }
        for (state, count) in [("followed", followed), ("not-permitted", not_permitted), ("login-broken", broken)] {
            self.resources.get_or_create(&vec![("state", state.to_owned())]).set(count);
        }
    }

    /// Counts a new namespace that was served after this many milliseconds.
    pub fn served(&self, milliseconds: u64) {
        self.served_seconds.observe(std::time::Duration::from_millis(milliseconds).as_secs_f64());
    }

    /// Records whether the registry refuses a login, if that is known.
    pub fn refused(&self, registry: &str, is_refused: Option<bool>) {
        if let Some(is_refused) = is_refused {
            self.login_refused.get_or_create(&vec![("registry", registry.to_owned())]).set(i64::from(is_refused));
        }
    }

    /// Records when a login ends, in seconds since 1970, if that is known.
    pub fn expires(&self, registry: &str, at: Option<i64>) {
        if let Some(at) = at {
            self.login_expires.get_or_create(&vec![("registry", registry.to_owned())]).set(at);
        }
    }

    /// Counts a finished write; returns its result as a word.
    pub fn wrote(&self, write: &Write, outcome: &Outcome) -> &'static str {
        let kind = match write.deed {
            Deed::Link(_) => "link",
            Deed::Unlink(_) => "unlink",
            Deed::Apply(_) => "apply",
            Deed::Delete(_) => "delete",
        };
        let result = match outcome {
            Outcome::Account(_) | Outcome::Secret(_) | Outcome::Deleted => "done",
            Outcome::Stale => "stale",
            Outcome::NamespaceEnds => "namespace-ends",
            Outcome::Failed(_) => "failed",
        };
        self.writes.get_or_create(&vec![("kind", kind.to_owned()), ("result", result.to_owned())]).inc();
        result
    }

    /// Takes over the number of answers of the API server.
    pub fn calls(&self, calls: &BTreeMap<(&'static str, u16), u64>) {
        for ((verb, code), count) in calls {
            let counter =
                self.api_calls.get_or_create_owned(&vec![("verb", (*verb).to_owned()), ("code", code.to_string())]);
            counter.inc_by(count.saturating_sub(counter.get()));
        }
    }

    /// Writes the text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
