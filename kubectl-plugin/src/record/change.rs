//! Changing what a head says beside releases: under no lock, where nobody holds it.
//!
//! In: an application, a change of its head. Out: the head as it was before. Whoever writes at the same time makes it read and
//! changed again, a few times; a run that holds the lock is an error.

use gitops_compiler::name::AppName;

use super::holds::HoldAll;
use super::{Head, RecordError, Records};

/// So often the head is written that others write at the same time.
const ATTEMPTS: u32 = 5;

/// Why a head is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It cannot be read or written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A run is at it.
    #[error("{holder} is changing {application} now")]
    Locked {
        /// Whose run.
        holder: String,
        /// Of what.
        application: AppName,
    },
}

impl Records {
    /// Changes the head where nobody else is at it. Gives it as it was before.
    ///
    /// # Errors
    /// Where a run is at it, where the application was never applied, and as requests fail.
    async fn change(
        &self,
        application: &AppName,
        change: impl Fn(&mut Head) + Send + Sync,
    ) -> Result<Head, ChangeError> {
        for _ in 0..ATTEMPTS {
            let found = self.load_recorded(application).await?;
            if let Some(lock) = found.head.foreign_lock(self.now()) {
                let (holder, application) = (lock.holder.name.clone(), application.clone());
                return Err(ChangeError::Locked { holder, application });
            }
            let before = found.head.clone();
            let mut head = before.clone();
            change(&mut head);
            match self.replace(&found, head, None).await {
                Err(RecordError::Moved) => {}
                other => {
                    other?;
                    return Ok(before);
                }
            }
        }
        Err(RecordError::Moved.into())
    }

    /// Holds everything of an application.
    ///
    /// # Errors
    /// Where a run is at it, where the application was never applied, and as requests fail.
    pub async fn hold(&self, application: &AppName, all: &HoldAll) -> Result<(), ChangeError> {
        self.change(application, |head| head.hold_all = Some(all.clone())).await.map(|_| ())
    }

    /// Releases all that is held. Gives how many holds there were.
    ///
    /// # Errors
    /// Where a run is at it, where the application was never applied, and as requests fail.
    pub async fn release(&self, application: &AppName) -> Result<usize, ChangeError> {
        let before = self.change(application, |head| {
            head.hold_all = None;
            head.holds.clear();
        });
        let before = before.await?;
        Ok(before.holds.len() + usize::from(before.hold_all.is_some()))
    }
}
