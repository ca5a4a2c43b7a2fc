//! `regcred`: arguments and the environment in, manifests out. Parse, capture, run, report.

use std::process::ExitCode;

use regcred::cli::Arguments;
use regcred::environment::Environment;
use regcred::{commands, report};

fn main() -> ExitCode {
    match Arguments::read() {
        Ok(arguments) => report::finish(commands::run(arguments, &Environment::capture())),
        Err(answer) => answer.finish(),
    }
}
