//! Checks regularly whether policies confine this account. Until they do, the controller writes nothing.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::log;
use super::state::State;
use regcred_cluster::controller::check::{Confined, check};
use regcred_cluster::failure::Attempt;
use regcred_cluster::server::Server;
use regcred_core::cluster::Delivery;
use regcred_core::controller::Manner;
use regcred_core::names::Namespace;

/// How often the policies are checked while they confine the account, and while they do not.
const PAUSES: (Duration, Duration) = (Duration::from_secs(600), Duration::from_secs(2));

/// Checks without end, and at once when the sample changes.
pub async fn keep_checking(state: &State, server: &Server, delivery: &Delivery<'_>, own: &Namespace) -> Infallible {
    if state.manner == Manner::Patcher {
        return pending().await;
    }
    loop {
        let sample = state.sample.borrow().clone();
        check_once(state, server, delivery, own, sample.as_ref()).await;
        let pause = if state.is_confined() { PAUSES.0 } else { PAUSES.1 };
        let until = Instant::now() + pause;
        while Instant::now() < until && *state.sample.borrow() == sample {
            sleep(Duration::from_millis(20).max(pause / 100).min(Duration::from_millis(200))).await;
        }
    }
}

/// Checks once. If the API server does not answer, the earlier result stays.
async fn check_once(
    state: &State,
    server: &Server,
    delivery: &Delivery<'_>,
    own: &Namespace,
    sample: Option<&Namespace>,
) {
    if !state.may_begin.get() {
        return;
    }
    let namespaces: Vec<_> = [own].into_iter().chain(sample).collect();
    match check(server, delivery, &namespaces).await {
        Ok(found) => {
            state.metrics.confined.set(i64::from(found == Confined::Yes));
            let is_new = state.confined.borrow().as_ref() != Some(&found);
            if is_new {
                match &found {
                    Confined::Yes => log::info("policies confine this account", &[]),
                    Confined::No(why) => {
                        const WHAT: &str = "nothing is written, since this account is not confined: apply the output of `regcred render` again";
                        log::error(WHAT, &[("why", why)]);
                    }
                }
            }
            *state.confined.borrow_mut() = Some(found);
            if is_new {
                state.changed.notify_one();
            }
        }
        Err(trouble) => {
            let why = Attempt::new("patch", "a forbidden Secret").failed(&trouble).message;
            log::warn("whether policies confine this account could not be checked", &[("why", &why)]);
        }
    }
}
