//! What was agreed on, as lines in Git: one for each resource, so that a change shows up in a diff without any generated YAML.
//!
//! In: graphs by the names of their applications, or the bytes of a file. Out: [`Snapshot`], its text, and what is
//! [`Pending`]. The text is sorted and the same on every machine; two branches that change other resources merge.
//!
//! ```text
//! # kubectl gitops snapshot 1
//! shop /ConfigMap/shop/web r1-…
//! shop /Secret/shop/database secret:r1-…
//! ```
//!
//! A Secret whose values lie open is the hash of everything but these. With bodies ([`Snapshot::with_bodies`]) each line is
//! the head of a document: `--- # shop /ConfigMap/shop/web r1-…`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::diagnostic::Origin;
use crate::diff;
use crate::graph::{GraphResource, ResourceGraph, SECRET};
use crate::manifest::{objects, sops, yaml};
use crate::name::ResourceKey;

/// The file, in the root of a repository.
pub const SNAPSHOT_FILE: &str = "gitops.snap";

/// How a snapshot begins.
const FIRST: &str = "# kubectl gitops snapshot 1";

/// What stands before the line of a resource whose body follows.
const HEAD: &str = "--- # ";

/// So many resources are read.
const MOST: usize = 500_000;

/// An application and a key in it, as they are written.
type Place = (String, String);

/// What was agreed on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    lines: BTreeMap<Place, Line>,
    has_bodies: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Line {
    id: String,
    /// The document, where bodies are kept.
    body: Option<String>,
}

/// What became of a resource since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// It is new.
    Added,
    /// It is another.
    Changed,
    /// It is there no more.
    Removed,
}

/// A resource that nobody has agreed to yet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
pub struct Pending {
    /// The application.
    pub application: String,
    /// The resource: `group/Kind/namespace/name`.
    pub resource: String,
    /// What became of it.
    pub change: Fate,
}

impl Fate {
    /// The sign that people know.
    #[must_use]
    pub fn sign(self) -> char {
        match self {
            Self::Added => '+',
            Self::Changed => '~',
            Self::Removed => '-',
        }
    }
}

impl Snapshot {
    /// Takes an application in.
    pub fn insert(&mut self, application: &str, graph: &ResourceGraph) {
        for resource in graph.resources() {
            let body = self.has_bodies.then(|| yaml::emit(&diff::kept_body(&resource.key, &resource.body)));
            let place = (word(application), written(&resource.key));
            self.lines.insert(place, Line { id: resource.shown_id(), body });
        }
    }

    /// An empty snapshot that keeps bodies.
    #[must_use]
    pub fn with_bodies() -> Self {
        Self { has_bodies: true, ..Self::default() }
    }

    /// An empty one of the same form.
    #[must_use]
    pub fn emptied(&self) -> Self {
        Self { has_bodies: self.has_bodies, ..Self::default() }
    }

    /// What it has of one application.
    #[must_use]
    pub fn of_application(&self, application: &str) -> Self {
        let name = word(application);
        let lines = self.lines.iter().filter(|((of, _), _)| *of == name);
        Self { lines: lines.map(|(place, line)| (place.clone(), line.clone())).collect(), has_bodies: self.has_bodies }
    }

    /// The graph of an application, where bodies are kept and each is the one that its id is of. Values of Secrets are
    /// words in it, so that its own id is nobody's.
    #[must_use]
    pub fn graph(&self, application: &str) -> Option<ResourceGraph> {
        // Lines without bodies are no manifests: nobody needs to read them to know.
        if !self.has_bodies {
            return None;
        }
        let of_application = self.of_application(application);
        let documents = yaml::read(of_application.text().as_bytes(), yaml::Limits::default()).into_documents().ok()?;
        let origin = Origin::of_file(SNAPSHOT_FILE);
        let manifests = documents.into_iter().flat_map(|document| {
            let written = document.value.clone();
            let mut found = objects(document.value, &origin, &mut Vec::new());
            // The order of what SOPS has encrypted is a part of what is hashed, and here it is written down.
            if let ([one], true) = (&mut found[..], sops::is_sops(&written)) {
                one.body = written;
            }
            found
        });
        let manifests = manifests.collect();
        let graph = ResourceGraph::build(manifests, &mut Vec::new()).ok()?.graph;
        let is_it = |resource: &GraphResource| {
            let place = (word(application), written(&resource.key));
            self.lines.get(&place).is_some_and(|line| line.id == resource.shown_id())
        };
        let is_whole = graph.resources().len() == of_application.lines.len();
        (is_whole && graph.resources().iter().all(is_it)).then_some(graph)
    }

    /// Whether there are Secrets in it of which the values are no part, since they lie open.
    #[must_use]
    pub fn has_plain_secrets(&self) -> bool {
        self.lines.values().any(|line| line.id.starts_with(SECRET))
    }

