//! The record of a target: what we applied there, what is being applied, what was applied before.
//!
//! It lives in the target cluster, so that rollback works from any machine and with Git down. A small head object, a
//! Secret that is also an ApplySet parent (KEP-3659), points to immutable, content-addressed chunks, Secrets too,
//! that hold graphs and the inventory:
//!
//! ```text
//! Secret kubectl-gitops.<application>         type kubectl-gitops/head.v1    the head: JSON under `record`
//! Secret kubectl-gitops.<target>.<chunk id>   type kubectl-gitops/chunk.v1   a piece of at most 512 KiB
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`head`] | the head's types, pure |
//! | [`holds`] | what was rolled back and must not come back by itself, pure |
//! | [`hooks`] | what the head says of hooks, pure |
//! | [`pack`] | graphs and inventories as bytes, and bytes as chunks, pure |
//! | [`apply_set`] | labels and annotations of the ApplySet parent, pure |
//! | [`holder`] | who holds the lock, and whether that process is certainly dead |
//! | [`persist`] | reading and writing heads, graphs and inventories |
//! | [`rollback`] | which release a rollback leads to, pure |
//! | `change` | changing what a head says beside releases |
//! | `chunks` | reading, writing and deleting chunks |
//!
//! # Guarantees
//!
//! The head is the lock: it names its holder and an expiry, and is only ever changed by a POST that fails where it
//! exists or a PUT with its uid and resourceVersion. So the record never forks. Chunks are written before the head
//! that names them, and deleted only under the lock, an hour after nothing names them any more, or with the whole
//! record.

pub mod apply_set;
mod change;
mod chunks;
pub mod head;
pub mod holder;
pub mod holds;
pub mod hooks;
pub mod pack;
pub mod persist;
pub mod rollback;

pub use change::ChangeError;
pub use chunks::ChunkThere;
pub use head::{Head, InventoryEntry, Outcome, Pending, Release};
pub use persist::{Found, RecordError, Records};
