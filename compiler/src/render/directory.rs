//! The renderer for folders of plain manifests.
//!
//! Files that end in `.yaml`, `.yml` or `.json` (any case), in the folder itself or, with `recurse`, below it; files that end
//! in `.jsonnet` are chosen alike, and are renders of their own. Folders called `.gitops` hold what is written for us, and
//! no manifests.

use std::borrow::Cow;

use rayon::prelude::*;

use crate::app::Directory;
use crate::canon::{Encoder, Id, Layout, Recipe};
use crate::diagnostic::{Diagnostic, Origin};
use crate::manifest;
use crate::tree::{Entry, EntryKind, Error, Reader, Snapshot};

use super::Rendered;

/// What this renderer is called in a recipe. The number rises whenever equal files could give other manifests.
const RENDERER: (&str, u64) = ("directory", 3);

/// How a file begins that Git LFS has put elsewhere.
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// A render of plain files that is ready to run.
pub struct DirectoryRender<'a> {
    snapshot: &'a Snapshot,
    files: Vec<&'a Entry>,
    bytes: Vec<Option<Vec<u8>>>,
    /// The id of everything that the render reads and of how it reads it.
    pub recipe: Id<Recipe>,
}

/// Chooses the files and hashes the layout; gives the paths of Jsonnet files, too, which are not among them. A commit's
/// files need not be read for it: their oids are known, and were checked when they were read first.
pub(super) fn lay_out<'a>(
    snapshot: &'a Snapshot,
    directory: &Directory,
    findings: &mut Vec<Diagnostic>,
) -> Result<(DirectoryRender<'a>, Vec<String>), Error> {
    let (files, jsonnets) = choose(snapshot, directory, findings);
    let reader = snapshot.reader();
    let mut bytes = Vec::with_capacity(files.len());
    let mut encoder = Encoder::new();
    encoder.list(files.len());
    for file in &files {
        encoder.list(2);
        encoder.text(snapshot.below(&file.path));
        // What a link leads to counts, not where it leads.
        let read = if let (EntryKind::File, Some(oid)) = (file.kind, file.oid) {
            encoder.raw(oid.as_slice());
            None
        } else {
            let read = reader.read(file)?;
            encoder.raw(blake3::hash(&read).as_bytes());
            Some(read)
        };
        bytes.push(read);
    }
    let layout = Id::<Layout>::of(&encoder.finish());
    Ok((DirectoryRender { snapshot, files, bytes, recipe: recipe(layout, directory) }, jsonnets))
}

fn recipe(layout: Id<Layout>, directory: &Directory) -> Id<Recipe> {
    let Directory { recurse, include, exclude, jsonnet: _ } = directory;
    let mut encoder = Encoder::new();
    encoder.list(6);
    encoder.text(RENDERER.0);
    encoder.unsigned(RENDERER.1);
    encoder.unsigned(u64::from(*recurse));
    for pattern in [include, exclude] {
        encoder.text(pattern.as_ref().map_or("", |pattern| pattern.as_str()));
    }
    encoder.raw(layout.digest());
    Id::of(&encoder.finish())
}

impl DirectoryRender<'_> {
    /// How many files take part.
    #[must_use]
    pub fn file_count(&self) -> usize {
        self.files.len()
    }

    /// The bytes of one of the files again, for messages.
    #[must_use]
    pub fn source(&self, path: &str) -> Option<Vec<u8>> {
        let index = self.files.iter().position(|file| file.path == path)?;
        match self.bytes.get(index)? {
            Some(bytes) => Some(bytes.clone()),
            None => self.snapshot.reader().read(self.files.get(index)?).ok(),
        }
    }

    /// The files, by their paths below the folder, and what stands for the bytes of each.
    pub fn files(&self) -> impl Iterator<Item = (&str, Cow<'_, [u8]>)> {
        self.files.iter().zip(&self.bytes).map(|(file, read)| {
            let identity = match (read, file.oid) {
                (Some(read), _) => Cow::Owned(blake3::hash(read).as_bytes().to_vec()),
                (None, oid) => Cow::Owned(oid.map(|oid| oid.as_slice().to_vec()).unwrap_or_default()),
            };
            (self.snapshot.below(&file.path), identity)
        })
    }

    /// Reads and parses the files with these numbers, in parallel. Nothing is said yet of files together.
    pub fn read(&self, numbers: &[usize]) -> Result<Vec<Rendered>, Error> {
        let read_one = |reader: &mut Reader<'_>, number: &usize| {
            let file = self.files[*number];
            let read;
            let bytes = if let Some(bytes) = &self.bytes[*number] {
                bytes
            } else {
                read = reader.read(file)?;
                &read
            };
            let (manifests, findings) = if bytes.starts_with(LFS_POINTER) {
                (Vec::new(), vec![pointer(&file.path)])
            } else {
                manifest::read(&file.path, bytes)
            };
            Ok(Rendered { manifests, findings })
        };
        numbers.par_iter().map_init(|| self.snapshot.reader(), read_one).collect()
    }

    /// Reads and parses all files; the manifests come in the order of paths and documents.
    pub fn run(&self) -> Result<Vec<Rendered>, Error> {
        self.read(&(0..self.files.len()).collect::<Vec<_>>())
    }
}

fn pointer(path: &str) -> Diagnostic {
    let origin = Origin { path: path.to_owned(), line: 1, column: 0 };
    let message =
        "this is a pointer of Git LFS, and its content is not in the repository: store manifests in Git itself";
    Diagnostic::error(origin, message)
}

fn choose<'a>(
    snapshot: &'a Snapshot,
    directory: &Directory,
    findings: &mut Vec<Diagnostic>,
) -> (Vec<&'a Entry>, Vec<String>) {
    let (mut files, mut jsonnets, before) = (Vec::new(), Vec::new(), findings.len());
    let mut deeper = 0_usize;
    for entry in snapshot.entries() {
        let path = snapshot.below(&entry.path);
        // What is written for us is no manifest, nor are parameters of the source.
        let is_parameters = path.starts_with(".argocd-source") && !path.contains('/');
        if path.split('/').any(|folder| folder == ".gitops") || is_parameters {
            continue;
        }
        let wanted = directory.include.as_ref().is_none_or(|pattern| pattern.matches(path))
            && !directory.exclude.as_ref().is_some_and(|pattern| pattern.matches(path));
        if !wanted {
            continue;
        }
        if path.contains('/') && !directory.recurse {
            deeper += usize::from(is_manifest(path));
            continue;
        }
        let here = || Origin::of_file(entry.path.clone());
        if entry.kind == EntryKind::Submodule {
            let message = "a submodule lies in this folder, and submodules are not read; leave it out with --exclude";
            findings.push(Diagnostic::error(here(), message));
        } else if is_manifest(path) {
            files.push(entry);
        } else if path.ends_with(".jsonnet") {
            jsonnets.push(entry.path.clone());
        }
    }
    if files.is_empty() && jsonnets.is_empty() && findings.len() == before {
        let folder = if snapshot.folder().is_empty() { "." } else { snapshot.folder() };
        let mut message = "no manifests here (files that end in .yaml, .yml, .json or .jsonnet)".to_owned();
        if deeper > 0 {
            message = format!("{message}; {deeper} in the folders below: add --recursive");
        }
        let origin = Origin::of_file(folder.to_owned());
        findings.push(Diagnostic::error(origin, message));
    }
    (files, jsonnets)
}

fn is_manifest(path: &str) -> bool {
    let extension = path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, extension)| extension);
    extension.is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known)))
}
