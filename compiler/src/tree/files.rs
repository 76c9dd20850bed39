//! Files of a working tree, in Git's form.
//!
//! In: paths that were listed. Out: their bytes and their oids as `git add` would make them. `checked_out` has what is
//! different for files that Git LFS keeps.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use gix::{ObjectId, ThreadSafeRepository};

use super::attributes::{Attributes, Converted, Form};
use super::repository::read_object;
use super::snapshot::path_error;
use super::stamp::Known;
use super::{Entry, EntryKind, Error, MAX_BLOB_BYTES, Pointer};

/// What the index has of a path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Indexed {
    pub(super) oid: ObjectId,
    pub(super) kind: EntryKind,
    /// Outside of a sparse checkout: what is not on disk was not deleted.
    pub(super) sparse: bool,
}

/// What a file is known by.
pub(super) struct Hashed {
    /// The oid that Git would give to it: of a submodule its commit, none for a repository that is not one.
    pub(super) oid: Option<ObjectId>,
    /// The pointer whose oid that is, where Git LFS keeps its content.
    pub(super) large: Option<Pointer>,
    /// Whether that follows from the file and its attributes alone, or from an index that has just that.
    pub(super) settled: bool,
}

impl Hashed {
    fn unsettled(oid: Option<ObjectId>) -> Self {
        Self { oid, large: None, settled: false }
    }
}

/// The files below one folder.
pub(super) struct WorkingFiles {
    pub(super) root: PathBuf,
    pub(super) attributes: Attributes,
    pub(super) indexed: BTreeMap<String, Indexed>,
    pub(super) objects: ThreadSafeRepository,
    /// What oids of this repository are made with.
    pub(super) hash: gix::hash::Kind,
}

impl WorkingFiles {
    /// What lies at `path`, of any size, hashed.
    pub(super) fn hashed(&self, path: &str, kind: EntryKind) -> Result<Hashed, Error> {
        let failed = |source| Error::File { path: path.to_owned(), source };
        if let (EntryKind::File | EntryKind::Link, Some(oid)) = (kind, self.sparse_oid(path)) {
            let large = if kind == EntryKind::File { self.sparse_large(path, oid) } else { None };
            return Ok(Hashed { large, ..Hashed::unsettled(Some(oid)) });
        }
        match kind {
            EntryKind::Submodule => {
                let indexed = self.indexed.get(path).filter(|indexed| indexed.kind == EntryKind::Submodule);
                Ok(Hashed::unsettled(indexed.map(|indexed| indexed.oid)))
            }
            EntryKind::Link => {
                let target = self.link_target(path)?;
                let oid = gix::objs::compute_hash(self.hash, gix::objs::Kind::Blob, &target);
                Ok(Hashed::unsettled(Some(oid.map_err(std::io::Error::other).map_err(failed)?)))
            }
            EntryKind::File => {
                let large = if self.attributes.is_large(path) { self.large(path)? } else { None };
                large.map_or_else(|| self.plain(path), Ok)
            }
        }
    }

    /// The same of a regular file that Git stores itself.
    pub(super) fn plain(&self, path: &str) -> Result<Hashed, Error> {
        let (hash, blob) = (self.hash, gix::objs::Kind::Blob);
        let failed = |source| Error::File { path: path.to_owned(), source };
        let mut file = open(&self.root.join(path)).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let form = self.attributes.form_of(path)?;
        if !form.is_plain() && length <= MAX_BLOB_BYTES {
            let Converted { bytes, settled } = self.converted(path, form)?;
            let oid = gix::objs::compute_hash(hash, blob, &bytes).map_err(std::io::Error::other);
            return Ok(Hashed { oid: Some(oid.map_err(failed)?), large: None, settled });
        }
        let (mut progress, go_on) = (gix::progress::Discard, AtomicBool::new(false));
        let oid = gix::objs::compute_stream_hash(hash, blob, &mut file, length, &mut progress, &go_on);
        let oid = oid.map_err(std::io::Error::other).map_err(failed)?;
        Ok(Hashed { oid: Some(oid), large: None, settled: true })
    }

    /// What was hashed before, as far as that still holds: a large file may have been stored in Git itself since.
    pub(super) fn recalled(&self, path: &str, known: Known) -> Option<Hashed> {
        let (oid, large) = (known.oid, known.large);
        let holds = large.is_none() || self.indexed.get(path).is_some_and(|indexed| indexed.oid == oid);
        holds.then_some(Hashed { oid: Some(oid), large, settled: true })
    }

    /// The bytes of an entry, which must be what they were when the tree was listed.
    pub(super) fn read(&self, entry: &Entry) -> Result<Vec<u8>, Error> {
        if let Some(oid) = self.sparse_oid(&entry.path) {
            return read_object(&self.objects.to_thread_local(), oid, gix::objs::Kind::Blob, &entry.path);
        }
        let bytes = match entry.kind {
            EntryKind::Link => self.link_target(&entry.path)?,
            EntryKind::File | EntryKind::Submodule => {
                self.converted(&entry.path, self.attributes.form_of(&entry.path)?)?.bytes
            }
        };
        let same = |oid: ObjectId| {
            gix::objs::compute_hash(oid.kind(), gix::objs::Kind::Blob, &bytes).is_ok_and(|actual| actual == oid)
        };
        match entry.oid {
            Some(oid) if !same(oid) => Err(path_error(&entry.path, "it changed while it was read: run this again")),
            _ => Ok(bytes),
        }
    }

    /// The oid of what is not on disk because the checkout is sparse.
    pub(super) fn sparse_oid(&self, path: &str) -> Option<ObjectId> {
        let indexed = self.indexed.get(path).filter(|indexed| indexed.sparse)?;
        self.root.join(path).symlink_metadata().is_err().then_some(indexed.oid)
    }

    fn link_target(&self, path: &str) -> Result<Vec<u8>, Error> {
        let target = std::fs::read_link(self.root.join(path));
        let target = target.map_err(|source| Error::File { path: path.to_owned(), source })?;
        Ok(target.into_os_string().into_encoded_bytes())
    }

    fn converted(&self, path: &str, form: Form) -> Result<Converted, Error> {
        let mut indexed = || {
            let oid = self.indexed.get(path)?.oid;
            read_object(&self.objects.to_thread_local(), oid, gix::objs::Kind::Blob, path).ok()
        };
        form.convert(path, self.bytes(path)?, &mut indexed)
    }

    /// The bytes of a regular file as they lie.
    pub(super) fn bytes(&self, path: &str) -> Result<Vec<u8>, Error> {
        let failed = |source| Error::File { path: path.to_owned(), source };
        let mut file = open(&self.root.join(path)).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        if length > MAX_BLOB_BYTES {
            return Err(path_error(path, &format!("{length} bytes; at most {} MiB are read", MAX_BLOB_BYTES >> 20)));
        }
        let mut bytes = Vec::new();
        file.by_ref().take(MAX_BLOB_BYTES).read_to_end(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }
}

/// Opens a file to read it; a link that came into its place since it was listed is not followed.
pub(super) fn open(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags);
    }
    options.open(path)
}
