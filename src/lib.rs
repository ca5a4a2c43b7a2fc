//! Registry logins from CI variables to pull Secrets in every namespace.
//!
//! ```text
//! process environment, files, stdin
//!   ─► Environment     one immutable snapshot
//!   ─► Settings        flags + environment + regcred.yaml, resolved
//!   ─► Credentials     one entry a registry
//!   ─► DockerConfig    sorted, canonical
//!   ─► Manifests       a lazy, ordered sequence
//!   ─► Documents       in clear, sealed, encrypted by sops, or without a secret
//!   ─► output          a stream, or a tree of files
//! ```
//! Each station takes what the one before gives.

#[cfg(not(unix))]
compile_error!("regcred needs a Unix: modes and links of files keep its secrets safe; on Windows use WSL");

pub mod cli;
pub mod commands;
#[cfg(feature = "cluster")]
mod controller;
mod credentials;
pub mod environment;
mod files;
pub mod interrupt;
mod krm;
pub mod memory;
mod program;
mod protect;
#[cfg(feature = "cluster")]
mod registry;
pub mod report;
mod settings;
mod templates;

/// The private modules that the tests and benchmarks of this repository use.
#[doc(hidden)]
pub mod internals {
    pub use crate::credentials::Credentials;
    pub use crate::files::Protection;
    pub use crate::files::folder::entry::{Content, Entry, NeedsLogins};
    pub use crate::files::folder::root::Kind;
    pub use crate::files::folder::{Mode, Prepared, prepare};
    pub use crate::files::marks::Known;
    pub use crate::files::new_paths::NewPaths;
    pub use crate::protect::WriteError;
    pub use crate::protect::encrypted::Encrypted;
    pub use crate::protect::sealed::certificate;
    pub use crate::protect::sealed::seal::seal;
    pub use crate::settings::file;
    pub use crate::settings::target::Target;
}
