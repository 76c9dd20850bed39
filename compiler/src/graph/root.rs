//! Content root, hook root and graph id.
//!
//! In: sorted resources and edges. Out: ids. A root of more than [`FLAT`] resources is a hash of 256 shards, chosen by
//! the first byte of BLAKE3 of the key, so that equality costs O(1) for each shard whatever the size of the set. The
//! shape depends on the set alone, never on how it came to be.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use crate::canon::{ContentRoot, Encoder, Graph, HookRoot, Id, Kind, Resource};
use crate::depend::Barrier;
use crate::name::ResourceKey;

use super::{GraphEdge, GraphResource};

/// Up to this many resources, the root is the hash of one list.
const FLAT: usize = 1024;

/// Few keys are longer, encoded: thousands are made for each graph that is read.
const LONG_KEY: usize = 128;

/// What a root takes of a resource.
pub(super) struct Leaf<'a> {
    /// The key, encoded.
    pub(super) key: Cow<'a, [u8]>,
    pub(super) id: Id<Resource>,
    pub(super) shard: u8,
    pub(super) hook: bool,
}

impl Leaf<'_> {
    pub(super) fn of(resource: &GraphResource) -> Self {
        let mut encoder = Encoder::with_capacity(LONG_KEY);
        write_key(&mut encoder, &resource.key);
        let key = encoder.finish();
        let shard = blake3::hash(&key).as_bytes()[0];
        Self { key: key.into(), id: resource.id, shard, hook: resource.hook().is_some() }
    }
}

/// The leaves come in the order of their keys.
pub(super) fn roots(leaves: &[Leaf<'_>]) -> (Id<ContentRoot>, Id<HookRoot>) {
    let (hooks, content): (Vec<_>, Vec<_>) = leaves.iter().partition(|leaf| leaf.hook);
    (root(&content), root(&hooks))
}

fn root<K: Kind>(leaves: &[&Leaf<'_>]) -> Id<K> {
    if leaves.len() <= FLAT {
        return Id::of(&list(leaves));
    }
    let mut shards: Vec<Vec<&Leaf<'_>>> = vec![Vec::new(); 256];
    for leaf in leaves {
        shards[usize::from(leaf.shard)].push(leaf);
    }
    let mut encoder = Encoder::new();
    encoder.list(shards.len());
    for shard in shards {
        encoder.raw(Id::<K>::of(&list(&shard)).digest());
    }
    Id::of(&encoder.finish())
}

fn list(leaves: &[&Leaf<'_>]) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.list(leaves.len());
    for leaf in leaves {
        encoder.list(2);
        encoder.canonical(&leaf.key);
        encoder.raw(leaf.id.digest());
    }
    encoder.finish()
}

/// A key as a list of its four parts.
pub(super) fn write_key(encoder: &mut Encoder, key: &ResourceKey) {
    encoder.list(4);
    for part in [&key.group, &key.kind, key.scope.as_str(), &key.name] {
        encoder.text(part);
    }
}

/// Barriers and edges as bytes, for [`graph_id`].
pub(super) fn wiring(barriers: &[Barrier], edges: &[GraphEdge], deletions: &[GraphEdge]) -> Vec<u8> {
    let mut encoder = Encoder::new();
    write_barriers(&mut encoder, barriers);
    write_edges(&mut encoder, edges, deletions);
    encoder.finish()
}

pub(super) fn graph_id(content_root: Id<ContentRoot>, hook_root: Id<HookRoot>, wiring: &[u8]) -> Id<Graph> {
    let mut encoder = Encoder::new();
    encoder.list(4);
    encoder.raw(content_root.digest());
    encoder.raw(hook_root.digest());
    encoder.canonical(wiring);
    Id::of(&encoder.finish())
}

/// Each barrier as a list of its kind and of what makes it this one.
pub(super) fn write_barriers(encoder: &mut Encoder, barriers: &[Barrier]) {
    encoder.list(barriers.len());
    for barrier in barriers {
        encoder.list(2);
        match barrier {
            Barrier::Wave(wave) => {
                encoder.text("wave");
                encoder.int(*wave);
            }
            Barrier::Policies(scope) => {
                encoder.text("policies");
                encoder.text(scope.as_str());
            }
            Barrier::Group(group) => {
                encoder.text("group");
                encoder.text(group);
            }
            Barrier::BeforeGroup(group) => {
                encoder.text("before-group");
                encoder.text(group);
            }
            Barrier::Webhooks(nodes) => {
                encoder.text("webhooks");
                encoder.list(nodes.len());
                for node in nodes {
                    encoder.unsigned(*node as u64);
                }
            }
            Barrier::Hooks(phase, wave) => {
                encoder.text(phase.as_str());
                encoder.int(*wave);
            }
            Barrier::GroupGone(group) => {
                encoder.text("group-gone");
                encoder.text(group);
            }
            Barrier::BeforeGroupGoes(group) => {
                encoder.text("before-group-goes");
                encoder.text(group);
            }
            Barrier::Gone { group, kind, scope } => {
                encoder.text("gone");
                encoder.list(3);
                for part in [group, kind, scope.as_str()] {
                    encoder.text(part);
                }
            }
        }
    }
}

/// Nodes are numbers here: the resources in key order fix what they stand for.
/// `[[[rule, version], …], [[from, to, state, strength, number of the rule], …]]`: rules sorted, each once. Edges that
/// order deletion stand behind all others.
pub(super) fn write_edges(encoder: &mut Encoder, edges: &[GraphEdge], deletions: &[GraphEdge]) {
    let all = || edges.iter().chain(deletions);
    let rules: BTreeSet<(&str, u32)> = all().map(|edge| (edge.rule.name, edge.rule.version)).collect();
    let numbers: HashMap<(&str, u32), u64> = rules.iter().copied().zip(0..).collect();
    encoder.list(2);
    encoder.list(rules.len());
    for (name, version) in rules {
        encoder.list(2);
        encoder.text(name);
        encoder.unsigned(u64::from(version));
    }
    encoder.list(edges.len() + deletions.len());
    for edge in all() {
        encoder.list(5);
        encoder.unsigned(edge.from as u64);
        encoder.unsigned(edge.to as u64);
        encoder.unsigned(edge.state as u64);
        encoder.unsigned(edge.strength as u64);
        encoder.unsigned(numbers.get(&(edge.rule.name, edge.rule.version)).copied().unwrap_or_default());
    }
}
