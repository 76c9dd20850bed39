//! The tree of a commit, walked without a checkout.
//!
//! In: an oid and a folder. Out: a [`Snapshot`] of the files below the folder. Only that folder is walked.

use std::sync::Arc;

use gix::ObjectId;
use gix::objs::Kind;
use gix::objs::tree::EntryKind as Mode;

use super::large::{self, Contents};
use super::repository::read_object;
use super::snapshot::{Bytes, path_error};
use super::{CommitInfo, Entry, EntryKind, Error, MAX_ENTRIES, Snapshot};

/// A tree deeper than this is refused: paths that no file system could hold.
const MAX_DEPTH: usize = 512;

/// With `contents`, pointers of Git LFS stand for those.
pub(super) fn snapshot(
    repository: &gix::Repository,
    id: ObjectId,
    folder: &str,
    contents: Option<Arc<Contents>>,
) -> Result<Snapshot, Error> {
    let (commit, tree) = read_commit(repository, id)?;
    let place = format!("commit {}", &commit.oid[..12]);
    let root = find_folder(repository, tree, folder, &place)?;
    let mut entries = walk(repository, root, folder)?;
    if contents.is_some() {
        large::mark(repository, tree, folder, &mut entries)?;
    }
    Ok(Snapshot {
        entries,
        folder: folder.to_owned(),
        bytes: Bytes::Objects(Box::new(repository.clone().into_sync())),
        contents,
        commit: Some(commit),
        dirty: false,
    })
}

/// The commit behind `id` (an annotated tag is followed) and the oid of its tree.
pub(super) fn read_commit(repository: &gix::Repository, id: ObjectId) -> Result<(CommitInfo, ObjectId), Error> {
    let unknown = || Error::UnknownRevision { revision: id.to_string() };
    let object = repository.find_object(id).map_err(|_| unknown())?;
    let id = object.peel_to_kind(Kind::Commit).map_err(|_| unknown())?.id;
    let data = read_object(repository, id, Kind::Commit, "the commit")?;
    let broken = |error: &dyn std::fmt::Display| Error::Object {
        path: "the commit".to_owned(),
        oid: id.to_string(),
        source: error.to_string().into(),
    };
    let commit = gix::objs::CommitRef::from_bytes(&data, id.kind()).map_err(|error| broken(&error))?;
    let subject = commit.message.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let author = commit.author().map(|author| author.name.to_string()).unwrap_or_default();
    let info = CommitInfo { oid: id.to_string(), subject: String::from_utf8_lossy(subject).trim().to_owned(), author };
    Ok((info, commit.tree()))
}

/// The oid of the tree at `folder`.
pub(super) fn find_folder(
    repository: &gix::Repository,
    root: ObjectId,
    folder: &str,
    place: &str,
) -> Result<ObjectId, Error> {
    let mut tree = root;
    for part in folder.split('/').filter(|part| !part.is_empty()) {
        let data = read_object(repository, tree, Kind::Tree, folder)?;
        let found = entries_of(&data, tree, folder)?.into_iter().find(|entry| entry.0 == part && entry.1 == Mode::Tree);
        let Some((_, _, id)) = found else {
            return Err(Error::NoFolder { path: folder.to_owned(), place: place.to_owned() });
        };
        tree = id;
    }
    Ok(tree)
}

/// The regular files of a name in the folders above `folder`: their paths and oids, from the root down.
pub(super) fn files_above(
    repository: &gix::Repository,
    root: ObjectId,
    folder: &str,
    name: &str,
) -> Result<Vec<(String, ObjectId)>, Error> {
    let (mut tree, mut files) = (root, Vec::new());
    let parts = folder.split('/').filter(|part| !part.is_empty());
    let begins = std::iter::once(0).chain(folder.match_indices('/').map(|(at, _)| at + 1));
    for (part, begin) in parts.zip(begins) {
        let data = read_object(repository, tree, Kind::Tree, folder)?;
        let entries = entries_of(&data, tree, folder)?;
        let is_file = |mode: &Mode| matches!(mode, Mode::Blob | Mode::BlobExecutable);
        let found = entries.iter().find(|(found, mode, _)| found == name && is_file(mode));
        files.extend(found.map(|(_, _, oid)| (format!("{}{name}", &folder[..begin]), *oid)));
        let Some((_, _, below)) = entries.into_iter().find(|entry| entry.0 == part && entry.1 == Mode::Tree) else {
            break;
        };
        tree = below;
    }
    Ok(files)
}

