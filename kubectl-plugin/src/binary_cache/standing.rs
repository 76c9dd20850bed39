//! Whether a place is still asked.
//!
//! In: the time, and what became of requests. Out: whether to send one now, and whether a failure is to be told. A place that
//! failed is left alone, for good or for a while; a run says so once.

use std::time::{Duration, Instant};

/// How a place stands.
#[derive(Debug)]
pub(super) struct Standing {
    /// After this time it is tried again; never where absent.
    pause: Option<Duration>,
    failed: Option<Instant>,
    is_told: bool,
}

impl Standing {
    pub(super) fn new(pause: Option<Duration>) -> Self {
        Self { pause, failed: None, is_told: false }
    }

    /// Whether a request may be sent now. After a pause one tries, and the others still wait for what comes of it.
    pub(super) fn may_ask(&mut self, now: Instant) -> bool {
        let Some(failed) = self.failed else { return true };
        let tries = self.pause.is_some_and(|pause| now.saturating_duration_since(failed) >= pause);
        if tries {
            self.failed = Some(now);
        }
        tries
    }

    /// A request came to nothing. Gives whether that is news.
    pub(super) fn failed(&mut self, now: Instant) -> bool {
        self.failed = Some(now);
        !std::mem::replace(&mut self.is_told, true)
    }

    /// A request that was sent then was answered. One that was under way when another failed says nothing of now; where the
    /// place is left alone for good, all were.
    pub(super) fn answered(&mut self, sent: Instant) {
        if self.pause.is_some() && self.failed.is_some_and(|failed| failed <= sent) {
            (self.failed, self.is_told) = (None, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_pause_it_is_left_alone_for_good() {
        let (mut standing, now) = (Standing::new(None), Instant::now());
        assert!(standing.may_ask(now) && standing.may_ask(now), "all is well");
        assert!(standing.failed(now), "it is told");
        assert!(!standing.failed(now), "once");
        standing.answered(now + Duration::from_secs(1));
        assert!(!standing.may_ask(now + Duration::from_hours(1)));
    }

    #[test]
    fn after_a_pause_one_tries_and_the_next_failure_is_news() {
        let pause = Duration::from_mins(1);
        let (mut standing, now) = (Standing::new(Some(pause)), Instant::now());
        assert!(standing.failed(now));
        assert!(!standing.may_ask(now + Duration::from_secs(59)));
        assert!(standing.may_ask(now + pause), "one tries");
        assert!(!standing.may_ask(now + pause), "the others wait for it");
        assert!(!standing.failed(now + pause), "the same failure");
        assert!(standing.may_ask(now + pause * 2));
        standing.answered(now);
        assert!(!standing.may_ask(now + pause * 2), "it was under way before");
        standing.answered(now + pause * 2);
        assert!(standing.may_ask(now + pause * 2) && standing.failed(now + pause * 2), "another");
    }
}
