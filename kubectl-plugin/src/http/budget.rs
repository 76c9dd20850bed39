//! How many bytes are kept of all bodies together.
//!
//! In: how much a body needs, as it grows. Out: a [`Share`], or that there is not so much left. Nobody waits: those who wait
//! would keep what they have meanwhile, until nobody could go on.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes are counted by the KiB.
const UNIT: usize = 1 << 10;

/// Bytes for all bodies.
#[derive(Debug, Clone)]
pub(super) struct Budget(Arc<Semaphore>);

/// What one body has of it; given back when it is dropped.
#[derive(Debug, Default)]
pub(super) struct Share(#[expect(dead_code, reason = "held until it is dropped")] Option<OwnedSemaphorePermit>);

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new((bytes / UNIT).min(Semaphore::MAX_PERMITS))))
    }

    /// A share of so many bytes; `None` where they are not there.
    pub(super) fn take(&self, bytes: usize) -> Option<Share> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).ok()?;
        Arc::clone(&self.0).try_acquire_many_owned(units).ok().map(|permit| Share(Some(permit)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back() {
        let budget = Budget::new(10 << 10);
        let first = budget.take((6 << 10) - 1).expect("there is enough");
        assert!(budget.take((4 << 10) + 1).is_none());
        let second = budget.take(4 << 10).expect("there is enough");
        assert!(budget.take(1).is_none());
        drop(first);
        assert!(budget.take(6 << 10).is_some());
        drop(second);
        assert!(budget.take(10 << 10).is_some());
        assert!(budget.take(usize::MAX).is_none());
    }
}
