//! When to leave a server alone that does not answer.
//!
//! In: the time, and what became of requests. Out: whether to send one now. After a failure nothing is sent for a while;
//! then one request tries whether the server is back, and the others still wait for what comes of it.

use std::time::{Duration, Instant};

/// How long a server that failed is left alone.
pub(super) const PAUSE: Duration = Duration::from_secs(5);

/// Whether requests may be sent.
#[derive(Debug, Default)]
pub(super) struct Circuit {
    /// Nothing is sent before this; absent while all is well.
    until: Option<Instant>,
}

impl Circuit {
    /// Whether a request may be sent now. Whoever is told so must say what became of it.
    pub(super) fn may_send(&mut self, now: Instant) -> bool {
        match self.until {
            Some(until) if now < until => false,
            Some(_) => {
                self.until = Some(now + PAUSE);
                true
            }
            None => true,
        }
    }

    pub(super) fn succeeded(&mut self) {
        self.until = None;
    }

    pub(super) fn failed(&mut self, now: Instant) {
        self.until = Some(now + PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_failure_one_request_tries_and_the_others_wait() {
        let (mut circuit, begun) = (Circuit::default(), Instant::now());
        let (tick, nearly) = (Duration::from_millis(1), PAUSE.saturating_sub(Duration::from_millis(1)));
        assert!(circuit.may_send(begun) && circuit.may_send(begun), "all is well");
        circuit.failed(begun);
        assert!(!circuit.may_send(begun + nearly));
        assert!(circuit.may_send(begun + PAUSE), "one tries");
        assert!(!circuit.may_send(begun + PAUSE + tick), "the others wait for it");
        circuit.failed(begun + PAUSE + tick);
        assert!(!circuit.may_send(begun + PAUSE * 2));
        assert!(circuit.may_send(begun + PAUSE * 2 + tick));
        circuit.succeeded();
        assert!(circuit.may_send(begun + PAUSE * 2 + tick));
    }

    #[test]
    fn a_try_of_which_nothing_was_heard_is_followed_by_another() {
        let (mut circuit, begun) = (Circuit::default(), Instant::now());
        circuit.failed(begun);
        assert!(circuit.may_send(begun + PAUSE));
        assert!(circuit.may_send(begun + PAUSE * 2), "whoever tried was stopped");
    }
}
