//! Speaks with the API server for the controller: watches, writes, the lease, Events, and the check of the confining policies.

pub mod check;
pub mod events;
pub mod lease;
pub mod pods;
pub mod resource;
mod seen;
pub mod stream;
pub mod watch;
pub mod write;
