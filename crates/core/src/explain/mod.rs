//! Finds out why an image cannot be pulled, from facts about the cluster and its registry. It asks neither.

mod answers;
mod cause;
mod facts;
mod key;
mod policies;
mod references;
mod remedy;
mod rules;
mod secret;
mod wanted;
mod words;

pub use cause::Cause;
pub use facts::{Account, Candidate, Facts, Place, Pod, PolicyState};
pub use policies::Policies;
pub use rules::{Finding, explain};
pub use secret::{Entry, Held, PullSecret};
pub use wanted::{State, Wanted};
pub use words::Words;
