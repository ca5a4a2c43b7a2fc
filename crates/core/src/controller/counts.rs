//! Counts the namespaces by how they are, as each of them changes: there may be many.

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

impl Counts {
    /// A namespace was in one standing, and is in another.
    pub(super) fn moved(&mut self, from: &Standing, to: &Standing) {
        self.count(from, |count| count.saturating_sub(1));
        self.count(to, |count| count + 1);
    }

    fn count(&mut self, standing: &Standing, change: impl Fn(usize) -> usize) {
        let count = match standing {
            Standing::Unwanted => return,
            Standing::Served => &mut self.served,
            Standing::Pending | Standing::Leaving => &mut self.pending,
            Standing::Left(..) => &mut self.left,
            Standing::Failing(..) => &mut self.failing,
            Standing::Contested(..) => &mut self.contested,
        };
        *count = change(*count);
        if *standing != Standing::Leaving {
            self.wanted = change(self.wanted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_that_moves_is_counted_where_it_is() {
        let mut counts = Counts::default();
        for (from, to) in [
            (Standing::Unwanted, Standing::Pending),
            (Standing::Unwanted, Standing::Served),
            (Standing::Pending, Standing::Served),
            (Standing::Served, Standing::Leaving),
        ] {
            counts.moved(&from, &to);
        }
        assert_eq!(counts, Counts { wanted: 1, served: 1, pending: 1, ..Counts::default() });
        counts.moved(&Standing::Leaving, &Standing::Unwanted);
        counts.moved(&Standing::Served, &Standing::Unwanted);
        assert_eq!(counts, Counts::default());
    }
}
