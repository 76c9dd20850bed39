//! Two graphs side by side: what differs, resource by resource.
//!
//! In: two [`Side`]s, either of which may be absent. Out: [`Compared`], which every part of a review reads. Only bodies that
//! differ are decoded, so that the rest costs a comparison of ids.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use crate::canon::{Encoder, Value};
use crate::depend::Node;
use crate::diagnostic::Origin;
use crate::graph::{GraphResource, ResourceGraph};
use crate::manifest::{Definition, Removal, SyncOptions, sops};
use crate::name::{ResourceKey, Scope};

use super::Listed;
use super::definition;
use super::field::{self, Difference};
use super::report::{Counts, SchemaChange};

/// A graph, and where its resources were read.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The graph.
    pub graph: &'a ResourceGraph,
    /// By node; empty where nobody knows.
    pub origins: &'a [Origin],
}

/// A resource of a side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) node: Node,
    pub(super) resource: &'a GraphResource,
}

/// A resource that differs. At least one side has it.
#[derive(Debug)]
pub(super) struct Changed<'a> {
    pub(super) old: Option<Found<'a>>,
    pub(super) new: Option<Found<'a>>,
    /// Where both sides have it.
    pub(super) differences: Vec<Difference>,
    /// Where it is a definition that both sides have: what its kinds take, in words.
    pub(super) schema: Vec<SchemaChange>,
    /// The same field by field, which are not among the differences.
    pub(super) schema_differences: Vec<Difference>,
}

/// All that differs between two sides.
#[derive(Debug)]
pub(super) struct Compared<'a> {
    pub(super) old: Option<Side<'a>>,
    pub(super) new: Option<Side<'a>>,
    /// By key.
    pub(super) changes: Vec<Changed<'a>>,
    pub(super) counts: Counts,
}

impl<'a> Side<'a> {
    /// Where a node was read.
    pub(super) fn origin(&self, node: Node) -> Option<&'a Origin> {
        self.origins.get(node)
    }
}

impl<'a> Changed<'a> {
    fn new(old: Option<Found<'a>>, new: Option<Found<'a>>) -> Self {
        Self { old, new, differences: Vec::new(), schema: Vec::new(), schema_differences: Vec::new() }
    }

    /// The key in the newer side, or in the older.
    pub(super) fn key(&self) -> &'a ResourceKey {
        static NOBODY: std::sync::LazyLock<ResourceKey> =
            std::sync::LazyLock::new(|| ResourceKey::new("", "", ".", ""));
        self.new.or(self.old).map_or(&*NOBODY, |found| &found.resource.key)
    }

    /// The older body.
    pub(super) fn old_body(&self) -> Option<&'a Value> {
        self.old.map(|found| &*found.resource.body)
    }

    /// The newer body.
    pub(super) fn new_body(&self) -> Option<&'a Value> {
        self.new.map(|found| &*found.resource.body)
    }

    /// The older body of what leaves the cluster: not of hooks, and not of what asks to be kept.
    pub(super) fn removed(&self) -> Option<&'a Value> {
        let old = self.old.filter(|_| self.new.is_none())?.resource;
        let is_kept = old.policy(&SyncOptions::default()).prune >= Removal::Keep;
        (!is_kept && old.hook().is_none()).then(|| &*old.body)
    }

    /// Whether it goes on under a name that says what is in it.
    pub(super) fn is_replaced(&self) -> bool {
        matches!((self.old, self.new), (Some(old), Some(new)) if old.resource.key != new.resource.key)
    }
}

impl<'a> Compared<'a> {
    /// Compares. Either side may be absent, as if it had nothing.
    pub(super) fn new(old: Option<Side<'a>>, new: Option<Side<'a>>) -> Self {
        let mut compared = Self { old, new, changes: Vec::new(), counts: Counts::default() };
        compared.merge();
        compared.counts.added = compared.changes.iter().filter(|change| change.old.is_none()).count();
        compared.counts.removed = compared.changes.iter().filter(|change| change.new.is_none()).count();
        compared.counts.changed = compared.changes.len() - compared.counts.added - compared.counts.removed;
        compared.pair_named_by_content();
        compared.differ();
        compared
    }

