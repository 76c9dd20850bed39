//! Throwing away what nothing needs.
//!
//! In: how old and how large a store may get. Out: what was removed. Everything in a store can be made again, from Git
//! or from the record in the cluster, so only time is lost by it. Guarantees: the least recently used goes first; what
//! is pinned or used while a collection runs stays; while builds are in flight, all that was used lately stays; builds never wait
//! for more than one batch.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use super::disk::{FOLDERS, GRAPHS, TEMPORARY, USE_IS_NOTED_EVERY};
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
}

/// A file of the store.
struct Candidate {
    used: SystemTime,
    path: PathBuf,
    bytes: u64,
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
        let mut candidates = self.candidates()?;
        // Of those that were used at one time, changes go before the graphs that they change: the sort is stable.
        candidates.sort_by_key(|candidate| candidate.used);
        let mut collected = Collected {
            kept: candidates.len(),
            kept_bytes: candidates.iter().map(|candidate| candidate.bytes).sum(),
            ..Collected::default()
        };
        let now = self.files().now();
        let goes = |candidate: &Candidate, left: u64| {
            // A time that is yet to come is a clock that was wrong: as good as just now.
            let age = now.duration_since(candidate.used);
            age.is_ok_and(|age| age >= keep.used_within) || keep.max_bytes.is_some_and(|max| left > max)
        };
        self.sweep_temporary(&mut collected, patience)?;
        for batch in candidates.chunks(BATCH) {
            if !goes(&batch[0], collected.kept_bytes) {
                break;
            }
            let _writes = self.lock_for_removal(patience)?;
            let builds = self.lock_out_builds();
            let pins: BTreeSet<PathBuf> = self.pins()?.into_iter().map(|id| self.path(GRAPHS, id)).collect();
            // Those that come later were used later, and the store only gets smaller.
            for candidate in batch {
                if !goes(candidate, collected.kept_bytes) {
                    break;
                }
                if pins.contains(&candidate.path) {
                    continue;
                }
                let in_use = now.duration_since(candidate.used).map_or(true, |age| age < IN_USE);
                if builds.is_none() && in_use {
                    collected.in_use += 1;
                } else if self.remove_unused(candidate)? {
                    collected.kept -= 1;
                    collected.kept_bytes -= candidate.bytes;
                    collected.removed += 1;
                    collected.bytes += candidate.bytes;
                }
            }
        }
        Ok(collected)
    }

    fn candidates(&self) -> Result<Vec<Candidate>, Error> {
        let mut candidates = Vec::new();
        for folder in FOLDERS.into_iter().rev() {
            let files = self.list(folder)?;
            let path = |name| self.root().join(folder).join(name);
            let mut found: Vec<_> = files
                .into_iter()
                .map(|stat| Candidate { used: stat.used, path: path(stat.name), bytes: stat.bytes })
                .collect();
            found.sort_by(|a, b| a.path.cmp(&b.path));
            candidates.extend(found);
        }
        Ok(candidates)
    }

    /// Removes a file, unless somebody has used it since it was looked at.
    fn remove_unused(&self, candidate: &Candidate) -> Result<bool, Error> {
        match self.files().stat(&candidate.path) {
            Ok(stat) if stat.used == candidate.used => self.remove(&candidate.path).map(|()| true),
            _ => Ok(false),
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
