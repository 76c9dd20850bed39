//! Throwing away what nothing needs.
//!
//! In: how old and how large a store may get. Out: what was removed. Everything in a store can be made again, from Git
//! or from the record in the cluster, so only time is lost by it. Guarantees: the least recently used goes first; what
//! is pinned or used while a collection runs stays; while builds are in flight, all that was used lately stays; builds never wait
//! for more than one batch. Mirrors of repositories that lie beside the store go by the same rules.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use super::count::Count;
use super::disk::{FOLDERS, GRAPHS, TEMPORARY, USE_IS_NOTED_EVERY};
use super::mirrors::{CollectedMirrors, Mirror, Mirrors, TakenAway};
use super::{Error, Store};

/// While builds are in flight, what was used within this time stays: no build takes longer than an hour, and a use is
/// noted at most an hour late.
pub const IN_USE: Duration = Duration::from_secs(2 * USE_IS_NOTED_EVERY.as_secs());

/// How many files are removed while writers wait.
const BATCH: usize = 64;

/// How long to wait for writers.
const PATIENCE: Duration = Duration::from_secs(10);

/// What stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// What was used within this time, as far as there is room.
    pub used_within: Duration,
    /// How many bytes at most, those that were used last; all where absent.
    pub max_bytes: Option<u64>,
}

/// What a collection removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Collected {
    /// Files removed.
    pub removed: usize,
    /// Their size.
    pub bytes: u64,
    /// Files that stay.
    pub kept: usize,
    /// Their size.
    pub kept_bytes: u64,
    /// Files that would have gone if no build had been in flight.
    pub in_use: usize,
    /// Mirrors of repositories, beside the store.
    pub mirrors: CollectedMirrors,
}

/// A file of the store, or a mirror beside it.
struct Candidate {
    used: SystemTime,
    bytes: u64,
    what: What,
}

enum What {
    File(PathBuf),
    Mirror(Mirror),
}

impl Collected {
    /// Nothing is removed yet.
    fn of(candidates: &[Candidate]) -> Self {
        let mut collected = Self::default();
        for candidate in candidates {
            let (kept, bytes) = match &candidate.what {
                What::File(_) => (&mut collected.kept, &mut collected.kept_bytes),
                What::Mirror(_) => (&mut collected.mirrors.kept, &mut collected.mirrors.kept_bytes),
            };
            *kept += 1;
            *bytes += candidate.bytes;
        }
        collected
    }

    /// How many bytes there are still.
    fn left(&self) -> u64 {
        self.kept_bytes + self.mirrors.kept_bytes
    }

    fn note(&mut self, candidate: &Candidate, taken: TakenAway) {
        let Self { removed, bytes, kept, kept_bytes, in_use, mirrors } = self;
        let (removed, bytes, kept, kept_bytes, in_use) = match &candidate.what {
            What::File(_) => (removed, bytes, kept, kept_bytes, in_use),
            What::Mirror(_) => {
                let CollectedMirrors { removed, bytes, kept, kept_bytes, in_use } = mirrors;
                (removed, bytes, kept, kept_bytes, in_use)
            }
        };
        match taken {
            TakenAway::UsedSince => {}
            TakenAway::InUse => *in_use += 1,
            TakenAway::Gone => {
                *removed += 1;
                *bytes += candidate.bytes;
                *kept -= 1;
                *kept_bytes -= candidate.bytes;
            }
        }
    }
}

impl Store {
    /// Removes what is not to be kept, and what writers left behind when they died.
    pub fn collect(&self, keep: Keep) -> Result<Collected, Error> {
        self.collect_within(keep, PATIENCE)
    }

    /// Brings the store below its size where it was written to; see [`Store::with_max_bytes`]. Where others are busy
    /// with it, somebody else or the next build does.
    pub fn make_room(&self) -> Result<(), Error> {
        let grown = self.grown.swap(false, Ordering::Relaxed);
        if self.max_bytes.is_none() || !grown {
            return Ok(());
        }
        let keep = Keep { used_within: Duration::MAX, max_bytes: self.max_bytes };
        match self.collect_within(keep, Duration::ZERO) {
            Err(error) if error.source.kind() != std::io::ErrorKind::ResourceBusy => Err(error),
            _ => Ok(()),
        }
    }

