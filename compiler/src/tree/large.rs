//! Files that Git LFS keeps elsewhere: those at paths that `.gitattributes` marks with `filter=lfs`, as Git LFS has it.
//!
//! In: a repository at one moment, who gets what is not in its clone. Out: which entries of a commit are pointers, and the
//! content of a pointer: that which `git lfs` keeps beside the objects of the clone (`lfs/objects`, never behind a link),
//! else that which [`LargeFiles`] gets. Guarantees: a content is hashed on every read, wherever it comes from; none is
//! looked for before it is about to be read; of `.lfsconfig` nothing counts but `lfs.url`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::sync::{Arc, OnceLock};

use gix::ObjectId;

use super::attributes::Attributes;
use super::files::open;
use super::pointer::{MAX_POINTER_BYTES, Pointer};
use super::repository::read_object;
use super::working::is_folder;
use super::{Entry, EntryKind, Error, MAX_BLOB_BYTES, Repository, commit, parent};

/// Where a repository says how to speak to its server of Git LFS.
const CONFIG: &str = ".lfsconfig";
/// A larger file of these is refused: 1 MiB.
const MAX_CONFIG_BYTES: usize = 1 << 20;
/// What says how files are stored.
pub(super) const ATTRIBUTES: &str = ".gitattributes";

/// Gets contents that are not in the clone at hand.
pub trait LargeFiles: Send + Sync {
    /// The content of a pointer, or why there is none and what to do. It is compared with the pointer afterwards.
    ///
    /// # Errors
    /// Where its server may not be asked, does not answer, or does not have it.
    fn content(&self, file: &LargeFile) -> Result<Vec<u8>, String>;

    /// Gets contents together that are about to be asked for, where that is faster than one by one. What cannot be had is
    /// told when it is asked for.
    fn prepare(&self, _files: &[LargeFile]) {}
}

/// A content that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LargeFile {
    /// What stands for it. It says no more than [`MAX_BLOB_BYTES`].
    pub pointer: Pointer,
    /// The server that the repository itself names (`lfs.url`). It is somebody else's word; none where it names none.
    pub server: Option<String>,
}

/// The contents of the large files of a repository.
pub(super) struct Contents {
    repository: Arc<Repository>,
    /// None of a working tree.
    commit: Option<String>,
    source: Arc<dyn LargeFiles>,
    server: OnceLock<Result<Option<String>, String>>,
}

impl Contents {
    pub(super) fn new(repository: Arc<Repository>, commit: Option<String>, source: Arc<dyn LargeFiles>) -> Self {
        Self { repository, commit, source, server: OnceLock::new() }
    }

    /// The content of the pointer at a path.
    pub(super) fn read(&self, path: &str, pointer: &Pointer) -> Result<Vec<u8>, Error> {
        let missing =
            |why: String| large_error(path, &format!("its content, which Git LFS keeps, cannot be had: {why}"));
        if pointer.size() > MAX_BLOB_BYTES {
            return Err(missing(format!(
                "it has {} bytes; at most {} MiB are read",
                pointer.size(),
                MAX_BLOB_BYTES >> 20
            )));
        }
        if let Some(content) = self.kept(pointer) {
            return Ok(content);
        }
        let server = self.server.get_or_init(|| self.named_server()).clone().map_err(missing)?;
        let content = self.source.content(&LargeFile { pointer: *pointer, server }).map_err(missing)?;
        pointer.check(&content).map_err(|why| missing(format!("what came is another: {why}")))?;
        Ok(content)
    }

    /// Has those got together that are not here and may be read.
    pub(super) fn prepare(&self, pointers: impl Iterator<Item = Pointer>) {
        let is_wanted = |pointer: &Pointer| pointer.size() <= MAX_BLOB_BYTES && !self.seems_kept(pointer);
        let wanted: BTreeSet<Pointer> = pointers.filter(is_wanted).collect();
        // One alone is got when it is read.
        if wanted.len() < 2 {
            return;
        }
        let Ok(server) = self.server.get_or_init(|| self.named_server()) else { return };
        let file = |pointer| LargeFile { pointer, server: server.clone() };
        self.source.prepare(&wanted.into_iter().map(file).collect::<Vec<_>>());
    }

    /// Whether the clone has something of this size in its place. If that is another content, it is got when it is read.
    fn seems_kept(&self, pointer: &Pointer) -> bool {
        let place = self.repository.common_directory().join(kept_in(pointer)).join(pointer.oid());
        place.symlink_metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() == pointer.size())
    }

    /// What the clone has. What is not the content is none: it may be damaged, and there are other places.
    fn kept(&self, pointer: &Pointer) -> Option<Vec<u8>> {
        let (common, folder) = (self.repository.common_directory(), kept_in(pointer));
        if !is_folder(&common, &folder) {
            return None;
        }
        let file = open(&common.join(folder).join(pointer.oid())).ok()?;
        let content = read_of_size(file, pointer.size()).ok()?;
        pointer.check(&content).is_ok().then_some(content)
    }

    fn named_server(&self) -> Result<Option<String>, String> {
        let file = self.repository.file_at_root(CONFIG, self.commit.as_deref()).map_err(|error| error.to_string())?;
        named_server(&file.unwrap_or_default())
    }
}

