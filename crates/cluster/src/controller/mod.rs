//! Talks to the API server for the controller: watches, writes, the Lease, Events, and the check of the confining policies.

pub mod check;
pub mod events;
pub mod lease;
pub mod pods;
mod polled;
pub mod resource;
pub mod rights;
mod seen;
pub mod stream;
pub mod watch;
pub mod write;
