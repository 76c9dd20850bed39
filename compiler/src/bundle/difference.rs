//! In what two bundles differ: in what they deliver, else in their bytes.
//!
//! In: the files of two layouts. Out: [`Differences`]: the resources whose fields differ, and how they are delivered; where that is
//! equal, or one of the two is no bundle that can be taken, also files of the layer, headers of its tar and its compression, so that
//! whoever has made one again and got other bytes sees why. The values of Secrets never come out.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::assembled::{Parts, parts};
use super::layer::{self, TarEntry};
use super::layout::{self, Files};
use super::{BundleError, Read};
use crate::canon::{Graph, Id, Value};
use crate::diff::{self, Change, FieldChange};
use crate::lock::Digest;
use crate::manifest::yaml;
use crate::name::ResourceKey;

/// A part of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Part {
    /// Whether it is a bundle that can be taken, and why not.
    Soundness,
    /// The name of the application.
    Application,
    /// The edges of the graph, or how they are found.
    Edges,
    /// How it is delivered.
    Delivery,
    /// The config, as it is written.
    Config,
    /// The manifest, as it is written.
    Manifest,
    /// A file of the layer.
    File,
    /// What the tar of the layer says of a file, or around them.
    Header,
    /// How the layer is compressed.
    Compression,
    /// A manifest about the bundle.
    Referrer,
}

impl Part {
    /// Its name, as it is shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Soundness => "soundness",
            Self::Application => "application",
            Self::Edges => "edges",
            Self::Delivery => "delivery",
            Self::Config => "config",
            Self::Manifest => "manifest",
            Self::File => "file",
            Self::Header => "header",
            Self::Compression => "compression",
            Self::Referrer => "referrer",
        }
    }
}

/// What differs in a part other than the resources.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PartChange {
    /// The part.
    pub part: Part,
    /// What of it, before and after.
    #[serde(flatten)]
    pub change: FieldChange,
}

/// In what two bundles differ.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Differences {
    /// Their graphs; nothing where one is no bundle that can be taken.
    pub graphs: [Option<Id<Graph>>; 2],
    /// The digests of their manifests, where an index names one.
    pub manifests: [Option<Digest>; 2],
    /// Resources, by key.
    pub resources: Vec<(ResourceKey, Change)>,
    /// Everything else.
    pub parts: Vec<PartChange>,
}

