//! Counts what /metrics shows. No label holds a value of a login or the name of a namespace.

use std::collections::BTreeMap;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

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
    writes: Family<Labels, Counter>,
    pub watch_failures: Counter,
    api_calls: Family<Labels, Counter>,
    pub leader: Gauge,
    pub confined: Gauge,
    pub config_broken: Gauge,
    resources: Family<Labels, Gauge>,
    login_refused: Family<Labels, Gauge>,
    login_expires: Family<Labels, Gauge>,
    pub pods_evicted: Counter,
}

impl Metrics {
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("regcred");
        let of = &mut registry;
        Self {
            namespaces: registered(of, "namespaces", "Chosen namespaces by how they are, as the leader sees them"),
            served_seconds: {
                let buckets = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0];
                let seconds = Histogram::new(buckets);
                of.register("namespace_served_seconds", "Time from a new namespace to its last write", seconds.clone());
                seconds
            },
            writes: registered(of, "writes", "Writes of Secrets and references, by result"),
            watch_failures: registered(of, "watch_failures", "Errors of watches, which go on"),
            api_calls: registered(of, "api_calls", "Answers of the API server, without watches"),
            leader: registered(of, "leader", "Whether this replica writes"),
            confined: registered(
                of,
                "confined",
                "Whether policies confine this account; without them nothing is written",
            ),
            config_broken: registered(
                of,
                "config_broken",
                "Whether the mounted files are wrong, so that the earlier ones count",
            ),
            resources: registered(
                of,
                "resources",
                "Custom resources that are followed, are not permitted, or have a broken login",
            ),
            login_refused: registered(of, "login_refused", "Whether the registry refuses the login"),
            login_expires: registered(of, "login_expires_timestamp_seconds", "When a login ends, where it says so"),
            pods_evicted: registered(of, "pods_evicted", "Pods evicted because they lacked the reference"),
            registry,
        }
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

    /// Shows for each registry when its first login ends, in seconds since 1970, and whether it refuses a login, as far as that is known.
    pub fn logins(&self, registries: &BTreeMap<&str, (Option<i64>, Option<bool>)>) {
        self.login_expires.clear();
        self.login_refused.clear();
        for (registry, (expires, is_refused)) in registries {
            let labels = vec![("registry", (*registry).to_owned())];
            if let Some(at) = expires {
                self.login_expires.get_or_create(&labels).set(*at);
            }
            if let Some(is_refused) = is_refused {
                self.login_refused.get_or_create(&labels).set(i64::from(*is_refused));
            }
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

/// A new metric of this registry.
fn registered<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}
