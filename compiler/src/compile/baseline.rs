//! What an application at a place was compiled to, file by file: what the next compilation there is an update of.
//!
//! In: a compilation of all files, or the bytes of its baseline. Out: the other. It is written by whole compilations
//! only; as files change one by one each update is of the same baseline, until too many differ from it. Like a memo
//! entry it is ours alone, checksummed by the store, and worth time only: which place it was kept for proves nothing,
//! so each file is compared by what stands for its bytes.
//!
//! `[entry, [path, identity, signature, tied, …], outline]` in our canonical encoding: the memo entry of the compilation
//! (which names the compiler), for each file its path below the folder, its oid or hash, what the rules of `depend` read
//! of it, and 1 where something is said of it together with other files; and the graph without its bodies.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::app::Directory;
use crate::canon::{DecodeError, Decoder, Encoder, Id, Place};
use crate::graph::ResourceGraph;
use crate::tree::Snapshot;

/// As many files are read again, or the part of them that [`PART_CHANGED`] says where that is more; where more have
/// changed, all are, and there is a new baseline.
const MOST_CHANGED: usize = 32;

/// One of so many files is read again: an update stays far below a compilation of all.
const PART_CHANGED: usize = 8;

/// A baseline that was read.
pub(super) struct Baseline<'a> {
    /// Of the memo.
    pub(super) entry: &'a [u8],
    files: Vec<File<'a>>,
    /// Of the graph.
    pub(super) outline: &'a [u8],
}

struct File<'a> {
    path: &'a str,
    identity: &'a [u8],
    signature: [u8; 32],
    tied: bool,
}

/// Where the baseline of an application is kept. Two that share a place only take it from each other.
pub(super) fn place(snapshot: &Snapshot, rules: &[u8], directory: &Directory, last_wins: bool) -> Id<Place> {
    let Directory { recurse, include, exclude, jsonnet: _ } = directory;
    let mut encoder = Encoder::new();
    encoder.list(7);
    // What is an error in one is a lint in the other.
    encoder.unsigned(u64::from(last_wins));
    encoder.raw(snapshot.place().as_os_str().as_encoded_bytes());
    encoder.text(snapshot.folder());
    // With other rules any edge may be another.
    encoder.raw(rules);
    encoder.unsigned(u64::from(*recurse));
    for pattern in [include, exclude] {
        encoder.text(pattern.as_ref().map_or("", |pattern| pattern.as_str()));
    }
    Id::of(&encoder.finish())
}

/// The bytes of a baseline. `tied` are the paths of files that are spoken of together with others.
pub(super) fn encode<'f>(
    entry: &[u8],
    files: impl Iterator<Item = (&'f str, Cow<'f, [u8]>)>,
    signatures: &[[u8; 32]],
    tied: &BTreeSet<&str>,
    graph: &ResourceGraph,
) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.list(3);
    encoder.raw(entry);
    encoder.list(4 * signatures.len());
    for ((path, identity), signature) in files.zip(signatures) {
        encoder.text(path);
        encoder.raw(&identity);
        encoder.raw(signature);
        encoder.unsigned(u64::from(tied.contains(path)));
    }
    encoder.raw(&graph.outline());
    encoder.finish()
}

impl<'a> Baseline<'a> {
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut decoder = Decoder::new(bytes);
        decoder.list_of(3)?;
        let entry = decoder.raw()?;
        let count = decoder.list()? / 4;
        let mut files = Vec::with_capacity(count);
        for _ in 0..count {
            let (path, identity) = (decoder.text()?, decoder.raw()?);
            files.push(File { path, identity, signature: decoder.digest()?, tied: decoder.unsigned()? == 1 });
        }
        let outline = decoder.raw()?;
        decoder.end()?;
        Ok(Self { entry, files, outline })
    }

    /// The numbers of the files that have changed; `None` where an update cannot say what comes of it: there are others
    /// now, too many have changed, or what was said of one depended on more than that file.
    pub(super) fn changed<'f>(&self, now: impl Iterator<Item = (&'f str, Cow<'f, [u8]>)>) -> Option<Vec<usize>> {
        let mut changed = Vec::new();
        let mut before = self.files.iter();
        let most = MOST_CHANGED.max(self.files.len() / PART_CHANGED);
        for (number, (path, identity)) in now.enumerate() {
            let file = before.next().filter(|file| file.path == path)?;
            if *file.identity != *identity {
                if file.tied || changed.len() == most {
                    return None;
                }
                changed.push(number);
            }
        }
        before.next().is_none().then_some(changed)
    }

    /// Whether the rules read the same of a file as before.
    pub(super) fn has_signature(&self, number: usize, signature: &[u8; 32]) -> bool {
        self.files.get(number).is_some_and(|file| file.signature == *signature)
    }
}
