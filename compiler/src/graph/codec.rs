//! A graph as bytes, for the store, the record in the cluster and bundles.
//!
//! Canonical CBOR: `[resources, barriers, edges]`, a resource being `[[group, kind, scope, name], body]`, a barrier
//! `[kind, what]` and the edges `[rules, edges]`: a table of `[rule, version]`, and `[from, to, state, strength, number
//! of the rule]` for each, those that order deletion behind all others. No id is written: all of them are computed on reading, so that bytes which were tampered with
//! make another graph, never a false one under a true name. Only a body that is kept apart (a Secret's, see
//! [`ResourceGraph::encode_without`]) leaves its id behind: `[[…], null, id]`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;

use crate::canon::{DecodeError, Decoder, Encoder, Graph, Id, Resource, Value};
use crate::depend::{self, Barrier, Node, Phase, Rule, State, Strength};
use crate::name::{ResourceKey, Scope};

use super::{Body, Change, GraphEdge, GraphResource, ResourceGraph, root};

/// Bytes that are not the graph that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeGraphError {
    /// Not canonical CBOR, or not of this shape.
    #[error("not a graph")]
    Shape(#[from] DecodeError),
    /// Resources or edges out of order, nodes that are not there, a circle.
    #[error("not a graph: {0}")]
    Invalid(&'static str),
    /// An edge of a rule that this version does not know.
    #[error("the rule `{name}@{version}` is not known to this version of kubectl-gitops")]
    UnknownRule {
        /// Its name.
        name: String,
        /// Its version.
        version: u64,
    },
    /// A graph, but another one.
    #[error("the bytes of {expected} hold {actual}")]
    OtherGraph {
        /// What was asked for.
        expected: Id<Graph>,
        /// What is there.
        actual: Id<Graph>,
    },
}

const NO_SUCH_RESOURCE: DecodeGraphError = DecodeGraphError::Invalid("a resource that is not there has changed");

impl ResourceGraph {
    /// The bytes of this graph.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.encode_without(&|_| false)
    }

    /// The bytes of this graph, without the bodies of those nodes for which `withhold` says so. Of these only the ids
    /// are kept; the bodies are the caller's to keep.
    #[must_use]
    pub fn encode_without(&self, withhold: &dyn Fn(Node) -> bool) -> Vec<u8> {
        let mut encoder = Encoder::new();
        encoder.list(3);
        encoder.list(self.resources.len());
        for (node, resource) in self.resources.iter().enumerate() {
            if withhold(node) {
                encoder.list(3);
                root::write_key(&mut encoder, &resource.key);
                encoder.null();
                encoder.raw(resource.id.digest());
            } else {
                encoder.list(2);
                root::write_key(&mut encoder, &resource.key);
                encoder.canonical(resource.body.bytes());
            }
        }
        root::write_barriers(&mut encoder, &self.barriers);
        root::write_edges(&mut encoder, &self.edges, &self.deletions);
        encoder.finish()
    }

    /// Reads the graph `expected` back, hashing everything again.
    pub fn decode(bytes: &[u8], expected: Id<Graph>) -> Result<Self, DecodeGraphError> {
        Self::decode_with(bytes, expected, &BTreeMap::new())
    }

    /// Reads the graph `expected` back, with the `bodies` that were withheld. A withheld body that is not among them
    /// is null: the graph has its id and its order, and that resource cannot be applied.
    pub fn decode_with(
        bytes: &[u8],
        expected: Id<Graph>,
        bodies: &BTreeMap<Id<Resource>, Value>,
    ) -> Result<Self, DecodeGraphError> {
        Self::read(bytes, bodies, BTreeMap::new())?.expected(expected)
    }

    /// Reads the graph `expected` back: the one that `bytes` hold, with the bodies of `change` in the place of some.
    pub fn decode_changed(bytes: &[u8], change: Change, expected: Id<Graph>) -> Result<Self, DecodeGraphError> {
        Self::read(bytes, &BTreeMap::new(), change.into_bodies())?.expected(expected)
    }

    /// The graph `expected`: this one, with the bodies of `change` in the place of some. Only these are hashed.
    pub fn changed(&self, change: Change, expected: Id<Graph>) -> Result<Self, DecodeGraphError> {
        let mut resources = self.resources.clone();
        for (node, body) in change.into_bodies() {
            let resource = resources.get_mut(node).ok_or(NO_SUCH_RESOURCE)?;
            (resource.id, resource.body) = (body.id(), body);
        }
        // Keys and edges are those of this graph, and so is the order.
        Self::with_order(
            resources,
            self.barriers.clone(),
            self.edges.clone(),
            self.deletions.clone(),
            self.order.clone(),
        )
        .expected(expected)
    }

    fn expected(self, expected: Id<Graph>) -> Result<Self, DecodeGraphError> {
        if self.id == expected { Ok(self) } else { Err(DecodeGraphError::OtherGraph { expected, actual: self.id }) }
    }

    fn read(
        bytes: &[u8],
        withheld: &BTreeMap<Id<Resource>, Value>,
        mut changed: BTreeMap<Node, Body>,
    ) -> Result<Self, DecodeGraphError> {
        let buffer = Arc::new(bytes.to_vec());
        let mut decoder = Decoder::new(bytes);
        decoder.list_of(3)?;
        let mut found = Vec::new();
        for node in 0..decoder.list()? {
            let mut resource = read_resource(&mut decoder, &buffer, withheld)?;
            if let Some(body) = changed.remove(&node) {
                (resource.1, resource.2) = (body, None);
            }
            found.push(resource);
        }
        if !changed.is_empty() {
            return Err(NO_SUCH_RESOURCE);
        }
        // Most of the work is hashing.
        let resources: Vec<GraphResource> = found
            .into_par_iter()
            .map(|(key, body, id)| GraphResource { key, id: id.unwrap_or_else(|| body.id()), body })
            .collect();
        let mut barriers = Vec::new();
        for _ in 0..decoder.list()? {
            barriers.push(read_barrier(&mut decoder, resources.len())?);
        }
        let nodes = resources.len() + barriers.len();
        decoder.list_of(2)?;
        let mut rules = Vec::new();
        for _ in 0..decoder.list()? {
            rules.push(read_rule(&mut decoder)?);
        }
        let mut edges = Vec::new();
        for _ in 0..decoder.list()? {
            edges.push(read_edge(&mut decoder, nodes, &rules)?);
        }
        decoder.end()?;
        let used: BTreeSet<_> = edges.iter().map(|edge| (edge.rule.name, edge.rule.version)).collect();
        if !used.into_iter().eq(rules.iter().map(|rule| (rule.name, rule.version))) {
            return Err(DecodeGraphError::Invalid("the rules are not just those of the edges, in order"));
        }
        let deletions = edges.split_off(edges.partition_point(|edge| edge.state != State::Absent));
        let sorted = resources.windows(2).all(|pair| pair[0].key < pair[1].key)
            && barriers.windows(2).all(|pair| pair[0] < pair[1])
            && [&edges, &deletions].iter().all(|edges| edges.windows(2).all(|pair| pair[0] < pair[1]))
            && edges.iter().all(|edge| edge.state != State::Absent)
            && deletions.iter().all(|edge| edge.state == State::Absent);
        if !sorted {
            return Err(DecodeGraphError::Invalid("something is out of order"));
        }
        let graph = Self::assemble(resources, barriers, edges, deletions);
        if graph.order.len() == nodes && graph.can_be_deleted() {
            Ok(graph)
        } else {
            Err(DecodeGraphError::Invalid("it has a circle"))
        }
    }
}

