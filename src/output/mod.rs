//! Output: manifests or a value in, bytes on stdout, in a file or in a tree out. The only printer of data.

pub mod stream;

use std::io;

use crate::problem::{Failure, Problem};

/// What a writer's error means to the user: a closed pipe is a success, a full disk is named.
#[must_use]
pub fn failure(error: &io::Error, target: &str) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Failure::ClosedPipe;
    }
    Failure::of(
        "the output",
        Problem::error("unwritable", format!("{target} cannot be written: {}", error.kind()))
            .hint("check that the place exists, that this user may write there, and that it is not full"),
    )
}
