//! Several snapshots that look like one: a repository with its submodules, as a checkout of all of them.
//!
//! In: snapshots, and where in the outer repository each belongs. Out: one [`Snapshot`] with the paths of the outer one, so
//! that links and relative names lead where they would on disk. Each file is read from where it is.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::snapshot::Bytes;
use super::{CommitInfo, Entry, Error, MAX_ENTRIES, Snapshot};

/// One of the snapshots.
pub(super) struct Part {
    /// The folder of the outer repository whose files it has.
    pub(super) folder: String,
    /// Where its own root is there; empty for the outer repository itself.
    pub(super) root: String,
    pub(super) snapshot: Arc<Snapshot>,
}

impl Part {
    /// The entry of the part that an entry of the whole is.
    pub(super) fn own(&self, entry: &Entry) -> Option<Entry> {
        let path = below(&self.root, &entry.path)?.to_owned();
        Some(Entry { path, ..entry.clone() })
    }
}

/// The number of the part that a path is read from: the innermost.
pub(super) fn part_of(parts: &[Part], path: &str) -> Option<usize> {
    let holding = parts.iter().enumerate().filter(|(_, part)| below(&part.folder, path).is_some());
    holding.max_by_key(|(_, part)| part.folder.len()).map(|(number, _)| number)
}

/// A folder of a submodule, as a folder of the repository that has it at `root`.
pub(super) fn moved(root: &str, inner: Arc<Snapshot>, commit: Option<CommitInfo>, dirty: bool) -> Snapshot {
    let outer = |path: &str| if path.is_empty() { root.to_owned() } else { format!("{root}/{path}") };
    let entries = inner.entries().iter().map(|entry| Entry { path: outer(&entry.path), ..entry.clone() }).collect();
    let folder = outer(inner.folder());
    let part = Part { folder: folder.clone(), root: root.to_owned(), snapshot: inner };
    Snapshot { entries, folder, bytes: Bytes::Joined(vec![part]), contents: None, commit, dirty }
}

/// A folder with folders of its submodules in the place of those.
pub(super) fn joined(outer: Arc<Snapshot>, inner: Vec<Arc<Snapshot>>) -> Result<Snapshot, Error> {
    let folder = outer.folder().to_owned();
    let replaced: BTreeSet<&str> = inner.iter().map(|inner| inner.folder()).collect();
    let kept = outer.entries().iter().filter(|entry| !replaced.contains(entry.path.as_str()));
    let mut entries: Vec<Entry> = kept.cloned().collect();
    let (commit, mut dirty) = (outer.commit.clone(), outer.dirty);
    let part = |snapshot: Arc<Snapshot>| Part { folder: snapshot.folder().to_owned(), root: String::new(), snapshot };
    let mut parts = vec![part(outer)];
    for inner in inner {
        if entries.len() + inner.entries().len() > MAX_ENTRIES {
            return Err(Error::TooManyEntries { path: folder });
        }
        entries.extend_from_slice(inner.entries());
        dirty |= inner.dirty;
        parts.push(part(inner));
    }
    entries.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(Snapshot { entries, folder, bytes: Bytes::Joined(parts), contents: None, commit, dirty })
}

/// What of a path is below a folder; none where it is not.
pub(super) fn below<'p>(folder: &str, path: &'p str) -> Option<&'p str> {
    if folder.is_empty() {
        return Some(path);
    }
    let rest = path.strip_prefix(folder)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}
