//! Large files got together, before they are read one by one: a server is asked for many of them at once.
//!
//! In: files that are about to be read, of one tree or of several. Out: nothing; what could be got is here then. What cannot
//! be had is told when it is read.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::snapshot::{Bytes, own};
use super::{Entry, EntryKind, Error, File, MAX_BLOB_BYTES, Pointer, Snapshot};

/// How many are got before they are read, where all of them are.
const MOST: usize = 100;

impl Snapshot {
    /// Has the large files among these entries got together, where they are not here, before they are read one by one.
    pub fn prepare(&self, entries: &[&Entry]) {
        let large = entries.iter().filter(|entry| entry.kind == EntryKind::File && entry.large.is_some());
        if let Bytes::Joined(parts) = &self.bytes {
            let mut of_parts = vec![Vec::new(); parts.len()];
            for (number, own) in large.filter_map(|entry| own(parts, entry).ok()) {
                of_parts[number].push(own);
            }
            for (part, entries) in parts.iter().zip(&of_parts) {
                part.snapshot.prepare(&entries.iter().collect::<Vec<_>>());
            }
        } else if let Some(contents) = &self.contents {
            let lies = |path: &str, pointer: &Pointer| match &self.bytes {
                Bytes::Files(files) => files.seems_to_lie(path, pointer),
                Bytes::Objects(_) | Bytes::Memory(_) | Bytes::Joined(_) => false,
            };
            let pointers = large.filter_map(|entry| entry.large.filter(|pointer| !lies(&entry.path, pointer)));
            contents.prepare(pointers);
        }
    }

    /// Reads all large files that may be read, and keeps nothing: what cannot be had. Nothing where they are not wanted.
    #[must_use]
    pub fn check_large_files(&self) -> Vec<Error> {
        let may_be_read = |entry: &&Entry| entry.large.is_some_and(|pointer| pointer.size() <= MAX_BLOB_BYTES);
        let entries: Vec<&Entry> = self.entries().iter().filter(may_be_read).collect();
        let (reader, mut faults) = (self.reader(), Vec::new());
        for some in entries.chunks(MOST) {
            self.prepare(some);
            faults.extend(some.iter().filter_map(|entry| reader.read(entry).err()));
        }
        faults
    }
}

impl File {
    /// Has the large files among these got together, where they are not here, before they are read one by one.
    pub fn prepare<'f>(files: impl Iterator<Item = &'f Self>) {
        let mut of_snapshots: BTreeMap<*const Snapshot, (&Snapshot, Vec<&Entry>)> = BTreeMap::new();
        for Self { snapshot, entry } in files.filter(|file| file.entry.large.is_some()) {
            of_snapshots.entry(Arc::as_ptr(snapshot)).or_insert_with(|| (snapshot, Vec::new())).1.push(entry);
        }
        for (snapshot, entries) in of_snapshots.into_values() {
            snapshot.prepare(&entries);
        }
    }
}
