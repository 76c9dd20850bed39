//! Canonical values, their one encoding in bytes, and the ids made from it.
//!
//! In: a [`Value`]. Out: bytes that are the same on every machine, and typed ids that are BLAKE3 hashes of them.
//!
//! # The encoding
//!
//! Deterministic CBOR (RFC 8949, section 4.2.1), a subset of it:
//!
//! | value | encoding |
//! |---|---|
//! | null, booleans | `f6`, `f4`, `f5` |
//! | integer | major type 0 or 1, shortest form |
//! | other number | the shortest of half, single and double that holds it exactly; never NaN, an infinity or `-0.0` |
//! | text | major type 3, definite length, the bytes of its UTF-8 untouched |
//! | list | major type 4, definite length |
//! | map | major type 5, definite length, keys are text, sorted by their bytes, none twice |
//! | digest | major type 2 of 32 bytes (only inside our own records, never in a manifest) |
//!
//! RFC 8949 sorts keys by their *encoded* bytes, that is, by length first. So do we: `z` stands before `aa`.
//! An id is BLAKE3 in key-derivation mode, with one context for each type of object (see [`Id`]), so that bytes of
//! one type can never pass for those of another. Golden vectors in the tests of this module pin all of it.

mod decode;
mod encode;
mod id;
mod value;

pub use decode::{DecodeError, Decoder};
pub use encode::Encoder;
pub use id::{
    Chunk, ContentRoot, Graph, GraphSet, HookRoot, Id, IdError, Input, Kind, Layout, Place, Recipe, Resource,
};
pub use value::{Map, Value};
