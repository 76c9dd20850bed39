//! The working tree as it lies.
//!
//! In: a repository and a folder. Out: a [`Snapshot`] of tracked files as they are now and of untracked files that
//! `.gitignore` and `.git/info/exclude` do not name; deleted files are absent. The user's own ignore file does not
//! count, so that one tree has one id on every machine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use gix::ObjectId;
use gix::bstr::{BString, ByteSlice};

use super::snapshot::{Bytes, path_error};
use super::{Entry, EntryKind, Error, MAX_ENTRIES, Snapshot, commit};

pub(super) fn snapshot(repository: &gix::Repository, folder: &str) -> Result<Snapshot, Error> {
    let root = repository.workdir().ok_or(Error::Bare)?.to_owned();
    if !root.join(folder).is_dir() {
        return Err(Error::NoFolder { path: folder.to_owned(), place: "the working tree".to_owned() });
    }
    let mut entries = Vec::new();
    for path in list(repository, folder)? {
        if let Some(kind) = kind_on_disk(&root, &path)? {
            entries.push(Entry { path, kind, oid: None });
        }
        if entries.len() > MAX_ENTRIES {
            return Err(Error::TooManyEntries { path: folder.to_owned() });
        }
    }
    let bytes = Bytes::Files(root);
    let mut snapshot = Snapshot { entries, folder: folder.to_owned(), bytes, commit: None, dirty: false };
    if let Ok(head) = repository.head_id() {
        let (info, tree) = commit::read_commit(repository, head.detach())?;
        let committed = committed_files(repository, tree, folder)?;
        snapshot.dirty = differs(&snapshot, &committed, repository.object_hash())?;
        snapshot.commit = Some(info);
    }
    Ok(snapshot)
}

/// Paths of the index and untracked paths below `folder`, sorted.
fn list(repository: &gix::Repository, folder: &str) -> Result<BTreeSet<String>, Error> {
    let failed = |error: gix::Error| Error::List(error.into());
    let index = repository.index_or_empty().map_err(failed)?;
    let mut paths = BTreeSet::new();
    let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    for entry in index.entries() {
        let path = entry.path(&index);
        if path.starts_with(prefix.as_bytes()) {
            paths.insert(utf8(path)?);
        }
    }
    let options = repository
        .dirwalk_options()
        .map_err(failed)?
        .emit_untracked(gix::dir::walk::EmissionMode::Matching)
        .emit_tracked(false);
    let patterns: Vec<BString> =
        if folder.is_empty() { vec![] } else { vec![format!(":(top,literal){folder}").into()] };
    let mut found = gix::dir::walk::delegate::Collect::default();
    let go_on = std::sync::atomic::AtomicBool::new(false);
    repository.dirwalk(&index, patterns, &go_on, options, &mut found).map_err(failed)?;
    for (entry, _) in found.into_entries_by_path() {
        paths.insert(utf8(entry.rela_path.as_bstr())?);
    }
    Ok(paths)
}

fn utf8(path: &gix::bstr::BStr) -> Result<String, Error> {
    let text = path.to_str().map_err(|_| path_error(&path.to_string(), "this name is not UTF-8"))?;
    Ok(text.to_owned())
}

/// What lies at `path`; nothing where it was deleted. A folder at a listed path is a repository inside this one.
fn kind_on_disk(root: &Path, path: &str) -> Result<Option<EntryKind>, Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    // A tracked path below what is now a link leads elsewhere: it is gone, and the link is an entry of its own.
    for (end, _) in path.match_indices('/') {
        match std::fs::symlink_metadata(root.join(&path[..end])) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        }
    }
    match std::fs::symlink_metadata(root.join(path)) {
        Ok(metadata) if metadata.is_symlink() => Ok(Some(EntryKind::Link)),
        Ok(metadata) if metadata.is_file() => Ok(Some(EntryKind::File)),
        Ok(metadata) if metadata.is_dir() => Ok(Some(EntryKind::Submodule)),
        Ok(_) => Ok(None),
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Path to oid below `folder` in the commit; empty where the folder is new.
fn committed_files(
    repository: &gix::Repository,
    tree: ObjectId,
    folder: &str,
) -> Result<BTreeMap<String, ObjectId>, Error> {
    let root = match commit::find_folder(repository, tree, folder, "HEAD") {
        Err(Error::NoFolder { .. }) => return Ok(BTreeMap::new()),
        found => found?,
    };
    let entries = commit::walk(repository, root, folder)?;
    Ok(entries.into_iter().filter_map(|entry| Some((entry.path, entry.oid?))).collect())
}

fn differs(snapshot: &Snapshot, committed: &BTreeMap<String, ObjectId>, hash: gix::hash::Kind) -> Result<bool, Error> {
    if snapshot.entries().len() != committed.len() {
        return Ok(true);
    }
    let reader = snapshot.reader();
    for entry in snapshot.entries() {
        if entry.kind == EntryKind::Submodule {
            continue;
        }
        let bytes = reader.stored_bytes(entry)?;
        let oid = gix::objs::compute_hash(hash, gix::objs::Kind::Blob, &bytes)
            .map_err(|error| Error::List(error.to_string().into()))?;
        if committed.get(&entry.path) != Some(&oid) {
            return Ok(true);
        }
    }
    Ok(false)
}
