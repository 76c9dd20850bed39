//! Cycles: soft edges give way, hard ones are an error that shows the whole circle.
//!
//! In: nodes and edges. Out: the edges that stay, those that were dropped, and the hard cycles that are left.
//! Soft edges are tried one by one in their canonical order, each kept unless it would close a cycle, so that the
//! result depends on the set alone.
//!
//! Deletion has an order of its own: what was asked for it in so many words, then the reverse of creation, then what
//! rules have found. Of two that contradict each other the first counts.

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::depend::{Edge, Node, State, Strength};

/// A circle of hard edges: each edge's `to` is the next one's `from`, and the last leads back to the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle(pub Vec<Edge>);

/// What became of the edges.
pub(super) struct Resolved {
    /// Those that order creation.
    pub kept: Vec<Edge>,
    /// Those that order deletion, beside the reverse of the others.
    pub deletions: Vec<Edge>,
    pub dropped: Vec<Edge>,
    pub cycles: Vec<Cycle>,
}

/// An edge as far as circles are concerned: `from` waits for `to`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub from: Node,
    pub to: Node,
    /// Links of class 0 stay in any case; of the others those of a lower class are tried first.
    pub class: u8,
}

/// The edges come sorted, and stay so.
pub(super) fn resolve(nodes: usize, edges: Vec<Edge>) -> Resolved {
    let (deletions, edges): (Vec<Edge>, Vec<Edge>) = edges.into_iter().partition(|edge| edge.state == State::Absent);
    let link = |edge: &Edge| Link { from: edge.from, to: edge.to, class: u8::from(edge.strength == Strength::Soft) };
    let stay = settle(nodes, &edges.iter().map(link).collect::<Vec<_>>());
    let (kept, mut dropped, mut cycles) = divide(nodes, edges, stay.as_deref());
    let stay = if deletions.is_empty() {
        None
    } else {
        settle(nodes, &deletion_links(kept.iter().map(ends), deletions.iter().map(ends)))
    };
    let (deletions, go, circles) = divide(nodes, deletions, stay.as_ref().map(|stay| &stay[kept.len()..]));
    dropped.extend(go);
    cycles.extend(circles);
    Resolved { kept, deletions, dropped, cycles }
}

/// Dependent, dependency and strength of an edge.
type Ends = (Node, Node, Strength);

fn ends(edge: &Edge) -> Ends {
    (edge.from, edge.to, edge.strength)
}

/// What is deleted after what: first the reverse of `edges`, then `deletions`.
pub(super) fn deletion_links(edges: impl Iterator<Item = Ends>, deletions: impl Iterator<Item = Ends>) -> Vec<Link> {
    let class = |strength, hard, soft| if strength == Strength::Hard { hard } else { soft };
    let reversed = edges.map(|(from, to, strength)| Link { from: to, to: from, class: class(strength, 1, 2) });
    let own = deletions.map(|(from, to, strength)| Link { from, to, class: class(strength, 0, 3) });
    reversed.chain(own).collect()
}

/// Which of the links stay, so that no circle is left but those of class 0; `None` where there is none at all.
pub(crate) fn settle(nodes: usize, links: &[Link]) -> Option<Vec<bool>> {
    let knots = knots(nodes, links.iter());
    if knots.is_empty() {
        return None;
    }
    let mut stay = vec![true; links.len()];
    let mut knot_of = vec![usize::MAX; nodes];
    for (number, knot) in knots.iter().enumerate() {
        for node in knot {
            knot_of[*node] = number;
        }
    }
    let is_tied = |link: &Link| knot_of[link.from] == knot_of[link.to] && knot_of[link.from] != usize::MAX;
    let mut tied: Vec<usize> = (0..links.len()).filter(|index| is_tied(&links[*index])).collect();
    tied.sort_by_key(|index| links[*index].class);
    let mut ways = Ways::new(nodes);
    for index in tied {
        let Link { from, to, class } = links[index];
        if class == 0 {
            ways.add(from, to);
        } else {
            stay[index] = ways.add_unless_circle(from, to);
        }
    }
    Some(stay)
}

/// The edges that stay, those that go, and the circles of hard ones.
fn divide(nodes: usize, edges: Vec<Edge>, stay: Option<&[bool]>) -> (Vec<Edge>, Vec<Edge>, Vec<Cycle>) {
    let Some(stay) = stay else { return (edges, Vec::new(), Vec::new()) };
    let mut stay = stay.iter();
    let (kept, dropped): (Vec<Edge>, Vec<Edge>) = edges.into_iter().partition(|_| stay.next() != Some(&false));
    let hard: Vec<&Edge> = kept.iter().filter(|edge| edge.strength == Strength::Hard).collect();
    let links: Vec<Link> = hard.iter().map(|edge| Link { from: edge.from, to: edge.to, class: 0 }).collect();
    let cycles = knots(nodes, links.iter()).iter().map(|knot| Cycle(circle(knot, &hard))).collect();
    (kept, dropped, cycles)
}

/// Sets of two or more nodes that can all reach each other, each sorted, in the order of their first nodes.
fn knots<'a>(nodes: usize, links: impl ExactSizeIterator<Item = &'a Link>) -> Vec<Vec<Node>> {
    let mut graph = DiGraph::<(), ()>::with_capacity(nodes, links.len());
    for _ in 0..nodes {
        graph.add_node(());
    }
    for link in links {
        graph.add_edge(NodeIndex::new(link.from), NodeIndex::new(link.to), ());
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

    /// Adds an edge between two nodes, unless it would close a circle.
    fn add_unless_circle(&mut self, from: Node, to: Node) -> bool {
        let can_stay = !self.lead(to, from);
        if can_stay {
            self.add(from, to);
        }
        can_stay
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
fn circle(knot: &[Node], edges: &[&Edge]) -> Vec<Edge> {
    let Some(start) = knot.first() else { return Vec::new() };
    let mut arrived_by: std::collections::BTreeMap<Node, &Edge> = std::collections::BTreeMap::new();
    let mut pending = std::collections::VecDeque::from([*start]);
    while let Some(node) = pending.pop_front() {
        let own = &edges[edges.partition_point(|edge| edge.from < node)..];
        let own = own.iter().copied().take_while(|edge| edge.from == node);
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
