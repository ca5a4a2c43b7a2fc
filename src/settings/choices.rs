//! Names the choices of the core where the rooms of the program look for them.

pub use regcred_core::spec::choice::{Choice, Format, Link, Patcher, Profile, Protect, SealingScope, Strategy};
pub use regcred_core::spec::combination::{Chart, Combination, Wish, protection_table, table};
