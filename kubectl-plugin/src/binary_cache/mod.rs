//! The binary cache: what was compiled on one machine, signed by whoever compiled it, for others who trust them.
//!
//! In: a place, keys of people whose entries are believed, and perhaps a key to sign with. Out: a [`Shared`] for the store of the
//! compiler. Guarantees:
//!
//! - What comes out was signed by somebody who is trusted, for exactly what it is asked for as (`entry`). All else reads as
//!   absent, and is counted.
//! - It is never needed: a place that fails costs the time of a request, is left alone then (`standing`), and is told of once.
//! - Without a key to sign with nothing is written.
//! - Who compiles does not wait for what is written (`writers`); [`BinaryCache::finish`] does.
//!
//! | file | what |
//! |---|---|
//! | `address` | where a cache is; pure |
//! | `entry` | names and signatures; pure |
//! | `standing` | whether a place is still asked; pure |
//! | `place` | what a place is; `folder`, `registry`, `bucket` are some |
//! | `writers` | threads that write |
//!
//! docs/binary-cache.md is for those who use it. [`crate::cache`] is another: replicas share a secret there, and whoever has it may write.

mod address;
mod bucket;
mod entry;
mod folder;
mod place;
mod registry;
mod standing;
#[cfg(test)]
mod tests;
mod writers;

pub use address::{BinaryCacheAddress, BinaryCacheAddressError};
pub use bucket::Bucket;
pub use entry::EntryName;
pub use folder::Folder;
pub use place::{Found, Place};
pub use registry::Registry;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gitops_compiler::store::{Part, Shared};

use crate::bundle::{PrivateKey, PublicKey};

use entry::{MAX_ENTRY_BYTES, NotBelieved};
use standing::Standing;
use writers::{Value, Writers};

/// What a cache is made of.
pub struct Parts {
    /// Where entries are.
    pub place: Box<dyn Place>,
    /// The same as it may be shown.
    pub shown: String,
    /// Whose entries are believed.
    pub trusted: Vec<PublicKey>,
    /// Who signs what is written; nothing is without.
    pub signer: Option<PrivateKey>,
    /// How long a place that failed is left alone; for good where absent.
    pub pause: Option<Duration>,
    /// Is told what there is to warn of.
    pub warn: Box<dyn Fn(&str) + Send + Sync>,
}

/// Entries that machines have in common.
pub struct BinaryCache {
    entries: Arc<Entries>,
    writers: Option<Writers>,
}

/// What became of what was asked so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BinaryCacheCounts {
    /// Values that were there.
    pub hits: u64,
    /// Values that were not.
    pub misses: u64,
    /// What was there and was not believed.
    pub refused: u64,
    /// Values that were written.
    pub written: u64,
    /// Values that were to be written, and are not.
    pub not_written: u64,
    /// Values that were kept back, since they hold secrets in plaintext.
    pub withheld: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Requests that were not sent, since the place had failed before.
    pub left_alone: u64,
}

#[derive(Default)]
struct Counting {
    hits: AtomicU64,
    misses: AtomicU64,
    refused: AtomicU64,
    written: AtomicU64,
    not_written: AtomicU64,
    withheld: AtomicU64,
    failed: AtomicU64,
    left_alone: AtomicU64,
}

struct Entries {
    place: Box<dyn Place>,
    shown: String,
    trusted: Vec<PublicKey>,
    /// Whoever may not write may still read.
    reading: Mutex<Standing>,
    writing: Mutex<Standing>,
    is_distrust_told: AtomicBool,
    counting: Counting,
    warn: Box<dyn Fn(&str) + Send + Sync>,
}

impl BinaryCache {
    /// Nothing is asked yet. Whoever signs is believed.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { place, shown, mut trusted, signer, pause, warn } = parts;
        trusted.extend(signer.as_ref().map(PrivateKey::public));
        let entries = Arc::new(Entries {
            place,
            shown,
            trusted,
            reading: Mutex::new(Standing::new(pause)),
            writing: Mutex::new(Standing::new(pause)),
            is_distrust_told: AtomicBool::default(),
            counting: Counting::default(),
            warn,
        });
        let writers = signer.map(|signer| {
            let entries = Arc::clone(&entries);
            Writers::new(Box::new(move |value| entries.write(&value, &signer)))
        });
        Self { entries, writers }
    }

    /// Waits until what was to be written is; warns where some of it is not.
    pub fn finish(&self) {
        let Some(writers) = &self.writers else { return };
        writers.finish();
        let BinaryCacheCounts { written, not_written, .. } = self.counts();
        if not_written > 0 {
            let all = written + not_written;
            self.entries.warn(&format!("{not_written} of {all} entries were not written to the binary cache"));
        }
    }

    /// What became of what was asked so far.
    #[must_use]
    pub fn counts(&self) -> BinaryCacheCounts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counting { hits, misses, refused, written, not_written, withheld, failed, left_alone } =
            &self.entries.counting;
        BinaryCacheCounts {
            hits: of(hits),
            misses: of(misses),
            refused: of(refused),
            written: of(written),
            not_written: of(not_written),
            withheld: of(withheld),
            failed: of(failed),
            left_alone: of(left_alone),
        }
    }
}

