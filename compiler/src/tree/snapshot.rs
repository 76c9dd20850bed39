//! A list of files and the way to their bytes: what every kind of tree becomes.
//!
//! In: entries from a commit, a working tree or memory. Out: [`Snapshot`], sorted by path, from which any number of
//! threads can read.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use gix::ObjectId;

use super::files::WorkingFiles;
use super::joined::{Part, part_of};
use super::large::{Contents, refuse_pointer};
use super::{Error, Pointer, repository::read_object};

/// How many links may lead to one file.
pub(super) const MAX_LINKS: usize = 40;

/// What an entry of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file, executable or not.
    File,
    /// A symbolic link; its bytes are where it leads.
    Link,
    /// A commit of another repository.
    Submodule,
}

/// One file of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path from the root of the repository, with `/`.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// The oid of its bytes as a blob; what is read later has this oid still. Of a submodule its commit. None for a
    /// repository in a working tree that is no submodule, and for what never was in Git.
    pub oid: Option<ObjectId>,
    /// The pointer of Git LFS that the file is, or would be in a commit; the oid is that of the pointer, and what is read is
    /// its content. None where Git LFS is not wanted.
    pub large: Option<Pointer>,
}

impl Entry {
    /// What its bytes are known by without being read: what is known by the same has the same bytes. None where nothing is
    /// known.
    #[must_use]
    pub fn identity(&self) -> Option<Cow<'_, [u8]>> {
        match (&self.large, &self.oid) {
            (Some(pointer), _) => Some(Cow::Owned(pointer.identity().to_vec())),
            (None, Some(oid)) => Some(Cow::Borrowed(oid.as_slice())),
            (None, None) => None,
        }
    }
}

/// The commit that a tree came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// Whole oid, hexadecimal.
    pub oid: String,
    /// First line of the message.
    pub subject: String,
    /// Name of the author.
    pub author: String,
}

/// The files below one folder, at one moment.
pub struct Snapshot {
    pub(super) entries: Vec<Entry>,
    pub(super) folder: String,
    pub(super) bytes: Bytes,
    /// Where the contents of large files are; none where pointers are files like any other.
    pub(super) contents: Option<Arc<Contents>>,
    /// The commit: the one that was asked for, or the one under the working tree; none before the first commit.
    pub commit: Option<CommitInfo>,
    /// Whether the files differ from those of the commit. Always false for a commit itself.
    pub dirty: bool,
}

/// Where the bytes are.
pub(super) enum Bytes {
    /// In the object database.
    Objects(Box<gix::ThreadSafeRepository>),
    /// In files on disk.
    Files(Box<WorkingFiles>),
    /// Here, perhaps for several folders of one tree.
    Memory(Arc<BTreeMap<String, Vec<u8>>>),
    /// In several snapshots.
    Joined(Vec<Part>),
}

impl Snapshot {
    /// A tree of these files, for tests and for input that never was in Git.
    #[must_use]
    pub fn from_memory(files: BTreeMap<String, Vec<u8>>) -> Self {
        Self::with_links(files, BTreeMap::new())
    }

    /// The same with symbolic links, by their paths, with where they lead. A path that is both is a link.
    #[must_use]
    pub fn with_links(mut files: BTreeMap<String, Vec<u8>>, links: BTreeMap<String, Vec<u8>>) -> Self {
        let kind = |path: &String| if links.contains_key(path) { EntryKind::Link } else { EntryKind::File };
        let entry = |path: &String| Entry { path: path.clone(), kind: kind(path), oid: None, large: None };
        files.extend(links.clone());
        let entries = files.keys().map(entry).collect();
        Self {
            entries,
            folder: String::new(),
            bytes: Bytes::Memory(Arc::new(files)),
            contents: None,
            commit: None,
            dirty: false,
        }
    }

    /// Without the entries of submodules.
    pub(super) fn without_submodules(mut self) -> Self {
        self.entries.retain(|entry| entry.kind != EntryKind::Submodule || entry.oid.is_none());
        self
    }

