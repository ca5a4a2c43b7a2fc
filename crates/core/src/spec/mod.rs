//! Holds what a user chooses, and the tables of what can be chosen together.

pub mod choice;
pub mod combination;
pub mod external;
pub mod go;
