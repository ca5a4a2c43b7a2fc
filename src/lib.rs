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

pub mod cli;
pub mod commands;
pub mod credentials;
pub mod environment;
pub mod files;
pub mod interrupt;
pub mod krm;

pub mod memory;
pub mod program;
pub mod protect;
#[cfg(feature = "cluster")]
pub mod registry;
pub mod report;
pub mod settings;
pub mod templates;
