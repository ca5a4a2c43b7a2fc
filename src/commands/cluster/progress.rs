//! Shows at a terminal how many changes of a run are done.

use indicatif::{ProgressBar, ProgressStyle};
use regcred_core::cluster::Step;

/// One line of standard error for all clusters of a run. It is updated, and disappears after the run; without a terminal there is no line.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Shows nothing until changes are expected.
    pub(super) fn new() -> Self {
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} changes, {elapsed}") {
            bar.set_style(style.progress_chars("=> "));
        }
        Self(bar)
    }

    /// Adds the changes of these steps to the total.
    pub(super) fn expect(&self, steps: &[Step]) {
        let changes = steps.iter().filter(|step| step.is_executed()).count();
        if changes > 0 {
            self.0.inc_length(changes as u64);
        }
    }

    /// Counts a change that is done, or failed.
    pub(super) fn count(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
