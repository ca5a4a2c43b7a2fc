//! Runs a program at a pseudo-terminal, as a person would.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use super::bench::Bench;
use super::program::Program;
use super::pty;

/// The bytes of Ctrl-C and Ctrl-D.
pub const CTRL_C: &str = "\u{3}";
pub const CTRL_D: &str = "\u{4}";

/// A program whose standard input, output and error are one terminal.
pub struct Session {
    child: Child,
    keyboard: File,
    shown: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Session {
    /// Starts `regcred` with these arguments, in a new session with this terminal.
    pub fn start(bench: &Bench, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let shell = ["-c", r#"exec setsid --ctty regcred "$@""#, "sh"];
        let program = bench.program("sh").arguments(shell).arguments(arguments).variable("TERM", "xterm");
        let program = program.variable("KUBECONFIG", bench.account_for(arguments));
        let program = variables.iter().fold(program, |program, (name, value)| program.variable(name, value));
        Self::of(program)
    }

    fn of(program: Program) -> Self {
        let (keyboard, terminal) = pty::pair();
        let child = program.start_at(terminal);
        let shown = Arc::new(Mutex::new(Vec::new()));
        let (mut screen, seen) = (keyboard.try_clone().unwrap(), Arc::clone(&shown));
        // When the last program has left a terminal, reading from it is an error.
        let reader = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                seen.lock().unwrap().extend_from_slice(&bytes[..count]);
            }
        });
        Self { child, keyboard, shown, reader }
    }

    /// Types this text as soon as the terminal shows that text.
    pub fn answer(&mut self, question: &str, keys: &str) {
        Bench::wait(question, || String::from_utf8_lossy(&self.shown.lock().unwrap()).contains(question));
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// The exit status, and everything that was shown.
    pub fn end(mut self) -> (ExitStatus, String) {
        let mut status = None;
        Bench::wait("the program to end", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        self.reader.join().unwrap();
        let shown = String::from_utf8_lossy(&self.shown.lock().unwrap()).replace("\r\n", "\n");
        (status.unwrap(), shown)
    }
}
