//! What the file system says of a file, to know without reading it that it did not change.
//!
//! In: metadata. Out: a [`Stamp`], and [`KnownFiles`]: oids under the stamps that their files had. Times of files have
//! a resolution, so that a file which changes twice within one tick may keep its stamp: an oid is remembered only where
//! the file had rested for [`REST`] when its listing began. Local file systems are assumed to keep the time of the
//! last change of the inode, which no program can set; on systems without one nothing is remembered.

use std::collections::HashMap;
use std::fs::Metadata;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gix::ObjectId;

use crate::canon::{DecodeError, Decoder, Encoder};

use super::Pointer;

/// Longer than a tick of any file system (FAT: two seconds).
const REST: Duration = Duration::from_secs(3);

/// The state of a file, as far as its metadata tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    size: u64,
    /// Nanoseconds since 1970.
    modified: i64,
    /// Of the inode: contents, name or rights.
    changed: i64,
    inode: u64,
}

impl Stamp {
    /// The stamp of a regular file.
    #[cfg(unix)]
    pub(super) fn of(metadata: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let nanoseconds = |seconds: i64, rest: i64| seconds.checked_mul(1_000_000_000)?.checked_add(rest);
        Some(Self {
            size: metadata.size(),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec())?,
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec())?,
            inode: metadata.ino(),
        })
    }

    /// No stamp.
    #[cfg(not(unix))]
    pub(super) fn of(_: &Metadata) -> Option<Self> {
        None
    }

    /// Whether the file had rested long enough at `now`.
    fn rested(&self, now: SystemTime) -> bool {
        let limit = now.checked_sub(REST).and_then(|limit| limit.duration_since(UNIX_EPOCH).ok());
        let limit = limit.and_then(|limit| i64::try_from(limit.as_nanos()).ok());
        limit.is_some_and(|limit| self.modified.max(self.changed) < limit)
    }
}

/// What is known of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) oid: ObjectId,
    /// The pointer whose oid that is.
    pub(super) large: Option<Pointer>,
}

/// The oids of files under the stamps that they had.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct KnownFiles {
    /// The attributes under which the oids were made.
    attributes: [u8; 32],
    files: HashMap<String, (Stamp, Known)>,
}

impl KnownFiles {
    /// Nothing is known.
    pub(super) fn none(attributes: [u8; 32]) -> Self {
        Self { attributes, files: HashMap::new() }
    }

    /// What was written by [`KnownFiles::encode`]; nothing where it was made under other attributes.
    pub(super) fn read(bytes: Option<&[u8]>, attributes: [u8; 32]) -> Self {
        let read = bytes.and_then(|bytes| Self::decode(bytes).ok());
        read.filter(|read| read.attributes == attributes).unwrap_or_else(|| Self::none(attributes))
    }

    /// What is known of the file at `path`, where it still has its stamp.
    pub(super) fn of(&self, path: &str, stamp: &Stamp) -> Option<Known> {
        self.files.get(path).filter(|(had, _)| had == stamp).map(|(_, known)| *known)
    }

    /// Remembers what is known of a file, where that had rested when the listing began.
    pub(super) fn remember(&mut self, path: &str, stamp: Stamp, known: Known, began: SystemTime) {
        if stamp.rested(began) {
            self.files.insert(path.to_owned(), (stamp, known));
        }
    }

    /// As bytes: `[attributes, [[path, size, modified, changed, inode, oid, pointer], …]]` in our canonical encoding, sorted;
    /// the pointer as it is written, or nothing.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut files: Vec<_> = self.files.iter().collect();
        files.sort_by_key(|(path, _)| path.as_str());
        let mut encoder = Encoder::new();
        encoder.list(2);
        encoder.raw(&self.attributes);
        encoder.list(files.len());
        for (path, (stamp, Known { oid, large })) in files {
            encoder.list(7);
            encoder.text(path);
            encoder.unsigned(stamp.size);
            encoder.raw(&stamp.modified.to_be_bytes());
            encoder.raw(&stamp.changed.to_be_bytes());
            encoder.unsigned(stamp.inode);
            encoder.raw(oid.as_slice());
            encoder.text(&large.map(|pointer| pointer.text()).unwrap_or_default());
        }
        encoder.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut decoder = Decoder::new(bytes);
        decoder.list_of(2)?;
        let attributes = decoder.digest()?;
        let mut files = HashMap::new();
        for _ in 0..decoder.list()? {
            decoder.list_of(7)?;
            let path = decoder.text()?.to_owned();
            let size = decoder.unsigned()?;
            let (modified, changed) = (time(decoder.raw()?), time(decoder.raw()?));
            let inode = decoder.unsigned()?;
            let oid = ObjectId::try_from(decoder.raw()?);
            let pointer = decoder.text()?;
            let large = Pointer::read(pointer.as_bytes()).and_then(Result::ok);
            let is_whole = pointer.is_empty() || large.is_some();
            if let (Some(modified), Some(changed), Ok(oid), true) = (modified, changed, oid, is_whole) {
                files.insert(path, (Stamp { size, modified, changed, inode }, Known { oid, large }));
            }
        }
        decoder.end()?;
        Ok(Self { attributes, files })
    }
}

fn time(bytes: &[u8]) -> Option<i64> {
    Some(i64::from_be_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { size: 3, modified: 5_000_000_000, changed: 6_000_000_000, inode: 9 };

    fn known_file(large: Option<Pointer>) -> Known {
        Known { oid: ObjectId::from_hex(b"e69de29bb2d1d6434b8b29ae775ad8c2e48c5391").expect("an oid"), large }
    }

    #[test]
    fn only_what_had_rested_is_remembered() {
        let at = |seconds: u64| UNIX_EPOCH + Duration::from_secs(seconds);
        for (began, remembered) in [(6, false), (9, false), (10, true), (1000, true)] {
            let mut known = KnownFiles::none([0; 32]);
            known.remember("a", STAMP, known_file(None), at(began));
            assert_eq!(known.of("a", &STAMP), remembered.then(|| known_file(None)), "{began}");
        }
    }

    #[test]
    fn another_stamp_or_other_attributes_are_unknown() {
        let mut known = KnownFiles::none([1; 32]);
        known.remember("a", STAMP, known_file(None), SystemTime::now());
        known.remember("b", STAMP, known_file(Some(Pointer::of(b"b"))), SystemTime::now());
        let bytes = known.encode();
        let read = KnownFiles::read(Some(&bytes), [1; 32]);
        assert_eq!(read, known);
        for other in [
            Stamp { size: 4, ..STAMP },
            Stamp { modified: 1, ..STAMP },
            Stamp { changed: 1, ..STAMP },
            Stamp { inode: 1, ..STAMP },
        ] {
            assert_eq!(read.of("a", &other), None);
        }
        assert_eq!(KnownFiles::read(Some(&bytes), [2; 32]).of("a", &STAMP), None);
        assert_eq!(KnownFiles::read(Some(&bytes[1..]), [1; 32]).of("a", &STAMP), None);
    }
}
