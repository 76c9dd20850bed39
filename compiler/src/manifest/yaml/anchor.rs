//! Anchors, and what repeating them may cost.
//!
//! In: anchored nodes as they are opened and finished. Out: their copies for aliases.
//! Guarantees: yaml.v2's rule against excessive aliasing, counted as it counts (every node, and every repeated node
//! again), is applied before anything is copied; so is the limit on decoded bytes, which that rule does not bound.

use std::collections::BTreeMap;

use super::scalar::Scalar;
use crate::canon::Value;

/// How deep a value may be that is copied for an alias: copying recurses.
const COPIED_DEPTH: usize = 1_000;

/// What a node costs beside its text, roughly what its value takes in memory.
const NODE_BYTES: usize = 16;

/// What decoding has cost so far, or what one part of it cost.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    /// Nodes that yaml.v2 would have decoded.
    pub(super) nodes: u64,
    /// Those of them that came out of aliases.
    pub(super) aliased: u64,
    /// Texts and nodes in bytes.
    pub(super) bytes: usize,
}

impl Cost {
    /// Adds a node with a text of some length.
    pub(super) fn node(&mut self, text: usize) {
        self.nodes += 1;
        self.bytes += text + NODE_BYTES;
    }

    /// What was added since `earlier`.
    pub(super) fn since(self, earlier: Self) -> Self {
        Self {
            nodes: self.nodes - earlier.nodes,
            aliased: self.aliased - earlier.aliased,
            bytes: self.bytes - earlier.bytes,
        }
    }

    /// This and an alias to something with that cost: the alias itself is a node too.
    pub(super) fn with_alias(self, target: Self) -> Self {
        Self {
            nodes: self.nodes.saturating_add(target.nodes).saturating_add(1),
            aliased: self.aliased.saturating_add(target.nodes),
            bytes: self.bytes.saturating_add(target.bytes),
        }
    }

    /// yaml.v2's `excessive aliasing`: 99 % of the nodes may come from aliases up to 400,000 nodes, falling to 10 % at
    /// 4,000,000.
    pub(super) fn is_excessive(self) -> bool {
        const LOW: f64 = 400_000.0;
        const HIGH: f64 = 4_000_000.0;
        if self.aliased <= 100 || self.nodes <= 1_000 {
            return false;
        }
        #[expect(clippy::cast_precision_loss, reason = "as in yaml.v2; such counts are exact far beyond the limits")]
        let (nodes, aliased) = (self.nodes as f64, self.aliased as f64);
        let allowed = if nodes <= LOW {
            0.99
        } else if nodes >= HIGH {
            0.10
        } else {
            0.99 - 0.89 * ((nodes - LOW) / (HIGH - LOW))
        };
        aliased / nodes > allowed
    }
}

/// What an anchor stands for.
#[derive(Debug)]
pub(super) enum Anchored {
    /// Its node is still being read: an alias to it would contain itself.
    Open,
    /// A scalar, not yet made a value, because it may be repeated as a key.
    Scalar(Scalar, Cost),
    /// A list or a map and how deep it nests.
    Tree(Value, usize, Cost),
    /// Something too deep to be copied.
    TooDeep,
}

/// The anchors of one document.
#[derive(Debug, Default)]
pub(super) struct Anchors {
    /// The last node with each name.
    names: BTreeMap<String, usize>,
    nodes: Vec<Anchored>,
}

impl Anchors {
    /// Takes note of an anchored node, which replaces an earlier one of the same name at once.
    pub(super) fn open(&mut self, name: String) -> usize {
        let slot = self.nodes.len();
        self.nodes.push(Anchored::Open);
        self.names.insert(name, slot);
        slot
    }

    /// Keeps a finished node; the caller has paid for the copy.
    pub(super) fn finish(&mut self, slot: usize, node: Anchored) {
        if let Some(place) = self.nodes.get_mut(slot) {
            *place = node;
        }
    }

    /// Keeps a finished list or map.
    pub(super) fn finish_tree(&mut self, slot: usize, value: &Value, height: usize, cost: Cost) {
        let node = if height > COPIED_DEPTH { Anchored::TooDeep } else { Anchored::Tree(value.clone(), height, cost) };
        self.finish(slot, node);
    }

    /// What the name stands for at this point.
    pub(super) fn get(&self, name: &str) -> Option<&Anchored> {
        self.nodes.get(*self.names.get(name)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(nodes: u64, aliased: u64) -> Cost {
        Cost { nodes, aliased, bytes: 0 }
    }

    #[test]
    fn aliases_are_excessive_by_their_share() {
        assert!(!cost(1_000, 1_000).is_excessive());
        assert!(!cost(100_000, 99_000).is_excessive());
        assert!(cost(100_000, 99_001).is_excessive());
        assert!(cost(4_000_000, 400_001).is_excessive());
        assert!(!cost(4_000_000, 400_000).is_excessive());
        assert!(!cost(2_200_000, 1_198_000).is_excessive());
        assert!(cost(2_200_000, 1_200_000).is_excessive());
    }

    #[test]
    fn a_name_stands_for_its_last_node() {
        let mut anchors = Anchors::default();
        let outer = anchors.open("a".into());
        let inner = anchors.open("a".into());
        anchors.finish(inner, Anchored::Scalar(Scalar::Int(1), Cost::default()));
        anchors.finish(outer, Anchored::TooDeep);
        assert!(matches!(anchors.get("a"), Some(Anchored::Scalar(Scalar::Int(1), _))));
        assert!(anchors.get("b").is_none());
    }
}
