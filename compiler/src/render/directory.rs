//! The renderer for folders of plain manifests.
//!
//! Files that end in `.yaml`, `.yml` or `.json` (any case), in the folder itself or, with `recurse`, below it; files that end
//! in `.jsonnet` are chosen alike, and are renders of their own. Folders called `.gitops` hold what is written for us, and
//! no manifests. With `recurse` submodules are read like folders, those aside that `exclude` names.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;

use rayon::prelude::*;

use crate::app::Directory;
use crate::canon::{Encoder, Id, Layout, Recipe};
use crate::diagnostic::{Diagnostic, Origin};
use crate::manifest;
use crate::tree::{Entry, EntryKind, Error, Pointer, Reader, Snapshot, Tree};

use super::Rendered;

/// What this renderer is called in a recipe. The number rises whenever equal files could give other manifests.
const RENDERER: (&str, u64) = ("directory", 3);

/// What is said of a pointer where Git LFS is not wanted.
const POINTER: &str = "this is a pointer of Git LFS, and its content is not in the repository: --lfs reads contents, and so \
                       does `enableLfs` in the Secret of the repository";

/// Folders with what is written for us.
const OURS: &str = ".gitops";

/// A render of plain files that is ready to run.
pub struct DirectoryRender<'a> {
    snapshot: Folder<'a>,
    /// The numbers of its entries.
    files: Vec<usize>,
    bytes: Vec<Option<Vec<u8>>>,
    /// The id of everything that the render reads and of how it reads it.
    pub recipe: Id<Recipe>,
}

/// The folder as it was given, or with its submodules.
enum Folder<'a> {
    Given(&'a Snapshot),
    Whole(Arc<Snapshot>),
}

impl Deref for Folder<'_> {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        match self {
            Self::Given(snapshot) => snapshot,
            Self::Whole(snapshot) => snapshot,
        }
    }
}

impl<'a> Folder<'a> {
    /// Takes submodules in, where their files may be wanted.
    fn new(given: &'a Snapshot, tree: Option<&Tree>, directory: &Directory) -> Result<Self, Error> {
        let is_wanted = |path: &str| {
            let path = given.below(path);
            !path.split('/').any(|folder| folder == OURS)
                && !directory.exclude.as_ref().is_some_and(|pattern| pattern.matches(path))
        };
        match tree.filter(|_| directory.recurse) {
            Some(tree) if given.entries().iter().any(|entry| entry.kind == EntryKind::Submodule) => {
                Ok(Self::Whole(tree.whole_folder(given.folder(), &is_wanted)?))
            }
            _ => Ok(Self::Given(given)),
        }
    }
}

/// Chooses the files and hashes the layout; gives the paths of Jsonnet files, too, which are not among them. A commit's
/// files need not be read for it: their oids are known, and were checked when they were read first.
pub(super) fn lay_out<'a>(
    given: &'a Snapshot,
    tree: Option<&Tree>,
    directory: &Directory,
    findings: &mut Vec<Diagnostic>,
) -> Result<(DirectoryRender<'a>, Vec<String>), Error> {
    let snapshot = Folder::new(given, tree, directory)?;
    let (files, jsonnets) = choose(&snapshot, directory, findings);
    let reader = snapshot.reader();
    let mut bytes = Vec::with_capacity(files.len());
    let mut encoder = Encoder::new();
    encoder.list(files.len());
    for file in files.iter().map(|number| &snapshot.entries()[*number]) {
        encoder.list(2);
        encoder.text(snapshot.below(&file.path));
        // What a link leads to counts, not where it leads.
        let identity = file.identity().filter(|_| file.kind == EntryKind::File);
        let read = if let Some(identity) = identity {
            encoder.raw(&identity);
            None
        } else {
            let read = reader.read(file)?;
            encoder.raw(blake3::hash(&read).as_bytes());
            Some(read)
        };
        bytes.push(read);
    }
    drop(reader);
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

    fn entry(&self, number: usize) -> &Entry {
        &self.snapshot.entries()[number]
    }

    /// The bytes of one of the files again, for messages.
    #[must_use]
    pub fn source(&self, path: &str) -> Option<Vec<u8>> {
        let index = self.files.iter().position(|number| self.entry(*number).path == path)?;
        match self.bytes.get(index)? {
            Some(bytes) => Some(bytes.clone()),
            None => self.snapshot.reader().read(self.entry(*self.files.get(index)?)).ok(),
        }
    }

    /// The files, by their paths below the folder, and what stands for the bytes of each.
    pub fn files(&self) -> impl Iterator<Item = (&str, Cow<'_, [u8]>)> {
        self.files.iter().zip(&self.bytes).map(|(number, read)| {
            let file = self.entry(*number);
            let identity = match read {
                Some(read) => Cow::Owned(blake3::hash(read).as_bytes().to_vec()),
                None => file.identity().unwrap_or_default(),
            };
            (self.snapshot.below(&file.path), identity)
        })
    }

    /// Reads and parses the files with these numbers, in parallel. Nothing is said yet of files together.
    pub fn read(&self, numbers: &[usize]) -> Result<Vec<Rendered>, Error> {
        let read_one = |reader: &mut Reader<'_>, number: &usize| {
            let file = self.entry(self.files[*number]);
            let read;
            let bytes = if let Some(bytes) = &self.bytes[*number] {
                bytes
            } else {
                read = match reader.read(file) {
                    Err(Error::LargeFile { path, reason }) => return Ok(missing(path, reason)),
                    read => read?,
                };
                &read
            };
            if Pointer::read(bytes).is_some() {
                return Ok(missing(file.path.clone(), POINTER.to_owned()));
            }
            let (manifests, findings) = manifest::read(&file.path, bytes);
            Ok(Rendered { manifests, findings })
        };
        let unread = numbers.iter().filter(|number| self.bytes[**number].is_none());
        self.snapshot.prepare(&unread.map(|number| self.entry(self.files[*number])).collect::<Vec<_>>());
        numbers.par_iter().map_init(|| self.snapshot.reader(), read_one).collect()
    }

    /// Reads and parses all files; the manifests come in the order of paths and documents.
    pub fn run(&self) -> Result<Vec<Rendered>, Error> {
        self.read(&(0..self.files.len()).collect::<Vec<_>>())
    }
}

/// A file whose content Git LFS keeps, and that is not here. All of these are told at once.
fn missing(path: String, reason: String) -> Rendered {
    let finding = Diagnostic::error(Origin { path, line: 1, column: 0 }, reason);
    Rendered { manifests: Vec::new(), findings: vec![finding] }
}

/// The numbers of the entries that are manifests, and the paths of Jsonnet files.
fn choose(snapshot: &Snapshot, directory: &Directory, findings: &mut Vec<Diagnostic>) -> (Vec<usize>, Vec<String>) {
    let (mut files, mut jsonnets, before) = (Vec::new(), Vec::new(), findings.len());
    let mut deeper = 0_usize;
    for (number, entry) in snapshot.entries().iter().enumerate() {
        let path = snapshot.below(&entry.path);
        // What is written for us is no manifest, nor are parameters of the source.
        let is_parameters = path.starts_with(".argocd-source") && !path.contains('/');
        if path.split('/').any(|folder| folder == OURS) || is_parameters {
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
            if !directory.recurse {
                deeper += 1;
                continue;
            }
            let message = if entry.oid.is_some() {
                "a submodule lies in this folder, and submodules are not read; leave it out with --exclude"
            } else {
                "a repository lies in this folder that is no submodule; leave it out with --exclude"
            };
            findings.push(Diagnostic::error(here(), message));
        } else if is_manifest(path) {
            files.push(number);
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