/// The first submodule on the way to `path`: its path, and its commit.
pub(super) fn find_submodule(
    repository: &gix::Repository,
    root: ObjectId,
    path: &str,
) -> Result<Option<(String, ObjectId)>, Error> {
    let mut tree = root;
    let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
    for (name, end) in path.split('/').zip(ends) {
        let data = read_object(repository, tree, Kind::Tree, path)?;
        match entries_of(&data, tree, path)?.into_iter().find(|entry| entry.0 == name) {
            Some((_, Mode::Tree, id)) => tree = id,
            Some((_, Mode::Commit, id)) => return Ok(Some((path[..end].to_owned(), id))),
            _ => return Ok(None),
        }
    }
    Ok(None)
}

/// The bytes of a regular file at the root of a commit; `None` where there is none.
pub(super) fn file_at_root(repository: &gix::Repository, id: ObjectId, name: &str) -> Result<Option<Vec<u8>>, Error> {
    let (_, root) = read_commit(repository, id)?;
    let data = read_object(repository, root, Kind::Tree, "")?;
    match entries_of(&data, root, "")?.into_iter().find(|entry| entry.0 == name) {
        Some((_, Mode::Blob | Mode::BlobExecutable, oid)) => read_object(repository, oid, Kind::Blob, name).map(Some),
        Some(_) => Err(path_error(name, "it must be a regular file")),
        None => Ok(None),
    }
}

/// All files below a tree, sorted by path.
pub(super) fn walk(repository: &gix::Repository, root: ObjectId, folder: &str) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    let mut pending = vec![(root, folder.to_owned(), 0)];
    while let Some((tree, prefix, depth)) = pending.pop() {
        if depth > MAX_DEPTH {
            return Err(path_error(&prefix, "folders are nested too deeply"));
        }
        let data = read_object(repository, tree, Kind::Tree, &prefix)?;
        for (name, mode, oid) in entries_of(&data, tree, &prefix)? {
            let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
            let kind = match mode {
                Mode::Tree => {
                    pending.push((oid, path, depth + 1));
                    continue;
                }
                Mode::Blob | Mode::BlobExecutable => EntryKind::File,
                Mode::Link => EntryKind::Link,
                Mode::Commit => EntryKind::Submodule,
            };
            entries.push(Entry { path, kind, oid: Some(oid), large: None });
            if entries.len() + pending.len() > MAX_ENTRIES {
                return Err(Error::TooManyEntries { path: folder.to_owned() });
            }
        }
    }
    entries.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(entries)
}

/// Name, mode and oid of each entry of one tree object. Names that could leave the tree are refused.
pub(super) fn entries_of(data: &[u8], id: ObjectId, path: &str) -> Result<Vec<(String, Mode, ObjectId)>, Error> {
    let tree = gix::objs::TreeRef::from_bytes(data, id.kind()).map_err(|error| Error::Object {
        path: path.to_owned(),
        oid: id.to_string(),
        source: error.to_string().into(),
    })?;
    tree.entries
        .iter()
        .map(|entry| {
            let name = std::str::from_utf8(entry.filename)
                .map_err(|_| path_error(&format!("{path}/{}", entry.filename), "this name is not UTF-8"))?;
            if matches!(name, "" | "." | "..") || name.contains(['/', '\\', '\0']) || name.eq_ignore_ascii_case(".git")
            {
                return Err(path_error(&format!("{path}/{name}"), "no file may have this name"));
            }
            Ok((name.to_owned(), entry.mode.kind(), entry.oid.to_owned()))
        })
        .collect()
}
