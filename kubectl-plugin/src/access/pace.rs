//! How often something may happen: so many at once, and then so many a second, for each of those who do it.
//!
//! In: who does it. Out: whether it may be done now. Guarantees: never more than so many are known; those who come when there
//! is no room share what one of them has.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// What each may do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// At once.
    pub burst: f64,
    /// In a second, afterwards.
    pub a_second: f64,
}

/// Who has how much left.
#[derive(Debug)]
pub struct Pace<K> {
    rate: Rate,
    most: usize,
    known: Mutex<Known<K>>,
}

#[derive(Debug)]
struct Known<K> {
    each: HashMap<K, Left>,
    /// Of all for whom there is no room.
    others: Left,
}

#[derive(Debug, Clone, Copy)]
struct Left {
    tokens: f64,
    at: Instant,
}

impl<K: Eq + Hash + Clone> Pace<K> {
    /// This rate, for so many.
    #[must_use]
    pub fn new(rate: Rate, most: usize) -> Self {
        let others = Left { tokens: rate.burst, at: Instant::now() };
        Self { rate, most, known: Mutex::new(Known { each: HashMap::new(), others }) }
    }

    /// Takes one; `false` where there is none left.
    pub fn take(&self, who: &K) -> bool {
        self.take_at(who, Instant::now())
    }

    /// Whether there is one left.
    pub fn has(&self, who: &K) -> bool {
        let now = Instant::now();
        let known = self.lock();
        known.each.get(who).is_none_or(|left| left.filled(self.rate, now).tokens >= 1.0)
    }

    fn take_at(&self, who: &K, now: Instant) -> bool {
        let mut known = self.lock();
        if !known.each.contains_key(who) && known.each.len() >= self.most {
            let rate = self.rate;
            known.each.retain(|_, left| left.filled(rate, now).tokens < rate.burst);
        }
        let is_full = known.each.len() >= self.most;
        let new = Left { tokens: self.rate.burst, at: now };
        let left = if known.each.contains_key(who) || !is_full {
            known.each.entry(who.clone()).or_insert(new)
        } else {
            &mut known.others
        };
        *left = left.filled(self.rate, now);
        let may = left.tokens >= 1.0;
        if may {
            left.tokens -= 1.0;
        }
        may
    }

    fn lock(&self) -> MutexGuard<'_, Known<K>> {
        // Each change is whole before the next begins.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Left {
    fn filled(self, rate: Rate, now: Instant) -> Self {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        Self { tokens: (self.tokens + passed * rate.a_second).min(rate.burst), at: now }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const RATE: Rate = Rate { burst: 2.0, a_second: 1.0 };

    #[test]
    fn each_has_its_own() {
        let (pace, now) = (Pace::new(RATE, 10), Instant::now());
        let take = |who: &str, after: u64| pace.take_at(&who.to_owned(), now + Duration::from_secs(after));
        assert!(take("a", 0) && take("a", 0) && !take("a", 0));
        assert!(take("b", 0), "another has not taken any");
        assert!(take("a", 1) && !take("a", 1), "one came back");
        assert!(take("a", 100) && take("a", 100) && !take("a", 100), "never more than at first");
    }

    #[test]
    fn those_for_whom_there_is_no_room_share_one() {
        let (pace, now) = (Pace::new(RATE, 2), Instant::now());
        let take = |who: u32, after: u64| pace.take_at(&who, now + Duration::from_secs(after));
        assert!(take(1, 0) && take(2, 0));
        assert_eq!((3..1000).filter(|who| take(*who, 0)).count(), 2, "whoever comes with many names has no more of it");
        assert!(take(1, 0), "who was there is not in their way");
        assert!(take(5000, 60), "those who have not done anything for long have gone");
    }
}
