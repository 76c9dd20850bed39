//! Answers that are kept for a while.
//!
//! In: keys, answers, what time it is. Out: an answer that is young enough. Guarantees: never more than so many; where there
//! is no room the old ones go, and where all are young, all: an answer that was lost is asked for again.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

/// The answers.
#[derive(Debug)]
pub(super) struct Kept<K, V> {
    answers: HashMap<K, (V, Instant)>,
    most: usize,
    longest: Duration,
}

impl<K: Eq + Hash, V: Clone> Kept<K, V> {
    /// So many, none of them for longer than this.
    pub(super) fn new(most: usize, longest: Duration) -> Self {
        Self { answers: HashMap::new(), most, longest }
    }

    /// An answer, and when it was given, where that is not too long ago.
    pub(super) fn get(&self, key: &K, now: Instant) -> Option<(V, Instant)> {
        let (answer, given) = self.answers.get(key)?;
        (now.saturating_duration_since(*given) <= self.longest).then(|| (answer.clone(), *given))
    }

    /// Keeps an answer.
    pub(super) fn put(&mut self, key: K, answer: V, now: Instant) {
        if self.answers.len() >= self.most && !self.answers.contains_key(&key) {
            let longest = self.longest;
            self.answers.retain(|_, (_, given)| now.saturating_duration_since(*given) <= longest);
            if self.answers.len() >= self.most {
                self.answers.clear();
            }
        }
        self.answers.insert(key, (answer, now));
    }

    /// Forgets an answer.
    pub(super) fn forget(&mut self, key: &K) {
        self.answers.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_grow_old_and_never_many() {
        let (mut kept, start) = (Kept::new(2, Duration::from_secs(10)), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        kept.put(1, "one", start);
        assert_eq!(kept.get(&1, after(10)).map(|(answer, _)| answer), Some("one"));
        assert!(kept.get(&1, after(11)).is_none());
        kept.put(2, "two", after(5));
        kept.put(3, "three", after(12));
        assert!(kept.get(&2, after(12)).is_some() && !kept.answers.contains_key(&1), "the old one went");
        kept.put(4, "four", after(12));
        assert_eq!(kept.answers.len(), 1, "there was no old one");
        kept.forget(&4);
        assert!(kept.get(&4, after(12)).is_none());
    }
}
