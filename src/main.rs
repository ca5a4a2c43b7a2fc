//! Runs `regcred`: parse, capture, run, report.

use std::process::ExitCode;

use regcred::cli::Arguments;
use regcred::environment::Environment;
use regcred::{commands, interrupt, memory, report};

fn main() -> ExitCode {
    memory::protect();
    let status = match Arguments::read() {
        Ok(arguments) => report::finish(commands::run(arguments, &Environment::capture())),
        Err(answer) => answer.finish(),
    };
    interrupt::pass_on();
    status
}
