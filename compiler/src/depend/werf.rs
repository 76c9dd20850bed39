//! werf's and nelm's `werf.io/deploy-dependency-ID: state=ready,kind=Deployment,name=db`.
//!
//! `state` is `ready` or `present`; of `group`, `version`, `kind`, `name` and `namespace` those that are left out match
//! anything. All objects that match are awaited; that there are none is an error, as with every dependency that
//! somebody wrote down.

use std::collections::{BTreeMap, HashMap};

use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;
use crate::name::Scope;

use super::edges::{Edges, MAX_STEPS};
use super::served::version_of;
use super::{Annotated, Edge, Node, Rule, State, Strength, beginning_with};

const PREFIX: &str = "werf.io/deploy-dependency-";

pub(super) const RULE: Rule = Rule { name: "deploy-dependency", version: 1, reason: "its annotation says so" };

/// What an annotation asks for.
struct Wanted<'a> {
    state: State,
    properties: BTreeMap<&'a str, &'a str>,
}

pub(super) fn infer(
    manifests: &[Manifest],
    annotated: &Annotated<'_>,
    edges: &mut Edges,
    findings: &mut Vec<Diagnostic>,
) {
    let mut written: Vec<(Node, &str, &str)> = Vec::new();
    for &(node, annotations) in annotated {
        written.extend(beginning_with(annotations, PREFIX).map(|(name, text)| (node, name, text)));
    }
    let mut finder = Finder::new(if written.is_empty() { &[] } else { manifests });
    for (node, annotation, text) in written {
        if edges.is_full() {
            return;
        }
        match finder.find(text) {
            Ok((state, found)) if found.iter().any(|to| *to != node) => {
                for to in found.iter().copied() {
                    let field = format!("annotation {annotation}");
                    edges.add(Edge { from: node, to, state, strength: Strength::Hard, rule: RULE, field });
                }
            }
            other => {
                let reason = other.err().unwrap_or_else(|| "there is no such object in this application".to_owned());
                let manifest = &manifests[node];
                let message = format!("{}: {annotation}: `{text}`: {reason}", manifest.key);
                findings.push(Diagnostic::error(manifest.origin.clone(), message));
            }
        }
    }
}

/// Finds what annotations ask for; each text only once.
struct Finder<'a> {
    manifests: &'a [Manifest],
    by_name: HashMap<&'a str, Vec<Node>>,
    by_kind: HashMap<&'a str, Vec<Node>>,
    found: HashMap<&'a str, Result<(State, Vec<Node>), String>>,
    steps: usize,
}

impl<'a> Finder<'a> {
    fn new(manifests: &'a [Manifest]) -> Self {
        let (mut by_name, mut by_kind): (HashMap<_, Vec<Node>>, HashMap<_, Vec<Node>>) = Default::default();
        for (node, manifest) in manifests.iter().enumerate() {
            by_name.entry(manifest.key.name.as_str()).or_default().push(node);
            by_kind.entry(manifest.key.kind.as_str()).or_default().push(node);
        }
        Self { manifests, by_name, by_kind, found: HashMap::new(), steps: 0 }
    }

    fn find(&mut self, text: &'a str) -> Result<(State, &[Node]), String> {
        if !self.found.contains_key(text) {
            let found = read(text).and_then(|wanted| Ok((wanted.state, self.matching(&wanted)?)));
            self.found.insert(text, found);
        }
        match self.found.get(text) {
            Some(Ok((state, found))) => Ok((*state, found)),
            Some(Err(reason)) => Err(reason.clone()),
            None => Ok((State::Ready, &[])),
        }
    }

    fn matching(&mut self, wanted: &Wanted<'_>) -> Result<Vec<Node>, String> {
        let is = |property: &str, actual: &str| wanted.properties.get(property).is_none_or(|value| *value == actual);
        let matches = |node: &Node| {
            let manifest = &self.manifests[*node];
            let key = &manifest.key;
            is("group", &key.group)
                && is("kind", &key.kind)
                && is("name", &key.name)
                && is("version", version_of(manifest))
        };
        let listed = |by: &HashMap<&str, Vec<Node>>, property| {
            let value = wanted.properties.get(property)?;
            Some(by.get(value).cloned().unwrap_or_default())
        };
        let candidates = listed(&self.by_name, "name").or_else(|| listed(&self.by_kind, "kind"));
        let mut found = candidates.unwrap_or_else(|| (0..self.manifests.len()).collect());
        self.steps += found.len();
        if self.steps > MAX_STEPS {
            return Err(
                "there are too many such annotations for so many objects: name the kind and the name".to_owned()
            );
        }
        found.retain(matches);
        if let Some(namespace) = wanted.properties.get("namespace") {
            let scope = |node: &Node| &self.manifests[*node].key.scope;
            let written: Vec<Node> =
                found.iter().copied().filter(|node| scope(node).namespace() == Some(namespace)).collect();
            // The manifest may leave out the namespace that the destination will give it.
            if written.is_empty() {
                found.retain(|node| *scope(node) == Scope::Unbound);
            } else {
                found = written;
            }
        }
        Ok(found)
    }
}

fn read(text: &str) -> Result<Wanted<'_>, String> {
    let mut properties = BTreeMap::new();
    for part in text.split(',') {
        let (property, value) = part.split_once('=').ok_or("write state=ready,kind=KIND,name=NAME")?;
        let (property, value) = (property.trim(), value.trim().trim_matches(['"', '\'']));
        if !["state", "group", "version", "kind", "name", "namespace"].contains(&property) {
            return Err(format!("there is no property `{property}`"));
        }
        if value.is_empty() {
            return Err(format!("`{property}` has no value"));
        }
        properties.insert(property, value);
    }
    let state = match properties.remove("state") {
        Some("ready") => State::Ready,
        Some("present") => State::Present,
        _ => return Err("`state` must be `ready` or `present`".to_owned()),
    };
    if properties.is_empty() {
        return Err("it names no object: write kind=KIND,name=NAME".to_owned());
    }
    Ok(Wanted { state, properties })
}
