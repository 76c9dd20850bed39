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

/// The oids of files under the stamps that they had.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct KnownFiles {
    /// The attributes under which the oids were made.
    attributes: [u8; 32],
    files: HashMap<String, (Stamp, ObjectId)>,
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

    /// The oid of the file at `path`, where it still has its stamp.
    pub(super) fn oid(&self, path: &str, stamp: &Stamp) -> Option<ObjectId> {
        self.files.get(path).filter(|(known, _)| known == stamp).map(|(_, oid)| *oid)
    }

    /// Remembers an oid, where the file had rested when the listing began.
    pub(super) fn remember(&mut self, path: &str, stamp: Stamp, oid: ObjectId, began: SystemTime) {
        if stamp.rested(began) {
            self.files.insert(path.to_owned(), (stamp, oid));
        }
    }

    /// As bytes: `[attributes, [[path, size, modified, changed, inode, oid], …]]` in our canonical encoding, sorted.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut files: Vec<_> = self.files.iter().collect();
        files.sort_by_key(|(path, _)| path.as_str());
        let mut encoder = Encoder::new();
        encoder.list(2);
        encoder.raw(&self.attributes);
        encoder.list(files.len());
        for (path, (stamp, oid)) in files {
            encoder.list(6);
            encoder.text(path);
            encoder.unsigned(stamp.size);
            encoder.raw(&stamp.modified.to_be_bytes());
            encoder.raw(&stamp.changed.to_be_bytes());
            encoder.unsigned(stamp.inode);
            encoder.raw(oid.as_slice());
        }
        encoder.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut decoder = Decoder::new(bytes);
        decoder.list_of(2)?;
        let attributes = decoder.digest()?;
        let mut files = HashMap::new();
        for _ in 0..decoder.list()? {
            decoder.list_of(6)?;
            let path = decoder.text()?.to_owned();
            let size = decoder.unsigned()?;
            let (modified, changed) = (time(decoder.raw()?), time(decoder.raw()?));
            let inode = decoder.unsigned()?;
            let oid = ObjectId::try_from(decoder.raw()?);
            if let (Some(modified), Some(changed), Ok(oid)) = (modified, changed, oid) {
                files.insert(path, (Stamp { size, modified, changed, inode }, oid));
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

    fn oid() -> ObjectId {
        ObjectId::from_hex(b"e69de29bb2d1d6434b8b29ae775ad8c2e48c5391").expect("an oid")
    }

    #[test]
    fn only_what_had_rested_is_remembered() {
        let at = |seconds: u64| UNIX_EPOCH + Duration::from_secs(seconds);
        for (began, remembered) in [(6, false), (9, false), (10, true), (1000, true)] {
            let mut known = KnownFiles::none([0; 32]);
            known.remember("a", STAMP, oid(), at(began));
            assert_eq!(known.oid("a", &STAMP), remembered.then(oid), "{began}");
        }
    }

    #[test]
    fn another_stamp_or_other_attributes_are_unknown() {
        let mut known = KnownFiles::none([1; 32]);
        known.remember("a", STAMP, oid(), SystemTime::now());
        let bytes = known.encode();
        let read = KnownFiles::read(Some(&bytes), [1; 32]);
        assert_eq!(read, known);
        for other in [
            Stamp { size: 4, ..STAMP },
            Stamp { modified: 1, ..STAMP },
            Stamp { changed: 1, ..STAMP },
            Stamp { inode: 1, ..STAMP },
        ] {
            assert_eq!(read.oid("a", &other), None);
        }
        assert_eq!(KnownFiles::read(Some(&bytes), [2; 32]).oid("a", &STAMP), None);
        assert_eq!(KnownFiles::read(Some(&bytes[1..]), [1; 32]).oid("a", &STAMP), None);
    }
}
