//! The files that a kustomization needs: all that its fields name, and what those name in turn.
//!
//! In: a folder. Out: a [`Layout`] with every file that `kustomize build` reads there, and a finding for each name that
//! leads nowhere or out of the repository. What is in another repository or at an address is taken as it is pinned, and laid
//! out beside (`elsewhere`). Guarantees: each folder is walked once; a field or a document whose paths are not known
//! (`fields`) brings the whole repository, with a lint, so that what is not laid out is never missed in silence.

use std::collections::BTreeSet;

use crate::app::{KUSTOMIZATIONS, without_user};
use crate::canon::Value;
use crate::diagnostic::{Diagnostic, Level, Origin};
use crate::lock::Request;
use crate::manifest::yaml::{self, Limits, Locator};
use crate::render::layout::Layout;
use crate::render::{Error, Tools};
use crate::tree::{self, File, Tree, join};

use super::address::Address;
use super::elsewhere::{self, Files, Part, Target};

/// How many kustomizations one render may have: more than any tree of bases of which people know what it does.
const MOST_FOLDERS: usize = 10_000;

/// The files that were found so far.
pub(super) struct Closure<'t, 'f> {
    pub(super) tools: &'t dyn Tools,
    pub(super) elsewhere: Option<&'t Request>,
    /// The repository of the source, and others in the order in which they were met.
    pub(super) parts: Vec<Part<'t>>,
    findings: &'f mut Vec<Diagnostic>,
    /// How many there were before.
    before: usize,
    walked: BTreeSet<Folder>,
    waiting: Vec<Folder>,
}

/// A folder of one of the parts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Folder {
    pub(super) part: usize,
    /// From the root of its repository.
    pub(super) path: String,
}

/// The kustomization of a folder.
pub(super) struct Kustomization {
    /// From the root of the repository.
    pub(super) path: String,
    /// As it is there, for messages.
    pub(super) bytes: Vec<u8>,
    /// What is read in its place.
    pub(super) replaced: Option<Replaced>,
}

/// A kustomization with parameters of an Application.
pub(super) struct Replaced {
    pub(super) bytes: Vec<u8>,
    /// JSON pointers to what the Application adds, and where it says so.
    pub(super) added: Vec<(String, Origin)>,
}

/// Where a name was read.
#[derive(Clone, Copy)]
pub(super) struct Place<'k> {
    pub(super) folder: &'k Folder,
    pub(super) kustomization: &'k Kustomization,
    pub(super) document: usize,
    /// Whether the name stands where the pointer says; not in a document that the kustomization only names.
    pub(super) is_whole: bool,
}

/// What a name stands for.
pub(super) enum Found {
    File(File),
    Folder,
}

impl<'t, 'f> Closure<'t, 'f> {
    /// `elsewhere` is the input that the tree is, where it is from elsewhere.
    pub(super) fn new(
        tree: &'t Tree,
        elsewhere: Option<&'t Request>,
        tools: &'t dyn Tools,
        findings: &'f mut Vec<Diagnostic>,
    ) -> Self {
        let before = findings.len();
        let parts = vec![Part::new(Files::Here(tree), None)];
        Self { tools, elsewhere, parts, findings, before, walked: BTreeSet::new(), waiting: Vec::new() }
    }

    /// Lays out a folder and all that it needs; gives its kustomization.
    pub(super) fn root(&mut self, folder: &str) -> Result<Option<Kustomization>, Error> {
        let folder = Folder { part: 0, path: folder.to_owned() };
        let root = self.kustomization(&folder)?;
        if root.is_some() {
            self.waiting.push(folder);
            self.walk()?;
        }
        Ok(root)
    }

    /// Puts another kustomization in the place of one, and lays out what that needs.
    pub(super) fn replace(&mut self, folder: &str, one: &Kustomization, by: Replaced) -> Result<(), Error> {
        self.parts[0].rewrites.retain(|rewrite| rewrite.kustomization != one.path);
        let folder = Folder { part: 0, path: folder.to_owned() };
        let (path, bytes) = (one.path.clone(), by.bytes.clone());
        self.read(&folder, &Kustomization { path: path.clone(), bytes: one.bytes.clone(), replaced: Some(by) })?;
        self.walk()?;
        self.parts[0].layout.put(&path, bytes);
        Ok(())
    }

