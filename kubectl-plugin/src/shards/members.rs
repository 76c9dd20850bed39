//! What a replica asks: is this application mine, now?
//!
//! In: the uid of an application. Out: yes or no, by what is known at this instant and the time that has passed since; never
//! by what was known when somebody last looked. A process that was frozen asks with the time at which it wakes up.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::apply::lease::Moment;

use super::membership::{Membership, Standing, Time};

impl Time for Moment {
    fn at_most_since(self, before: Self) -> Duration {
        self.after(before)
    }

    fn at_least_since(self, before: Self) -> Duration {
        self.steadily_after(before)
    }
}

/// The members of a group, as one of them knows them.
#[derive(Clone)]
pub struct Members(Option<Arc<State>>);

/// What is known, and what is wrong.
pub(super) struct State {
    membership: RwLock<Membership<Moment>>,
    trouble: RwLock<Option<String>>,
}

impl Members {
    /// A replica that is the only one, and owns everything.
    #[must_use]
    pub fn alone() -> Self {
        Self(None)
    }

    pub(super) fn new(membership: Membership<Moment>) -> Self {
        Self(Some(Arc::new(State { membership: RwLock::new(membership), trouble: RwLock::default() })))
    }

    /// Whether this replica owns the application with this uid now. To be asked each time before something is done for it.
    #[must_use]
    pub fn owns(&self, application: &str) -> bool {
        self.read(|membership, now| membership.owns(application, now)).unwrap_or(true)
    }

    /// Whether this replica may own anything now.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.read(Membership::standing).unwrap_or(Standing::Member)
    }

    /// The names of the members' Leases, this replica's first; nothing where it is alone.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.read(|membership, _| membership.members().map(str::to_owned).collect()).unwrap_or_default()
    }

    /// Why the Lease could not be renewed or the others could not be seen, the last time that was tried; `None` where both
    /// worked.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let state = self.0.as_ref()?;
        state.trouble.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// With what is known at this instant.
    pub(super) fn read<T>(&self, ask: impl FnOnce(&Membership<Moment>, Moment) -> T) -> Option<T> {
        let state = self.0.as_ref()?;
        // Nothing is ever half written there.
        let membership = state.membership.read().unwrap_or_else(PoisonError::into_inner);
        // The time is that after the lock was had: waiting for it counts.
        Some(ask(&membership, Moment::now()))
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Membership<Moment>)) {
        if let Some(state) = &self.0 {
            change(&mut state.membership.write().unwrap_or_else(PoisonError::into_inner));
        }
    }

    pub(super) fn note(&self, trouble: Option<String>) {
        if let Some(state) = &self.0 {
            *state.trouble.write().unwrap_or_else(PoisonError::into_inner) = trouble;
        }
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut members = formatter.debug_struct("Members");
        members.field("names", &self.names()).field("standing", &self.standing()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shards::membership::Timing;

    #[test]
    fn who_is_alone_owns_everything() {
        let members = Members::alone();
        assert!(members.owns("a") && members.owns(""));
        assert_eq!((members.standing(), members.names(), members.trouble()), (Standing::Member, Vec::new(), None));
    }

    #[test]
    fn what_is_known_counts_with_the_time_of_the_question() {
        let timing = Timing { join: Duration::ZERO, fence: Duration::from_millis(50), ..Timing::default() };
        let members = Members::new(Membership::new("us", timing));
        assert_eq!((members.standing(), members.owns("a")), (Standing::CutOff, false));
        let before = members.clone();
        while !members.owns("a") {
            let now = Moment::now();
            members.change(|membership| {
                membership.renewed(now, now);
                membership.observe(&[], now, now);
            });
        }
        // Nobody says anything to it any more.
        while before.owns("a") {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(before.standing(), Standing::CutOff);
        assert_eq!(before.names(), ["us"]);
    }
}
