//! The renderer for folders of plain manifests.
//!
//! Files that end in `.yaml`, `.yml` or `.json` (any case), in the folder itself or, with `recurse`, below it. Folders
//! called `.gitops` hold what is written for us, and no manifests.

use std::borrow::Cow;

use rayon::prelude::*;

use crate::app::{AppSpec, Directory};
use crate::canon::{Encoder, Id, Layout, Recipe};
use crate::diagnostic::{Diagnostic, Origin};
use crate::manifest::{self, Manifest};
use crate::tree::{Entry, EntryKind, Error, Reader, Snapshot};

/// What this renderer is called in a recipe. The number rises whenever equal files could give other manifests.
const RENDERER: (&str, u64) = ("directory", 3);

/// Where an application has rules of its own about edges, below its folder.
const RULES: &str = ".gitops/edges.yaml";

/// How a file begins that Git LFS has put elsewhere.
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// A render that is ready to run.
pub struct Render<'a> {
    snapshot: &'a Snapshot,
    files: Vec<&'a Entry>,
    bytes: Vec<Option<Vec<u8>>>,
    /// Path and bytes of the rules about edges.
    rules: Option<(&'a str, Vec<u8>)>,
    /// The id of everything that the render reads and of how it reads it.
    pub recipe: Id<Recipe>,
}

/// Chooses the files and hashes the layout. A commit's files need not be read for it: their oids are known, and were
/// checked when they were read first.
pub fn lay_out<'a>(snapshot: &'a Snapshot, app: &AppSpec, findings: &mut Vec<Diagnostic>) -> Result<Render<'a>, Error> {
    let files = choose(snapshot, &app.directory, findings);
    let reader = snapshot.reader();
    let mut bytes = Vec::with_capacity(files.len());
    let rules = snapshot.entries().iter().find(|entry| snapshot.below(&entry.path) == RULES);
    let rules = rules.map(|entry| Ok((entry.path.as_str(), reader.read(entry)?))).transpose()?;
    let mut encoder = Encoder::new();
    encoder.list(files.len() + usize::from(rules.is_some()));
    if let Some((_, bytes)) = &rules {
        encoder.list(2);
        encoder.text(RULES);
        encoder.raw(blake3::hash(bytes).as_bytes());
    }
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
    Ok(Render { snapshot, files, bytes, rules, recipe: recipe(layout, &app.directory) })
}

fn recipe(layout: Id<Layout>, directory: &Directory) -> Id<Recipe> {
    let Directory { recurse, include, exclude } = directory;
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

impl Render<'_> {
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

    /// Path and bytes of the rules about edges, where there are any.
    #[must_use]
    pub fn rules(&self) -> Option<(&str, &[u8])> {
        self.rules.as_ref().map(|(path, bytes)| (*path, bytes.as_slice()))
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

/// What a file holds, and everything there is to say about it alone.
pub struct Rendered {
    /// In the order of documents.
    pub manifests: Vec<Manifest>,
    /// Errors and lints.
    pub findings: Vec<Diagnostic>,
}

/// Puts together what the files hold, in their order.
pub fn together(files: Vec<Rendered>, findings: &mut Vec<Diagnostic>) -> Vec<Manifest> {
    let mut manifests = Vec::with_capacity(files.iter().map(|file| file.manifests.len()).sum());
    for file in files {
        manifests.extend(file.manifests);
        findings.extend(file.findings);
    }
    manifest::number_generated(&mut manifests);
    manifests
}

fn pointer(path: &str) -> Diagnostic {
    let origin = Origin { path: path.to_owned(), line: 1, column: 0 };
    let message =
        "this is a pointer of Git LFS, and its content is not in the repository: store manifests in Git itself";
    Diagnostic::error(origin, message)
}

fn choose<'a>(snapshot: &'a Snapshot, directory: &Directory, findings: &mut Vec<Diagnostic>) -> Vec<&'a Entry> {
    let mut files = Vec::new();
    let mut deeper = 0_usize;
    for entry in snapshot.entries() {
        let path = snapshot.below(&entry.path);
        // What is written for us is no manifest.
        if path.split('/').any(|folder| folder == ".gitops") {
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
        let here = || Origin { path: entry.path.clone(), line: 0, column: 0 };
        if entry.kind == EntryKind::Submodule {
            let message = "a submodule lies in this folder, and submodules are not read; leave it out with --exclude";
            findings.push(Diagnostic::error(here(), message));
        } else if is_manifest(path) {
            files.push(entry);
        } else if let Some(message) = needs_another_renderer(path) {
            findings.push(Diagnostic::error(here(), message));
        }
    }
    if files.is_empty() && findings.is_empty() {
        let folder = if snapshot.folder().is_empty() { "." } else { snapshot.folder() };
        let mut message = "no manifests here (files that end in .yaml, .yml or .json)".to_owned();
        if deeper > 0 {
            message = format!("{message}; {deeper} in the folders below: add --recursive");
        }
        let origin = Origin { path: folder.to_owned(), line: 0, column: 0 };
        findings.push(Diagnostic::error(origin, message));
    }
    files
}

fn is_manifest(path: &str) -> bool {
    let extension = path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, extension)| extension);
    extension.is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// Files whose objects would be lost if they were passed over.
fn needs_another_renderer(path: &str) -> Option<&'static str> {
    let (_, extension) = path.rsplit_once('.')?;
    (extension == "jsonnet").then_some("Jsonnet is not rendered by this version; leave it out with --exclude")
}
