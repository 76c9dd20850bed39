//! The cache as a store of the compiler sees it.
//!
//! In: a cache, and the runtime that speaks to Redis. Out: a [`Shared`], for threads that may wait. Guarantees: who asks waits
//! a little longer than a request may take, and no longer; who tells does not wait at all. A thread of the runtime itself,
//! which must not wait, does not panic here; it may wait in vain.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use gitops_compiler::store::{Part, Shared};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::remote::TIMEOUT;
use super::{Cache, Kind, Place, count};

/// As many values are being stored at one time; more are not stored.
const MAX_STORING: usize = 16;
/// Longest time that a compilation waits for a value: a request, and what it may wait for a processor.
const PATIENCE: Duration = TIMEOUT.saturating_mul(2);

/// Makes a cache what the stores of replicas have in common.
#[must_use]
pub fn for_store(cache: Arc<Cache>, runtime: Handle) -> Arc<dyn Shared> {
    Arc::new(ForStore { cache, runtime, storing: Arc::new(Semaphore::new(MAX_STORING)) })
}

struct ForStore {
    cache: Arc<Cache>,
    runtime: Handle,
    storing: Arc<Semaphore>,
}

impl fmt::Debug for ForStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ForStore").field("counts", &self.cache.counts()).finish_non_exhaustive()
    }
}

fn kind(part: Part) -> Kind {
    Kind::new(part.name())
}

impl Shared for ForStore {
    fn get(&self, part: Part, name: &str) -> Option<Vec<u8>> {
        let (sender, receiver) = sync_channel(1);
        let (cache, key) = (Arc::clone(&self.cache), name.to_owned());
        // Not waited for on this thread: it may be one of the runtime's own, which would be a panic.
        self.runtime.spawn(async move { sender.send(cache.find(kind(part), key.as_bytes()).await) });
        let found = receiver.recv_timeout(PATIENCE).ok().flatten()?;
        self.cache.open(kind(part), name.as_bytes(), &found)
    }

    fn put(&self, part: Part, name: &str, bytes: &[u8]) {
        let Ok(permit) = Arc::clone(&self.storing).try_acquire_owned() else {
            return count(&self.cache.counting.dropped);
        };
        let (kind, cache, key) = (kind(part), Arc::clone(&self.cache), name.to_owned());
        let (packing, name, value) = (Arc::clone(&self.cache), name.to_owned(), bytes.to_owned());
        self.runtime.spawn(async move {
            // The runtime's own threads have other work.
            let packed = tokio::task::spawn_blocking(move || packing.pack(kind, name.as_bytes(), &value));
            if let Ok(packed) = packed.await {
                cache.keep(kind, key.as_bytes(), packed).await;
            }
            drop(permit);
        });
    }

    fn refused(&self, _part: Part, _name: &str) {
        count(&self.cache.counting.refused);
    }

    fn withheld(&self, _part: Part) {
        count(&self.cache.counting.withheld);
    }
}

impl Cache {
    /// Whether values outlive this process.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self.place, Place::Redis { .. })
    }
}
