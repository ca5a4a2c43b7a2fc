//! Holds the last error of a watch, and logs an equal error at most once a minute.

use std::time::Duration;

use tokio::time::Instant;

use super::log;

/// How often the same error of a watch is logged.
const AGAIN: Duration = Duration::from_secs(60);
/// A watch that keeps failing fails again within this time, even if no connection can be made.
const RETRIES: Duration = Duration::from_secs(35);
/// A watch that has failed for so long makes the replica unready.
const LONG: Duration = Duration::from_secs(180);

/// The last error of a watch.
#[derive(Default)]
pub struct LastError(Option<Failure>);

struct Failure {
    words: String,
    logged: Instant,
    /// The first and the last error of a series without a pause.
    first: Instant,
    last: Instant,
}

impl LastError {
    /// Takes the error of a watch that goes on.
    pub fn say(&mut self, watch: &str, words: String, now: Instant) {
        let first = self.0.as_ref().filter(|failure| failure.is_recent(now)).map_or(now, |failure| failure.first);
        let is_known = |failure: &&Failure| failure.words == words && now.duration_since(failure.logged) < AGAIN;
        let logged = self.0.as_ref().filter(is_known).map(|failure| failure.logged);
        if logged.is_none() {
            log::warn("a watch failed and goes on", &[("watch", watch), ("why", &words)]);
        }
        self.0 = Some(Failure { words, logged: logged.unwrap_or(now), first, last: now });
    }

    /// The last message.
    pub fn words(&self) -> Option<&str> {
        self.0.as_ref().map(|failure| failure.words.as_str())
    }

    /// The last message of a watch that has failed for several minutes.
    pub fn lasting(&self, now: Instant) -> Option<&str> {
        let lasts = |failure: &&Failure| failure.is_recent(now) && now.duration_since(failure.first) >= LONG;
        self.0.as_ref().filter(lasts).map(|failure| failure.words.as_str())
    }
}

impl Failure {
    fn is_recent(&self, now: Instant) -> bool {
        now.duration_since(self.last) < RETRIES
    }
}
