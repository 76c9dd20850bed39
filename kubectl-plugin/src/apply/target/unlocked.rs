//! Opening a target that no other run is changing.
//!
//! In: a record, patience. Out: a [`Target`], once nobody holds its lock: it was given back, its holder is certainly dead, or it
//! was not renewed for its whole length, whatever the clocks say. Who comes back again and again brings a [`LockWatch`], so
//! that the length counts from the first look.

use std::time::Duration;

use gitops_compiler::name::AppName;
use tokio::time::Instant;

use crate::record::Records;
use crate::record::head::Lock;

use super::{Destination, Target, TargetError, destination_of};

/// How often a lock is looked at that is waited for.
const LOCK_POLL: Duration = Duration::from_millis(500);

/// A run that died on this machine may have had requests on the way to the server: they land within this.
const SETTLE: Duration = Duration::from_secs(1);

/// What a lock was when it was first seen so, and when that was.
#[derive(Debug, Clone, Default)]
pub struct LockWatch(Option<(String, Instant)>);

impl LockWatch {
    /// Whether a lock has not been renewed for its whole length since it was first seen.
    fn is_over(&mut self, lock: &Lock, now: Instant) -> bool {
        let state = format!("{} {}", lock.holder.run, lock.expires);
        let lease = Duration::from_secs(lock.lease_seconds.saturating_add(lock.request_timeout_seconds));
        match &self.0 {
            Some((seen, since)) if *seen == state => now.duration_since(*since) >= lease,
            _ => {
                self.0 = Some((state, now));
                false
            }
        }
    }
}

impl Target {
    /// Opens a target that no other run is changing, waiting up to `patience` for one that is. `told` hears of it.
    pub async fn open_unlocked(
        records: Records,
        application: AppName,
        destination: Destination<'_>,
        patience: Duration,
        told: &mut (dyn FnMut(String) + Send),
    ) -> Result<Self, TargetError> {
        let mut watch = LockWatch::default();
        Self::open_watched(records, application, destination, patience, &mut watch, told).await
    }

    /// The same for who comes back: `watch` is what was seen of the lock before.
    pub async fn open_watched(
        records: Records,
        application: AppName,
        destination: Destination<'_>,
        patience: Duration,
        watch: &mut LockWatch,
        told: &mut (dyn FnMut(String) + Send),
    ) -> Result<Self, TargetError> {
        let deadline = Instant::now() + patience;
        let mut is_told = patience.is_zero();
        loop {
            // The rest of the record is read only once nobody is at it.
            let found = records.load(&application).await?;
            if found.is_none() && matches!(destination, Destination::Recorded { .. }) {
                return Err(records.not_recorded(&application).await.into());
            }
            let destination = destination_of(&application, &records.namespace, destination, found.as_ref())?;
            let Some(lock) = found.as_ref().and_then(|found| found.head.foreign_lock(records.now())) else {
                if found.as_ref().is_some_and(|found| found.head.lock.is_some()) {
                    told("the run before this one died; going on from where it stopped".to_owned());
                    tokio::time::sleep(SETTLE).await;
                }
                return Box::pin(Self::from_head(records, application, destination, found)).await;
            };
            if watch.is_over(lock, Instant::now()) {
                return Box::pin(Self::from_head(records, application, destination, found)).await;
            }
            if !is_told {
                told(format!("{} is changing {application} now; waiting for it", lock.holder.name));
                is_told = true;
            }
            if Instant::now() >= deadline {
                let (holder, expires) = (lock.holder.name.clone(), lock.expires);
                return Err(TargetError::Locked { application, holder, expires });
            }
            tokio::time::sleep(LOCK_POLL).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::holder::Holder;

    fn lock(run: &str, expires: i64) -> Lock {
        Lock {
            holder: Holder { run: run.to_owned(), name: "somebody@elsewhere".to_owned(), process: None },
            expires: jiff::Timestamp::from_second(expires).expect("a time"),
            lease_seconds: 12,
            request_timeout_seconds: 4,
        }
    }

    #[test]
    fn a_lock_is_over_when_it_was_seen_the_same_for_its_whole_length() {
        let (mut watch, mut now) = (LockWatch::default(), Instant::now());
        for (after, lock, is_over, why) in [
            (100, lock("a", 1), false, "it is seen for the first time"),
            (15, lock("a", 1), false, "it may be renewed yet"),
            (1, lock("a", 1), true, "it was not renewed"),
            (1, lock("a", 2), false, "it was renewed"),
            (15, lock("b", 2), false, "another holds it"),
            (16, lock("b", 2), true, "it was not renewed either"),
        ] {
            now += Duration::from_secs(after);
            assert_eq!(watch.is_over(&lock, now), is_over, "{why}");
        }
    }
}
