//! What replicas need not work out twice: values by kind and key, in memory or in Redis.
//!
//! In: values, which a kind and a key determine (the same recipe gives the same output), and a secret that replicas share.
//! Out: the same values, perhaps in another process, perhaps not at all. Guarantees: what comes out is what a holder of the
//! secret put in, under the same kind and key, bit by bit (`seal`); what is not is refused and counted, and reads as absent.
//! So a cache that is dead, emptied or poisoned costs time and nothing else. It is no place for what may change: which
//! commit a branch is at is never in it.
//!
//! | file | what |
//! |---|---|
//! | `seal` | names, compression, MACs; pure |
//! | `memory` | bounded, the least recently used goes first; pure |
//! | `address`, `circuit` | where Redis is; when to leave it alone; pure |
//! | `remote` | Redis itself: timeouts, connections |
//! | `shared` | the cache as a store of the compiler sees it, from threads that block |
//!
//! docs/cache.md is for those who run it.

mod address;
mod circuit;
mod memory;
mod remote;
mod seal;
mod shared;
#[cfg(test)]
mod tests;

pub use address::{Address, AddressError};
pub use remote::{Login, RedisSettings, SettingsError};
pub use seal::{CacheKey, KeyError};
pub(crate) use seal::{compress, decompress};
pub use shared::for_store;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use memory::Memory;
use remote::{Failed, Remote, Stored};
use seal::{Seals, TooLong};

/// What a value is of. Values of different kinds never stand for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind(&'static str);

impl Kind {
    /// A kind with this name: lower-case letters.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0
    }
}

/// Values by kind and key.
pub struct Cache {
    place: Place,
    counting: Counting,
    has_failed: AtomicBool,
    tell: Box<dyn Fn(&str) + Send + Sync>,
}

enum Place {
    Memory(Mutex<Memory>),
    Redis { remote: Box<Remote>, seals: Seals },
}

/// What there was under a name.
enum Found {
    /// Packed by this process.
    Ours(Arc<[u8]>),
    /// Sealed, perhaps by somebody else.
    Sealed(Vec<u8>),
    /// Nothing that we would store.
    Foreign,
}

/// What became of what was asked so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Values that were there.
    pub hits: u64,
    /// Values that were not.
    pub misses: u64,
    /// What was there and was not what its name says: changed, of another key, of another secret, or damaged.
    pub refused: u64,
    /// Values that were stored.
    pub stored: u64,
    /// Values that were kept here because they hold secrets in plaintext.
    pub withheld: u64,
    /// Values that were not stored: too long, or too many at a time.
    pub dropped: u64,
    /// Requests that Redis did not answer, or refused.
    pub failed: u64,
    /// Requests that were not sent, since Redis had failed a moment ago.
    pub left_alone: u64,
}

#[derive(Debug, Default)]
struct Counting {
    hits: AtomicU64,
    misses: AtomicU64,
    refused: AtomicU64,
    stored: AtomicU64,
    withheld: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
    left_alone: AtomicU64,
}

impl Cache {
    /// Values in the memory of this process: no more than so many bytes, compressed.
    #[must_use]
    pub fn in_memory(max_bytes: usize) -> Self {
        Self::at(Place::Memory(Mutex::new(Memory::new(max_bytes))))
    }

    /// Values in Redis, sealed with this key. Nothing is sent yet, and Redis need not be there.
    ///
    /// # Errors
    ///
    /// Where the settings contradict themselves, or the certificates cannot be read.
    pub fn in_redis(settings: &RedisSettings, key: &CacheKey) -> Result<Self, SettingsError> {
        let (remote, seals) = (Box::new(Remote::new(settings)?), Seals::new(key));
        Ok(Self::at(Place::Redis { remote, seals }))
    }

    fn at(place: Place) -> Self {
        Self { place, counting: Counting::default(), has_failed: AtomicBool::default(), tell: Box::new(|_| {}) }
    }

    /// The same, which says when Redis fails, and when it answers again: once each.
    #[must_use]
    pub fn telling(self, tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { tell: Box::new(tell), ..self }
    }

