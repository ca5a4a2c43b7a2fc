//! Counts the namespaces by how they are.

use super::machine::Machine;
use super::namespace::Standing;

/// How many namespaces are how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Chosen ones.
    pub wanted: usize,
    /// Those that have everything.
    pub served: usize,
    /// Those with something to write or to remove.
    pub pending: usize,
    /// Those with a Secret of somebody else.
    pub left: usize,
    /// Those where a write fails.
    pub failing: usize,
    /// Those where another manager undoes what is written.
    pub contested: usize,
}

impl Machine<'_> {
    /// How many namespaces are how.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (_, standing) in self.standings() {
            let count = match standing {
                Standing::Unwanted => continue,
                Standing::Served => &mut counts.served,
                Standing::Leaving => {
                    counts.pending += 1;
                    continue;
                }
                Standing::Pending => &mut counts.pending,
                Standing::Left(..) => &mut counts.left,
                Standing::Failing(..) => &mut counts.failing,
                Standing::Contested(..) => &mut counts.contested,
            };
            *count += 1;
            counts.wanted += 1;
        }
        counts
    }
}
