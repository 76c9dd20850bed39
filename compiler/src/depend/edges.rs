//! Collecting edges, and the barriers that they lead through.
//!
//! In: edges and barriers in any order. Out: both sorted, without duplicates, the barriers numbered behind the
//! manifests. An object never waits for itself. There are never more than [`MAX_EDGES`], whatever the input asks for.

use std::collections::HashMap;

use super::{Barrier, Edge, Node, Rule, State, Strength};

/// Ten times what the largest honest set needs. A set of a few MB can ask for a thousand times more.
pub(super) const MAX_EDGES: usize = 2_000_000;

/// So many comparisons a family may make that compares many objects with many others. An honest set needs a tenth of
/// it; it takes a fraction of a second.
pub(super) const MAX_STEPS: usize = 20_000_000;

/// Up to so many pairs of a dependent and a dependency have edges of their own, which are easier to read than a barrier.
pub(super) const FEW: usize = 8;

pub(super) struct Edges {
    manifests: usize,
    list: Vec<Edge>,
    /// In the order of their creation, until [`Edges::finish`] sorts them.
    barriers: Vec<Barrier>,
    nodes: HashMap<Barrier, Node>,
    too_many: bool,
}

impl Edges {
    pub(super) fn new(manifests: usize) -> Self {
        Self {
            manifests,
            list: Vec::with_capacity(4 * manifests),
            barriers: Vec::new(),
            nodes: HashMap::new(),
            too_many: false,
        }
    }

    /// The node of a barrier, the same for equal barriers. It holds only while edges are collected.
    pub(super) fn barrier(&mut self, barrier: Barrier) -> Node {
        if let Some(node) = self.nodes.get(&barrier) {
            return *node;
        }
        let node = self.manifests + self.barriers.len();
        self.nodes.insert(barrier.clone(), node);
        self.barriers.push(barrier);
        node
    }

    /// Adds an edge, unless an object would wait for itself or there are too many.
    pub(super) fn add(&mut self, edge: Edge) {
        if edge.from != edge.to && !self.is_full() {
            self.list.push(edge);
        }
    }

    /// Whether there are too many, so that looking for more is in vain.
    pub(super) fn is_full(&self) -> bool {
        self.too_many || self.list.len() >= MAX_EDGES
    }

    /// Takes no more edges: there would be too many, or too many objects to compare.
    pub(super) fn give_up(&mut self) {
        self.too_many = true;
    }

    /// Lets the edges of these rules wait until what they lead to is ready.
    pub(super) fn raise(&mut self, rules: &[Rule]) {
        for edge in self.list.iter_mut().filter(|edge| rules.contains(&edge.rule)) {
            edge.state = State::Ready;
        }
    }

    /// What was collected so far, in no order.
    pub(super) fn list(&self) -> &[Edge] {
        &self.list
    }

    /// How many nodes there are by now, barriers included.
    pub(super) fn nodes(&self) -> usize {
        self.manifests + self.barriers.len()
    }

    /// Everything, in canonical order.
    pub(super) fn finish(mut self) -> (Vec<Edge>, Vec<Barrier>) {
        let mut barriers = self.barriers.clone();
        barriers.sort();
        for (place, barrier) in barriers.iter().enumerate() {
            self.nodes.insert(barrier.clone(), self.manifests + place);
        }
        let settled: Vec<Node> = self.barriers.iter().map(|barrier| self.nodes[barrier]).collect();
        let settle = |node: Node| node.checked_sub(self.manifests).map_or(node, |place| settled[place]);
        for edge in &mut self.list {
            (edge.from, edge.to) = (settle(edge.from), settle(edge.to));
        }
        self.list.sort();
        // One rule may find one dependency in several fields: the first field tells it.
        self.list.dedup_by(|next, first| {
            (next.from, next.to, next.state, next.strength, next.rule)
                == (first.from, first.to, first.state, first.strength, first.rule)
        });
        (self.list, barriers)
    }
}

/// Takes the edges of one dependent.
pub(super) struct Sink<'a> {
    pub(super) node: Node,
    pub(super) edges: &'a mut Edges,
    /// What it needs and the set does not have: an object as people speak of it, and the field that names it.
    pub(super) missing: Vec<(String, String)>,
}

/// So many missing objects are told of one dependent.
const MAX_MISSING: usize = 100;

impl Sink<'_> {
    /// Notes that an object of the dependent's own namespace is not in the set.
    pub(super) fn miss(&mut self, kind: &str, name: &str, field: impl FnOnce() -> String) {
        if self.missing.len() < MAX_MISSING {
            self.missing.push((format!("{kind} {name}"), field()));
        }
    }

    /// Adds an edge where there is a dependency.
    pub(super) fn add(
        &mut self,
        to: Option<Node>,
        state: State,
        strength: Strength,
        rule: Rule,
        field: impl Into<String>,
    ) {
        if let Some(to) = to {
            self.edges.add(Edge { from: self.node, to, state, strength, rule, field: field.into() });
        }
    }

    /// Like [`Sink::add`]; the text of the field is made only where there is a dependency.
    pub(super) fn add_at(
        &mut self,
        to: Option<Node>,
        state: State,
        strength: Strength,
        rule: Rule,
        field: impl FnOnce() -> String,
    ) {
        if to.is_some_and(|to| to != self.node) && !self.edges.is_full() {
            self.add(to, state, strength, rule, field());
        }
    }
}
