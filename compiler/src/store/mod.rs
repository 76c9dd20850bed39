//! The local store: graphs, chunks and memo entries as plain files.
//!
//! In: objects under their ids. Out: the same objects, hashed again on every read. Guarantees: a file under its final
//! name is whole (temporary file, fdatasync, rename, fsync of the folder); what was damaged later reads as absent,
//! since a store only ever saves work; any number of processes may use one store.
//!
//! ```text
//! <root>/v1/              0700
//!   graphs/g1-…           one segment for each graph: bodies, edges (zstd of its canonical bytes)
//!   chunks/k1-…           pieces of records, as they are in the cluster
//!   memo/d1-…             recipe → graph id, lints, origins; checksummed, not synced: losing one costs a render
//!   places/w1-…           folder of a working tree → oids of its files, by what the file system says of them; as memo
//!   tmp/                  files being written
//! ```

mod disk;
mod info;

pub use disk::Store;
pub use info::{Collected, Info, Verified};

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
