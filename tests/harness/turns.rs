//! Lends one cluster to the tests of one file after another.
//!
//! All files are one program. A cluster that the tests of one file may change freely ends when the tests of another file ask for a cluster.
//! So at most one such cluster runs at a time.

use std::cell::RefCell;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::bench::Bench;

/// The file whose turn it is, its cluster, and the number of its running tests.
struct Turn {
    whose: String,
    bench: Option<&'static Bench>,
    running: usize,
}

static TURN: Mutex<Turn> = Mutex::new(Turn { whose: String::new(), bench: None, running: 0 });
static CHANGED: Condvar = Condvar::new();

thread_local! {
    /// The test harness runs each test in its own thread: a test holds its turn until that thread ends.
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

struct Held {
    whose: String,
}

impl Drop for Held {
    fn drop(&mut self) {
        lock().running -= 1;
        CHANGED.notify_all();
    }
}

fn lock() -> MutexGuard<'static, Turn> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The cluster of these tests, after the last test on another file's cluster has ended.
pub fn take(whose: &str, start: impl FnOnce() -> Bench) -> &'static Bench {
    HELD.with_borrow_mut(|held| {
        if held.as_ref().is_none_or(|held| held.whose != whose) {
            // With one thread for all tests, the previous test still holds its turn.
            *held = None;
            let is_others = |turn: &mut Turn| turn.running > 0 && turn.whose != whose;
            let mut turn = CHANGED.wait_while(lock(), is_others).unwrap_or_else(PoisonError::into_inner);
            if turn.whose != whose {
                if let Some(bench) = turn.bench.take() {
                    bench.stop();
                }
                whose.clone_into(&mut turn.whose);
            }
            turn.running += 1;
            *held = Some(Held { whose: whose.to_owned() });
        }
    });
    lock().bench.get_or_insert_with(|| Box::leak(Box::new(start())))
}