impl fmt::Debug for BinaryCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.entries.shown;
        formatter.debug_struct("BinaryCache").field("at", shown).field("counts", &self.counts()).finish_non_exhaustive()
    }
}

impl Shared for BinaryCache {
    fn get(&self, part: Part, name: &str) -> Option<Vec<u8>> {
        self.entries.read(part.name(), name)
    }

    fn put(&self, part: Part, name: &str, bytes: &[u8]) {
        let Some(writers) = &self.writers else { return };
        if !writers.take(Value { kind: part.name(), key: name.to_owned(), bytes: bytes.to_owned() }) {
            count(&self.entries.counting.not_written);
        }
    }

    fn refused(&self, _part: Part, _name: &str) {
        self.entries.distrust(NotBelieved::Content);
    }

    fn withheld(&self, _part: Part) {
        if self.writers.is_some() {
            count(&self.entries.counting.withheld);
        }
    }
}

impl Entries {
    fn read(&self, kind: &'static str, key: &str) -> Option<Vec<u8>> {
        let sent = self.asks(&self.reading)?;
        match self.place.get(&EntryName::new(kind, key), MAX_ENTRY_BYTES) {
            Err(why) => {
                // What cannot be asked cannot be written to, which would take longer to find out.
                lock(&self.writing).failed(Instant::now());
                self.fail(&self.reading, &why);
            }
            Ok(found) => {
                lock(&self.reading).answered(sent);
                match found {
                    Found::Nothing => count(&self.counting.misses),
                    Found::Foreign => self.distrust(NotBelieved::Form),
                    Found::Bytes(bytes) => match entry::open(kind, key, &bytes, &self.trusted) {
                        Ok(value) => {
                            count(&self.counting.hits);
                            return Some(value);
                        }
                        Err(why) => self.distrust(why),
                    },
                }
            }
        }
        None
    }

    fn write(&self, value: &Value, signer: &PrivateKey) {
        let is_written = self.asks(&self.writing).is_some_and(|sent| self.write_now(value, signer, sent));
        count(if is_written { &self.counting.written } else { &self.counting.not_written });
    }

    fn write_now(&self, Value { kind, key, bytes }: &Value, signer: &PrivateKey, sent: Instant) -> bool {
        let entry = match entry::seal(kind, key, bytes, signer) {
            Ok(entry) => entry,
            Err(why) => {
                self.warn(&format!("an entry is not written: {why}"));
                return false;
            }
        };
        match self.place.put(&EntryName::new(kind, key), &entry) {
            Ok(()) => {
                lock(&self.writing).answered(sent);
                true
            }
            Err(why) => {
                self.fail(&self.writing, &why);
                false
            }
        }
    }

    /// When the place is asked: now, unless it is left alone.
    fn asks(&self, standing: &Mutex<Standing>) -> Option<Instant> {
        let now = Instant::now();
        let may_ask = lock(standing).may_ask(now);
        if !may_ask {
            count(&self.counting.left_alone);
        }
        may_ask.then_some(now)
    }

    /// The place did not do what it was asked for.
    fn fail(&self, standing: &Mutex<Standing>, why: &str) {
        count(&self.counting.failed);
        if lock(standing).failed(Instant::now()) {
            self.warn(&format!("{why}; going on without the binary cache"));
        }
    }

    /// What was there is not believed: said once, since there may be many.
    fn distrust(&self, why: NotBelieved) {
        count(&self.counting.refused);
        if !self.is_distrust_told.swap(true, Ordering::Relaxed) {
            self.warn(&format!("an entry of the binary cache does not count, and others may not: {why}"));
        }
    }

    fn warn(&self, message: &str) {
        (self.warn)(&format!("{}: {message}", self.shown));
    }
}

/// Nothing is ever half written under this lock.
fn lock(standing: &Mutex<Standing>) -> MutexGuard<'_, Standing> {
    standing.lock().unwrap_or_else(PoisonError::into_inner)
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
