//! Making a graph from manifests.

use rayon::prelude::*;

use crate::depend::{self, Barrier, Edge, EdgeRules, Node, State};
use crate::diagnostic::{Diagnostic, Level, Origin};
use crate::manifest::Manifest;

use super::cycle::Resolved;
use super::root::Leaf;
use super::{Body, Cycle, GraphEdge, GraphResource, ResourceGraph, cycle, order, root};

/// A graph with what is known of where it came from. The second half is no part of any id.
#[derive(Debug, Clone)]
pub struct Built {
    /// The graph.
    pub graph: ResourceGraph,
    /// Where each resource was read, by node.
    pub origins: Vec<Origin>,
    /// The field that made each edge: beside [`ResourceGraph::edges`], and behind these beside
    /// [`ResourceGraph::deletions`].
    pub fields: Vec<String>,
    /// The edges that are not in the graph because they would close a circle.
    pub dropped: Vec<Edge>,
}

/// Why there is no graph.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the manifests make no graph")]
pub struct BuildError {
    /// All reasons.
    pub findings: Vec<Diagnostic>,
}

impl ResourceGraph {
    /// Like [`ResourceGraph::build_with`], with no rules but ours.
    pub fn build(manifests: Vec<Manifest>, findings: &mut Vec<Diagnostic>) -> Result<Built, BuildError> {
        Self::build_with(manifests, &EdgeRules::default(), findings)
    }

    /// Hashes the manifests, infers their edges and orders them. Lints are added to `findings`.
    ///
    /// # Errors
    ///
    /// Two manifests with one key, edges that users wrote and that cannot be met, and hard cycles, all of them.
    pub fn build_with(
        mut manifests: Vec<Manifest>,
        rules: &EdgeRules,
        findings: &mut Vec<Diagnostic>,
    ) -> Result<Built, BuildError> {
        manifests.par_sort_by(|left, right| left.key.cmp(&right.key));
        let mut errors = duplicates(&manifests);
        let mut depend_findings = Vec::new();
        let (edges, barriers) = depend::infer_with(&manifests, rules, &mut depend_findings);
        let (depend_errors, lints): (Vec<_>, Vec<_>) =
            depend_findings.into_iter().partition(|finding| finding.level == Level::Error);
        errors.extend(depend_errors);
        findings.extend(lints);
        let name = |node: Node| match manifests.get(node) {
            Some(manifest) => manifest.key.to_string(),
            None => barriers[node - manifests.len()].name(&|node| manifests[node].key.name.clone()),
        };
        let nodes = manifests.len() + barriers.len();
        let resolved = cycle::resolve(nodes, edges);
        errors.extend(resolved.cycles.iter().map(|cycle| cycle_error(cycle, &manifests, &name)));
        if !errors.is_empty() {
            return Err(BuildError { findings: errors });
        }
        findings.extend(resolved.dropped.iter().map(|edge| dropped_lint(edge, &manifests, &name)));
        let origins = manifests.iter().map(|manifest| manifest.origin.clone()).collect();
        let resources = manifests.into_par_iter().map(resource).collect();
        let Resolved { kept, deletions, dropped, cycles: _ } = resolved;
        let fields = kept.iter().chain(&deletions).map(|edge| edge.field.clone()).collect();
        let [edges, deletions] = [kept, deletions].map(|edges| edges.iter().map(GraphEdge::from).collect());
        Ok(Built { graph: Self::assemble(resources, barriers, edges, deletions), origins, fields, dropped })
    }

    /// The graph of nothing: what a target is led to when its application is deleted.
    #[must_use]
    pub fn empty() -> Self {
        Self::assemble(Vec::new(), Vec::new(), Vec::new(), Vec::new())
    }

    /// Puts a graph together from sorted, acyclic parts.
    pub(super) fn assemble(
        resources: Vec<GraphResource>,
        barriers: Vec<Barrier>,
        edges: Vec<GraphEdge>,
        deletions: Vec<GraphEdge>,
    ) -> Self {
        let ranks = order::ranks(&resources, barriers.len());
        let order = order::order(&ranks, edges.iter().map(|edge| (edge.from, edge.to)));
        Self::with_order(resources, barriers, edges, deletions, order)
    }

    /// The same, where the order is known: it follows from the keys and the edges.
    pub(super) fn with_order(
        resources: Vec<GraphResource>,
        barriers: Vec<Barrier>,
        edges: Vec<GraphEdge>,
        deletions: Vec<GraphEdge>,
        order: Vec<Node>,
    ) -> Self {
        let leaves: Vec<_> = resources.par_iter().map(Leaf::of).collect();
        let (content_root, hook_root) = root::roots(&leaves);
        let id = root::graph_id(content_root, hook_root, &root::wiring(&barriers, &edges, &deletions));
        Self { id, content_root, hook_root, resources, barriers, edges, deletions, order }
    }
}

impl From<&Edge> for GraphEdge {
    fn from(edge: &Edge) -> Self {
        let Edge { from, to, state, strength, rule, field: _ } = edge;
        Self { from: *from, to: *to, state: *state, strength: *strength, rule: *rule }
    }
}

fn resource(manifest: Manifest) -> GraphResource {
    let Manifest { key, body, origin: _ } = manifest;
    // The value goes here, on one of many threads: on a single one that took longer than all of its hashing.
    let body = Body::written(&body);
    GraphResource { key, id: body.id(), body }
}

fn duplicates(sorted: &[Manifest]) -> Vec<Diagnostic> {
    let same = sorted.windows(2).filter(|pair| pair[0].key == pair[1].key);
    same.map(|pair| {
        let message = format!("{} is also in {}: one application has each object once", pair[1].key, pair[0].origin);
        Diagnostic::error(pair[1].origin.clone(), message)
    })
    .collect()
}

fn origin_of(node: Node, manifests: &[Manifest]) -> Origin {
    let nowhere = Origin::of_file(String::new());
    manifests.get(node).map_or(nowhere, |manifest| manifest.origin.clone())
}

fn cycle_error(cycle: &Cycle, manifests: &[Manifest], name: &impl Fn(Node) -> String) -> Diagnostic {
    let mut message = "these wait for each other in a circle".to_owned();
    for edge in &cycle.0 {
        let field = if edge.field.is_empty() { String::new() } else { format!(" [{}]", edge.field) };
        let waits = if edge.state == State::Absent { "is deleted after" } else { "waits for" };
        let line = format!("\n    {} {waits} {}: {}{field}", name(edge.from), name(edge.to), edge.rule.reason);
        message.push_str(&line);
    }
    let first = cycle.0.iter().map(|edge| edge.from).find(|node| *node < manifests.len()).unwrap_or_default();
    Diagnostic::error(origin_of(first, manifests), message)
}

fn dropped_lint(edge: &Edge, manifests: &[Manifest], name: &impl Fn(Node) -> String) -> Diagnostic {
    let (from, to, reason) = (name(edge.from), name(edge.to), edge.rule.reason);
    let message = if edge.state == State::Absent {
        format!("{from} is not deleted after {to} ({reason}): they are applied in that order")
    } else {
        format!("{from} does not wait for {to} ({reason}): they would wait for each other")
    };
    Diagnostic::lint(origin_of(edge.from, manifests), "soft-edge-dropped", message)
}
