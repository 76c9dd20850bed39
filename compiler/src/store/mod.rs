//! The local store: graphs, chunks and memo entries as plain files.
//!
//! In: objects under their ids. Out: the same objects, hashed again on every read. Guarantees: a graph that was reported
//! as kept survives a power cut (temporary file, fdatasync, rename, fsync of the folder); nothing wrong is ever read:
//! what is torn or damaged is absent, since a store only ever saves work; any number of processes may use one store, and
//! others may collect at the same time.
//!
//! `files` is what a store asks of a file system, `count` how much there is, `mirrors` what lies beside a store, `disk` the
//! objects, `shared` what other machines may have of them, `lock` who waits for whom, `collect` what is thrown away, `pin` what
//! never is, `info` what is there. Time is only looked at to tell what was used lately.
//!
//! ```text
//! <root>/v1/              0700
//!   graphs/g1-…           one segment for each graph: bodies, edges (zstd of its canonical bytes)
//!   changes/g1-…          graphs as the difference to one of the above (zstd of its canonical bytes), never to another
//!   chunks/k1-…           pieces of records, as they are in the cluster
//!   inputs/i1-…           what was fetched: charts, files, contents of Git LFS; as memo: losing one costs fetching it again
//!   memo/d1-…             recipe → graph id, lints, origins; checksummed, not synced: losing one costs a render
//!   outputs/d1-…          recipe → what its program wrote (zstd); as memo
//!   places/w1-…           folder of a working tree → oids of its files, by what the file system says of them; an
//!                         application at a place → what it was compiled to, file by file; a program → its hash; as memo
//!   pins/g1-…             empty; its graph stays
//!   tmp/                  files being written
//!   writes.lock           held while a file is put in its place, or a few are removed
//!   builds.lock           held while a build runs
//! ```

mod collect;
mod count;
mod disk;
mod files;
mod info;
mod lock;
mod mirrors;
mod pin;
mod shared;
#[cfg(test)]
mod tests;

pub use collect::{Collected, IN_USE, Keep};
pub use count::Count;
pub use disk::Store;
pub use info::{Info, Verified};
pub use lock::Building;
pub use mirrors::{CollectedMirrors, Mirror, MirrorCount, Mirrors, TakenAway};
pub use shared::{Part, Shared};

use std::path::PathBuf;

/// A store that cannot be used. Reads never fail: what cannot be read is absent.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the store at {}", path.display())]
pub struct Error {
    /// The file or folder.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: std::io::Error,
}
