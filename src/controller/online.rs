//! Asks the registries regularly about the logins (`--check-online`). A refused login stays: it may be good again later.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::sleep;

use super::log;
use super::news::News;
use super::state::State;
use crate::environment::Environment;
use crate::registry::{self, Options};
use regcred_core::confine::Allowed;
use regcred_core::credentials::{Credential, lifetime};
use regcred_core::diagnostic::Severity;
use regcred_core::docker_config::Logins;
use regcred_core::registry::verdict::{Login, Standing, Verdict};

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The pause of a replica that does not lead.
const WAITS: Duration = Duration::from_secs(1);

/// What the registries are asked about.
pub struct Asking<'a> {
    /// How often; `None` means never.
    pub interval: Option<Duration>,
    /// The registries that may be asked.
    pub allowed: &'a Allowed,
    pub environment: &'a Environment,
}

impl Asking<'_> {
    /// Asks without end, while this replica leads.
    pub async fn keep_asking(&self, logins: &[Rc<Logins>], state: &State, news: &RefCell<News>) -> Infallible {
        let logins: Vec<&Credential> = logins.iter().flat_map(|logins| logins.credentials()).collect();
        state.metrics.login_expires.clear();
        state.metrics.login_refused.clear();
        for login in &logins {
            state.metrics.expires(login.registry.as_str(), lifetime::ends(login));
        }
        let Some(interval) = self.interval else { return pending().await };
        loop {
            while !state.leads() {
                sleep(WAITS).await;
            }
            self.ask(&logins, state, news).await;
            sleep(interval).await;
        }
    }

    async fn ask(&self, logins: &[&Credential], state: &State, news: &RefCell<News>) {
        let Self { allowed, environment, .. } = self;
        let options = Options { allowed, realms: &[], insecure: &[], timeout: TIMEOUT, environment };
        let Ok(verdicts) = registry::ask(logins, &[], &options).await else {
            return log::warn("the registries cannot be asked: the address of the proxy is invalid", &[]);
        };
        for verdict in &verdicts {
            let is_refused = verdict.login.as_ref().is_some_and(|login| Login::standing(login) == Standing::Refused);
            state.metrics.refused(&verdict.registry, is_refused);
            state.metrics.expires(&verdict.registry, verdict.expires);
            for problem in Verdict::problems(verdict) {
                if problem.severity == Severity::Error {
                    news.borrow_mut().publish("LoginRefused", &problem.message, None);
                } else {
                    log::problem(&problem);
                }
            }
        }
    }
}
