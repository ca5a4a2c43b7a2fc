//! Captures the environment, parses the arguments, runs the command and reports the result. After a signal, the program ends by that signal.

use std::process::ExitCode;

use regcred::cli::Arguments;
use regcred::environment::Environment;
use regcred::{commands, interrupt, memory, report};

fn main() -> ExitCode {
    memory::protect();
    let environment = Environment::capture();
    let status = match Arguments::read(&environment) {
        Ok(arguments) => report::finish(commands::run(arguments, &environment)),
        Err(answer) => answer.finish(),
    };
    interrupt::end_by_signal();
    status
}