    /// A value; `None` where it is not there, cannot be had now, or is not what was put there.
    pub async fn get(&self, kind: Kind, key: &[u8]) -> Option<Vec<u8>> {
        let found = self.find(kind, key).await?;
        self.open(kind, key, &found)
    }

    /// Keeps a value, in the place of what was there. Failing to is no harm.
    pub async fn put(&self, kind: Kind, key: &[u8], value: &[u8]) {
        let packed = self.pack(kind, key, value);
        self.keep(kind, key, packed).await;
    }

    /// What there is under a name, as it is kept. It takes time, and no work.
    async fn find(&self, kind: Kind, key: &[u8]) -> Option<Found> {
        let found = match &self.place {
            Place::Memory(memory) => lock(memory).get(&local_name(kind, key)).map(Found::Ours),
            Place::Redis { remote, seals } => {
                let stored = remote.get(&seals.name(kind.0, key)).await;
                match self.answered(stored)? {
                    Stored::Nothing => None,
                    Stored::Value(sealed) => Some(Found::Sealed(sealed)),
                    Stored::Foreign => Some(Found::Foreign),
                }
            }
        };
        if found.is_none() {
            count(&self.counting.misses);
        }
        found
    }

    /// The value that was found. It takes work, and no time besides.
    fn open(&self, kind: Kind, key: &[u8], found: &Found) -> Option<Vec<u8>> {
        let value = match (found, &self.place) {
            (Found::Ours(packed), _) => seal::decompress(packed),
            (Found::Sealed(sealed), Place::Redis { seals, .. }) => seals.open(kind.0, key, sealed).ok(),
            (Found::Sealed(_) | Found::Foreign, _) => None,
        };
        count(if value.is_some() { &self.counting.hits } else { &self.counting.refused });
        value
    }

    /// A value as it is kept. It takes work, and no time besides.
    fn pack(&self, kind: Kind, key: &[u8], value: &[u8]) -> Result<Vec<u8>, TooLong> {
        match &self.place {
            Place::Memory(_) => seal::compress(value),
            Place::Redis { seals, .. } => seals.seal(kind.0, key, value),
        }
    }

    /// Keeps what was packed. It takes time, and no work.
    async fn keep(&self, kind: Kind, key: &[u8], packed: Result<Vec<u8>, TooLong>) {
        let Ok(packed) = packed else { return count(&self.counting.dropped) };
        let is_kept = match &self.place {
            Place::Memory(memory) => lock(memory).put(&local_name(kind, key), packed),
            Place::Redis { remote, seals } => {
                let put = remote.put(&seals.name(kind.0, key), &packed).await;
                if self.answered(put).is_none() {
                    return;
                }
                true
            }
        };
        count(if is_kept { &self.counting.stored } else { &self.counting.dropped });
    }

    /// What became of what was asked so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counting { hits, misses, refused, stored, withheld, dropped, failed, left_alone } = &self.counting;
        Counts {
            hits: of(hits),
            misses: of(misses),
            refused: of(refused),
            stored: of(stored),
            withheld: of(withheld),
            dropped: of(dropped),
            failed: of(failed),
            left_alone: of(left_alone),
        }
    }

    /// How many bytes of memory values take; 0 where they are elsewhere.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match &self.place {
            Place::Memory(memory) => lock(memory).bytes(),
            Place::Redis { .. } => 0,
        }
    }

    /// What Redis answered, if it did.
    fn answered<T>(&self, answer: Result<T, Failed>) -> Option<T> {
        match answer {
            Ok(answer) => {
                if self.has_failed.swap(false, Ordering::Relaxed) {
                    (self.tell)("Redis answers again");
                }
                return Some(answer);
            }
            Err(Failed::LeftAlone) => count(&self.counting.left_alone),
            Err(Failed::Refused(why)) => {
                count(&self.counting.failed);
                if !self.has_failed.swap(true, Ordering::Relaxed) {
                    (self.tell)(&format!("Redis: {why}; going on without it"));
                }
            }
        }
        None
    }
}

/// Nobody else sees it.
fn local_name(kind: Kind, key: &[u8]) -> String {
    format!("{}|{}", kind.0, blake3::hash(key).to_hex())
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Nothing is ever half written under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
