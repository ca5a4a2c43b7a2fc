//! Keeps the Lease, or waits for it.

use std::rc::Rc;

use tokio::time::sleep;

use super::log;
use super::state::State;
use regcred_cluster::controller::lease::{Lease, RETRY};
use regcred_cluster::failure::Attempt;
use regcred_cluster::server::Server;

/// Takes part in the election until the controller is told to stop, and then gives the Lease back at once. Writes that still run have
/// preconditions, so another replica need not wait for them.
pub async fn take_part(mut lease: Lease, server: Server, state: Rc<State>) {
    let mut said = None;
    let mut held = false;
    loop {
        let mut rest = RETRY;
        match lease.renew_or_take(&server).await {
            Ok(()) => {
                said = None;
                state.leads_until.set(lease.until());
                rest = lease.rest();
            }
            Err(trouble) => {
                let message = Attempt::new("renew", "the lease").failed(&trouble).message;
                if said.as_ref() != Some(&message) {
                    log::warn("the lease could not be renewed", &[("why", &message)]);
                    said = Some(message);
                }
            }
        }
        let leads = state.leads();
        state.metrics.leader.set(i64::from(leads));
        if leads != held {
            held = leads;
            log::info(
                if leads { "this replica leads" } else { "another replica leads" },
                &[("holder", lease.holder())],
            );
            state.changed.notify_one();
        }
        tokio::select! {
            () = sleep(rest) => {}
            () = lease.changed(), if !leads => {}
            () = state.stop.notified() => break,
        }
    }
    state.leads_until.set(None);
    lease.release(&server).await;
}
