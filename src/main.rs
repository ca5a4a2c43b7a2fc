//! `regcred`: arguments and the environment in, manifests out. Parse, capture, run, report.

use std::process::ExitCode;

use regcred::cli::Arguments;
use regcred::environment::Environment;
use regcred::{commands, report};

fn main() -> ExitCode {
    let environment = Environment::capture();
    match Arguments::read(&environment) {
        Ok(arguments) => report::finish(commands::run(arguments, &environment)),
        Err(answer) => answer.finish(),
    }
}
