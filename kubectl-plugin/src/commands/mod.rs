//! One file for each command: it reads its flags, calls, and prints.

pub mod apply;
pub mod compile;
pub mod delete;
pub mod diff;
pub mod graph;
pub mod history;
pub mod parse;
pub mod plan;
pub mod rollback;
pub mod show;
pub mod status;
pub mod store;

pub mod change;

/// The version of every JSON object that we print.
const SCHEMA_VERSION: u32 = 1;
