//! What lies beside a store and is collected with it: mirrors of repositories, which are kept by whoever fetches.
//!
//! In: who keeps them. Out: their sizes, when they were used, and one less where a collection takes one away. Here is only
//! what a collection must know of them; how they are locked, and what a use is, is for who keeps them to say.

use std::ffi::OsString;
use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use super::count::Count;

/// A mirror of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// What it is called where it lies.
    pub name: OsString,
    /// When it was made or last known to be used.
    pub used: SystemTime,
    /// Its files.
    pub count: Count,
}

/// What became of a mirror that was to go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TakenAway {
    /// It is gone, and whoever wants it makes it anew.
    Gone,
    /// Somebody reads it, or fetches into it.
    InUse,
    /// Somebody has used it, or taken it away, since it was looked at.
    #[default]
    UsedSince,
}

/// Who keeps mirrors beside a store.
pub trait Mirrors: Debug + Send + Sync {
    /// Where they lie.
    fn folder(&self) -> &Path;

    /// All that there are.
    ///
    /// # Errors
    /// Where the folder, or one of them, cannot be read.
    fn list(&self) -> io::Result<Vec<Mirror>>;

    /// What lies there besides, and is of use to nobody: what [`Mirrors::sweep`] would free.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn left_behind(&self) -> io::Result<Count>;

    /// Takes one away that nobody uses, at once and as a whole. What it takes up is free after [`Mirrors::sweep`].
    ///
    /// # Errors
    /// Where that is not possible; then it stays as it is.
    fn take_away(&self, mirror: &Mirror) -> io::Result<TakenAway>;

    /// Frees what mirrors took up that were taken away, and what the dead left behind; says how much that was.
    ///
    /// # Errors
    /// Where that is not possible; the next time frees the rest.
    fn sweep(&self) -> io::Result<Count>;
}

/// Some mirrors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MirrorCount {
    /// How many there are: one for each repository, and form of its oids.
    pub repositories: usize,
    /// How many files they have.
    pub files: usize,
    /// Their size.
    pub bytes: u64,
}

impl MirrorCount {
    pub(super) fn of(mirrors: &[Mirror]) -> Self {
        let Count { files, bytes } = mirrors.iter().map(|mirror| mirror.count).sum();
        Self { repositories: mirrors.len(), files, bytes }
    }

    /// Their files.
    #[must_use]
    pub fn count(self) -> Count {
        Count { files: self.files, bytes: self.bytes }
    }
}

/// What a collection did with mirrors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CollectedMirrors {
    /// Mirrors removed.
    pub removed: usize,
    /// Their size.
    pub bytes: u64,
    /// Mirrors that stay.
    pub kept: usize,
    /// Their size.
    pub kept_bytes: u64,
    /// Mirrors that would have gone if nobody had used them.
    pub in_use: usize,
}
