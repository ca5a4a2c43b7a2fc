//! Stops work that takes too much memory or time.
//!
//! A template doubles a text in one step, so the number of its steps bounds neither.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes that may be added to what the process holds: the text of 100,000 namespaces is a tenth of it.
const MEMORY: u64 = 512 * 1024 * 1024;
/// For all the work of a run, which has many templates and namespaces.
const TIME: Duration = Duration::from_secs(20);
/// Milliseconds that were spent by work that ended.
static SPENT: AtomicU64 = AtomicU64::new(0);
/// How long it takes to notice.
const TICK: Duration = Duration::from_millis(5);
/// Macros call each other, and a value in a value in a value is read and dropped by functions that call each other: more than [`MEMORY`],
/// so that a deep one takes too much memory before it takes too much of this. The system gives only what is touched.
const STACK: usize = 1024 * 1024 * 1024;
/// Where the system does not promise so much.
const SMALL_STACK: usize = 16 * 1024 * 1024;
/// The smallest page of memory, in which Linux counts.
const PAGE: u64 = 4096;

/// The work took too much.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Exceeded;

/// The answer of the work. What is given up goes on until the process ends, which is soon.
pub(super) fn within_limits<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Exceeded> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let (before, started) = (resident(), Instant::now());
    let work = Arc::new(Mutex::new(Some(work)));
    let taken = |work: &Mutex<Option<_>>| work.lock().unwrap_or_else(PoisonError::into_inner).take();
    let start = |stack| {
        let (there, sender) = (Arc::clone(&work), sender.clone());
        thread::Builder::new().stack_size(stack).spawn(move || {
            if let Some(work) = taken(&there) {
                // Nobody may wait any more.
                let _ = sender.send(work());
            }
        })
    };
    // Where no thread can be started, only the number of steps is a limit.
    if start(STACK).or_else(|_| start(SMALL_STACK)).is_err() {
        return taken(&work).map(|work| work()).ok_or(Exceeded);
    }
    drop(sender);
    loop {
        match receiver.recv_timeout(TICK) {
            Ok(answer) => {
                let spent = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
                SPENT.fetch_add(spent, Ordering::Relaxed);
                return Ok(answer);
            }
            Err(RecvTimeoutError::Disconnected) => return Err(Exceeded),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if resident().saturating_sub(before) > MEMORY
            || started.elapsed() + Duration::from_millis(SPENT.load(Ordering::Relaxed)) > TIME
        {
            return Err(Exceeded);
        }
    }
}

/// Bytes of memory that the process holds; only Linux says so.
fn resident() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).map_or(0, |pages: u64| pages * PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_waited_for() {
        assert_eq!(within_limits(|| 1), Ok(1));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn work_that_doubles_a_text_is_given_up() {
        let doubling = || {
            let mut text = "x".to_owned();
            for _ in 0..36 {
                text = format!("{text}{text}");
            }
            text.len()
        };
        assert_eq!(within_limits(doubling), Err(Exceeded));
    }
}