impl Differences {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty() && self.parts.is_empty()
    }

    /// Between two layouts.
    #[must_use]
    pub fn between(old: &Files, new: &Files) -> Self {
        let mut differences = Self::default();
        let (old_read, new_read) = (layout::read(old), layout::read(new));
        differences.graphs = [&old_read, &new_read].map(|read| read.as_ref().ok().map(|read| read.bundle.graph.id()));
        let (old_parts, new_parts) = (parts(old), parts(new));
        differences.manifests =
            [&old_parts, &new_parts].map(|parts| parts.as_ref().ok().map(|parts| parts.manifest_digest.clone()));
        match (&old_read, &new_read) {
            (Ok(old), Ok(new)) => differences.add_content(old, new),
            (old, new) => {
                let told = |read: &Result<Read, BundleError>| match read {
                    Ok(_) => "sound".to_owned(),
                    Err(error) => error.to_string(),
                };
                differences.add(Part::Soundness, "verify", Some(told(old)), Some(told(new)));
            }
        }
        let is_explained = !differences.is_empty() && old_read.is_ok() && new_read.is_ok();
        if let (Ok(old), Ok(new), false) = (&old_parts, &new_parts, is_explained) {
            differences.add_bytes(old, new);
        }
        if let (Ok(old), Ok(new)) = (&old_parts, &new_parts) {
            differences.add_referrers(old, new);
        }
        differences
    }

    fn add(&mut self, part: Part, path: &str, old: Option<String>, new: Option<String>) {
        let (path, old, new) = (path.to_owned(), old.map(Value::from), new.map(Value::from));
        self.parts.push(PartChange { part, change: FieldChange { path, old, new } });
    }

    fn add_if_other(&mut self, part: Part, path: &str, old: String, new: String) {
        if old != new {
            self.add(part, path, Some(old), Some(new));
        }
    }

    fn add_fields(&mut self, part: Part, old: &Value, new: &Value) {
        self.parts.extend(diff::fields(old, new).into_iter().map(|change| PartChange { part, change }));
    }

    /// What they deliver, and how.
    fn add_content(&mut self, old: &Read, new: &Read) {
        let (old, new) = (&old.bundle, &new.bundle);
        let names = [old, new].map(|bundle| bundle.config.application.to_string());
        let [old_name, new_name] = names;
        self.add_if_other(Part::Application, "name", old_name, new_name);
        self.resources = diff::graphs(&old.graph, &new.graph);
        if self.resources.is_empty() {
            let [old_id, new_id] = [old, new].map(|bundle| bundle.graph.id().to_string());
            self.add_if_other(Part::Edges, "graph", old_id, new_id);
        }
        let delivery = |bundle: &super::Bundle| value(&serde_json::to_vec(&bundle.config.delivery).unwrap_or_default());
        self.add_fields(Part::Delivery, &delivery(old), &delivery(new));
    }

    /// What the bytes are of which all else is equal, or of which nothing else is known.
    fn add_bytes(&mut self, old: &Parts<'_>, new: &Parts<'_>) {
        if old.layer != new.layer {
            self.add_layer(old.layer, new.layer);
        }
        for (part, old, new) in [(Part::Config, old.config, new.config), (Part::Manifest, old.manifest, new.manifest)] {
            if old == new {
                continue;
            }
            let before = self.parts.len();
            self.add_fields(part, &value(old), &value(new));
            if self.parts.len() == before {
                let size = |bytes: &[u8]| Some(format!("{} bytes", bytes.len()));
                self.add(part, "as it is written", size(old), size(new));
            }
        }
    }

    fn add_layer(&mut self, old: &[u8], new: &[u8]) {
        let tars = [old, new].map(|layer| layer::decompressed("layer", layer));
        let [Ok(old_tar), Ok(new_tar)] = &tars else {
            let told = |tar: &Result<Vec<u8>, BundleError>| tar.as_ref().map_or_else(ToString::to_string, size);
            self.add(Part::Compression, "layer", Some(told(&tars[0])), Some(told(&tars[1])));
            return;
        };
        if old_tar == new_tar {
            let before = self.parts.len();
            for (index, (old, new)) in layer::gzip_header(old).into_iter().zip(layer::gzip_header(new)).enumerate() {
                self.add_if_other(Part::Compression, layer::GZIP_HEADER[index], old, new);
            }
            if self.parts.len() == before {
                self.add(Part::Compression, "compressed", Some(size(old)), Some(size(new)));
            }
            return;
        }
        match (layer::entries("layer", old_tar), layer::entries("layer", new_tar)) {
            (Ok(old), Ok(new)) => self.add_tar(&old, &new),
            (old, new) => {
                let told = |entries: Result<Vec<TarEntry>, BundleError>| {
                    entries.map_or_else(|error| error.to_string(), |entries| format!("{} files", entries.len()))
                };
                self.add(Part::Header, "tar", Some(told(old)), Some(told(new)));
            }
        }
    }

    fn add_tar(&mut self, old: &[TarEntry], new: &[TarEntry]) {
        let before = self.parts.len();
        let by_name = |entries: &'_ [TarEntry]| -> BTreeMap<String, TarEntry> { named(entries).into_iter().collect() };
        let (old_files, new_files) = (by_name(old), by_name(new));
        let names: BTreeSet<&String> = old_files.keys().chain(new_files.keys()).collect();
        for name in names {
            match (old_files.get(name), new_files.get(name)) {
                (Some(old), Some(new)) => self.add_entry(name, old, new),
                (old, new) => {
                    let told = |entry: Option<&TarEntry>| entry.map(|entry| size(&entry.bytes));
                    self.add(Part::File, name, told(old), told(new));
                }
            }
        }
        if self.parts.len() == before {
            let order =
                |entries: &[TarEntry]| entries.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>().join(", ");
            self.add_if_other(Part::Header, "order of files", order(old), order(new));
        }
        if self.parts.len() == before {
            let (old, new) = ("one".to_owned(), "another".to_owned());
            self.add(Part::Header, "padding, or what follows the last file", Some(old), Some(new));
        }
    }

    fn add_entry(&mut self, name: &str, old: &TarEntry, new: &TarEntry) {
        for (field, (old, new)) in layer::TAR_HEADER.iter().zip(old.header.iter().zip(&new.header)) {
            self.add_if_other(Part::Header, &format!("{name} {field}"), old.clone(), new.clone());
        }
        if old.bytes == new.bytes {
            return;
        }
        let before = self.parts.len();
        if let (Some(old), Some(new)) = (document(&old.bytes), document(&new.bytes)) {
            for change in diff::bodies(&key_of(&old), &old, &new) {
                let path = format!("{name} {}", change.path);
                self.parts.push(PartChange { part: Part::File, change: FieldChange { path, ..change } });
            }
        }
        if self.parts.len() == before {
            self.add(
                Part::File,
                name,
                Some(size(&old.bytes)),
                Some(format!("{}, written otherwise", size(&new.bytes))),
            );
        }
    }

    /// What is said about them. That of another manifest is always another.
    fn add_referrers(&mut self, old: &Parts<'_>, new: &Parts<'_>) {
        if old.manifest_digest != new.manifest_digest {
            return;
        }
        let all: BTreeSet<&Digest> = old.about.keys().chain(new.about.keys()).collect();
        for digest in all {
            let (old, new) = (old.about.get(digest), new.about.get(digest));
            if old != new {
                self.add(Part::Referrer, digest.as_str(), old.cloned(), new.cloned());
            }
        }
    }
}

/// Files by names of which each is there once.
fn named(entries: &[TarEntry]) -> Vec<(String, TarEntry)> {
    let mut seen = BTreeMap::<&str, usize>::new();
    let mut named = Vec::with_capacity(entries.len());
    for entry in entries {
        let count = seen.entry(&entry.name).or_default();
        *count += 1;
        let name = if *count == 1 { entry.name.clone() } else { format!("{} (number {count})", entry.name) };
        named.push((name, entry.clone()));
    }
    named
}

fn size(bytes: impl AsRef<[u8]>) -> String {
    format!("{} bytes", bytes.as_ref().len())
}

/// JSON as a value; what is none is nothing.
fn value(bytes: &[u8]) -> Value {
    serde_json::from_slice::<serde_json::Value>(bytes).map_or(Value::Null, Value::from)
}

/// The one document of a file.
fn document(bytes: &[u8]) -> Option<Value> {
    let documents = yaml::read(bytes, yaml::Limits::default()).into_documents().ok()?;
    let [document] = <[yaml::Document; 1]>::try_from(documents).ok()?;
    Some(document.value)
}

/// The kind of what is in a file: the values of Secrets are not shown.
fn key_of(body: &Value) -> ResourceKey {
    let text = |path: &[&str]| body.at(path).and_then(Value::as_str).unwrap_or_default();
    let group = text(&["apiVersion"]).rsplit_once('/').map_or("", |(group, _)| group);
    ResourceKey::new(group, text(&["kind"]), ".", text(&["metadata", "name"]))
}
