//! The files that a kustomization needs: all that its fields name, and what those name in turn.
//!
//! In: a folder. Out: a [`Layout`] with every file that `kustomize build` reads there, and a finding for each name that
//! leads nowhere, out of the repository or to another one. Guarantees: each folder is walked once; a field or a document
//! whose paths are not known brings the whole repository, with a lint, so that what is not laid out is never missed in
//! silence.
//!
//! The fields are those of `types.Kustomization` of Kustomize 5.8 (`sigs.k8s.io/kustomize/api`).

use std::collections::BTreeSet;

use crate::app::{KUSTOMIZATIONS, without_user};
use crate::canon::Value;
use crate::diagnostic::{Diagnostic, Level, Origin};
use crate::manifest::yaml::{self, Limits, Locator};
use crate::render::Error;
use crate::render::layout::Layout;
use crate::tree::{Tree, join};

/// How many kustomizations one render may have: more than any tree of bases of which people know what it does.
const MOST_FOLDERS: usize = 10_000;

/// Fields without paths.
const PLAIN: &[&str] = &[
    "apiVersion",
    "buildMetadata",
    "commonAnnotations",
    "commonLabels",
    "generatorOptions",
    "imageTags",
    "images",
    "kind",
    "labels",
    "metadata",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "replicas",
    "sortOptions",
    "vars",
];

/// Kinds of Kustomize's own generators and transformers without paths.
const PLAIN_PLUGINS: &[&str] = &[
    "AnnotationsTransformer",
    "HashTransformer",
    "IAMPolicyGenerator",
    "ImageTagTransformer",
    "LabelTransformer",
    "NamespaceTransformer",
    "PrefixSuffixTransformer",
    "PrefixTransformer",
    "ReplicaCountTransformer",
    "SuffixTransformer",
    "ValueAddTransformer",
];

/// The files that were found so far.
pub(super) struct Closure<'t, 'f> {
    tree: &'t Tree,
    layout: Layout,
    findings: &'f mut Vec<Diagnostic>,
    /// How many there were before.
    before: usize,
    walked: BTreeSet<String>,
    waiting: Vec<String>,
    whole: bool,
}

/// The kustomization of a folder.
pub(super) struct Kustomization {
    /// From the root of the repository.
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
}

/// Where a name was read.
struct Place<'k> {
    folder: &'k str,
    kustomization: &'k Kustomization,
    document: usize,
}

impl<'t, 'f> Closure<'t, 'f> {
    pub(super) fn new(tree: &'t Tree, findings: &'f mut Vec<Diagnostic>) -> Self {
        let before = findings.len();
        Self {
            tree,
            layout: Layout::default(),
            findings,
            before,
            walked: BTreeSet::new(),
            waiting: Vec::new(),
            whole: false,
        }
    }

    /// Lays out a folder and all that it needs; gives its kustomization.
    pub(super) fn root(&mut self, folder: &str) -> Result<Option<Kustomization>, Error> {
        let root = self.kustomization(folder)?;
        if root.is_some() {
            self.waiting.push(folder.to_owned());
            self.walk()?;
        }
        Ok(root)
    }

    /// Puts another kustomization in the place of one, and lays out what that needs.
    pub(super) fn replace(&mut self, folder: &str, path: &str, bytes: Vec<u8>) -> Result<(), Error> {
        self.read(folder, &Kustomization { path: path.to_owned(), bytes: bytes.clone() })?;
        self.walk()?;
        self.layout.put(path, bytes);
        Ok(())
    }

    /// Whether a name leads from a folder to a folder.
    pub(super) fn is_folder(&self, folder: &str, name: &str) -> bool {
        join(folder, name).is_some_and(|path| matches!(self.tree.real_folder(&path), Ok(Some(_))))
    }

    /// Notes that something is wrong.
    pub(super) fn refuse(&mut self, origin: Origin, message: String) {
        self.findings.push(Diagnostic::error(origin, message));
    }

    /// Whether something is wrong already.
    pub(super) fn is_refused(&self) -> bool {
        self.findings[self.before..].iter().any(|finding| finding.level == Level::Error)
    }

    /// All files.
    pub(super) fn finish(self) -> Layout {
        self.layout
    }

    fn walk(&mut self) -> Result<(), Error> {
        while let Some(folder) = self.waiting.pop() {
            if !self.walked.insert(folder.clone()) {
                continue;
            }
            if self.walked.len() > MOST_FOLDERS {
                let origin = Origin::of_file(folder);
                self.refuse(origin, format!("more than {MOST_FOLDERS} kustomizations are needed"));
                return Ok(());
            }
            if let Some(kustomization) = self.kustomization(&folder)? {
                self.read(&folder, &kustomization)?;
            } else {
                let message = format!("this folder is used as a base and has no {}", KUSTOMIZATIONS.join(" or "));
                self.refuse(Origin::of_file(folder), message);
            }
        }
        Ok(())
    }

