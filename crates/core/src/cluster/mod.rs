//! Compares a live cluster with the wanted objects, from facts that were read before.
//!
//! No module here talks to a cluster: `regcred-cluster` reads the [`facts`], and executes the [`Step`]s of a [`Comparison`].

mod compare;
pub mod confine;
pub mod content;
pub mod delivery;
pub mod facts;
pub mod grant;
pub mod installation;
mod judge;
pub mod ownership;
pub mod pods;
pub mod policy;
pub mod probe;
pub mod reference;
pub mod removal;
pub mod selection;
pub mod status;
pub mod stuck;

pub use compare::{Comparison, Object, Step};
pub use delivery::{Accounts, Delivery, OnConflict, PullSecret, Unchangeable};
pub use facts::{Facts, Space};
pub use judge::Judged;
pub use removal::Removal;
