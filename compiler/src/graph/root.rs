//! Content root, hook root and graph id.
//!
//! In: sorted resources and edges. Out: ids. A root of more than [`FLAT`] resources is a hash of 256 shards, chosen by
//! the first byte of BLAKE3 of the key, so that equality costs O(1) for each shard whatever the size of the set. The
//! shape depends on the set alone, never on how it came to be.

use std::collections::{BTreeSet, HashMap};

use crate::canon::{ContentRoot, Encoder, Graph, HookRoot, Id, Kind};
use crate::depend::Barrier;
use crate::name::ResourceKey;

use super::{GraphEdge, GraphResource};

/// Up to this many resources, the root is the hash of one list.
const FLAT: usize = 1024;

pub(super) fn roots(resources: &[GraphResource]) -> (Id<ContentRoot>, Id<HookRoot>) {
    let (hooks, content): (Vec<_>, Vec<_>) = resources.iter().partition(|resource| resource.hook().is_some());
    (root(&content), root(&hooks))
}

fn root<K: Kind>(resources: &[&GraphResource]) -> Id<K> {
    if resources.len() <= FLAT {
        return Id::of(&list(resources.iter().copied()));
    }
    let mut shards: Vec<Vec<&GraphResource>> = vec![Vec::new(); 256];
    for resource in resources {
        shards[usize::from(shard_of(&resource.key))].push(resource);
    }
    let mut encoder = Encoder::new();
    encoder.list(shards.len());
    for shard in shards {
        encoder.raw(Id::<K>::of(&list(shard.into_iter())).digest());
    }
    Id::of(&encoder.finish())
}

fn shard_of(key: &ResourceKey) -> u8 {
    let mut encoder = Encoder::new();
    write_key(&mut encoder, key);
    blake3::hash(&encoder.finish()).as_bytes()[0]
}

fn list<'a>(resources: impl ExactSizeIterator<Item = &'a GraphResource>) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.list(resources.len());
    for resource in resources {
        encoder.list(2);
        write_key(&mut encoder, &resource.key);
        encoder.raw(resource.id.digest());
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

pub(super) fn graph_id(
    content_root: Id<ContentRoot>,
    hook_root: Id<HookRoot>,
    barriers: &[Barrier],
    edges: &[GraphEdge],
) -> Id<Graph> {
    let mut encoder = Encoder::new();
    encoder.list(4);
    encoder.raw(content_root.digest());
    encoder.raw(hook_root.digest());
    write_barriers(&mut encoder, barriers);
    write_edges(&mut encoder, edges);
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
        }
    }
}

/// Nodes are numbers here: the resources in key order fix what they stand for.
/// `[[[rule, version], …], [[from, to, state, strength, number of the rule], …]]`: rules sorted, each once.
pub(super) fn write_edges(encoder: &mut Encoder, edges: &[GraphEdge]) {
    let rules: BTreeSet<(&str, u32)> = edges.iter().map(|edge| (edge.rule.name, edge.rule.version)).collect();
    let numbers: HashMap<(&str, u32), u64> = rules.iter().copied().zip(0..).collect();
    encoder.list(2);
    encoder.list(rules.len());
    for (name, version) in rules {
        encoder.list(2);
        encoder.text(name);
        encoder.unsigned(u64::from(version));
    }
    encoder.list(edges.len());
    for edge in edges {
        encoder.list(5);
        encoder.unsigned(edge.from as u64);
        encoder.unsigned(edge.to as u64);
        encoder.unsigned(edge.state as u64);
        encoder.unsigned(edge.strength as u64);
        encoder.unsigned(numbers.get(&(edge.rule.name, edge.rule.version)).copied().unwrap_or_default());
    }
}