    pub(super) fn collect_within(&self, keep: Keep, patience: Duration) -> Result<Collected, Error> {
        let left = self.sweep_mirrors()?;
        let mut candidates = self.candidates()?;
        // Of those that were used at one time, changes go before the graphs that they change: the sort is stable.
        candidates.sort_by_key(|candidate| candidate.used);
        let mut collected = Collected { removed: left.files, bytes: left.bytes, ..Collected::of(&candidates) };
        let now = self.files().now();
        let goes = |candidate: &Candidate, left: u64| {
            // A time that is yet to come is a clock that was wrong: as good as just now.
            let age = now.duration_since(candidate.used);
            age.is_ok_and(|age| age >= keep.used_within) || keep.max_bytes.is_some_and(|max| left > max)
        };
        self.sweep_temporary(&mut collected, patience)?;
        for batch in candidates.chunks(BATCH) {
            if !goes(&batch[0], collected.left()) {
                break;
            }
            let _writes = self.lock_for_removal(patience)?;
            let builds = self.lock_out_builds();
            let pins: BTreeSet<PathBuf> = self.pins()?.into_iter().map(|id| self.path(GRAPHS, id)).collect();
            // Those that come later were used later, and the store only gets smaller.
            for candidate in batch {
                if !goes(candidate, collected.left()) {
                    break;
                }
                if matches!(&candidate.what, What::File(path) if pins.contains(path)) {
                    continue;
                }
                let in_use = now.duration_since(candidate.used).map_or(true, |age| age < IN_USE);
                let taken = if builds.is_none() && in_use { TakenAway::InUse } else { self.take_away(candidate)? };
                collected.note(candidate, taken);
            }
        }
        // Nobody waits while this lasts. It was counted when it was taken away.
        self.sweep_mirrors()?;
        Ok(collected)
    }

    fn candidates(&self) -> Result<Vec<Candidate>, Error> {
        let mut candidates = Vec::new();
        for folder in FOLDERS.into_iter().rev() {
            let files = self.list(folder)?;
            let mut found: Vec<_> = files
                .into_iter()
                .map(|stat| (self.root().join(folder).join(stat.name), stat.used, stat.bytes))
                .collect();
            found.sort();
            let candidate = |(path, used, bytes)| Candidate { used, bytes, what: What::File(path) };
            candidates.extend(found.into_iter().map(candidate));
        }
        let mut mirrors = self.list_mirrors()?;
        mirrors.sort_by(|a, b| a.name.cmp(&b.name));
        let candidate =
            |mirror: Mirror| Candidate { used: mirror.used, bytes: mirror.count.bytes, what: What::Mirror(mirror) };
        candidates.extend(mirrors.into_iter().map(candidate));
        Ok(candidates)
    }

    /// Asks whoever keeps mirrors; where nobody does there are none.
    fn of_mirrors<T: Default>(&self, ask: impl FnOnce(&dyn Mirrors) -> std::io::Result<T>) -> Result<T, Error> {
        let Some(mirrors) = &self.mirrors else { return Ok(T::default()) };
        ask(&**mirrors).map_err(|source| Error { path: mirrors.folder().to_owned(), source })
    }

    pub(super) fn list_mirrors(&self) -> Result<Vec<Mirror>, Error> {
        self.of_mirrors(|mirrors| mirrors.list())
    }

    pub(super) fn left_by_mirrors(&self) -> Result<Count, Error> {
        self.of_mirrors(|mirrors| mirrors.left_behind())
    }

    fn sweep_mirrors(&self) -> Result<Count, Error> {
        self.of_mirrors(|mirrors| mirrors.sweep())
    }

    /// Removes something, unless somebody has used it since it was looked at.
    fn take_away(&self, candidate: &Candidate) -> Result<TakenAway, Error> {
        match &candidate.what {
            What::Mirror(mirror) => self.of_mirrors(|mirrors| mirrors.take_away(mirror)),
            What::File(path) => match self.files().stat(path) {
                Ok(stat) if stat.used == candidate.used => self.remove(path).map(|()| TakenAway::Gone),
                _ => Ok(TakenAway::UsedSince),
            },
        }
    }

    /// Whoever writes holds the lock: what lies there while nobody can is of no use to anybody.
    fn sweep_temporary(&self, collected: &mut Collected, patience: Duration) -> Result<(), Error> {
        if self.list(TEMPORARY)?.is_empty() {
            return Ok(());
        }
        let _writes = self.lock_for_removal(patience)?;
        for stat in self.list(TEMPORARY)? {
            self.remove(&self.root().join(TEMPORARY).join(stat.name))?;
            collected.removed += 1;
            collected.bytes += stat.bytes;
        }
        Ok(())
    }

    /// Removes a file that may be gone already.
    pub(super) fn remove(&self, path: &Path) -> Result<(), Error> {
        match self.files().remove(path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(Error { path: path.to_owned(), source })
            }
            _ => Ok(()),
        }
    }
}
