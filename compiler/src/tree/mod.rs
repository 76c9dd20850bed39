//! Reading a Git tree: a commit without a checkout, or the working tree as it lies.
//!
//! In: a path in a repository, a revision, a folder. Out: the files below that folder, by path, and their bytes in
//! Git's form. A repository is data here, never configuration: opening one runs nothing, replacement refs and grafts
//! do not count, and each object that is read is hashed again, so that an oid always stands for its bytes.
//!
//! [`Repository`] opens, [`Repository::commit`] and [`Repository::working_tree`] give a [`Snapshot`]: one list of
//! [`Entry`] with a way to read each; a [`Tree`] gives those of any of its folders, and of its submodules where it was told who
//! gets those, and reads contents in the place of pointers of Git LFS where it was told who gets these. Nothing outside the tree can be reached through it: symbolic links are resolved inside the tree only, as a
//! checkout with its submodules would have it.

mod attributes;
mod between;
mod checked_out;
mod commit;
mod files;
mod found;
mod gitlink;
mod joined;
mod large;
mod mount;
mod pointer;
mod repository;
mod snapshot;
mod stamp;
mod submodule;
mod together;
mod whole;
mod working;

pub use between::DifferingFile;
pub use found::Found;
pub use large::{LargeFile, LargeFiles};
pub use pointer::Pointer;
pub use repository::{Repository, is_reference_name};
pub use snapshot::{CommitInfo, Entry, EntryKind, Reader, Snapshot, join, parent};
pub use submodule::{Submodule, Submodules};
pub use whole::{File, Tree};

use std::path::{Path, PathBuf};

/// Keeps what is known of the files of a working tree from one listing to the next. What it gives back is believed: it
/// must be out of reach of whoever wrote the repository. Losing any of it costs time only.
pub trait FileMemo {
    /// What was saved for the folder at this absolute path.
    fn load(&self, folder: &Path) -> Option<Vec<u8>>;
    /// Keeps opaque bytes for a folder.
    fn save(&self, folder: &Path, bytes: &[u8]);
}

/// Files larger than this are refused: 16 MiB.
pub const MAX_BLOB_BYTES: u64 = 16 * 1024 * 1024;

/// Trees with more entries than this are refused: a repository of 76 KB can hold a million paths.
pub const MAX_ENTRIES: usize = 200_000;

/// What can go wrong while a tree is read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No repository at or above the path.
    #[error("`{}` is not in a Git repository", path.display())]
    NotARepository {
        /// What was given.
        path: PathBuf,
    },
    /// There is a repository, and Git's library cannot open it.
    #[error("cannot open the Git repository of `{}`", path.display())]
    Open {
        /// What was given.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The revision names nothing.
    #[error("no commit is called `{revision}` in this repository")]
    UnknownRevision {
        /// What was given.
        revision: String,
    },
    /// The revision is the name of a tag and of a branch.
    #[error("`{revision}` is both a tag and a branch: write refs/tags/{revision} or refs/heads/{revision}")]
    AmbiguousRevision {
        /// What was given.
        revision: String,
    },
    /// A bare repository was asked for its working tree.
    #[error("this repository has no working tree: name a commit with --revision")]
    Bare,
    /// The folder is not in the tree.
    #[error("there is no folder `{path}` in {place}")]
    NoFolder {
        /// The folder.
        path: String,
        /// The commit, or `the working tree`.
        place: String,
    },
    /// A path that leaves the tree, or one that is not UTF-8.
    #[error("`{path}`: {reason}")]
    Path {
        /// The path, from the root of the repository.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// More entries than [`MAX_ENTRIES`].
    #[error("more than {MAX_ENTRIES} files below `{path}`: choose a smaller folder with --path")]
    TooManyEntries {
        /// The folder.
        path: String,
    },
    /// An object is missing, broken, or its bytes do not have its oid.
    #[error("cannot read `{path}` ({oid}) from the repository")]
    Object {
        /// The path, from the root of the repository, or the revision.
        path: String,
        /// The object.
        oid: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file of the working tree cannot be read.
    #[error("cannot read `{path}`")]
    File {
        /// The path, from the root of the repository.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// What a submodule holds cannot be had.
    #[error("`{path}`: this submodule cannot be read: {reason}")]
    Submodule {
        /// Where it belongs, from the root of the repository.
        path: String,
        /// Why, and what to do.
        reason: String,
    },
    /// What Git LFS keeps of a file cannot be had, or the file is no sound pointer.
    #[error("`{path}`: {reason}")]
    LargeFile {
        /// The path, from the root of the repository.
        path: String,
        /// Why, and what to do.
        reason: String,
    },
    /// The index or an ignore file of the working tree cannot be read.
    #[error("cannot list the working tree")]
    List(#[source] Box<dyn std::error::Error + Send + Sync>),
}
