//! Says why a document cannot be written: the writer refuses, or its protector.

use std::io;

use thiserror::Error;

use regcred_core::diagnostic::Failure;

/// Why a document cannot be written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The writer or the file system fails.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The document could not be protected; where it should go does not matter.
    #[error(transparent)]
    Protector(#[from] Failure),
}
