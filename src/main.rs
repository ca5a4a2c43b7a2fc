//! `regcred`: arguments and the environment in, manifests out. Parse, capture, run, report; and end by a signal that has come.

use std::process::ExitCode;

use regcred::cli::Arguments;
use regcred::environment::Environment;
use regcred::{commands, interrupt, report};

fn main() -> ExitCode {
    let status = match Arguments::read() {
        Ok(arguments) => report::finish(commands::run(arguments, &Environment::capture())),
        Err(answer) => answer.finish(),
    };
    interrupt::pass_on();
    status
}