/// A key, a body, and the id of a body that was withheld; that of any other follows from the body.
fn read_resource(
    decoder: &mut Decoder<'_>,
    buffer: &Arc<Vec<u8>>,
    withheld: &BTreeMap<Id<Resource>, Value>,
) -> Result<(ResourceKey, Body, Option<Id<Resource>>), DecodeGraphError> {
    let parts = decoder.list()?;
    let key = read_key(decoder)?;
    match parts {
        2 => {
            let start = decoder.offset();
            decoder.skip()?;
            Ok((key, Body::stored(buffer, start..decoder.offset()), None))
        }
        3 if decoder.null() => {
            let id = Id::from_digest(decoder.digest()?);
            let body = withheld.get(&id).cloned().unwrap_or(Value::Null);
            Ok((key, Body::new(body), Some(id)))
        }
        _ => Err(DecodeGraphError::Invalid("a resource has two or three parts")),
    }
}

pub(super) fn read_key(decoder: &mut Decoder<'_>) -> Result<ResourceKey, DecodeError> {
    decoder.list_of(4)?;
    Ok(ResourceKey::new(decoder.text()?, decoder.text()?, decoder.text()?, decoder.text()?))
}

fn read_barrier(decoder: &mut Decoder<'_>, resources: usize) -> Result<Barrier, DecodeGraphError> {
    decoder.list_of(2)?;
    let barrier = match decoder.text()? {
        "wave" => Barrier::Wave(read_wave(decoder)?),
        "PreSync" => Barrier::Hooks(Phase::PreSync, read_wave(decoder)?),
        "PostSync" => Barrier::Hooks(Phase::PostSync, read_wave(decoder)?),
        "policies" => Barrier::Policies(Scope::from_spelling(decoder.text()?)),
        "group" => Barrier::Group(decoder.text()?.to_owned()),
        "before-group" => Barrier::BeforeGroup(decoder.text()?.to_owned()),
        "webhooks" => {
            let mut nodes = Vec::new();
            for _ in 0..decoder.list()? {
                nodes.push(read_node(decoder, resources)?);
            }
            Barrier::Webhooks(nodes)
        }
        "group-gone" => Barrier::GroupGone(decoder.text()?.to_owned()),
        "before-group-goes" => Barrier::BeforeGroupGoes(decoder.text()?.to_owned()),
        "gone" => {
            decoder.list_of(3)?;
            let (group, kind) = (decoder.text()?.to_owned(), decoder.text()?.to_owned());
            Barrier::Gone { group, kind, scope: Scope::from_spelling(decoder.text()?) }
        }
        _ => return Err(DecodeGraphError::Invalid("a barrier is of an unknown kind")),
    };
    Ok(barrier)
}

