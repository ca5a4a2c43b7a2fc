//! Runs a program with arguments, variables and standard input.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

/// A program to run: its environment holds only the given variables.
pub struct Program {
    command: Command,
    stdin: String,
}

/// The result of a run.
#[derive(Debug)]
pub struct Run {
    /// Its exit status.
    pub status: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Program {
    /// The program at this path.
    pub fn new(path: &Path) -> Self {
        let mut command = Command::new(path);
        command.env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { command, stdin: String::new() }
    }

    /// With more arguments.
    pub fn arguments<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    /// With a variable.
    pub fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// In this directory.
    pub fn directory(mut self, path: &Path) -> Self {
        self.command.current_dir(path);
        self
    }

    /// With this on its stdin.
    pub fn stdin(mut self, text: &str) -> Self {
        text.clone_into(&mut self.stdin);
        self
    }

    /// Starts the program, which has to end when its stdin closes: the end of the test process always closes it.
    pub fn start(mut self) -> Child {
        self.command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Starts the program at this terminal.
    pub fn start_at(mut self, terminal: File) -> Child {
        let [stdin, stdout] = [&terminal, &terminal].map(|terminal| terminal.try_clone().unwrap());
        self.command.stdin(stdin).stdout(stdout).stderr(terminal).spawn().unwrap()
    }

    /// Starts the program without standard input, so that a test ends it before it has done everything.
    pub fn begin(mut self) -> Child {
        self.command.stdin(Stdio::null()).spawn().unwrap()
    }

    /// Runs the program to its end.
    pub fn run(mut self) -> Run {
        let mut child =
            self.command.spawn().unwrap_or_else(|error| panic!("{:?}: {error}", self.command.get_program()));
        let mut pipe = child.stdin.take().unwrap();
        // A program may end without reading everything.
        let writer = thread::spawn(move || pipe.write_all(self.stdin.as_bytes()).ok());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Run {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Run {
    /// Its standard output, if it succeeded.
    #[track_caller]
    pub fn succeeded(self) -> String {
        assert_eq!(self.status, 0, "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    /// Its standard error, if it failed.
    #[track_caller]
    pub fn failed(self) -> String {
        assert_ne!(self.status, 0, "{}{}", self.stdout, self.stderr);
        self.stderr
    }
}
