//! Entries in a bucket of object storage: `[PREFIX/]v1/KIND/HASH`.
//!
//! In: names, entries. Out: entries. Guarantees: storage puts an object as a whole or not at all. How it is asked, and as whom, is
//! the [`ObjectStorage`]'s to know.

use crate::fetch::{FailureKind, ObjectStorage};

use super::entry::EntryName;
use super::place::{Found, ONLY_READ, Place, WHAT, told};

/// A bucket of entries.
pub struct Bucket {
    reading: ObjectStorage,
    /// Writing may take longer.
    writing: Option<ObjectStorage>,
    prefix: String,
}

impl Bucket {
    /// A bucket to read from, and the same to write to where that is wanted.
    #[must_use]
    pub fn new(reading: ObjectStorage, writing: Option<ObjectStorage>, prefix: String) -> Self {
        Self { reading, writing, prefix }
    }

    fn key(&self, name: &EntryName) -> String {
        let name = name.parts().join("/");
        if self.prefix.is_empty() { name } else { format!("{}/{name}", self.prefix) }
    }
}

impl Place for Bucket {
    fn get(&self, name: &EntryName, most_bytes: u64) -> Result<Found, String> {
        match self.reading.get(&self.key(name), most_bytes, WHAT) {
            Ok(None) => Ok(Found::Nothing),
            Ok(Some(bytes)) => Ok(Found::Bytes(bytes)),
            Err(error) if error.kind == FailureKind::TooLarge => Ok(Found::Foreign),
            Err(error) => Err(told(&error)),
        }
    }

    fn put(&self, name: &EntryName, entry: &[u8]) -> Result<(), String> {
        let Some(storage) = &self.writing else { return Err(ONLY_READ.to_owned()) };
        storage.put(&self.key(name), entry, WHAT).map_err(|error| told(&error))
    }
}