    /// What of a side is not as it was, where nothing is known of what it was: to rules it is new.
    pub(super) fn of_listed(new: Option<Side<'a>>, listed: &[Listed]) -> Self {
        let keys: HashSet<&ResourceKey> = listed.iter().map(|listed| &listed.resource).collect();
        let mut compared = Self { old: None, new, changes: Vec::new(), counts: Counts::default() };
        let all = compared.new_resources().iter().enumerate();
        for (node, resource) in all.filter(|(_, resource)| keys.contains(&resource.key)) {
            let new = Some(Found { node, resource });
            compared.changes.push(Changed::new(None, new));
        }
        let there: HashSet<&ResourceKey> = compared.changes.iter().map(Changed::key).collect();
        let (old, added): (Vec<&Listed>, Vec<&Listed>) = listed.iter().partition(|listed| listed.was_there);
        let changed = old.iter().filter(|listed| there.contains(&listed.resource)).count();
        let unchanged = compared.new_resources().len() - there.len();
        compared.counts = Counts { added: added.len(), changed, removed: old.len() - changed, unchanged };
        compared
    }

    /// The resources of the older side.
    pub(super) fn old_resources(&self) -> &'a [GraphResource] {
        self.old.map_or(&[], |side| side.graph.resources())
    }

    /// The resources of the newer side.
    pub(super) fn new_resources(&self) -> &'a [GraphResource] {
        self.new.map_or(&[], |side| side.graph.resources())
    }

    /// Where a change is written.
    pub(super) fn origin(&self, changed: &Changed<'_>) -> Option<&'a Origin> {
        match (changed.new, changed.old) {
            (Some(new), _) => self.new?.origin(new.node),
            (None, Some(old)) => self.old?.origin(old.node),
            (None, None) => None,
        }
    }

    /// Both lists are sorted.
    fn merge(&mut self) {
        let (old, new) = (self.old_resources(), self.new_resources());
        let (mut at_old, mut at_new) = (0, 0);
        loop {
            let (before, after) = (old.get(at_old), new.get(at_new));
            let place = match (before, after) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(before), Some(after)) => before.key.cmp(&after.key),
            };
            let found =
                |node: Node, resource: Option<&'a GraphResource>| resource.map(|resource| Found { node, resource });
            let older = if place.is_le() { found(at_old, before) } else { None };
            let newer = if place.is_ge() { found(at_new, after) } else { None };
            at_old += usize::from(older.is_some());
            at_new += usize::from(newer.is_some());
            if matches!((older, newer), (Some(old), Some(new)) if old.resource.id == new.resource.id) {
                self.counts.unchanged += 1;
            } else {
                self.changes.push(Changed::new(older, newer));
            }
        }
    }

    /// Kustomize names ConfigMaps and Secrets by what is in them: one that goes and one that comes are one that changes.
    fn pair_named_by_content(&mut self) {
        let mut gone: HashMap<(String, String, Scope, String), Vec<usize>> = HashMap::new();
        for (index, change) in self.changes.iter().enumerate().filter(|(_, change)| change.new.is_none()) {
            gone.extend(stem(change.key()).map(|stem| (stem, Vec::new())));
            if let Some(all) = stem(change.key()).and_then(|stem| gone.get_mut(&stem)) {
                all.push(index);
            }
        }
        if gone.is_empty() {
            return;
        }
        let mut taken = vec![false; self.changes.len()];
        for index in 0..self.changes.len() {
            if self.changes[index].old.is_some() {
                continue;
            }
            let Some(old) = stem(self.changes[index].key()).and_then(|stem| gone.get_mut(&stem)?.pop()) else {
                continue;
            };
            self.changes[index].old = self.changes[old].old;
            taken[old] = true;
        }
        let mut taken = taken.into_iter();
        self.changes.retain(|_| !taken.next().unwrap_or_default());
    }

    fn differ(&mut self) {
        let definitions = definitions(self.new_resources());
        for change in &mut self.changes {
            let (Some(old), Some(new)) = (change.old_body(), change.new_body()) else { continue };
            let key = change.key();
            let custom = if definitions.is_empty() { None } else { schema_of(&definitions, key, new) };
            change.differences = field::differences(key, old, new, custom);
            if Definition::is(key) && !sops::is_sops(new) {
                change.schema = definition::changes(old, new);
                let (of_schemas, others) = std::mem::take(&mut change.differences)
                    .into_iter()
                    .partition(|difference| definition::is_schema(&difference.change.path));
                (change.schema_differences, change.differences) = (of_schemas, others);
            }
            if change.is_replaced() {
                change.differences.retain(|difference| difference.change.path != "metadata.name");
            }
        }
    }
}