    /// A folder of a tree in memory; none where it has no files, or the tree is somewhere else.
    pub(super) fn part(&self, folder: &str) -> Option<Self> {
        let Bytes::Memory(files) = &self.bytes else { return None };
        let is_below = |path: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        let entries: Vec<Entry> = self.entries.iter().filter(|entry| is_below(&entry.path)).cloned().collect();
        let bytes = Bytes::Memory(Arc::clone(files));
        (!entries.is_empty()).then(|| Self {
            entries,
            folder: folder.to_owned(),
            bytes,
            contents: None,
            commit: None,
            dirty: false,
        })
    }

    /// The entries below the folder, sorted by path.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The folder, from the root of the repository; empty for the root itself.
    #[must_use]
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// A path of the tree as it is from the folder.
    #[must_use]
    pub fn below<'a>(&self, path: &'a str) -> &'a str {
        path.strip_prefix(&self.folder).map_or(path, |below| below.trim_start_matches('/'))
    }

    /// Where this tree came from on this machine; empty for one in memory. No part of what it holds.
    #[must_use]
    pub fn place(&self) -> PathBuf {
        match &self.bytes {
            Bytes::Objects(repository) => repository.to_thread_local().common_dir().to_owned(),
            Bytes::Files(files) => files.root.clone(),
            Bytes::Memory(_) => PathBuf::new(),
            Bytes::Joined(parts) => parts.first().map(|part| part.snapshot.place()).unwrap_or_default(),
        }
    }

    /// The bytes of the file at a path of the tree, for messages.
    #[must_use]
    pub fn source(&self, path: &str) -> Option<Vec<u8>> {
        let entry = self.entries.iter().find(|entry| entry.path == path)?;
        self.reader().read(entry).ok()
    }

    /// A reader for one thread.
    #[must_use]
    pub fn reader(&self) -> Reader<'_> {
        let local = match &self.bytes {
            Bytes::Objects(repository) => Some(repository.to_thread_local()),
            Bytes::Files(_) | Bytes::Memory(_) | Bytes::Joined(_) => None,
        };
        let parts = match &self.bytes {
            Bytes::Joined(parts) => parts.iter().map(|part| part.snapshot.reader()).collect(),
            Bytes::Objects(_) | Bytes::Files(_) | Bytes::Memory(_) => Vec::new(),
        };
        Reader { snapshot: self, local, parts }
    }
}

/// Reads files of a [`Snapshot`]; one for each thread.
pub struct Reader<'a> {
    snapshot: &'a Snapshot,
    local: Option<gix::Repository>,
    /// One for each part of a joined snapshot.
    parts: Vec<Self>,
}

