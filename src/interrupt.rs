//! Handles Ctrl-C and SIGTERM.
//!
//! After `handle`, code that waits stops as after an error, so that no unfinished work is left. Then `main` ends by the same signal, as
//! the sender expects. A second signal ends the program at once.

use std::ffi::c_int;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

static RECEIVED: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

/// Handles signals from now on.
pub fn handle() {
    RECEIVED.get_or_init(|| {
        let received = Arc::default();
        for signal in [SIGINT, SIGTERM] {
            // If a signal cannot be handled, it ends the program, as without a handler.
            let _ = register(signal, &received);
        }
        received
    });
}

/// Registers in this order, so that the first signal finds `again` still false.
fn register(signal: c_int, received: &Arc<AtomicUsize>) -> io::Result<()> {
    let again = Arc::new(AtomicBool::new(false));
    flag::register_conditional_default(signal, Arc::clone(&again))?;
    flag::register(signal, again)?;
    flag::register_usize(signal, Arc::clone(received), signal.unsigned_abs() as usize)?;
    Ok(())
}

/// Whether a signal was received.
pub fn was_received() -> bool {
    received().is_some()
}

fn received() -> Option<c_int> {
    let number = RECEIVED.get()?.load(Ordering::SeqCst);
    c_int::try_from(number).ok().filter(|signal| *signal != 0)
}

/// Sleeps for this time unless a signal was received, and returns whether one was.
pub fn was_received_within(time: Duration) -> bool {
    if !was_received() {
        thread::sleep(time);
    }
    was_received()
}

/// Ends the program by the received signal, if there is one.
pub fn end_by_signal() {
    if let Some(signal) = received() {
        let _ = signal_hook::low_level::emulate_default_handler(signal);
    }
}
