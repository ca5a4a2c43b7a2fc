//! Asks a question at the terminal before something is deleted.

use std::io::{self, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::interrupt;

/// How often the wait for an answer checks for a signal.
const TICK: Duration = Duration::from_millis(50);

/// Whether the answer is yes. The end of the input and Ctrl-C mean no.
/// Errors: the question cannot be written.
pub(super) fn is_yes(question: &str) -> io::Result<bool> {
    let mut terminal = io::stderr().lock();
    write!(terminal, "{question} [y/N] ")?;
    terminal.flush()?;
    let answer = answer();
    if !answer.ends_with('\n') {
        writeln!(terminal)?;
    }
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

/// The line that a person types. A signal does not end the read of a terminal, so another thread reads.
fn answer() -> String {
    let (sender, receiver) = mpsc::channel();
    // Without a thread there is no answer.
    let _ = thread::Builder::new().spawn(move || {
        let mut line = String::new();
        let _ = io::stdin().read_line(&mut line);
        let _ = sender.send(line);
    });
    loop {
        match receiver.recv_timeout(TICK) {
            Ok(line) => return line,
            Err(RecvTimeoutError::Timeout) if !interrupt::was_received() => {}
            Err(_) => return String::new(),
        }
    }
}