    /// Whether a name leads from a folder of the repository at hand to a folder.
    pub(super) fn is_folder(&self, folder: &str, name: &str) -> bool {
        join(folder, name).is_some_and(|path| matches!(self.parts[0].files.real_folder(&path), Ok(Some(_))))
    }

    /// Notes that something is wrong.
    pub(super) fn refuse(&mut self, origin: Origin, message: String) {
        self.findings.push(Diagnostic::error(origin, message));
    }

    /// Notes that something is wrong with a value.
    pub(super) fn refuse_at(&mut self, place: &Place<'_>, pointer: &str, message: String) {
        let origin = self.locate(place, pointer);
        self.refuse(origin, message);
    }

    /// Whether something is wrong already.
    pub(super) fn is_refused(&self) -> bool {
        self.findings[self.before..].iter().any(|finding| finding.level == Level::Error)
    }

    /// All files, and where in them the folder is.
    pub(super) fn finish(self, folder: &str) -> Result<(Layout, String), Error> {
        elsewhere::arrange(self.parts, folder)
    }

    fn walk(&mut self) -> Result<(), Error> {
        while let Some(folder) = self.waiting.pop() {
            if !self.walked.insert(folder.clone()) {
                continue;
            }
            let origin = Origin::of_file(self.parts[folder.part].shown(&folder.path));
            if self.walked.len() > MOST_FOLDERS {
                self.refuse(origin, format!("more than {MOST_FOLDERS} kustomizations are needed"));
                return Ok(());
            }
            if let Some(kustomization) = self.kustomization(&folder)? {
                self.read(&folder, &kustomization)?;
            } else {
                let message = format!("this folder is used as a base and has no {}", KUSTOMIZATIONS.join(" or "));
                self.refuse(origin, message);
            }
        }
        Ok(())
    }

    /// The kustomization of a folder. Where there are several all are laid out: Kustomize refuses that in its own words.
    fn kustomization(&mut self, folder: &Folder) -> Result<Option<Kustomization>, Error> {
        let Part { files, layout, .. } = &mut self.parts[folder.part];
        let mut first = None;
        for name in KUSTOMIZATIONS {
            let Some(path) = join(&folder.path, name) else { continue };
            if let Some(file) = files.file(&path)? {
                if first.is_none() {
                    first = Some(Kustomization { path: path.clone(), bytes: file.read()?, replaced: None });
                }
                layout.add(&path, file);
            }
        }
        Ok(first)
    }

    fn read(&mut self, folder: &Folder, kustomization: &Kustomization) -> Result<(), Error> {
        let replaced = kustomization.replaced.as_ref().map(|replaced| &replaced.bytes);
        let reading = yaml::read(replaced.unwrap_or(&kustomization.bytes), Limits::default());
        let shown = self.parts[folder.part].shown(&kustomization.path);
        let origin = |line, column| Origin { path: shown.clone(), line, column };
        for problem in reading.problems {
            self.refuse(origin(problem.line, problem.column), problem.message);
        }
        for document in reading.documents {
            let place = Place { folder, kustomization, document: document.index, is_whole: true };
            let Value::Map(fields) = &document.value else {
                self.refuse(origin(document.line, 0), "a kustomization is a map of fields".to_owned());
                continue;
            };
            for (field, value) in fields {
                self.field(&place, field, value)?;
            }
        }
        Ok(())
    }