impl Reader<'_> {
    /// The bytes of an entry. A link is followed inside the tree, to a regular file below the same folder.
    pub fn read(&self, entry: &Entry) -> Result<Vec<u8>, Error> {
        let mut current = entry;
        for _ in 0..MAX_LINKS {
            match current.kind {
                EntryKind::File => return self.content(current),
                EntryKind::Submodule => return Err(path_error(&entry.path, "submodules are not read")),
                EntryKind::Link => {
                    let target = self.stored_bytes(current)?;
                    let path = follow(&current.path, &target)
                        .ok_or_else(|| path_error(&entry.path, "this symbolic link leads out of the repository"))?;
                    let found = self.snapshot.entries.binary_search_by(|other| other.path.as_str().cmp(&path));
                    let index = found.map_err(|_| {
                        path_error(&entry.path, &format!("this symbolic link leads to `{path}`, which is no file here"))
                    })?;
                    current = &self.snapshot.entries[index];
                }
            }
        }
        Err(path_error(&entry.path, "this symbolic link leads in a circle"))
    }

    /// The bytes of a regular file: where a pointer of Git LFS stands for them, those that it stands for.
    fn content(&self, entry: &Entry) -> Result<Vec<u8>, Error> {
        if let Bytes::Joined(parts) = &self.snapshot.bytes {
            let (number, own) = own(parts, entry)?;
            return self.parts[number].content(&own).map_err(|error| error.of_submodule(&parts[number].root));
        }
        let Some(contents) = &self.snapshot.contents else { return self.stored_bytes(entry) };
        let Some(pointer) = &entry.large else {
            let bytes = self.stored_bytes(entry)?;
            refuse_pointer(&entry.path, &bytes)?;
            return Ok(bytes);
        };
        let lies = match &self.snapshot.bytes {
            Bytes::Files(files) => files.content(&entry.path, pointer)?,
            Bytes::Objects(_) | Bytes::Memory(_) | Bytes::Joined(_) => None,
        };
        lies.map_or_else(|| contents.read(&entry.path, pointer), Ok)
    }

    /// The bytes of an entry as Git stores them: those of a link are its target.
    pub(super) fn stored_bytes(&self, entry: &Entry) -> Result<Vec<u8>, Error> {
        let missing = || gone(&entry.path);
        match (&self.snapshot.bytes, &self.local) {
            (Bytes::Objects(_), Some(repository)) => {
                let oid = entry.oid.ok_or_else(missing)?;
                read_object(repository, oid, gix::objs::Kind::Blob, &entry.path)
            }
            (Bytes::Files(files), _) => files.read(entry),
            (Bytes::Memory(files), _) => files.get(&entry.path).cloned().ok_or_else(missing),
            (Bytes::Joined(parts), _) => {
                let (number, own) = own(parts, entry)?;
                self.parts[number].stored_bytes(&own)
            }
            (Bytes::Objects(_), None) => Err(missing()),
        }
    }
}

/// The number of the part that has an entry, and the entry there.
pub(super) fn own(parts: &[Part], entry: &Entry) -> Result<(usize, Entry), Error> {
    let number = part_of(parts, &entry.path).ok_or_else(|| gone(&entry.path))?;
    let own = parts[number].own(entry).ok_or_else(|| gone(&entry.path))?;
    Ok((number, own))
}

fn gone(path: &str) -> Error {
    path_error(path, "it is gone")
}

/// Where a link at `path` leads, as a path from the root; `None` where it leaves the tree.
pub(super) fn follow(path: &str, target: &[u8]) -> Option<String> {
    join(parent(path), std::str::from_utf8(target).ok()?)
}

/// The folder that a path is in; empty for the root.
#[must_use]
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// A path as it is reached from a folder, both from the root of the repository: `..` and `.` are resolved. `None` where it
/// leads out of the repository or is absolute.
#[must_use]
pub fn join(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

pub(super) fn path_error(path: &str, reason: &str) -> Error {
    Error::Path { path: path.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_inside_the_repository() {
        assert_eq!(join("a/b", "../c/./d").as_deref(), Some("a/c/d"));
        assert_eq!(join("a", "..").as_deref(), Some(""));
        assert_eq!(join("", "x//y/").as_deref(), Some("x/y"));
        assert_eq!([join("a", "../.."), join("a", "/b")], [None, None]);
    }

    #[test]
    fn links_stay_inside_the_tree() {
        assert_eq!(follow("deploy/a.yaml", b"../base/a.yaml").as_deref(), Some("base/a.yaml"));
        assert_eq!(follow("deploy/a.yaml", b"./b.yaml").as_deref(), Some("deploy/b.yaml"));
        for outside in [&b"/etc/passwd"[..], b"../../x", b"../..", b"\xff"] {
            assert_eq!(follow("deploy/a.yaml", outside), None);
        }
    }

    #[test]
    fn a_circle_of_links_is_an_error() {
        let files = BTreeMap::from([("a".to_owned(), b"b".to_vec()), ("b".to_owned(), b"a".to_vec())]);
        let mut snapshot = Snapshot::from_memory(files);
        for entry in &mut snapshot.entries {
            entry.kind = EntryKind::Link;
        }
        let error = snapshot.reader().read(&snapshot.entries[0]).map_err(|error| error.to_string());
        assert_eq!(error, Err("`a`: this symbolic link leads in a circle".to_owned()));
    }
}
