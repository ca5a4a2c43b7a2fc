//! Writes actions and reasons as text.

use std::fmt;

use super::{Action, Reason};

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "created",
            Self::Update => "updated",
            Self::Delete => "removed",
            Self::Keep => "kept",
            Self::Refuse => "refused",
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "missing",
            Self::Stale | Self::AnotherRecipient => "stale",
            Self::Edited | Self::Merged | Self::Unsigned | Self::Different => "different",
            Self::Reseal => "to re-encrypt",
            Self::LeftOver => "left over",
            Self::NotOurs => "not regcred's",
            Self::Current => "current",
            Self::NotCompared | Self::Unproven => "not compared",
            Self::NotLinked => "not linked",
            Self::Unchangeable => "not changeable",
            Self::TakenOver => "taken over",
            Self::Managed => "managed by another tool",
        })
    }
}
