//! The working tree as it lies.
//!
//! In: a repository and a folder. Out: a [`Snapshot`] of tracked files as they are now and of untracked files that
//! `.gitignore` and `.git/info/exclude` do not name; deleted files are absent, files outside of a sparse checkout are
//! as the index has them. The user's own ignore file does not count, so that one tree has one id on every machine.
//!
//! With a [`FileMemo`] only files are read that changed since the last listing, as far as the file system tells.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use gix::ObjectId;
use gix::bstr::{BString, ByteSlice};
use gix::index::entry::{Flags, Mode};
use rayon::prelude::*;

use super::attributes::Attributes;
use super::files::{Hashed, Indexed, WorkingFiles};
use super::large::{ATTRIBUTES, Contents};
use super::repository::read_object;
use super::snapshot::{Bytes, path_error};
use super::stamp::{Known, KnownFiles, Stamp};
use super::{Entry, EntryKind, Error, FileMemo, MAX_ENTRIES, Snapshot, commit};

/// Git reads no larger `.gitattributes` either: 100 MiB.
const MAX_ATTRIBUTES_BYTES: u64 = 100 << 20;

/// A listed path and what is there.
struct Found {
    path: String,
    kind: EntryKind,
    /// Of a regular file on disk.
    stamp: Option<Stamp>,
}

/// With `contents`, pointers of Git LFS stand for those.
pub(super) fn snapshot(
    repository: &gix::Repository,
    folder: &str,
    memo: Option<&dyn FileMemo>,
    contents: Option<Arc<Contents>>,
) -> Result<Snapshot, Error> {
    let began = SystemTime::now();
    let root = repository.workdir().ok_or(Error::Bare)?.to_owned();
    if !folder.split('/').all(|part| part != "..") || !is_folder(&root, folder) {
        return Err(Error::NoFolder { path: folder.to_owned(), place: "the working tree".to_owned() });
    }
    let (paths, indexed) = list(repository, folder)?;
    if paths.len() > MAX_ENTRIES {
        return Err(Error::TooManyEntries { path: folder.to_owned() });
    }
    let folders = folders(&root, folder, &paths);
    let found = find(&root, paths, &folders, &indexed)?;
    let attributes = attributes(repository, &root, &folders, &indexed, contents.is_some())?;
    let place = root.join(folder);
    let known = memo.and_then(|memo| memo.load(&place));
    let known = KnownFiles::read(known.as_deref(), attributes.digest());
    let files = WorkingFiles {
        root,
        attributes,
        indexed,
        objects: repository.clone().into_sync(),
        hash: repository.object_hash(),
    };
    let entries = hash(&files, found, &known, memo.map(|memo| (memo, place)), began)?;
    let bytes = Bytes::Files(Box::new(files));
    let mut snapshot = Snapshot { entries, folder: folder.to_owned(), bytes, contents, commit: None, dirty: false };
    if let Ok(head) = repository.head_id() {
        let (info, tree) = commit::read_commit(repository, head.detach())?;
        let committed = committed_files(repository, tree, folder)?;
        snapshot.dirty = differs(&snapshot.entries, &committed);
        snapshot.commit = Some(info);
    }
    Ok(snapshot)
}

/// Whether `folder` and all folders that it lies in are folders, not links to some.
pub(super) fn is_folder(root: &Path, folder: &str) -> bool {
    let ends = folder.match_indices('/').map(|(end, _)| end).chain([folder.len()]);
    ends.map(|end| root.join(&folder[..end])).all(|path| path.symlink_metadata().is_ok_and(|found| found.is_dir()))
}

/// Paths of the index and untracked paths below `folder`, and what the index has of them.
fn list(repository: &gix::Repository, folder: &str) -> Result<(BTreeSet<String>, BTreeMap<String, Indexed>), Error> {
    let failed = |error: gix::Error| Error::List(error.into());
    let index = repository.index_or_empty().map_err(failed)?;
    let mut indexed = BTreeMap::new();
    let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    for entry in index.entries() {
        let path = entry.path(&index);
        // Attributes of the folders above count, too.
        if !path.starts_with(prefix.as_bytes()) && !path.ends_with(b".gitattributes") {
            continue;
        }
        let sparse = entry.flags.contains(Flags::SKIP_WORKTREE);
        if entry.mode == Mode::DIR {
            // One entry for a whole folder outside of a sparse checkout.
            let files = commit::walk(repository, entry.id, utf8(path)?.trim_end_matches('/'))?;
            let files = files.into_iter().filter_map(|file| Some((file.path, (file.oid?, file.kind))));
            indexed.extend(files.map(|(path, (oid, kind))| (path, Indexed { oid, kind, sparse: true })));
        } else {
            indexed.insert(utf8(path)?, Indexed { oid: entry.id, kind: kind_of(entry.mode), sparse });
        }
        if indexed.len() > MAX_ENTRIES {
            return Err(Error::TooManyEntries { path: folder.to_owned() });
        }
    }
    let mut paths: BTreeSet<String> = indexed.keys().filter(|path| path.starts_with(&prefix)).cloned().collect();
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
    Ok((paths, indexed))
}

fn kind_of(mode: Mode) -> EntryKind {
    match mode {
        Mode::SYMLINK => EntryKind::Link,
        Mode::COMMIT => EntryKind::Submodule,
        _ => EntryKind::File,
    }
}

fn utf8(path: &gix::bstr::BStr) -> Result<String, Error> {
    let text = path.to_str().map_err(|_| path_error(&path.to_string(), "this name is not UTF-8"))?;
    Ok(text.to_owned())
}

