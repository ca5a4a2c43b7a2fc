//! Says why a document cannot be written: the writer refuses, or its protector.

use std::io;

use thiserror::Error;

use regcred_core::diagnostic::Failure;

/// Why a document cannot be written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The writer or the file system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The document could not be protected, wherever it would have gone.
    #[error(transparent)]
    Protector(#[from] Failure),
}
