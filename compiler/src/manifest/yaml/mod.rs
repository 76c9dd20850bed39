//! Reading manifests exactly as kubectl does, and writing YAML that kubectl reads back unchanged.
//!
//! In: the bytes of a file, YAML or JSON. Out: a [`Reading`]: every document as a [`Value`], every
//! error, and lints where kubectl reads something else than most people would. The other way: [`emit()`].
//!
//! # Why not a YAML crate
//!
//! A hash of "what kubectl would send" is only as good as the reading. kubectl is not a YAML 1.2 reader: it cuts the
//! file by text lines, parses each piece with yaml.v2 (a port of an old libyaml), resolves scalars by YAML 1.1 (`yes`
//! is a boolean, `0644` is 420), turns all keys into text (`on:` is the key `true`), applies `<<` where it stands, lets
//! the last duplicate win, prints it all as JSON and reads that again (`1.0` is 1). No Rust crate does this: the
//! popular ones differ in one real file of ten. So this module has only the parser from a crate (libyaml-safer, a
//! port of the same libyaml) and all rules behind it of its own:
//!
//! | file | rule |
//! |---|---|
//! | `read`, `split` | bytes to text, text to chunks, chunks to documents |
//! | `event`, `quirk` | chunk to nodes, by libyaml-safer, with its differences to yaml.v2 |
//! | `json`, `typed` | streams of JSON, which kubectl tries first when a file starts with `{` |
//! | `scalar`, `number`, `timestamp` | what a scalar means |
//! | `load`, `frame`, `anchor` | nodes to a value: keys, merges, aliases, limits |
//! | `lint` | where to warn |
//! | `cursor`, `locate` | offsets, and paths in a value, to lines |
//! | `order` | the order of a text, which no value has |
//! | `emit`, `style` | a value to YAML |
//!
//! # Guarantees
//!
//! * A document that is returned is the one kubectl 1.37 reads. Where this and kubectl still differ (`event`, `quirk`,
//!   `number`, `load` and [`Limits`] say where) this reports an error; it never returns another value. The tests in
//!   `tests/oracle` compare with kubectl's own code, and have every such class by name.
//! * No input panics or overflows the stack; time and memory are bounded by the length of the input and [`Limits`].
//! * `read(emit(value))` gives `value` back, here and in kubectl.

mod anchor;
mod cursor;
mod emit;
mod event;
mod frame;
mod json;
pub mod lint;
mod load;
mod locate;
mod number;
mod order;
mod quirk;
mod read;
#[cfg(test)]
mod round_trip;
mod scalar;
mod split;
mod style;
mod timestamp;
mod typed;

pub use emit::emit;
pub use locate::{Location, Locator, Position};
pub use order::Order;
pub use read::read;
pub(crate) use timestamp::is_rfc3339;

use crate::canon::Value;

/// How large a document may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How deep lists and maps may nest. kubectl stops at 10,000, but what takes a [`Value`] recurses: with the
    /// default of 1,000 every thread has 2 KiB of stack for each level. Reading itself does not recurse.
    pub depth: usize,
    /// How large the texts of a document may be with its aliases written out, with 16 bytes more for each node.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 1_000, bytes: 64 << 20 }
    }
}

/// What a file holds.
///
/// Guarantees: each document of the file has an index, in order and without gaps; it is either in `documents` or has
/// at least one of the `problems`. Documents that are null (comments only, say) do not count, as for kubectl.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Reading {
    /// The documents that could be read.
    pub documents: Vec<Document>,
    /// What is wrong, by document and line. kubectl stops at the first of them.
    pub problems: Vec<Problem>,
    /// What may surprise, by document and line.
    pub lints: Vec<Lint>,
}

impl Reading {
    /// All documents, if nothing is wrong with any.
    pub fn into_documents(self) -> Result<Vec<Document>, Vec<Problem>> {
        if self.problems.is_empty() { Ok(self.documents) } else { Err(self.problems) }
    }
}

/// One document, as kubectl reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Its content.
    pub value: Value,
    /// Its place among the documents of the file, from 0.
    pub index: usize,
    /// The line of its first token, from 1.
    pub line: usize,
}

/// Why a document could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct Problem {
    /// The place of the document in the file, from 0.
    pub document: usize,
    /// The line in the file, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong there.
    pub message: String,
}

/// A place where kubectl reads something else than most people would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lint {
    /// The rule, one of the constants in [`lint`].
    pub rule: &'static str,
    /// The place of the document in the file, from 0.
    pub document: usize,
    /// The line in the file, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What kubectl reads there.
    pub message: String,
}
