//! Which resource waits for which, and why.
//!
//! In: all manifests of one application. Out: [`Edge`]s, each with its rule, its strength and the field it was read
//! from, and diagnostics for what users wrote that cannot be met.
//!
//! One file for each family of rules. An inferred edge only ever points inside the set: a reference to something that
//! is not in it makes no edge. What users write (`depends-on`, waves) must point inside the set, or it is an error.
//! Soft edges are hints that may be dropped where they would close a cycle; see `graph`.

mod custom_resource;
mod explicit;
mod index;
mod ingress;
mod namespace;
mod pods;
mod rbac;
mod wave;

pub use index::Index;
pub use wave::Barriers;

use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;

/// A resource or a barrier of the graph: manifests first, in key order, then the barriers.
pub type Node = usize;

/// What must hold of the dependency before the dependent goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The server has accepted it.
    Present,
    /// It works: Established, Available, complete, whatever its kind calls it.
    Ready,
}

/// Whether an edge may be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Strength {
    /// Dropped where it would close a cycle.
    Soft,
    /// Never dropped; a cycle of these is an error.
    Hard,
}

/// A rule that makes edges. The name and the version are part of an edge's identity: a rule that changes what it
/// finds gets a new version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// Short name.
    pub name: &'static str,
    /// From 1.
    pub version: u32,
    /// Why the dependent waits, as the end of a sentence: `Deployment a waits for ConfigMap b: …`.
    pub reason: &'static str,
}

/// `from` waits for `to`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// The dependent.
    pub from: Node,
    /// The dependency.
    pub to: Node,
    /// What must hold of the dependency.
    pub state: State,
    /// Whether it may be dropped.
    pub strength: Strength,
    /// What made it.
    pub rule: Rule,
    /// The field of the dependent that names the dependency, such as `spec.template.spec.volumes[cfg]`. Provenance:
    /// no part of the edge's identity.
    pub field: String,
}

/// All rules, for documentation and for reading stored graphs.
pub const RULES: &[Rule] = &[
    namespace::RULE,
    custom_resource::RULE,
    pods::CONFIG,
    pods::SERVICE_ACCOUNT,
    pods::SERVICE_ACCOUNT_OF_POD,
    pods::CLAIM,
    pods::BINDING,
    pods::GOVERNING_SERVICE,
    rbac::ROLE,
    rbac::SUBJECT,
    ingress::BACKEND,
    ingress::CERTIFICATE,
    ingress::CLASS,
    explicit::DEPENDS_ON,
    wave::BEFORE,
    wave::AFTER,
];

/// The rule with this name and version, as read from a stored graph.
#[must_use]
pub fn rule(name: &str, version: u32) -> Option<Rule> {
    RULES.iter().copied().find(|rule| rule.name == name && rule.version == version)
}

/// Finds all edges among `manifests`, which must be sorted by key without duplicates.
pub fn infer(manifests: &[Manifest], findings: &mut Vec<Diagnostic>) -> (Vec<Edge>, Barriers) {
    let index = Index::new(manifests);
    let mut edges = Vec::new();
    for (node, manifest) in manifests.iter().enumerate() {
        let mut sink = Sink { node, edges: &mut edges };
        namespace::infer(manifest, &index, &mut sink);
        custom_resource::infer(manifest, &index, &mut sink);
        pods::infer(manifest, &index, &mut sink);
        rbac::infer(manifest, &index, &mut sink);
        ingress::infer(manifest, &index, &mut sink);
        explicit::infer(manifest, &index, &mut sink, findings);
    }
    let barriers = wave::infer(manifests, &mut edges, findings);
    edges.sort();
    // One rule may find one dependency in several fields: the first field tells it.
    edges.dedup_by(|next, first| {
        (next.from, next.to, next.state, next.strength, next.rule)
            == (first.from, first.to, first.state, first.strength, first.rule)
    });
    (edges, barriers)
}

/// Takes the edges of one dependent. An object never waits for itself.
struct Sink<'a> {
    node: Node,
    edges: &'a mut Vec<Edge>,
}

impl Sink<'_> {
    fn add(&mut self, to: Option<Node>, state: State, strength: Strength, rule: Rule, field: impl Into<String>) {
        if let Some(to) = to.filter(|to| *to != self.node) {
            self.edges.push(Edge { from: self.node, to, state, strength, rule, field: field.into() });
        }
    }
}

#[cfg(test)]
mod tests;
