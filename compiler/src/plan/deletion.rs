//! The order of deletions: what is deleted only after what.
//!
//! In: the graphs that made what is to be deleted, and its keys. Out: nodes, each after those that it waits for. The
//! order is that of the graphs, which are stored with the record: the one that is wanted now has no say.
//!
//! What is not deleted still stands between what is: where A waited for B, and B for C, A goes before C, whatever
//! becomes of B. Barriers are of that kind. Graphs may disagree: the first counts.

use std::collections::{BTreeSet, HashMap};

use crate::depend::{Node, Rule};
use crate::graph::{Link, settle, topological};
use crate::name::ResourceKey;

use super::Bound;

/// A node of the order.
pub(super) struct Deletion {
    /// What is deleted; absent where it only holds others together.
    pub(super) key: Option<ResourceKey>,
    /// How it is called, where it is a barrier.
    pub(super) barrier: Option<String>,
    /// Positions of what must be gone before, each with the rule that asks for it in so many words.
    pub(super) after: Vec<(usize, Option<Rule>)>,
}

/// A wait between two of all nodes.
type Wait = (Link, Option<Rule>);

/// All nodes of all graphs under one numbering: a resource is the same in each of them, a barrier is not.
#[derive(Default)]
struct Union<'a> {
    names: Vec<Name<'a>>,
    by_key: HashMap<&'a ResourceKey, Node>,
    /// What is created late is deleted early.
    ranks: Vec<usize>,
}

enum Name<'a> {
    Resource(&'a ResourceKey),
    Barrier(&'a Bound, Node),
}

impl<'a> Union<'a> {
    fn add(&mut self, name: Name<'a>, rank: usize) -> Node {
        self.names.push(name);
        self.ranks.push(rank);
        self.names.len() - 1
    }

    fn resource(&mut self, key: &'a ResourceKey, rank: usize) -> Node {
        if let Some(node) = self.by_key.get(key) {
            return *node;
        }
        let node = self.add(Name::Resource(key), rank);
        self.by_key.insert(key, node);
        node
    }
}

pub(super) fn order(graphs: &[&Bound], doomed: &BTreeSet<&ResourceKey>) -> Vec<Deletion> {
    let mut union = Union::default();
    let mut waits: Vec<Wait> = Vec::new();
    for (number, bound) in graphs.iter().enumerate() {
        let graph = &bound.graph;
        let mut own = vec![0; graph.order().len()];
        for (rank, node) in bound.order().iter().rev().enumerate() {
            own[*node] = match bound.keys().get(*node) {
                Some(key) => union.resource(key, rank),
                None => union.add(Name::Barrier(bound, *node), rank),
            };
        }
        // Class 0 would stay in any case.
        let class = u8::try_from(number + 1).unwrap_or(u8::MAX);
        let link = |node: Node, after: Node| Link { from: own[node], to: own[after], class };
        waits.extend(graph.deletion_waits().iter().map(|wait| (link(wait.node, wait.after), wait.rule)));
        waits.extend(bound.homes().iter().map(|(inside, namespace)| (link(*namespace, *inside), None)));
    }
    for key in doomed.iter().copied() {
        union.resource(key, usize::MAX);
    }
    let nodes = union.names.len();
    if let Some(stay) = settle(nodes, &waits.iter().map(|(link, _)| *link).collect::<Vec<_>>()) {
        let mut stay = stay.into_iter();
        waits.retain(|_| stay.next() != Some(false));
    }
    let is_doomed: Vec<bool> =
        union.names.iter().map(|name| matches!(name, Name::Resource(key) if doomed.contains(key))).collect();
    let order = topological(&union.ranks, waits.iter().map(|(link, _)| (link.from, link.to)));
    tell(&union, &order, &waits, &is_doomed)
}

/// The nodes that are deleted, and those that stand between them, in order.
fn tell(union: &Union<'_>, order: &[Node], waits: &[Wait], is_doomed: &[bool]) -> Vec<Deletion> {
    let mut after: Vec<Vec<(Node, Option<Rule>)>> = vec![Vec::new(); order.len()];
    for (Link { from, to, class: _ }, rule) in waits {
        after[*from].push((*to, *rule));
    }
    // Whether something that is deleted comes before a node, and whether something that is deleted waits for it.
    let (mut follows, mut is_awaited) = (is_doomed.to_vec(), is_doomed.to_vec());
    for node in order {
        follows[*node] |= after[*node].iter().any(|(first, _)| follows[*first]);
    }
    for node in order.iter().rev() {
        if is_awaited[*node] {
            after[*node].iter().for_each(|(first, _)| is_awaited[*first] = true);
        }
    }
    let counts = |node: Node| is_doomed[node] || (follows[node] && is_awaited[node]);
    let mut position = vec![usize::MAX; order.len()];
    let mut deletions = Vec::new();
    for node in order.iter().copied().filter(|node| counts(*node)) {
        position[node] = deletions.len();
        let (key, barrier) = match union.names[node] {
            Name::Resource(key) => (is_doomed[node].then(|| key.clone()), None),
            Name::Barrier(bound, barrier) => (None, Some(bound.graph.node_name(barrier))),
        };
        let mut after: Vec<(usize, Option<Rule>)> = after[node]
            .iter()
            .filter(|(first, _)| counts(*first))
            .map(|(first, rule)| (position[*first], *rule))
            .collect();
        // One that a rule asks for comes first of those for the same node.
        after.sort_by_key(|(first, rule)| (*first, rule.is_none(), *rule));
        after.dedup_by_key(|(first, _)| *first);
        deletions.push(Deletion { key, barrier, after });
    }
    deletions
}