    /// The names of its applications, sorted.
    #[must_use]
    pub fn applications(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.lines.keys().map(|(application, _)| application.as_str()).collect();
        names.dedup();
        names
    }

    /// Whether it keeps bodies.
    #[must_use]
    pub fn has_bodies(&self) -> bool {
        self.has_bodies
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    ///
    /// The first line that is none of a snapshot, and what it should be.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
        // A checkout may have given it other line endings.
        let mut lines = text.lines().enumerate();
        if lines.next().map(|(_, first)| first.trim_end()) != Some(FIRST) {
            return Err(format!("its first line is not `{FIRST}`"));
        }
        let mut snapshot = Self::default();
        let mut open: Option<Place> = None;
        for (index, line) in lines {
            if let Some(head) = line.strip_prefix(HEAD) {
                snapshot.has_bodies = true;
                open = Some(snapshot.take(head, index + 1, true)?);
            } else if let Some(body) = open.as_ref().and_then(|place| snapshot.lines.get_mut(place)?.body.as_mut()) {
                body.push_str(line);
                body.push('\n');
            } else if !line.trim().is_empty() {
                snapshot.take(line, index + 1, false)?;
            }
        }
        Ok(snapshot)
    }

    fn take(&mut self, line: &str, number: usize, has_body: bool) -> Result<Place, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [application, key, id] = words[..] else {
            let hint = "where two branches were merged, accept again";
            return Err(format!("line {number} is not an application, a resource and an id: {hint}"));
        };
        if self.lines.len() >= MOST {
            return Err(format!("it has more than {MOST} resources"));
        }
        let place = (application.to_owned(), key.to_owned());
        let line = Line { id: id.to_owned(), body: has_body.then(String::new) };
        if self.lines.insert(place.clone(), line).is_some() {
            return Err(format!("line {number} is there twice: {application} {key}"));
        }
        Ok(place)
    }

    /// The text of the file.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{FIRST}\n");
        for ((application, key), Line { id, body }) in &self.lines {
            match body {
                Some(body) => {
                    let _ = write!(text, "{HEAD}{application} {key} {id}\n{body}");
                }
                None => {
                    let _ = writeln!(text, "{application} {key} {id}");
                }
            }
        }
        text
    }

    /// What is another now, sorted.
    #[must_use]
    pub fn pending(&self, now: &Self) -> Vec<Pending> {
        let places: BTreeSet<&Place> = self.lines.keys().chain(now.lines.keys()).collect();
        let fate = |place: &Place| match (self.lines.get(place), now.lines.get(place)) {
            (None, Some(_)) => Some(Fate::Added),
            (Some(_), None) => Some(Fate::Removed),
            (Some(was), Some(is)) => (was.id != is.id).then_some(Fate::Changed),
            (None, None) => None,
        };
        let pending = |place: &&Place| {
            let (application, resource) = (place.0.clone(), place.1.clone());
            Some(Pending { application, resource, change: fate(place)? })
        };
        places.iter().filter_map(pending).collect()
    }

    /// Agrees to one of the changes to `now`.
    pub fn accept(&mut self, pending: &Pending, now: &Self) {
        let place = (pending.application.clone(), pending.resource.clone());
        match now.lines.get(&place) {
            Some(line) => self.lines.insert(place, line.clone()),
            None => self.lines.remove(&place),
        };
    }
}

/// A key as one word: how a snapshot names a resource.
#[must_use]
pub fn written(key: &ResourceKey) -> String {
    word(&format!("{}/{}/{}/{}", key.group, key.kind, key.scope.as_str(), key.name))
}

/// The key that [`written`] wrote; none of a text that it did not write.
#[must_use]
pub fn key_of(written: &str) -> Option<ResourceKey> {
    let parts: Vec<&str> = written.split('/').collect();
    let [group, kind, scope, name] = parts[..] else { return None };
    let [group, kind, scope, name] = [group, kind, scope, name].map(unescaped);
    Some(ResourceKey::new(&group?, &kind?, &scope?, &name?))
}

/// The text that [`word`] made a word of.
fn unescaped(word: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::with_capacity(word.len()), word);
    while let Some((plain, escaped)) = rest.split_once('%') {
        bytes.extend_from_slice(plain.as_bytes());
        bytes.push(u8::from_str_radix(escaped.get(..2)?, 16).ok()?);
        rest = &escaped[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).ok()
}

/// A text as one word without anything that ends a line or a word.
fn word(text: &str) -> String {
    let mut word = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_whitespace() || letter.is_control() || letter == '%' {
            let mut buffer = [0; 4];
            for byte in letter.encode_utf8(&mut buffer).bytes() {
                let _ = write!(word, "%{byte:02X}");
            }
        } else {
            word.push(letter);
        }
    }
    word
}

#[cfg(test)]
mod tests;
