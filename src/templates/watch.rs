//! Gives up work that takes too much memory or time.
//!
//! A template can double a text in one step, so a limit of steps limits neither memory nor time.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The memory that a template may add to the process, in bytes: the text of 100,000 namespaces takes a tenth of it.
const MEMORY: u64 = 512 * 1024 * 1024;
/// The time limit for all templates of a run, which may have many templates and namespaces.
const TIME: Duration = Duration::from_secs(20);
/// Milliseconds that all work took.
static SPENT: AtomicU64 = AtomicU64::new(0);
/// The memory of the process before the first work. So memory that given-up work still holds counts, too.
static BEFORE: OnceLock<u64> = OnceLock::new();
/// Whether each piece of work is measured separately, because the unit tests share one process.
const ALONE: bool = cfg!(test);
/// How often the watch checks.
const TICK: Duration = Duration::from_millis(5);
/// The size of the thread's stack: macros call each other, and nested calls print and drop a deep value. It is larger than [`MEMORY`], so
/// that such a value reaches that limit first. The system gives only the part that is used.
const STACK: usize = 1024 * 1024 * 1024;
/// The stack where the system does not reserve that much.
const SMALL_STACK: usize = 16 * 1024 * 1024;
/// The size of the smallest page of memory: Linux counts the memory of a process in pages.
const PAGE: u64 = 4096;

/// The result of the work; `None` if it took too much memory or time. Work that is given up goes on until the process ends, which is soon.
pub(super) fn within_limits<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let before = if ALONE { resident() } else { *BEFORE.get_or_init(resident) };
    let started = Instant::now();
    let work = Arc::new(Mutex::new(Some(work)));
    let taken = |work: &Mutex<Option<_>>| work.lock().unwrap_or_else(PoisonError::into_inner).take();
    let start = |stack| {
        let (there, sender) = (Arc::clone(&work), sender.clone());
        thread::Builder::new().stack_size(stack).spawn(move || {
            if let Some(work) = taken(&there) {
                // Nobody may be waiting any more.
                let _ = sender.send(work());
            }
        })
    };
    // If no thread can be started, only the number of steps is limited.
    if start(STACK).or_else(|_| start(SMALL_STACK)).is_err() {
        return taken(&work).map(|work| work());
    }
    drop(sender);
    loop {
        match receiver.recv_timeout(TICK) {
            Ok(answer) => {
                spend(started);
                return Some(answer);
            }
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if resident().saturating_sub(before) > MEMORY
            || started.elapsed() + Duration::from_millis(SPENT.load(Ordering::Relaxed)) > TIME
        {
            spend(started);
            return None;
        }
    }
}

fn spend(started: Instant) {
    if !ALONE {
        SPENT.fetch_add(u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// The memory of the process, in bytes; only Linux reports it.
fn resident() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).map_or(0, |pages: u64| pages * PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_waited_for() {
        assert_eq!(within_limits(|| 1), Some(1));
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
        assert_eq!(within_limits(doubling), None);
    }
}