/// The folders above and below `folder` that listed files lie in, and whether each is one, all the way up: a tracked
/// path below what is now a link leads elsewhere.
fn folders(root: &Path, folder: &str, paths: &BTreeSet<String>) -> BTreeMap<String, bool> {
    let inside = format!("{folder}/");
    let files = paths.iter().map(String::as_str).chain([inside.as_str()]);
    let parents = files.flat_map(|path| path.match_indices('/').map(|(end, _)| &path[..end]));
    let parents: BTreeSet<&str> = parents.filter(|parent| !parent.is_empty()).collect();
    let mut folders = BTreeMap::from([(String::new(), true)]);
    // In order, so that what lies above comes first.
    for parent in parents {
        let above = parent.rfind('/').map_or("", |end| &parent[..end]);
        let whole = folders.get(above).copied().unwrap_or_default()
            && root.join(parent).symlink_metadata().is_ok_and(|found| found.is_dir());
        folders.insert(parent.to_owned(), whole);
    }
    folders
}

/// What lies at each path; nothing where it was deleted.
fn find(
    root: &Path,
    paths: BTreeSet<String>,
    folders: &BTreeMap<String, bool>,
    indexed: &BTreeMap<String, Indexed>,
) -> Result<Vec<Found>, Error> {
    let paths: Vec<String> = paths.into_iter().collect();
    let find_one = |path: String| {
        let parent = path.rfind('/').map_or("", |end| &path[..end]);
        let on_disk = if folders.get(parent).copied().unwrap_or_default() { on_disk(root, &path)? } else { None };
        let sparse = || indexed.get(&path).filter(|indexed| indexed.sparse).map(|indexed| (indexed.kind, None));
        Ok(on_disk.or_else(sparse).map(|(kind, stamp)| Found { path, kind, stamp }))
    };
    paths.into_par_iter().filter_map(|path| find_one(path).transpose()).collect()
}

/// A folder at a listed path is a repository inside this one.
fn on_disk(root: &Path, path: &str) -> Result<Option<(EntryKind, Option<Stamp>)>, Error> {
    match std::fs::symlink_metadata(root.join(path)) {
        Ok(metadata) if metadata.is_symlink() => Ok(Some((EntryKind::Link, None))),
        Ok(metadata) if metadata.is_file() => Ok(Some((EntryKind::File, Stamp::of(&metadata)))),
        Ok(metadata) if metadata.is_dir() => Ok(Some((EntryKind::Submodule, None))),
        Ok(_) => Ok(None),
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(source) => Err(Error::File { path: path.to_owned(), source }),
    }
}

/// All `.gitattributes` that can count, those of the folders above first.
fn attributes(
    repository: &gix::Repository,
    root: &Path,
    folders: &BTreeMap<String, bool>,
    indexed: &BTreeMap<String, Indexed>,
    has_large: bool,
) -> Result<Attributes, Error> {
    let mut attributes = Attributes::new(has_large);
    let mut places: Vec<&String> = folders.keys().collect();
    places.sort_by_key(|place| (place.split('/').filter(|part| !part.is_empty()).count(), *place));
    for place in places {
        let path = if place.is_empty() { ATTRIBUTES.to_owned() } else { format!("{place}/{ATTRIBUTES}") };
        let file = root.join(&path);
        let on_disk = folders[place] && file.symlink_metadata().is_ok_and(|found| found.is_file());
        if on_disk {
            let failed = |source| Error::File { path: path.clone(), source };
            if file.metadata().map_err(failed)?.len() <= MAX_ATTRIBUTES_BYTES {
                attributes.add(&path, &std::fs::read(&file).map_err(failed)?)?;
            }
        } else if let Some(Indexed { oid, kind: EntryKind::File, sparse: true }) = indexed.get(&path) {
            attributes.add(&path, &read_object(repository, *oid, gix::objs::Kind::Blob, &path)?)?;
        }
    }
    Ok(attributes)
}

/// Gives each file its oid: the known one, or that of its bytes in Git's form.
fn hash(
    files: &WorkingFiles,
    found: Vec<Found>,
    known: &KnownFiles,
    memo: Option<(&dyn FileMemo, PathBuf)>,
    began: SystemTime,
) -> Result<Vec<Entry>, Error> {
    let entry = |Found { path, kind, stamp }: Found| {
        let remembered = stamp.as_ref().and_then(|stamp| files.recalled(&path, known.of(&path, stamp)?));
        let Hashed { oid, large, settled } = remembered.map_or_else(|| files.hashed(&path, kind), Ok)?;
        Ok((Entry { path, kind, oid, large }, stamp.filter(|_| settled)))
    };
    let entries = found.into_par_iter().map(entry).collect::<Result<Vec<_>, Error>>()?;
    if let Some((memo, place)) = memo {
        let mut now = KnownFiles::none(files.attributes.digest());
        for (entry, stamp) in &entries {
            if let (Some(stamp), Some(oid)) = (stamp, entry.oid) {
                now.remember(&entry.path, *stamp, Known { oid, large: entry.large }, began);
            }
        }
        if now != *known {
            memo.save(&place, &now.encode());
        }
    }
    Ok(entries.into_iter().map(|(entry, _)| entry).collect())
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

/// Of a submodule the commit counts that the index has; what lies in it counts where it is read.
fn differs(entries: &[Entry], committed: &BTreeMap<String, Entry>) -> bool {
    let same = |entry: &Entry, other: &Entry| entry.kind == other.kind && entry.oid == other.oid;
    entries.len() != committed.len()
        || !entries.iter().all(|entry| committed.get(&entry.path).is_some_and(|other| same(entry, other)))
}