/// The folder of a clone where `git lfs` keeps a content.
fn kept_in(pointer: &Pointer) -> String {
    let oid = pointer.oid();
    format!("lfs/objects/{}/{}", &oid[..2], &oid[2..4])
}

/// No more than one byte more than there should be.
fn read_of_size(file: File, size: u64) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.take(size + 1).read_to_end(&mut content)?;
    Ok(content)
}

/// The value of `lfs.url`; the last one counts, as for Git.
fn named_server(config: &[u8]) -> Result<Option<String>, String> {
    if config.len() > MAX_CONFIG_BYTES {
        return Err(format!("the file {CONFIG} is larger than 1 MiB"));
    }
    let metadata = gix::config::file::Metadata::api();
    let options = gix::config::file::init::Options::default();
    let file = gix::config::File::from_bytes_no_includes(config, metadata, options)
        .map_err(|error| format!("the file {CONFIG} is not understood: {error}"))?;
    Ok(file.string("lfs.url").map(|url| url.to_string()).filter(|url| !url.is_empty()))
}

/// Notes which entries of a commit are pointers, without reading more than their attributes and files that are as small.
pub(super) fn mark(
    repository: &gix::Repository,
    root: ObjectId,
    folder: &str,
    entries: &mut [Entry],
) -> Result<(), Error> {
    let attributes = attributes(repository, root, folder, entries)?;
    for entry in entries.iter_mut().filter(|entry| entry.kind == EntryKind::File) {
        if attributes.is_large(&entry.path) {
            entry.large = entry.oid.and_then(|oid| stored_pointer(repository, oid, &entry.path));
        }
    }
    Ok(())
}

/// The pointer that a stored file is. What cannot be read is told when it is.
pub(super) fn stored_pointer(repository: &gix::Repository, oid: ObjectId, path: &str) -> Option<Pointer> {
    repository.find_header(oid).ok().filter(|header| header.size() <= MAX_POINTER_BYTES)?;
    let bytes = read_object(repository, oid, gix::objs::Kind::Blob, path).ok()?;
    Pointer::read(&bytes)?.ok()
}

/// All attributes that can count below a folder of a commit, those of the folders above first.
fn attributes(
    repository: &gix::Repository,
    root: ObjectId,
    folder: &str,
    entries: &[Entry],
) -> Result<Attributes, Error> {
    let mut files = commit::files_above(repository, root, folder, ATTRIBUTES)?;
    let is_one = |entry: &&Entry| entry.kind == EntryKind::File && is_attributes(&entry.path);
    files.extend(entries.iter().filter(is_one).filter_map(|entry| Some((entry.path.clone(), entry.oid?))));
    files.sort_by_key(|(path, _)| (path.matches('/').count(), path.clone()));
    let mut attributes = Attributes::new(true);
    for (path, oid) in files {
        attributes.add(&path, &read_object(repository, oid, gix::objs::Kind::Blob, &path)?)?;
    }
    Ok(attributes)
}

fn is_attributes(path: &str) -> bool {
    let folder = parent(path);
    path[folder.len()..].trim_start_matches('/') == ATTRIBUTES
}

/// Refuses the bytes of a pointer where the content is wanted.
pub(super) fn refuse_pointer(path: &str, bytes: &[u8]) -> Result<(), Error> {
    match Pointer::read(bytes) {
        None => Ok(()),
        Some(Ok(_)) => Err(large_error(
            path,
            "this is a pointer of Git LFS at a path that .gitattributes does not mark with filter=lfs: mark it, or store the \
             content in Git itself",
        )),
        Some(Err(why)) => Err(large_error(path, &format!("this begins as a pointer of Git LFS and is none: {why}"))),
    }
}

fn large_error(path: &str, reason: &str) -> Error {
    Error::LargeFile { path: path.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_address_of_the_server_counts() {
        let config = b"[lfs]\n\turl = https://one.example.com\n\tconcurrenttransfers = 5\n[lfs \"customtransfer.x\"]\n\tpath = /bin/sh\n\
                       [remote \"origin\"]\n\tlfsurl = https://other.example.com\n[include]\n\tpath = /etc/passwd\n[lfs]\n\turl = \
                       https://two.example.com\n";
        assert_eq!(named_server(config), Ok(Some("https://two.example.com".to_owned())));
        for nothing in
            [&b""[..], b"[lfs]\n\turl =\n", b"[lfs \"x\"]\n\turl = https://x\n", b"[lfs]\n\tpushurl = https://x\n"]
        {
            assert_eq!(named_server(nothing), Ok(None));
        }
        assert!(named_server(b"[lfs").expect_err("broken").contains(".lfsconfig is not understood"));
        assert!(named_server(&vec![b'\n'; 2 << 20]).is_err());
    }

    #[test]
    fn attributes_are_known_by_their_names() {
        assert!(is_attributes(".gitattributes") && is_attributes("a/.gitattributes"));
        assert!(!is_attributes("a.gitattributes") && !is_attributes(".gitattributes/a"));
    }
}
