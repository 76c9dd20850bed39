//! Where entries are kept: what each kind of place can do.
//!
//! In: names, entries. Out: entries, whoever wrote them. Nothing that comes out of a place is to be believed; how long it may be
//! is for whoever asks to say. A place is asked from several threads that may wait.

use crate::fetch::FetchError;

use super::entry::EntryName;

/// What servers are asked for, for messages.
pub(super) const WHAT: &str = "an entry of the binary cache";
/// Why a place does not write that nobody wanted to write to.
pub(super) const ONLY_READ: &str = "it is only read here";

/// What there is under a name.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// An entry, perhaps.
    Bytes(Vec<u8>),
    /// Something that is no entry: too long, or of another form.
    Foreign,
}

/// Where entries are kept.
pub trait Place: Send + Sync {
    /// What there is under a name, which is foreign where it is longer than this.
    ///
    /// # Errors
    /// Where the place cannot be asked: why, in one line and without secrets.
    fn get(&self, name: &EntryName, most_bytes: u64) -> Result<Found, String>;

    /// Puts an entry, in the place of what was there, whole or not at all.
    ///
    /// # Errors
    /// Where that is not possible: why, in one line and without secrets.
    fn put(&self, name: &EntryName, entry: &[u8]) -> Result<(), String>;
}

/// What a server did not do, in one line.
pub(super) fn told(error: &FetchError) -> String {
    format!("{}: {}", error.asked, error.why)
}