    /// Lays out what a name stands for: a file, or a folder with a kustomization. `None` where that is refused.
    pub(super) fn file_or_folder(
        &mut self,
        place: &Place<'_>,
        pointer: &str,
        item: &Value,
    ) -> Result<Option<Found>, Error> {
        let Some(name) = self.name(place, pointer, item) else { return Ok(None) };
        let Part { files, .. } = &self.parts[place.folder.part];
        if let Some(path) = join(&place.folder.path, name) {
            if let Some(file) = files.file(&path)? {
                return Ok(Some(self.take(place, &path, file)));
            }
            if files.real_folder(&path)?.is_some() {
                self.waiting.push(Folder { part: place.folder.part, path });
                return Ok(Some(Found::Folder));
            }
        }
        match Address::parse(name) {
            Some(Address::File(request)) => self.remote_file(place, pointer, name, &request),
            Some(Address::Folder { request, path }) => {
                let Some(part) = self.part(place, pointer, &request) else { return Ok(None) };
                let folder = Folder { part, path };
                self.rewrite(place, pointer, name, Target::Folder(folder.clone()));
                self.waiting.push(folder);
                Ok(Some(Found::Folder))
            }
            None => {
                self.missing(place, pointer, name);
                Ok(None)
            }
        }
    }

    /// Lays out the file that a name stands for.
    pub(super) fn file(&mut self, place: &Place<'_>, pointer: &str, item: &Value) -> Result<(), Error> {
        let Some(name) = self.name(place, pointer, item) else { return Ok(()) };
        let found = match join(&place.folder.path, name) {
            Some(path) => self.parts[place.folder.part].files.file(&path)?.map(|file| (path, file)),
            None => None,
        };
        match (found, Address::parse(name)) {
            (Some((path, file)), _) => drop(self.take(place, &path, file)),
            (None, Some(Address::File(request))) => drop(self.remote_file(place, pointer, name, &request)?),
            (None, _) => self.missing(place, pointer, name),
        }
        Ok(())
    }

    fn name<'v>(&mut self, place: &Place<'_>, pointer: &str, item: &'v Value) -> Option<&'v str> {
        let name = item.as_str();
        if name.is_none() {
            self.refuse_at(place, pointer, format!("this must be a path, and is {}", item.type_name()));
        }
        name
    }

    /// It is not read: most files are only laid out.
    pub(super) fn take(&mut self, place: &Place<'_>, path: &str, file: File) -> Found {
        self.parts[place.folder.part].layout.add(path, file.clone());
        Found::File(file)
    }

    fn missing(&mut self, place: &Place<'_>, pointer: &str, name: &str) {
        let message = match join(&place.folder.path, name) {
            _ if name.contains("://") => {
                let shown = without_user(name.split('?').next().unwrap_or_default());
                format!("`{shown}` is no repository: say where its path ends, with `//` or `.git`")
            }
            Some(_) => format!("there is no `{}`", without_user(name)),
            None => format!("`{}` leads out of the repository", without_user(name)),
        };
        self.refuse_at(place, pointer, message);
    }

    /// Lays out everything, since nobody knows what will be read.
    pub(super) fn take_all(&mut self, place: &Place<'_>, pointer: &str, reason: &str) -> Result<(), Error> {
        let origin = self.locate(place, pointer);
        let message = format!("{reason}: the whole repository takes part in this render");
        self.findings.push(Diagnostic::lint(origin, "kustomize-reads-all", message));
        let Part { files, layout, is_whole, .. } = &mut self.parts[place.folder.part];
        if std::mem::replace(is_whole, true) {
            return Ok(());
        }
        take_folder(files, layout).map_err(Error::from)
    }

    fn locate(&self, place: &Place<'_>, pointer: &str) -> Origin {
        let added = place.kustomization.replaced.iter().flat_map(|replaced| &replaced.added);
        let is_in =
            |there: &str| pointer.strip_prefix(there).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if let Some((_, origin)) = added.into_iter().find(|(there, _)| is_in(there)) {
            return origin.clone();
        }
        let found = Locator::new(&place.kustomization.bytes).locate(place.document, pointer);
        let (line, column) = found.map_or((0, 0), |found| (found.value.line, found.value.column));
        Origin { path: self.parts[place.folder.part].shown(&place.kustomization.path), line, column }
    }
}

fn take_folder(tree: &Tree, layout: &mut Layout) -> Result<(), tree::Error> {
    for entry in tree.whole_folder("", &|_| true)?.entries() {
        if let Some(file) = tree.file(&entry.path)? {
            layout.add(&entry.path, file);
        }
    }
    Ok(())
}
