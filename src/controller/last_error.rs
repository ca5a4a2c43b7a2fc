//! Holds the last error of a watch, and logs an equal error at most once a minute.

use std::time::Duration;

use tokio::time::Instant;

use super::log;

/// How often the same error of a watch is logged.
const AGAIN: Duration = Duration::from_secs(60);

/// The last error of a watch, and when it was logged.
#[derive(Default)]
pub struct LastError(Option<(String, Instant)>);

impl LastError {
    /// Takes the error of a watch that goes on.
    pub fn say(&mut self, watch: &str, words: String) {
        let now = Instant::now();
        let is_known = |(said, at): &(String, Instant)| *said == words && now.duration_since(*at) < AGAIN;
        if !self.0.as_ref().is_some_and(is_known) {
            log::warn("a watch failed and goes on", &[("watch", watch), ("why", &words)]);
            self.0 = Some((words, now));
        }
    }

    /// The last message.
    pub fn words(&self) -> Option<&str> {
        self.0.as_ref().map(|(words, _)| words.as_str())
    }
}
