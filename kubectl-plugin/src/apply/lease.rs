//! Holding the lock while a run lasts.
//!
//! In: the head as it was written with our lock in it. Out: permission to send, as long as the lease outlives any
//! request that is sent now. The lease is renewed by writing the head again; where that fails because somebody else
//! changed it, the run has lost the lock and sends nothing any more.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::record::head::Lock;
use crate::record::holder::Holder;
use crate::record::{Found, Head, RecordError, Records};

/// How long a lease is, in request timeouts.
const LEASE_TIMEOUTS: u32 = 3;

/// A lock for a new run: expires after three request timeouts.
#[must_use]
pub fn new_lock(holder: Holder, request_timeout: Duration) -> Lock {
    let lease = request_timeout * LEASE_TIMEOUTS;
    let expires = Timestamp::now() + SignedDuration::try_from(lease).unwrap_or(SignedDuration::from_secs(60));
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
    /// By our own monotonic clock, counted from before the write that set it.
    until: Instant,
    lost: bool,
}

/// The lock is gone; somebody else may be at work.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("this run lost its lock: another one took over")]
pub struct Lost;

impl Lease {
    /// A lease that began before `written`, the moment at which the head was sent.
    #[must_use]
    pub fn new(records: Records, found: Found, written: Instant, request_timeout: Duration) -> Self {
        let until = written + request_timeout * LEASE_TIMEOUTS;
        Self { records, state: Mutex::new(State { found, until, lost: false }), request_timeout }
    }

    /// Whether a request may be sent now. Renews the lease where it is too short, and waits for that.
    pub async fn permit(&self) -> Result<(), Lost> {
        let mut state = self.state.lock().await;
        let mut pause = Duration::from_millis(100);
        loop {
            let now = Instant::now();
            if state.lost || now >= state.until {
                state.lost = true;
                return Err(Lost);
            }
            // Renewed with a margin, so that the usual request never waits for it.
            if now + self.request_timeout * 2 <= state.until {
                return Ok(());
            }
            if self.renew(&mut state).await.is_err() {
                if now + self.request_timeout <= state.until && !state.lost {
                    return Ok(());
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(1));
            }
        }
    }

    /// Writes a change to the head, for as long as the lease lasts: what it says must be in the record before the run
    /// goes on. The lease begins anew with it.
    pub async fn write(&self, change: impl Fn(&mut Head)) -> Result<(), Lost> {
        let mut state = self.state.lock().await;
        let mut pause = Duration::from_millis(100);
        loop {
            if state.lost || Instant::now() + self.request_timeout >= state.until {
                state.lost = true;
                return Err(Lost);
            }
            if self.replace(&mut state, &change).await.is_ok() {
                return Ok(());
            }
            // Where the answer was lost the change is there already, and made once more.
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    async fn renew(&self, state: &mut State) -> Result<(), RecordError> {
        self.replace(state, &|_| {}).await
    }

    async fn replace(&self, state: &mut State, change: &impl Fn(&mut Head)) -> Result<(), RecordError> {
        let started = Instant::now();
        let mut head = state.found.head.clone();
        change(&mut head);
        if let Some(lock) = &mut head.lock {
            *lock = new_lock(lock.holder.clone(), self.request_timeout);
        }
        match self.records.replace(&state.found, head, None).await {
            Ok(found) => {
                state.found = found;
                state.until = started + self.request_timeout * LEASE_TIMEOUTS;
                Ok(())
            }
            Err(error) => {
                // An answer that got lost looks the same as somebody else's write: read, and see who holds it.
                if matches!(error, RecordError::Moved) {
                    self.look_again(state, started).await;
                }
                Err(error)
            }
        }
    }

    async fn look_again(&self, state: &mut State, started: Instant) {
        let Ok(Some(found)) = self.records.load(&state.found.head.application).await else { return };
        let run = |found: &Found| found.head.lock.as_ref().map(|lock| lock.holder.run.clone());
        if run(&found) == run(&state.found) {
            state.found = found;
            state.until = started + self.request_timeout * LEASE_TIMEOUTS;
        } else {
            state.lost = true;
        }
    }

    /// The head as it was last written, to write the last one.
    pub async fn end(&self) -> Result<Found, Lost> {
        let state = self.state.lock().await;
        if state.lost { Err(Lost) } else { Ok(state.found.clone()) }
    }
}