    /// The kustomization of a folder. Where there are several all are laid out: Kustomize refuses that in its own words.
    fn kustomization(&mut self, folder: &str) -> Result<Option<Kustomization>, Error> {
        let mut first = None;
        for name in KUSTOMIZATIONS {
            let Some(path) = join(folder, name) else { continue };
            if let Some(file) = self.tree.file(&path)? {
                if first.is_none() {
                    first = Some(Kustomization { path: path.clone(), bytes: file.read()? });
                }
                self.layout.add(&path, file);
            }
        }
        Ok(first)
    }

    fn read(&mut self, folder: &str, kustomization: &Kustomization) -> Result<(), Error> {
        let reading = yaml::read(&kustomization.bytes, Limits::default());
        let origin = |line, column| Origin { path: kustomization.path.clone(), line, column };
        for problem in reading.problems {
            self.refuse(origin(problem.line, problem.column), problem.message);
        }
        for document in reading.documents {
            let place = Place { folder, kustomization, document: document.index };
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

    fn field(&mut self, place: &Place<'_>, field: &str, value: &Value) -> Result<(), Error> {
        let at = |index: usize| format!("/{field}/{index}");
        match field {
            "resources" | "bases" | "components" => {
                for (index, item) in value.items().iter().enumerate() {
                    self.file_or_folder(place, &at(index), item)?;
                }
            }
            "crds" | "configurations" => {
                for (index, item) in value.items().iter().enumerate() {
                    self.file(place, &at(index), item)?;
                }
            }
            "patchesStrategicMerge" => {
                for (index, item) in value.items().iter().enumerate() {
                    self.file_or_text(place, &at(index), item)?;
                }
            }
            "patches" | "patchesJson6902" | "replacements" => {
                for (index, item) in value.items().iter().enumerate() {
                    self.path_of(place, &at(index), item)?;
                }
            }
            "configMapGenerator" | "secretGenerator" => {
                for (index, item) in value.items().iter().enumerate() {
                    self.key_values(place, &at(index), item)?;
                }
            }
            "generators" | "transformers" | "validators" => {
                for (index, item) in value.items().iter().enumerate() {
                    self.plugin(place, &at(index), item)?;
                }
            }
            "openapi" => self.path_of(place, "/openapi", value)?,
            "helmCharts" | "helmChartInflationGenerator" | "helmGlobals" => {
                let message = "charts inside a kustomization are not rendered (Kustomize would run Helm as it likes): make \
                               the chart a source of its own";
                let origin = locate(place, &format!("/{field}"));
                self.refuse(origin, message.to_owned());
            }
            _ if PLAIN.contains(&field) => {}
            _ => self.take_all(place, &format!("/{field}"), &format!("the field `{field}` is not known"))?,
        }
        Ok(())
    }

    fn file_or_folder(&mut self, place: &Place<'_>, pointer: &str, item: &Value) -> Result<(), Error> {
        let Some((name, path)) = self.inside(place, pointer, item)? else { return Ok(()) };
        if let Some(file) = self.tree.file(&path)? {
            self.layout.add(&path, file);
        } else if self.tree.real_folder(&path)?.is_some() {
            self.waiting.push(path);
        } else {
            self.missing(place, pointer, &name);
        }
        Ok(())
    }

    fn file(&mut self, place: &Place<'_>, pointer: &str, item: &Value) -> Result<(), Error> {
        let Some((name, path)) = self.inside(place, pointer, item)? else { return Ok(()) };
        match self.tree.file(&path)? {
            Some(file) => self.layout.add(&path, file),
            None => self.missing(place, pointer, &name),
        }
        Ok(())
    }

    /// A path, or what would be in the file: text with a line break or of a map is no path.
    fn file_or_text(&mut self, place: &Place<'_>, pointer: &str, item: &Value) -> Result<(), Error> {
        if item.as_str().is_some_and(is_document) { Ok(()) } else { self.file(place, pointer, item) }
    }

    fn path_of(&mut self, place: &Place<'_>, pointer: &str, item: &Value) -> Result<(), Error> {
        match item.get("path") {
            None | Some(Value::Null) => Ok(()),
            Some(path) => self.file(place, &format!("{pointer}/path"), path),
        }
    }

    /// `files`, `envs`, `env` of a generator.
    fn key_values(&mut self, place: &Place<'_>, pointer: &str, item: &Value) -> Result<(), Error> {
        for (index, file) in item.get("files").map(Value::items).unwrap_or_default().iter().enumerate() {
            // `key=path`, or a path whose last part is the key.
            let path = file.as_str().map(|text| text.split_once('=').map_or(text, |(_, path)| path).to_owned());
            let path = path.map_or_else(|| file.clone(), Value::String);
            self.file(place, &format!("{pointer}/files/{index}"), &path)?;
        }
        for (index, file) in item.get("envs").map(Value::items).unwrap_or_default().iter().enumerate() {
            self.file(place, &format!("{pointer}/envs/{index}"), file)?;
        }
        match item.get("env") {
            None | Some(Value::Null) => Ok(()),
            Some(file) if file.as_str() == Some("") => Ok(()),
            Some(file) => self.file(place, &format!("{pointer}/env"), file),
        }
    }

    /// A generator or transformer: a file, a folder with a kustomization, or its text.
    fn plugin(&mut self, place: &Place<'_>, pointer: &str, item: &Value) -> Result<(), Error> {
        if let Some(text) = item.as_str().filter(|text| is_document(text)) {
            return self.plugin_documents(place, pointer, text.as_bytes());
        }
        let Some((name, path)) = self.inside(place, pointer, item)? else { return Ok(()) };
        if let Some(file) = self.tree.file(&path)? {
            let bytes = file.read()?;
            self.layout.add(&path, file);
            return self.plugin_documents(place, pointer, &bytes);
        }
        if self.tree.real_folder(&path)?.is_none() {
            self.missing(place, pointer, &name);
            return Ok(());
        }
        self.waiting.push(path);
        self.take_all(place, pointer, "what a folder of generators or transformers reads is not known")
    }

    /// Paths in them are those of the kustomization that names them.
    fn plugin_documents(&mut self, place: &Place<'_>, pointer: &str, bytes: &[u8]) -> Result<(), Error> {
        for document in yaml::read(bytes, Limits::default()).documents {
            let body = &document.value;
            let kind = body.get("kind").and_then(Value::as_str).unwrap_or_default();
            match kind {
                "ConfigMapGenerator" | "SecretGenerator" => self.key_values(place, pointer, body)?,
                "PatchTransformer" | "PatchJson6902Transformer" => self.path_of(place, pointer, body)?,
                "PatchStrategicMergeTransformer" => {
                    for path in body.get("paths").map(Value::items).unwrap_or_default() {
                        self.file_or_text(place, pointer, path)?;
                    }
                }
                "ReplacementTransformer" => {
                    for replacement in body.get("replacements").map(Value::items).unwrap_or_default() {
                        self.path_of(place, pointer, replacement)?;
                    }
                }
                _ if PLAIN_PLUGINS.contains(&kind) => {}
                _ => self.take_all(place, pointer, &format!("what `{kind}` reads is not known"))?,
            }
        }
        Ok(())
    }

    /// The path that a name leads to, from the root of the repository.
    fn inside(&mut self, place: &Place<'_>, pointer: &str, item: &Value) -> Result<Option<(String, String)>, Error> {
        let Some(name) = item.as_str() else {
            let origin = locate(place, pointer);
            self.refuse(origin, format!("this must be a path, and is {}", item.type_name()));
            return Ok(None);
        };
        if let Some(path) = join(place.folder, name)
            && (self.tree.file(&path)?.is_some() || self.tree.real_folder(&path)?.is_some() || !is_remote(name))
        {
            return Ok(Some((name.to_owned(), path)));
        }
        let origin = locate(place, pointer);
        let message = if is_remote(name) {
            format!("`{}` is in another repository, and is not pinned: copy it into this one", without_user(name))
        } else {
            format!("`{name}` leads out of the repository")
        };
        self.refuse(origin, message);
        Ok(None)
    }

    fn missing(&mut self, place: &Place<'_>, pointer: &str, name: &str) {
        let origin = locate(place, pointer);
        self.refuse(origin, format!("there is no `{name}`"));
    }

    /// Lays out everything, since nobody knows what will be read.
    fn take_all(&mut self, place: &Place<'_>, pointer: &str, reason: &str) -> Result<(), Error> {
        let origin = locate(place, pointer);
        let message = format!("{reason}: the whole repository takes part in this render");
        self.findings.push(Diagnostic::lint(origin, "kustomize-reads-all", message));
        if std::mem::replace(&mut self.whole, true) {
            return Ok(());
        }
        let all = self.tree.folder("")?;
        for entry in all.entries() {
            if let Some(file) = self.tree.file(&entry.path)? {
                self.layout.add(&entry.path, file);
            }
        }
        Ok(())
    }
}

fn locate(place: &Place<'_>, pointer: &str) -> Origin {
    let found = Locator::new(&place.kustomization.bytes).locate(place.document, pointer);
    let (line, column) = found.map_or((0, 0), |found| (found.value.line, found.value.column));
    Origin { path: place.kustomization.path.clone(), line, column }
}

/// Whether text is a document of its own rather than a path.
fn is_document(text: &str) -> bool {
    text.contains('\n') || text.trim_start().starts_with('{')
}

/// Whether a name is an address, as Kustomize takes it: with a scheme or a user, or a host in front.
fn is_remote(name: &str) -> bool {
    let host = name.split(['/', ':']).next().unwrap_or_default();
    let is_host = host.contains('.') && !host.starts_with('.') && name.len() > host.len();
    name.contains("://") || name.contains("?ref=") || name.contains("git::") || name.contains('@') || is_host
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_paths() {
        for address in [
            "https://example.com/base?ref=v1",
            "git@example.com:org/repo",
            "github.com/org/repo//base?ref=main",
            "ssh://git@example.com/x",
        ] {
            assert!(is_remote(address), "{address}");
        }
        for path in ["../base", "base.yaml", "./x/y", "a/b.c/d", "base"] {
            assert!(!is_remote(path), "{path}");
        }
    }
}
