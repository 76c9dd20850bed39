//! How many Applications of one cluster are looked at together.
//!
//! In: Applications that are to be looked at. Out: a turn, now or later. A cluster that does not answer, or answers slowly, holds
//! its own turns and nobody else's: whoever gets none waits here, without holding anything, and is told when it gets one.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::application::AppId;

/// The turns of a cluster.
#[derive(Debug)]
pub struct Turns {
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How many are taken, with those that are kept for somebody.
    taken: usize,
    waiting: VecDeque<AppId>,
    /// Who was told that there is a turn, and has not taken it yet.
    kept_for: BTreeSet<AppId>,
}

impl Turns {
    /// So many at once.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, state: Mutex::default() }
    }

    /// Whether an Application has a turn now; else it is told later, by whoever gives one back.
    #[must_use]
    pub fn take(&self, id: &AppId) -> bool {
        let mut state = self.state();
        if state.kept_for.remove(id) {
            return true;
        }
        if state.taken < self.most {
            state.taken += 1;
            return true;
        }
        if !state.waiting.contains(id) {
            state.waiting.push_back(id.clone());
        }
        false
    }

    /// Gives a turn back. Gives who has it now, and is to be told.
    #[must_use]
    pub fn give_back(&self) -> Option<AppId> {
        self.state().pass_on()
    }

    /// Forgets an Application that does not come any more. Gives who has its turn now, where it had one.
    #[must_use]
    pub fn forget(&self, id: &AppId) -> Option<AppId> {
        let mut state = self.state();
        state.waiting.retain(|waiting| waiting != id);
        if state.kept_for.remove(id) { state.pass_on() } else { None }
    }

    /// How many are taken, and how many wait.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let state = self.state();
        (state.taken, state.waiting.len())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is whole before the next begins.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn pass_on(&mut self) -> Option<AppId> {
        let Some(next) = self.waiting.pop_front() else {
            self.taken = self.taken.saturating_sub(1);
            return None;
        };
        self.kept_for.insert(next.clone());
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> AppId {
        AppId { namespace: "n".to_owned(), name: name.to_owned() }
    }

    #[test]
    fn who_waits_comes_before_who_comes_later() {
        let turns = Turns::new(2);
        let take = |name: &str| turns.take(&id(name));
        assert!(take("a") && take("b") && !take("c") && !take("d") && !take("c"));
        assert_eq!(turns.counts(), (2, 2), "who asks twice waits once");
        assert_eq!(turns.give_back(), Some(id("c")));
        assert!(!take("e"), "that turn is kept for another");
        assert!(take("c"));
        assert_eq!([turns.give_back(), turns.give_back()], [Some(id("d")), Some(id("e"))]);
        assert!(take("e") && take("d"));
        assert_eq!([turns.give_back(), turns.give_back()], [None, None]);
        assert_eq!(turns.counts(), (0, 0));
    }

    #[test]
    fn the_turn_of_who_is_gone_is_not_lost() {
        let turns = Turns::new(1);
        assert!(turns.take(&id("a")) && !turns.take(&id("b")) && !turns.take(&id("c")));
        assert_eq!(turns.give_back(), Some(id("b")));
        assert_eq!(turns.forget(&id("b")), Some(id("c")), "it does not come");
        assert_eq!(turns.forget(&id("c")), None);
        assert_eq!(turns.counts(), (0, 0));
        assert!(turns.take(&id("d")) && !turns.take(&id("e")));
        assert_eq!(turns.forget(&id("e")), None, "it only waited");
        assert_eq!(turns.give_back(), None);
    }
}
