//! The working tree as it lies.
//!
//! In: a repository and a folder. Out: a [`Snapshot`] of tracked files as they are now and of untracked files that
//! `.gitignore` and `.git/info/exclude` do not name; deleted files are absent. The user's own ignore file does not
//! count, so that one tree has one id on every machine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use gix::ObjectId;
use gix::bstr::{BString, ByteSlice};
use rayon::prelude::*;

use super::snapshot::{Bytes, path_error};
use super::{Entry, EntryKind, Error, MAX_ENTRIES, Snapshot, commit};

pub(super) fn snapshot(repository: &gix::Repository, folder: &str) -> Result<Snapshot, Error> {
    let root = repository.workdir().ok_or(Error::Bare)?.to_owned();
    if !folder.split('/').all(|part| part != "..") || !is_folder(&root, folder) {
        return Err(Error::NoFolder { path: folder.to_owned(), place: "the working tree".to_owned() });
    }
    let paths = list(repository, folder)?;
    if paths.len() > MAX_ENTRIES {
        return Err(Error::TooManyEntries { path: folder.to_owned() });
    }
    let hash = repository.object_hash();
    let entry = |path: String| Ok(kind_on_disk(&root, &path)?.map(|kind| (path, kind)));
    let found = paths.into_iter().filter_map(|path| entry(path).transpose()).collect::<Result<Vec<_>, Error>>()?;
    let entry = |(path, kind): (String, EntryKind)| {
        let oid = oid_on_disk(&root, &path, kind, hash)?;
        Ok(Entry { path, kind, oid })
    };
    let entries = found.into_par_iter().map(entry).collect::<Result<Vec<_>, Error>>()?;
    let bytes = Bytes::Files(root);
    let mut snapshot = Snapshot { entries, folder: folder.to_owned(), bytes, commit: None, dirty: false };
    if let Ok(head) = repository.head_id() {
        let (info, tree) = commit::read_commit(repository, head.detach())?;
        let committed = committed_files(repository, tree, folder)?;
        snapshot.dirty = differs(&snapshot.entries, &committed);
        snapshot.commit = Some(info);
    }
    Ok(snapshot)
}

/// Whether `folder` and all folders that it lies in are folders, not links to some.
fn is_folder(root: &Path, folder: &str) -> bool {
    let ends = folder.match_indices('/').map(|(end, _)| end).chain([folder.len()]);
    ends.map(|end| root.join(&folder[..end])).all(|path| path.symlink_metadata().is_ok_and(|found| found.is_dir()))
}

/// The oid that Git would give to what lies at `path`, of any size.
fn oid_on_disk(root: &Path, path: &str, kind: EntryKind, hash: gix::hash::Kind) -> Result<Option<ObjectId>, Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let other = |error: &dyn std::fmt::Display| failed(std::io::Error::other(error.to_string()));
    let blob = gix::objs::Kind::Blob;
    match kind {
        EntryKind::Submodule => Ok(None),
        EntryKind::Link => {
            let target = std::fs::read_link(root.join(path)).map_err(failed)?.into_os_string().into_encoded_bytes();
            gix::objs::compute_hash(hash, blob, &target).map(Some).map_err(|error| other(&error))
        }
        EntryKind::File => {
            let mut file = std::fs::File::open(root.join(path)).map_err(failed)?;
            let length = file.metadata().map_err(failed)?.len();
            let (mut progress, go_on) = (gix::progress::Discard, std::sync::atomic::AtomicBool::new(false));
            gix::objs::compute_stream_hash(hash, blob, &mut file, length, &mut progress, &go_on)
                .map(Some)
                .map_err(|error| other(&error))
        }
    }
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

/// Path to what lies there below `folder` in the commit; empty where the folder is new.
fn committed_files(
    repository: &gix::Repository,
    tree: ObjectId,
    folder: &str,
) -> Result<BTreeMap<String, Entry>, Error> {
    let root = match commit::find_folder(repository, tree, folder, "HEAD") {
        Err(Error::NoFolder { .. }) => return Ok(BTreeMap::new()),
        found => found?,
    };
    let entries = commit::walk(repository, root, folder)?;
    Ok(entries.into_iter().map(|entry| (entry.path.clone(), entry)).collect())
}

/// Which commit a submodule is at does not count: submodules are not read.
fn differs(entries: &[Entry], committed: &BTreeMap<String, Entry>) -> bool {
    let same = |entry: &Entry, other: &Entry| {
        entry.kind == other.kind && (entry.kind == EntryKind::Submodule || entry.oid == other.oid)
    };
    entries.len() != committed.len()
        || !entries.iter().all(|entry| committed.get(&entry.path).is_some_and(|other| same(entry, other)))
}