fn read_wave(decoder: &mut Decoder<'_>) -> Result<i64, DecodeGraphError> {
    decoder.value()?.as_int().ok_or(DecodeGraphError::Invalid("a wave is a number"))
}

/// The number of a node, of which there are `nodes`.
fn read_node(decoder: &mut Decoder<'_>, nodes: usize) -> Result<Node, DecodeGraphError> {
    let node = usize::try_from(decoder.unsigned()?).ok().filter(|node| *node < nodes);
    node.ok_or(DecodeGraphError::Invalid("an edge leads nowhere"))
}

fn read_rule(decoder: &mut Decoder<'_>) -> Result<Rule, DecodeGraphError> {
    decoder.list_of(2)?;
    let (name, version) = (decoder.text()?, decoder.unsigned()?);
    let rule = u32::try_from(version).ok().and_then(|version| depend::rule(name, version));
    rule.ok_or_else(|| DecodeGraphError::UnknownRule { name: name.to_owned(), version })
}

fn read_edge(decoder: &mut Decoder<'_>, nodes: usize, rules: &[Rule]) -> Result<GraphEdge, DecodeGraphError> {
    decoder.list_of(5)?;
    let (from, to) = (read_node(decoder, nodes)?, read_node(decoder, nodes)?);
    let state = match decoder.unsigned()? {
        0 => State::Present,
        1 => State::Ready,
        2 => State::Absent,
        _ => return Err(DecodeGraphError::Invalid("an edge has an unknown state")),
    };
    let strength = match decoder.unsigned()? {
        0 => Strength::Soft,
        1 => Strength::Hard,
        _ => return Err(DecodeGraphError::Invalid("an edge has an unknown strength")),
    };
    let rule = usize::try_from(decoder.unsigned()?).ok().and_then(|number| rules.get(number)).copied();
    let rule = rule.ok_or(DecodeGraphError::Invalid("an edge has no rule"))?;
    Ok(GraphEdge { from, to, state, strength, rule })
}
