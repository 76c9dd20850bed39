//! A graph without its bodies: all that its ids are made of.
//!
//! In: a graph, or the bytes of its outline. Out: the ids that the graph has when some of its resources have other
//! bodies, while keys, hooks, barriers and edges stay as they are. Nobody can tell from an outline that its ids are
//! those of any bodies: whoever reads a graph back computes them again.
//!
//! `[[key, id, …], shards, hooks, wiring]` in our canonical encoding: keys and ids in turn, a byte for each resource
//! that says in which shard of a root it is, the nodes that are hooks, and barriers and edges as a graph has them.

use rayon::prelude::*;

use crate::canon::{ContentRoot, DecodeError, Decoder, Encoder, Graph, HookRoot, Id, Resource};
use crate::depend::Node;
use crate::name::ResourceKey;

use super::root::{self, Leaf};
use super::{ResourceGraph, codec};

/// An outline that was read.
pub struct Outline<'a> {
    leaves: Vec<Leaf<'a>>,
    wiring: &'a [u8],
}

impl ResourceGraph {
    /// The bytes of the outline of this graph.
    #[must_use]
    pub fn outline(&self) -> Vec<u8> {
        let leaves: Vec<Leaf<'_>> = self.resources.par_iter().map(Leaf::of).collect();
        let mut encoder = Encoder::new();
        encoder.list(4);
        encoder.list(2 * leaves.len());
        for leaf in &leaves {
            encoder.canonical(&leaf.key);
            encoder.raw(leaf.id.digest());
        }
        encoder.raw(&leaves.iter().map(|leaf| leaf.shard).collect::<Vec<u8>>());
        let hooks: Vec<Node> = (0..leaves.len()).filter(|node| leaves[*node].hook).collect();
        encoder.list(hooks.len());
        for node in hooks {
            encoder.unsigned(node as u64);
        }
        encoder.raw(&root::wiring(&self.barriers, &self.edges, &self.deletions));
        encoder.finish()
    }
}

impl<'a> Outline<'a> {
    /// Reads what [`ResourceGraph::outline`] gave.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut decoder = Decoder::new(bytes);
        decoder.list_of(4)?;
        let count = decoder.list()? / 2;
        let mut leaves = Vec::with_capacity(count);
        for _ in 0..count {
            let (key, id) = (decoder.skip()?, Id::from_digest(decoder.digest()?));
            leaves.push(Leaf { key: key.into(), id, shard: 0, hook: false });
        }
        let shards = decoder.raw()?;
        if shards.len() != leaves.len() {
            return Err(DecodeError { offset: decoder.offset(), reason: "each resource is in one shard" });
        }
        for (leaf, shard) in leaves.iter_mut().zip(shards) {
            leaf.shard = *shard;
        }
        for _ in 0..decoder.list()? {
            let node = usize::try_from(decoder.unsigned()?).ok();
            let hook = node.and_then(|node| leaves.get_mut(node));
            hook.ok_or(DecodeError { offset: decoder.offset(), reason: "a hook is no resource" })?.hook = true;
        }
        let wiring = decoder.raw()?;
        decoder.end()?;
        Ok(Self { leaves, wiring })
    }

    /// The node with this key.
    #[must_use]
    pub fn node(&self, key: &ResourceKey) -> Option<Node> {
        let found = self.leaves.binary_search_by(|leaf| {
            let read = codec::read_key(&mut Decoder::new(&leaf.key)).ok();
            read.as_ref().cmp(&Some(key))
        });
        found.ok()
    }

    /// Whether there is a resource of this kind.
    #[must_use]
    pub fn has_kind(&self, group: &str, kind: &str) -> bool {
        let key = |leaf: &Leaf<'_>| codec::read_key(&mut Decoder::new(&leaf.key)).ok();
        let is_before =
            |leaf: &Leaf<'_>| key(leaf).is_some_and(|key| (key.group.as_str(), key.kind.as_str()) < (group, kind));
        let first = self.leaves.get(self.leaves.partition_point(is_before));
        first.and_then(key).is_some_and(|key| key.is(group, kind))
    }

    /// The id of the resource at a node.
    #[must_use]
    pub fn resource(&self, node: Node) -> Option<Id<Resource>> {
        self.leaves.get(node).map(|leaf| leaf.id)
    }

    /// Gives the resource at a node another body, which must make it neither a hook nor content if it was not.
    pub fn replace(&mut self, node: Node, id: Id<Resource>) {
        if let Some(leaf) = self.leaves.get_mut(node) {
            leaf.id = id;
        }
    }

    /// The ids of the graph with these resources.
    #[must_use]
    pub fn ids(&self) -> (Id<Graph>, Id<ContentRoot>, Id<HookRoot>) {
        let (content_root, hook_root) = root::roots(&self.leaves);
        (root::graph_id(content_root, hook_root, self.wiring), content_root, hook_root)
    }
}
