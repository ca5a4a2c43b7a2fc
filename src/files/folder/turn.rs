//! Locks a folder against a second run.

use std::fs::{self, TryLockError};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::interrupt;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};

/// A lock that keeps other runs out of the folder while it is held.
pub struct Turn(#[expect(dead_code, reason = "it is held open")] fs::File);

/// How long a run waits for another run in the same tree, which is a mistake.
pub const A_SECOND: Duration = Duration::from_secs(1);
/// How long a run waits if the other run may write something else.
pub const A_MINUTE: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(20);

/// Locks a folder against a second run: two runs in one would undo each other's work.
/// Errors: another run works there.
pub fn take_turn(path: &Path, patience: Duration) -> Result<Option<Turn>, Failure> {
    let Ok(folder) = fs::File::open(path) else { return Ok(None) };
    let end = Instant::now() + patience;
    loop {
        match folder.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < end && !interrupt::was_received() => thread::sleep(TICK),
            Err(TryLockError::WouldBlock) => {
                let problem =
                    Diagnostic::error(Code::Busy, "another regcred is writing to the directory of `--output`");
                return Err(Failure::of("the output", problem.hint("run one after the other")));
            }
            // Some file systems have no locks.
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(Some(Turn(folder))),
        }
    }
}
