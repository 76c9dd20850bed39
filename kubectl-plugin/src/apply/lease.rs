//! Holding the lock while a run lasts.
//!
//! In: the head as it was written with our lock in it. Out: permission to send, as long as the lease outlives any
//! request that is sent now. The lease is renewed by writing the head again; where that fails because somebody else
//! changed it, the run has lost the lock and sends nothing any more. A lease that is over may still be renewed: the write
//! fails where anybody has taken over since, so that nobody is pushed aside.

use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::record::head::Lock;
use crate::record::holder::Holder;
use crate::record::{Found, Head, RecordError, Records};

/// How long a lease is, in request timeouts.
const LEASE_TIMEOUTS: u32 = 3;

/// Longest pause between two attempts to renew.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A lock for a new run that begins at `now`, by the server's clock: expires after three request timeouts.
#[must_use]
pub fn new_lock(holder: Holder, request_timeout: Duration, now: Timestamp) -> Lock {
    let lease = request_timeout * LEASE_TIMEOUTS;
    let expires = now + SignedDuration::try_from(lease).unwrap_or(SignedDuration::from_secs(60));
    let (lease_seconds, request_timeout_seconds) = (lease.as_secs(), request_timeout.as_secs());
    Lock { holder, expires, lease_seconds, request_timeout_seconds }
}

/// The lock of a run.
pub struct Lease {
    records: Records,
    state: Mutex<State>,
    request_timeout: Duration,
}

struct State {
    found: Found,
    /// From before the write that set it.
    since: Moment,
    lost: Option<Lost>,
}

/// The lock is gone, or nobody knows whether it is.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Lost {
    /// Somebody else is at work.
    #[error("this run lost its lock: another one took over")]
    TakenOver,
    /// Nobody is known to have taken over.
    #[error("this run could not renew its lock: {0}")]
    NotRenewed(String),
}

/// A moment by two clocks. The steady one stands still while a machine sleeps, and the other may be set.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    steady: Instant,
    wall: SystemTime,
}

impl Moment {
    /// Now.
    #[must_use]
    pub fn now() -> Self {
        Self { steady: Instant::now(), wall: SystemTime::now() }
    }

    /// How much time has passed since `before`, by the clock that says more: a lease that one of them says is over may be.
    #[must_use]
    pub fn after(self, before: Self) -> Duration {
        let wall = self.wall.duration_since(before.wall).unwrap_or_default();
        self.steadily_after(before).max(wall)
    }

    /// How much time has passed since `before`, by the steady clock: so much has passed for sure.
    #[must_use]
    pub fn steadily_after(self, before: Self) -> Duration {
        self.steady.saturating_duration_since(before.steady)
    }
}

impl Lease {
    /// A lease that began before `written`, the moment at which the head was sent.
    #[must_use]
    pub fn new(records: Records, found: Found, written: Moment, request_timeout: Duration) -> Self {
        Self { records, state: Mutex::new(State { found, since: written, lost: None }), request_timeout }
    }

    /// Whether a request may be sent now. Renews the lease where it is too short, and waits for that.
    pub async fn permit(&self) -> Result<(), Lost> {
        let mut state = self.state.lock().await;
        let mut pause = Duration::from_millis(100);
        loop {
            if let Some(lost) = &state.lost {
                return Err(lost.clone());
            }
            // Renewed with a margin, so that the usual request never waits for it.
            if self.is_left(&state, 2) {
                return Ok(());
            }
            let Err(error) = self.replace(&mut state, &|_| {}).await else { continue };
            // Renewing may itself have taken long.
            if state.lost.is_none() && self.is_left(&state, 1) {
                return Ok(());
            }
            self.give_up_in_time(&mut state, &error);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Writes a change to the head, for as long as the lease lasts and as long again: what it says must be in the record
    /// before the run goes on. The lease begins anew with it.
    pub async fn write(&self, change: impl Fn(&mut Head)) -> Result<(), Lost> {
        let mut state = self.state.lock().await;
        let mut pause = Duration::from_millis(100);
        loop {
            if let Some(lost) = &state.lost {
                return Err(lost.clone());
            }
            let Err(error) = self.replace(&mut state, &change).await else { return Ok(()) };
            self.give_up_in_time(&mut state, &error);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Whether the lease lasts for so many requests, one after another.
    fn is_left(&self, state: &State, requests: u32) -> bool {
        Moment::now().after(state.since) + self.request_timeout * requests <= self.request_timeout * LEASE_TIMEOUTS
    }

    /// A lease that cannot be renewed for twice its length is given up.
    fn give_up_in_time(&self, state: &mut State, error: &RecordError) {
        let is_over = Moment::now().after(state.since) >= self.request_timeout * LEASE_TIMEOUTS * 2;
        if is_over && state.lost.is_none() {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            state.lost = Some(Lost::NotRenewed(cause.unwrap_or_else(|| error.to_string())));
        }
    }

    async fn replace(&self, state: &mut State, change: &impl Fn(&mut Head)) -> Result<(), RecordError> {
        let since = Moment::now();
        let mut head = state.found.head.clone();
        change(&mut head);
        if let Some(lock) = &mut head.lock {
            *lock = new_lock(lock.holder.clone(), self.request_timeout, self.records.now());
        }
        match self.records.replace(&state.found, head, None).await {
            Ok(found) => {
                (state.found, state.since) = (found, since);
                Ok(())
            }
            Err(error) => {
                if matches!(error, RecordError::Moved) {
                    self.look_again(state).await;
                }
                Err(error)
            }
        }
    }

    /// Somebody wrote the head: another run, or an earlier write of our own that had been given up. That one has begun a
    /// lease of which it is not known when; the one before it counts.
    async fn look_again(&self, state: &mut State) {
        let Ok(Some(found)) = self.records.load(&state.found.head.application).await else { return };
        let run = |found: &Found| found.head.lock.as_ref().map(|lock| lock.holder.run.clone());
        if run(&found) == run(&state.found) {
            state.found = found;
        } else {
            state.lost = Some(Lost::TakenOver);
        }
    }

    /// The head as it was last written, to write the last one: that fails where another run has taken over since.
    pub async fn end(&self) -> Result<Found, Lost> {
        let state = self.state.lock().await;
        match &state.lost {
            Some(lost @ Lost::TakenOver) => Err(lost.clone()),
            Some(Lost::NotRenewed(_)) | None => Ok(state.found.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_that_says_more_counts() {
        let begun = Moment::now();
        let (second, hour) = (Duration::from_secs(1), Duration::from_hours(1));
        let at = |steady, wall| Moment { steady: begun.steady + steady, wall };
        assert_eq!(at(second, begun.wall + second).after(begun), second);
        assert_eq!(at(second, begun.wall + hour).after(begun), hour, "the machine slept, or the clock was set");
        assert_eq!(at(second, begun.wall - hour).after(begun), second, "the clock was set back");
    }
}
