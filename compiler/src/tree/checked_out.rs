//! Large files in a working tree, where they lie as their contents, as Git LFS checks them out, or as their pointers.
//!
//! In: a path that `filter=lfs` marks. Out: the pointer that a commit of it would have, and its content where it lies there.
//! What Git LFS would do at `git add` is done here and not run. A file that the index has whole, as it lies, was stored in
//! Git itself, and is a file like any other.

use std::io::Read as _;

use sha2::{Digest as _, Sha256};

use super::files::{Hashed, WorkingFiles, open};
use super::large::stored_pointer;
use super::pointer::{MAX_POINTER_BYTES, Pointer};
use super::snapshot::path_error;
use super::{EntryKind, Error};

/// How long a pointer may be whose line feeds became more at the checkout.
const LONGEST: u64 = 2 * MAX_POINTER_BYTES;

impl WorkingFiles {
    /// What lies at a path, hashed; none where it is no large file.
    pub(super) fn large(&self, path: &str) -> Result<Option<Hashed>, Error> {
        let failed = |source| Error::File { path: path.to_owned(), source };
        let length = open(&self.root.join(path)).and_then(|file| file.metadata()).map_err(failed)?.len();
        // The pointer of nothing is nothing.
        if length == 0 {
            return Ok(None);
        }
        let lying = if length <= LONGEST { self.pointer(path, self.bytes(path)?) } else { None };
        let (pointer, is_content) = match lying {
            Some(Ok(pointer)) => (pointer, false),
            Some(Err(_)) => return Ok(None),
            None => (self.pointer_of_content(path)?, true),
        };
        let oid = gix::objs::compute_hash(self.hash, gix::objs::Kind::Blob, pointer.text().as_bytes());
        let oid = oid.map_err(|error| failed(std::io::Error::other(error)))?;
        let indexed = self.indexed.get(path).filter(|indexed| indexed.kind == EntryKind::File);
        if let Some(indexed) = indexed.filter(|indexed| is_content && indexed.oid != oid) {
            let whole = self.plain(path).ok().filter(|whole| whole.oid == Some(indexed.oid));
            if let Some(whole) = whole {
                return Ok(Some(Hashed { settled: false, ..whole }));
            }
        }
        let settled = indexed.is_some_and(|indexed| indexed.oid == oid);
        Ok(Some(Hashed { oid: Some(oid), large: Some(pointer), settled }))
    }

    /// The pointer that the index has where a sparse checkout leaves a file out.
    pub(super) fn sparse_large(&self, path: &str, oid: gix::ObjectId) -> Option<Pointer> {
        let is_large = self.attributes.is_large(path);
        is_large.then(|| stored_pointer(&self.objects.to_thread_local(), oid, path)).flatten()
    }

    /// Whether a content seems to lie there, as far as its size tells.
    pub(super) fn seems_to_lie(&self, path: &str, pointer: &Pointer) -> bool {
        let lies = self.root.join(path).symlink_metadata();
        self.sparse_oid(path).is_none() && lies.is_ok_and(|metadata| metadata.len() == pointer.size())
    }

    /// The content of a large file, where it lies there; none where it is elsewhere.
    pub(super) fn content(&self, path: &str, pointer: &Pointer) -> Result<Option<Vec<u8>>, Error> {
        if self.sparse_oid(path).is_some() {
            return Ok(None);
        }
        let bytes = self.bytes(path)?;
        if pointer.check(&bytes).is_ok() {
            return Ok(Some(bytes));
        }
        match self.pointer(path, bytes) {
            Some(Ok(lying)) if lying == *pointer => Ok(None),
            _ => Err(path_error(path, "it changed while it was read: run this again")),
        }
    }

    /// The pointer that these bytes are, whatever their line endings at the checkout.
    fn pointer(&self, path: &str, bytes: Vec<u8>) -> Option<Result<Pointer, &'static str>> {
        Pointer::read(&bytes).or_else(|| {
            let form = self.attributes.form_of(path).ok().filter(|form| !form.is_plain())?;
            let converted = form.convert(path, bytes, &mut || None).ok()?;
            Pointer::read(&converted.bytes)
        })
    }

    fn pointer_of_content(&self, path: &str) -> Result<Pointer, Error> {
        let failed = |source| Error::File { path: path.to_owned(), source };
        let mut file = open(&self.root.join(path)).map_err(failed)?;
        let (mut hasher, mut size, mut buffer) = (Sha256::new(), 0, vec![0; 64 << 10]);
        loop {
            let count = file.read(&mut buffer).map_err(failed)?;
            if count == 0 {
                return Ok(Pointer::new(hasher.finalize().into(), size));
            }
            hasher.update(&buffer[..count]);
            size += count as u64;
        }
    }
}
