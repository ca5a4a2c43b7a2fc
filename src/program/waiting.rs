//! Waits for the output and the end of a program, within its time.

use std::io::Read;
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::{TICK, Trouble};
use crate::interrupt;

/// The longest output that is taken, in bytes.
const LIMIT: u64 = 64 * 1024 * 1024;

/// The time limit of the program.
pub(super) struct Patience {
    limit: Duration,
    end: Instant,
}

impl Patience {
    pub(super) fn of(limit: Duration) -> Self {
        Self { limit, end: Instant::now() + limit }
    }

    pub(super) fn left(&self) -> Result<Duration, Trouble> {
        if interrupt::was_received() {
            return Err(Trouble::Interrupted);
        }
        match self.end.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => Ok(left),
            _ => Err(Trouble::Late(self.limit)),
        }
    }
}

/// Reads the output in a thread, because the program may write output before it has read its input, or may never end.
/// Errors: no thread can be started.
pub(super) fn read(pipe: impl Read + Send + 'static) -> Result<mpsc::Receiver<Zeroizing<Vec<u8>>>, Trouble> {
    let (sender, receiver) = mpsc::channel();
    in_a_thread(move || {
        let mut bytes = Zeroizing::new(Vec::new());
        // After an error no more output follows; after the time limit nobody waits for it.
        let _ = pipe.take(LIMIT + 1).read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    })?;
    Ok(receiver)
}

/// Errors: no thread can be started, as under a low limit of processes.
pub(super) fn in_a_thread(work: impl FnOnce() + Send + 'static) -> Result<(), Trouble> {
    thread::Builder::new().spawn(work).map(drop).map_err(|_| Trouble::NotStarted)
}

/// Waits for the whole output.
/// Errors: it does not end in time, or has no end.
pub(super) fn receive(
    answer: &mpsc::Receiver<Zeroizing<Vec<u8>>>,
    patience: &Patience,
) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    loop {
        match answer.recv_timeout(patience.left()?.min(TICK)) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(output) if output.len() as u64 > LIMIT => return Err(Trouble::too_long()),
            received => return Ok(received.unwrap_or_default()),
        }
    }
}

pub(super) fn wait(child: &mut Child, patience: &Patience) -> Result<ExitStatus, Trouble> {
    let mut pause = Duration::from_millis(1);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) => thread::sleep(patience.left()?.min(pause)),
            Err(_) => return Err(Trouble::Late(patience.limit)),
        }
        pause = (pause * 2).min(TICK);
    }
}
