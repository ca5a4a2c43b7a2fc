//! Stops the controller after SIGTERM or SIGINT.

use std::rc::Rc;

use tokio::signal::ctrl_c;
use tokio::signal::unix::{SignalKind, signal};

use super::log;
use super::state::State;

/// Waits for SIGTERM or SIGINT, and then makes the main loop and the leader election stop.
pub async fn stop_on_signal(state: Rc<State>) {
    if let Ok(mut terminate) = signal(SignalKind::terminate()) {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = ctrl_c() => {}
        }
    } else {
        let _ = ctrl_c().await;
    }
    log::info("stopping", &[]);
    state.is_stopping.set(true);
    state.changed.notify_one();
    state.stop.notify_one();
}
