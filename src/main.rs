//! Parses the arguments, captures the environment, runs the command and reports the result; ends by a received signal.

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
