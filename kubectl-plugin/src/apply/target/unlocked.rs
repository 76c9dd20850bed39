//! Opening a target that no other run is changing.
//!
//! In: a record, patience. Out: a [`Target`], once nobody holds its lock: it was given back, its holder is certainly dead, or it
//! was not renewed for its whole length, whatever the clocks say.

use std::time::Duration;

use gitops_compiler::name::AppName;
use tokio::time::Instant;

use crate::record::Records;

use super::{Destination, Target, TargetError, destination_of};

/// How often a lock is looked at that is waited for.
const LOCK_POLL: Duration = Duration::from_millis(500);

/// A run that died on this machine may have had requests on the way to the server: they land within this.
const SETTLE: Duration = Duration::from_secs(1);

impl Target {
    /// Opens a target that no other run is changing, waiting up to `patience` for one that is. `told` hears of it.
    pub async fn open_unlocked(
        records: Records,
        application: AppName,
        destination: Destination<'_>,
        patience: Duration,
        told: &mut (dyn FnMut(String) + Send),
    ) -> Result<Self, TargetError> {
        let deadline = Instant::now() + patience;
        let mut watched: Option<(String, Instant)> = None;
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
            // A lease that is not renewed for its whole length is over, whatever the clocks say.
            let state = format!("{} {}", lock.holder.run, lock.expires);
            let lease = Duration::from_secs(lock.lease_seconds.saturating_add(lock.request_timeout_seconds));
            match &watched {
                Some((seen, since)) if *seen == state => {
                    if since.elapsed() >= lease {
                        return Box::pin(Self::from_head(records, application, destination, found)).await;
                    }
                }
                _ => {
                    if watched.is_none() && !patience.is_zero() {
                        told(format!("{} is changing {application} now; waiting for it", lock.holder.name));
                    }
                    watched = Some((state, Instant::now()));
                }
            }
            if Instant::now() >= deadline {
                let (holder, expires) = (lock.holder.name.clone(), lock.expires);
                return Err(TargetError::Locked { application, holder, expires });
            }
            tokio::time::sleep(LOCK_POLL).await;
        }
    }
}
