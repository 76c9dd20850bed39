//! States that came back: each is of use once, so that nobody spends what others have by coming back with the same one.
//!
//! In: states that are ours. Out: whether one comes for the first time to this replica. Guarantees: never more than so many are kept,
//! none of them for longer than a sign-in may last; where there is no room all are forgotten, and the pace of an address alone counts.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// So many are kept.
const MOST: usize = 50_000;

/// Those that came.
pub(super) struct Spent {
    longest: Duration,
    known: Mutex<HashMap<[u8; 32], Instant>>,
}

impl Spent {
    /// None yet; each is kept for so long.
    pub(super) fn new(longest: Duration) -> Self {
        Self { longest, known: Mutex::default() }
    }

    /// Spends a state; `false` where that was done before.
    pub(super) fn spend(&self, state: &str) -> bool {
        self.spend_at(state, Instant::now())
    }

    fn spend_at(&self, state: &str, now: Instant) -> bool {
        let mut known = self.lock();
        let is_young = |came: &Instant| now.saturating_duration_since(*came) <= self.longest;
        if known.len() >= MOST {
            known.retain(|_, came| is_young(came));
            if known.len() >= MOST {
                known.clear();
            }
        }
        let before = known.insert(key(state), now);
        before.is_none_or(|came| !is_young(&came))
    }

    /// Gives one back: nothing was asked for it.
    pub(super) fn give_back(&self, state: &str) {
        self.lock().remove(&key(state));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Instant>> {
        // Each change is whole before the next begins.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(state: &str) -> [u8; 32] {
    *blake3::hash(state.as_bytes()).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_once() {
        let (spent, now) = (Spent::new(Duration::from_secs(10)), Instant::now());
        assert!(spent.spend_at("a", now) && !spent.spend_at("a", now) && spent.spend_at("b", now));
        spent.give_back("b");
        assert!(spent.spend_at("b", now));
        assert!(spent.spend_at("a", now + Duration::from_secs(30)), "nobody could use it any more");
        for number in 0..=MOST {
            spent.spend_at(&number.to_string(), now);
        }
        assert!(spent.lock().len() <= MOST);
    }
}
