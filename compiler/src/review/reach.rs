//! What depends on what changes: the blast radius, along the edges of the graphs.
//!
//! In: what differs. Out: one [`Reach`] for each resource that changes or goes and that others depend on, by key. That an
//! object lives in a Namespace counts only where the Namespace goes; what differs in labels and annotations alone reaches
//! nobody.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::depend::{IN_NAMESPACE, Node};
use crate::graph::ResourceGraph;

use super::compared::{Changed, Compared, Side};
use super::report::{Dependent, Reach};

/// All of them.
pub(super) fn reach(compared: &Compared<'_>) -> Vec<Reach> {
    let (old, new) = (compared.old.map(Dependents::of), compared.new.map(Dependents::of));
    let of = |change: &Changed<'_>| {
        let is_removed = change.new.is_none();
        let (side, all, found) = match (change.new, change.old) {
            (Some(found), Some(_)) => (compared.new?, new.as_ref()?, found),
            (None, Some(found)) => (compared.old?, old.as_ref()?, found),
            _ => return None,
        };
        let is_quiet =
            change.schema.is_empty() && change.differences.iter().all(|found| is_a_saying(&found.change.path));
        if !is_removed && is_quiet {
            return None;
        }
        one(change, side.graph, all, found.node, is_removed && change.key().is("", "Namespace"))
    };
    compared.changes.iter().filter_map(of).collect()
}

/// Whether a path is of labels or annotations of the object itself.
fn is_a_saying(path: &str) -> bool {
    path.starts_with("metadata.labels") || path.starts_with("metadata.annotations")
}

/// Who depends on whom, each with the place of its edge.
struct Dependents(HashMap<Node, Vec<usize>>);

impl Dependents {
    fn of(side: Side<'_>) -> Self {
        let mut all: HashMap<Node, Vec<usize>> = HashMap::new();
        for (index, edge) in side.graph.edges().iter().enumerate() {
            all.entry(edge.to).or_default().push(index);
        }
        Self(all)
    }

    fn of_node(&self, node: Node) -> &[usize] {
        self.0.get(&node).map(Vec::as_slice).unwrap_or_default()
    }
}

fn one(
    change: &Changed<'_>,
    graph: &ResourceGraph,
    all: &Dependents,
    node: Node,
    with_inhabitants: bool,
) -> Option<Reach> {
    let counts = |index: &usize| {
        let edge = &graph.edges()[*index];
        let is_resource = edge.from < graph.resources().len();
        is_resource && (with_inhabitants || edge.rule.name != IN_NAMESPACE.name)
    };
    let direct: BTreeSet<Dependent> = all
        .of_node(node)
        .iter()
        .filter(|index| counts(index))
        .filter_map(|index| {
            let edge = &graph.edges()[*index];
            let resource = graph.resources().get(edge.from)?.key.clone();
            Some(Dependent { resource, reason: edge.rule.reason.to_owned() })
        })
        .collect();
    if direct.is_empty() {
        return None;
    }
    let mut seen: HashSet<Node> = HashSet::from([node]);
    let mut open = vec![node];
    while let Some(next) = open.pop() {
        for index in all.of_node(next).iter().filter(|index| counts(index)) {
            let from = graph.edges()[*index].from;
            if seen.insert(from) {
                open.push(from);
            }
        }
    }
    let once: BTreeSet<_> = direct.iter().map(|dependent| &dependent.resource).collect();
    let further = seen.len() - 1 - once.len();
    // One resource that depends in two ways is told once, with the first reason.
    let mut dependents: Vec<Dependent> = direct.iter().cloned().collect();
    dependents.dedup_by(|one, other| one.resource == other.resource);
    Some(Reach { resource: change.key().clone(), dependents, further })
}
