//! Cycles: soft edges give way, hard ones are an error that shows the whole circle.
//!
//! In: nodes and edges. Out: the edges that stay, those that were dropped, and the hard cycles that are left.
//! Soft edges are tried one by one in their canonical order, each kept unless it would close a cycle, so that the
//! result depends on the set alone.

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::depend::{Edge, Node, Strength};

/// A circle of hard edges: each edge's `to` is the next one's `from`, and the last leads back to the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle(pub Vec<Edge>);

/// What became of the edges.
pub(super) struct Resolved {
    pub kept: Vec<Edge>,
    pub dropped: Vec<Edge>,
    pub cycles: Vec<Cycle>,
}

pub(super) fn resolve(nodes: usize, edges: Vec<Edge>) -> Resolved {
    let knots = knots(nodes, &edges);
    if knots.is_empty() {
        return Resolved { kept: edges, dropped: Vec::new(), cycles: Vec::new() };
    }
    let mut knot_of = vec![usize::MAX; nodes];
    for (number, knot) in knots.iter().enumerate() {
        for node in knot {
            knot_of[*node] = number;
        }
    }
    let tied = |edge: &Edge| knot_of[edge.from] == knot_of[edge.to] && knot_of[edge.from] != usize::MAX;
    let (tied, mut kept): (Vec<Edge>, Vec<Edge>) = edges.into_iter().partition(tied);
    let (hard, soft): (Vec<Edge>, Vec<Edge>) = tied.into_iter().partition(|edge| edge.strength == Strength::Hard);
    let hard_knots = self::knots(nodes, &hard);
    let cycles = hard_knots.iter().map(|knot| Cycle(circle(knot, &hard))).collect();
    let mut ways = Ways::new(nodes);
    for edge in &hard {
        ways.add(edge.from, edge.to);
    }
    kept.extend(hard);
    let mut dropped = Vec::new();
    for edge in soft {
        if ways.lead(edge.to, edge.from) {
            dropped.push(edge);
        } else {
            ways.add(edge.from, edge.to);
            kept.push(edge);
        }
    }
    kept.sort();
    Resolved { kept, dropped, cycles }
}

/// Sets of two or more nodes that can all reach each other, each sorted, in the order of their first nodes.
fn knots(nodes: usize, edges: &[Edge]) -> Vec<Vec<Node>> {
    let mut graph = DiGraph::<(), ()>::with_capacity(nodes, edges.len());
    for _ in 0..nodes {
        graph.add_node(());
    }
    for edge in edges {
        graph.add_edge(NodeIndex::new(edge.from), NodeIndex::new(edge.to), ());
    }
    let components = tarjan_scc(&graph).into_iter().filter(|component| component.len() > 1);
    let mut knots: Vec<Vec<Node>> = components
        .map(|component| {
            let mut knot: Vec<Node> = component.into_iter().map(NodeIndex::index).collect();
            knot.sort_unstable();
            knot
        })
        .collect();
    knots.sort();
    knots
}

/// The edges so far, to be followed in both directions. Many nodes lead to a barrier and a barrier to many: a search
/// from both ends meets there, where one from a single end would visit them all.
struct Ways {
    /// Where each node leads to, and from where one comes to it.
    next: [Vec<Vec<Node>>; 2],
    /// In which search each node was seen, from each end.
    seen: [Vec<usize>; 2],
    searches: usize,
}

impl Ways {
    fn new(nodes: usize) -> Self {
        let (none, never) = (vec![Vec::new(); nodes], vec![0; nodes]);
        Self { next: [none.clone(), none], seen: [never.clone(), never], searches: 0 }
    }

    fn add(&mut self, from: Node, to: Node) {
        self.next[0][from].push(to);
        self.next[1][to].push(from);
    }

    /// Whether one comes from `from` to `to`, another node.
    fn lead(&mut self, from: Node, to: Node) -> bool {
        self.searches += 1;
        let mut pending = [vec![from], vec![to]];
        (self.seen[0][from], self.seen[1][to]) = (self.searches, self.searches);
        loop {
            // Where one end has nowhere left to go, there is no way between them.
            let end = usize::from(pending[1].len() < pending[0].len());
            let Some(node) = pending[end].pop() else { return false };
            for &next in &self.next[end][node] {
                if self.seen[1 - end][next] == self.searches {
                    return true;
                }
                if std::mem::replace(&mut self.seen[end][next], self.searches) != self.searches {
                    pending[end].push(next);
                }
            }
        }
    }
}

/// A shortest circle through the first node of the knot, found breadth first. The edges are sorted.
fn circle(knot: &[Node], edges: &[Edge]) -> Vec<Edge> {
    let Some(start) = knot.first() else { return Vec::new() };
    let mut arrived_by: std::collections::BTreeMap<Node, &Edge> = std::collections::BTreeMap::new();
    let mut pending = std::collections::VecDeque::from([*start]);
    while let Some(node) = pending.pop_front() {
        let own = edges[edges.partition_point(|edge| edge.from < node)..].iter().take_while(|edge| edge.from == node);
        for edge in own.filter(|edge| knot.binary_search(&edge.to).is_ok()) {
            arrived_by.entry(edge.to).or_insert_with(|| {
                pending.push_back(edge.to);
                edge
            });
        }
    }
    let mut circle = Vec::new();
    let mut node = *start;
    while let Some(edge) = arrived_by.get(&node) {
        circle.push((*edge).clone());
        node = edge.from;
        if node == *start {
            break;
        }
    }
    circle.reverse();
    circle
}
