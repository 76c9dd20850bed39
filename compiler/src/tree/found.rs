//! What stands at a path of a listing.
//!
//! In: a [`Snapshot`], a path from the root of the repository. Out: a file, a folder, or nothing; nothing is read.

use super::{Entry, EntryKind, Snapshot};

/// What stands at a path of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A file, link or submodule.
    Entry(Entry),
    /// A folder.
    Folder,
    /// Nothing.
    Nothing,
}

impl Snapshot {
    /// What stands at a path, given from the root of the repository.
    #[must_use]
    pub fn find(&self, path: &str) -> Found {
        if let Ok(index) = self.entries().binary_search_by(|entry| entry.path.as_str().cmp(path)) {
            return Found::Entry(self.entries()[index].clone());
        }
        let below = format!("{path}/");
        let next = self.entries().partition_point(|entry| entry.path.as_str() < below.as_str());
        match self.entries().get(next) {
            Some(entry) if entry.path.starts_with(&below) => Found::Folder,
            _ if path == self.folder() => Found::Folder,
            _ => Found::Nothing,
        }
    }

    /// The names of the files that lie in the folder itself.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let files = self.entries().iter().filter(|entry| entry.kind != EntryKind::Submodule);
        files.map(|entry| self.below(&entry.path)).filter(|path| !path.contains('/'))
    }
}
