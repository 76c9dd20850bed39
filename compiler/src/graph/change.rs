//! The difference between two graphs of which only bodies differ.
//!
//! In: the id of a graph, and other bodies for some of its nodes. Out: bytes, and the same back. With the first graph
//! it makes the second; [`ResourceGraph::decode_changed`](super::ResourceGraph::decode_changed) computes all ids again,
//! so that a change of another graph, or of none, gives an error and never a false graph.
//!
//! `[base, [[node, body], …]]` in our canonical encoding, nodes ascending.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::canon::{DecodeError, Decoder, Encoder, Graph, Id};
use crate::depend::Node;

use super::Body;

/// Other bodies for some nodes of a graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The graph that is changed.
    pub base: Id<Graph>,
    bodies: BTreeMap<Node, Body>,
}

impl Change {
    /// A change of nothing yet.
    #[must_use]
    pub fn of(base: Id<Graph>) -> Self {
        Self { base, bodies: BTreeMap::new() }
    }

    /// Gives a node another body.
    pub fn set(&mut self, node: Node, body: Body) {
        self.bodies.insert(node, body);
    }

    /// The bytes of this change.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder::new();
        encoder.list(2);
        encoder.raw(self.base.digest());
        encoder.list(self.bodies.len());
        for (node, body) in &self.bodies {
            encoder.list(2);
            encoder.unsigned(*node as u64);
            encoder.canonical(body.bytes());
        }
        encoder.finish()
    }

    /// Reads a change.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let buffer = Arc::new(bytes.to_vec());
        let mut decoder = Decoder::new(bytes);
        decoder.list_of(2)?;
        let base = Id::from_digest(decoder.digest()?);
        let mut bodies = BTreeMap::new();
        for _ in 0..decoder.list()? {
            decoder.list_of(2)?;
            let node = usize::try_from(decoder.unsigned()?).unwrap_or(usize::MAX);
            let start = decoder.offset();
            decoder.skip()?;
            if bodies.last_key_value().is_some_and(|(last, _)| *last >= node) {
                return Err(DecodeError { offset: start, reason: "nodes are out of order" });
            }
            bodies.insert(node, Body::stored(&buffer, start..decoder.offset()));
        }
        decoder.end()?;
        Ok(Self { base, bodies })
    }

    pub(super) fn into_bodies(self) -> BTreeMap<Node, Body> {
        self.bodies
    }
}