/// The definitions among resources, by group and kind.
fn definitions(resources: &[GraphResource]) -> HashMap<(&str, &str), &Value> {
    let found = resources.iter().filter_map(|resource| {
        let definition = resource.definition()?;
        Some(((definition.group, definition.kind), &*resource.body))
    });
    found.collect()
}

fn schema_of<'a>(definitions: &HashMap<(&str, &str), &'a Value>, key: &ResourceKey, body: &Value) -> Option<&'a Value> {
    let definition = definitions.get(&(key.group.as_str(), key.kind.as_str()))?;
    let (_, version) = body.get("apiVersion")?.as_str()?.split_once('/')?;
    let versions = definition.at(&["spec", "versions"])?.items().iter();
    let mut found = versions.filter(|found| found.get("name").and_then(Value::as_str) == Some(version));
    found.find_map(|found| found.at(&["schema", "openAPIV3Schema"]))
}

/// The letters of Kustomize's hashes.
const HASH_LETTERS: &str = "2456789bcdfghkmt";

/// The length of Kustomize's hashes.
const HASH_LENGTH: usize = 10;

/// A ConfigMap or Secret whose name ends in a hash of Kustomize's, without the hash.
fn stem(key: &ResourceKey) -> Option<(String, String, Scope, String)> {
    let (stem, hash) = key.name.rsplit_once('-')?;
    let is_hash = hash.len() == HASH_LENGTH && hash.chars().all(|letter| HASH_LETTERS.contains(letter));
    let is_kind = key.is("", "ConfigMap") || key.is("", "Secret");
    (is_hash && is_kind).then(|| (key.group.clone(), key.kind.clone(), key.scope.clone(), stem.to_owned()))
}

/// The bytes of a body without its name and namespace: equal for an object that was only renamed.
pub(super) fn nameless(body: &Value) -> Vec<u8> {
    let mut body = body.clone();
    if let Some(metadata) = body.as_map_mut().and_then(|body| body.get_mut("metadata")).and_then(Value::as_map_mut) {
        metadata.remove("name");
        metadata.remove("namespace");
    }
    Encoder::encode(&body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_hashes_are_those_that_kustomize_makes() {
        let stem = |kind: &str, name: &str| stem(&ResourceKey::new("", kind, "shop", name)).map(|stem| stem.3);
        assert_eq!(stem("ConfigMap", "cfg-5h2gt9b8cm").as_deref(), Some("cfg"));
        assert_eq!(stem("Secret", "a-b-2222222222").as_deref(), Some("a-b"));
        for (kind, name) in [
            ("Service", "cfg-5h2gt9b8cm"),
            ("ConfigMap", "cfg-5h2gt9b8c"),
            ("ConfigMap", "cfg-production"),
            ("Secret", "x"),
        ] {
            assert_eq!(stem(kind, name), None, "{kind} {name}");
        }
    }
}
