//! Waits for the output and the end of a program, within its time.

use std::io::Read;
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::{TICK, Trouble};
use crate::interrupt;

/// The time limit of the program.
pub(super) struct Patience {
    limit: Duration,
    end: Instant,
}

impl Patience {
    pub(super) fn of(limit: Duration) -> Self {
        Self { limit, end: Instant::now() + limit }
    }

    /// The time that is left.
    pub(super) fn left(&self) -> Result<Duration, Trouble> {
        if interrupt::has_come() {
            return Err(Trouble::Interrupted);
        }
        match self.end.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => Ok(left),
            _ => Err(Trouble::Late(self.limit)),
        }
    }
}

pub(super) fn read(mut pipe: impl Read + Send + 'static) -> mpsc::Receiver<Zeroizing<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Zeroizing::new(Vec::new());
        // The output before an error is all there is; after the time limit nobody waits for it.
        let _ = pipe.read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    receiver
}

/// Waits for the whole output.
pub(super) fn receive(
    answer: &mpsc::Receiver<Zeroizing<Vec<u8>>>,
    patience: &Patience,
) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    loop {
        match answer.recv_timeout(patience.left()?.min(TICK)) {
            Err(RecvTimeoutError::Timeout) => {}
            received => return Ok(received.unwrap_or_default()),
        }
    }
}

/// Waits for the end.
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
