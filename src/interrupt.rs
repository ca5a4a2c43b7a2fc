//! Interrupts: Ctrl-C and SIGTERM in; whether one has come, and the end by it, out.
//!
//! Once they are heeded, what waits for another's program gives up the way it does at an error, so that nothing half done stays. Then
//! `main` ends by the same signal, as whoever sent it expects. A second one ends the program at once.

use std::thread;
use std::time::Duration;

/// From now on they are heeded.
pub fn heed() {
    #[cfg(unix)]
    unix::heed();
}

/// Whether one has come.
#[must_use]
pub fn has_come() -> bool {
    #[cfg(unix)]
    return unix::come().is_some();
    #[cfg(not(unix))]
    return false;
}

/// Whether one has come, or does so in this time.
#[must_use]
pub fn has_come_within(time: Duration) -> bool {
    if !has_come() {
        thread::sleep(time);
    }
    has_come()
}

/// Ends the program by the one that has come, if one has.
pub fn pass_on() {
    #[cfg(unix)]
    if let Some(signal) = unix::come() {
        let _ = signal_hook::low_level::emulate_default_handler(signal);
    }
}

#[cfg(unix)]
mod unix {
    use std::ffi::c_int;
    use std::io;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::sync::{Arc, OnceLock};

    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::flag;

    static COME: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

    pub(super) fn heed() {
        COME.get_or_init(|| {
            let come = Arc::default();
            for signal in [SIGINT, SIGTERM] {
                // Where one cannot be heeded, it ends the program as ever.
                let _ = register(signal, &come);
            }
            come
        });
    }

    /// In this order: the first one finds that none has come yet.
    fn register(signal: c_int, come: &Arc<AtomicUsize>) -> io::Result<()> {
        let again = Arc::new(AtomicBool::new(false));
        flag::register_conditional_default(signal, Arc::clone(&again))?;
        flag::register(signal, again)?;
        flag::register_usize(signal, Arc::clone(come), signal.unsigned_abs() as usize)?;
        Ok(())
    }

    pub(super) fn come() -> Option<c_int> {
        let number = COME.get()?.load(Ordering::SeqCst);
        c_int::try_from(number).ok().filter(|signal| *signal != 0)
    }
}
