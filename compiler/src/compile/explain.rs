//! Why one node of a graph waits for another, and why not.
//!
//! In: a compilation and two nodes. Out: an [`Explanation`], with the rule, the field and the place of each edge.
//! Of several chains it is a shortest one, always the same.

use std::collections::{BTreeMap, VecDeque};

use crate::depend::{Edge, Node, State};
use crate::diagnostic::Origin;
use crate::graph::GraphEdge;

use super::Compilation;

/// What there is to say of two nodes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Explanation {
    /// A chain of edges from the one to the other; empty where it does not wait.
    pub path: Vec<Because>,
    /// The same the other way round.
    pub back: Vec<Because>,
    /// A chain of edges that let the one be deleted only after the other.
    pub deletion: Vec<Because>,
    /// Edges that were dropped, without which there is no such chain.
    pub left_out: Vec<LeftOut>,
}

/// An edge, and what made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Because {
    /// The edge.
    pub edge: GraphEdge,
    /// The field that made it; empty for edges of barriers.
    pub field: String,
    /// Where the dependent was read; where a barrier is that, the dependency.
    pub origin: Option<Origin>,
}

/// An edge that was dropped.
#[derive(Debug, Clone, PartialEq)]
pub struct LeftOut {
    /// The edge.
    pub because: Because,
    /// The chain with which it would close a circle. For one of deletion: the chain by which its ends are created, and
    /// so deleted in the reverse order.
    pub circle: Vec<Because>,
}

impl Compilation {
    /// Why `from` waits for `to`, or why it does not.
    #[must_use]
    pub fn explain(&self, from: Node, to: Node) -> Explanation {
        let (edges, deletions) = (self.graph.edges(), self.graph.deletions());
        let path_of = |start, end| self.because(edges, 0, &chain(edges, start, end));
        let path = path_of(from, to);
        let left_out = |edge: &&Edge| {
            if edge.state != State::Absent && !path.is_empty() {
                return false;
            }
            let edges = if edge.state == State::Absent { deletions } else { edges };
            let leads = |start, end| start == end || !chain(edges, start, end).is_empty();
            leads(from, edge.from) && leads(edge.to, to)
        };
        let left_out = self.provenance.dropped.iter().filter(left_out).map(|edge| self.left_out(edge)).collect();
        let deletion = self.because(deletions, edges.len(), &chain(deletions, from, to));
        Explanation { path, back: path_of(to, from), deletion, left_out }
    }

    /// The edges that order the deletion of a node, and the field that made each.
    pub fn deletions_of(&self, node: Node) -> impl Iterator<Item = (&GraphEdge, &str)> {
        let deletions = self.graph.deletions();
        let first = deletions.partition_point(|edge| edge.from < node);
        let fields = self.provenance.fields.iter().skip(self.graph.edges().len() + first);
        let edges = deletions[first..].iter().zip(fields).take_while(move |(edge, _)| edge.from == node);
        edges.map(|(edge, field)| (edge, field.as_str()))
    }

    fn left_out(&self, edge: &Edge) -> LeftOut {
        let edges = self.graph.edges();
        let (start, end) = if edge.state == State::Absent { (edge.from, edge.to) } else { (edge.to, edge.from) };
        let circle = self.because(edges, 0, &chain(edges, start, end));
        let because =
            Because { edge: edge.into(), field: edge.field.clone(), origin: self.origin_of(edge.from, edge.to) };
        LeftOut { because, circle }
    }

    /// The edges with these numbers, whose fields begin at `first`.
    fn because(&self, edges: &[GraphEdge], first: usize, numbers: &[usize]) -> Vec<Because> {
        let because = |number: &usize| {
            let edge = edges[*number];
            let field = self.provenance.fields.get(first + number).cloned().unwrap_or_default();
            Because { edge, field, origin: self.origin_of(edge.from, edge.to) }
        };
        numbers.iter().map(because).collect()
    }

    fn origin_of(&self, from: Node, to: Node) -> Option<Origin> {
        let origins = &self.provenance.origins;
        origins.get(from).or_else(|| origins.get(to)).cloned()
    }
}

/// The numbers of a shortest chain of edges; none where there is no chain.
fn chain(edges: &[GraphEdge], start: Node, end: Node) -> Vec<usize> {
    let mut arrived: BTreeMap<Node, usize> = BTreeMap::new();
    let mut pending = VecDeque::from([start]);
    while let Some(node) = pending.pop_front() {
        let first = edges.partition_point(|edge| edge.from < node);
        for (number, edge) in edges.iter().enumerate().skip(first).take_while(|(_, edge)| edge.from == node) {
            arrived.entry(edge.to).or_insert_with(|| {
                pending.push_back(edge.to);
                number
            });
        }
    }
    let mut numbers = Vec::new();
    let mut node = end;
    while let Some(number) = arrived.get(&node).filter(|_| node != start) {
        numbers.push(*number);
        node = edges[*number].from;
    }
    numbers.reverse();
    numbers
}
