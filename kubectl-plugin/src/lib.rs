//! The kubectl plugin: applies compiled graphs to clusters, in topological order, and remembers what it did.
//!
//! An async shell over the pure compiler, never the reverse. In the order in which the data flows:
//!
//! 1. [`cluster`]: the only way to the API server.
//! 2. [`health`]: whether an object works, pure.
//! 3. [`record`]: what we applied, kept in the target cluster.
//! 4. [`apply`]: from a plan to a changed cluster and a release in the record.
//! 5. [`json`]: what `-o json` prints, as types.
//! 6. [`error`], [`output`], [`settings`]: exit codes, how the command line speaks, what its flags become;
//!    [`commands`]: one file for each command; [`cli`]: the list of them.

pub mod apply;
pub mod cli;
pub mod cluster;
pub mod commands;
pub mod error;
pub mod health;
pub mod json;
pub mod output;
pub mod record;
pub mod settings;
