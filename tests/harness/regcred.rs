//! Runs `regcred` itself.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs `regcred` with only these variables, and nothing on stdin.
pub fn regcred(directory: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_regcred"))
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}
