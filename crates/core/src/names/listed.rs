//! Shows the first of many names.

use std::fmt;

/// Up to three names, and the number of the others.
pub fn listed(names: &[impl fmt::Display]) -> String {
    const NAMED: usize = 3;
    let shown: Vec<_> = names.iter().take(NAMED).map(ToString::to_string).collect();
    match names.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
