//! Which resource waits for which, and why.
//!
//! In: all manifests of one application. Out: [`Edge`]s, each with its rule, its strength and the field it was read
//! from, and diagnostics for what users wrote that cannot be met.
//!
//! One file for each family of rules; most are tables of fields (`reference`). An inferred edge only ever points inside
//! the set: a reference to something that is not in it makes no edge. What users write (`depends-on`, waves, change
//! rules) must point inside the set, or it is an error. Soft edges are hints that may be dropped where they would close
//! a cycle; see `graph`.

mod admission;
mod backend;
mod barrier;
mod deletion;
mod edges;
mod explicit;
mod extensions;
mod gateway;
mod index;
mod ingress;
mod kapp;
mod namespace;
mod pods;
mod policies;
mod rbac;
mod reference;
mod rules;
mod selector;
mod served;
mod signature;
mod storage;
mod wave;
mod webhook;
mod werf;

pub use barrier::{Barrier, Phase};
pub use index::Index;
pub use namespace::RULE as IN_NAMESPACE;
pub use rules::EdgeRules;
pub use signature::signature;
pub use wave::wave_of;

use std::ops::Bound;

use crate::canon::{Map, Value};
use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;

use edges::{Edges, MAX_EDGES, Sink};

/// A resource or a barrier of the graph: manifests first, in key order, then the barriers.
pub type Node = usize;

/// What must hold of the dependency before the dependent goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The server has accepted it.
    Present,
    /// It works: Established, Available, complete, whatever its kind calls it.
    Ready,
    /// It is gone. Such an edge orders deletion and nothing else: the dependent is deleted only then.
    Absent,
}

/// Whether an edge may be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
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
    /// Why the dependent waits, as the end of a sentence: `Deployment a waits for ConfigMap b: …`, and `is deleted
    /// after` in the place of `waits for` where that is what it is about.
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

/// The lint of a reference that leads to nothing in the set.
const DANGLING: &str = "dangling-reference";

/// All rules, for documentation and for reading stored graphs.
pub const RULES: &[Rule] = &[
    namespace::RULE,
    namespace::OWNER,
    served::CUSTOM_RESOURCE,
    served::API_SERVICE,
    pods::CONFIG,
    pods::PRODUCER,
    pods::VOLUME_SECRET,
    pods::SERVICE_ACCOUNT,
    pods::SERVICE_ACCOUNT_OF_POD,
    pods::BINDING,
    pods::CLAIM,
    pods::CLASS,
    pods::CLASS_OF_POD,
    pods::RESOURCE_CLAIM,
    pods::STORAGE_CLASS,
    pods::TRUST_BUNDLE,
    pods::GOVERNING_SERVICE,
    policies::BEHIND,
    policies::POLICY,
    rbac::ROLE,
    rbac::SUBJECT,
    rbac::ACCOUNT_SECRET,
    rbac::ACCOUNT_OF_TOKEN,
    storage::CLASS,
    storage::VOLUME,
    storage::SOURCE,
    storage::DRIVER,
    storage::SECRET,
    storage::SNAPSHOT_CLASS,
    storage::SNAPSHOT_SOURCE,
    storage::ATTACHMENT,
    ingress::BACKEND,
    ingress::CERTIFICATE,
    ingress::CLASS,
    ingress::ENDPOINTS,
    gateway::CLASS,
    gateway::CERTIFICATE,
    gateway::PARENT,
    gateway::BACKEND,
    gateway::GRANT,
    backend::SERVICE,
    backend::WORKLOAD,
    backend::CONVERSION,
    webhook::RULE,
    webhook::BEHIND,
    webhook::MEMBER,
    admission::POLICY,
    admission::PARAMETER,
    admission::PARAMETER_KIND,
    admission::PRIORITY_LEVEL,
    extensions::SCALE_TARGET,
    extensions::ISSUER,
    extensions::ISSUER_SECRET,
    extensions::SECRET_STORE,
    extensions::FLUX_SOURCE,
    extensions::FLUX_DEPENDS_ON,
    extensions::ARGO_PROJECT,
    explicit::DEPENDS_ON,
    wave::BEFORE,
    wave::AFTER,
    kapp::RULE,
    kapp::MEMBER,
    kapp::BEFORE,
    kapp::DELETION,
    werf::RULE,
    deletion::CONTROLLER,
    deletion::WEBHOOK,
    deletion::CONVERSION,
    deletion::MEMBER,
    rules::WRITTEN,
];

/// The rule with this name and version, as read from a stored graph.
#[must_use]
pub fn rule(name: &str, version: u32) -> Option<Rule> {
    RULES.iter().copied().find(|rule| rule.name == name && rule.version == version)
}

/// The objects that have annotations, and these, in the order of nodes.
type Annotated<'a> = [(Node, &'a Map)];

/// Those of the annotations whose names begin with `prefix`.
fn beginning_with<'a>(annotations: &'a Map, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let from = annotations.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
    let ours = from.take_while(move |(name, _)| name.starts_with(prefix));
    ours.map(|(name, text)| (name.as_str(), text.as_str().unwrap_or_default()))
}

/// Like [`infer_with`], with no rules but ours.
pub fn infer(manifests: &[Manifest], findings: &mut Vec<Diagnostic>) -> (Vec<Edge>, Vec<Barrier>) {
    infer_with(manifests, &EdgeRules::default(), findings)
}

/// Finds all edges among `manifests`, which must be sorted by key without duplicates, and the barriers that they lead
/// through: barrier `i` is node `manifests + i`. `rules` are the user's.
pub fn infer_with(
    manifests: &[Manifest],
    rules: &EdgeRules,
    findings: &mut Vec<Diagnostic>,
) -> (Vec<Edge>, Vec<Barrier>) {
    let index = Index::new(manifests);
    let mut edges = Edges::new(manifests.len());
    // Most objects have no annotations, and nothing to say to the families that read only these.
    let mut annotated = Vec::new();
    for (node, manifest) in manifests.iter().enumerate() {
        if edges.is_full() {
            break;
        }
        let mut sink = Sink { node, edges: &mut edges, missing: Vec::new() };
        namespace::infer(manifest, &index, &mut sink);
        served::infer(manifest, &index, &mut sink);
        pods::infer(manifest, &index, &mut sink);
        rbac::infer(manifest, &index, manifests, &mut sink);
        storage::infer(manifest, &index, &mut sink);
        ingress::infer(manifest, &index, &mut sink);
        gateway::infer(manifest, &index, &mut sink);
        reference::infer(backend::SERVICES, manifest, &index, &mut sink);
        admission::infer(manifest, &index, manifests, &mut sink);
        extensions::infer(manifest, &index, &mut sink);
        rules.infer(manifest, &index, &mut sink);
        if let Some(annotations) = manifest.body.at(&["metadata", "annotations"]).and_then(Value::as_map) {
            explicit::infer(manifest, &index, &mut sink, findings);
            annotated.push((node, annotations));
        }
        let told = sink.missing.iter().map(|(object, field)| {
            let message = format!("{}: {field} names {object}, which is not among these manifests", manifest.key);
            Diagnostic::lint(manifest.origin.clone(), DANGLING, message)
        });
        findings.extend(told);
    }
    // Families that look at many objects together, the last at all edges of the others.
    backend::infer(manifests, &index, &mut edges);
    kapp::infer(manifests, &annotated, &mut edges, findings);
    werf::infer(manifests, &annotated, &mut edges, findings);
    wave::infer(manifests, &annotated, &mut edges, findings);
    policies::infer(manifests, &mut edges);
    webhook::infer(manifests, &index, &mut edges, findings);
    deletion::infer(manifests, &index, &mut edges);
    if let (true, Some(first)) = (edges.is_full(), manifests.first()) {
        let message = format!("these objects would wait for each other in more than {MAX_EDGES} ways: split the set");
        findings.push(Diagnostic::error(first.origin.clone(), message));
    }
    rules.raise(&mut edges);
    edges.finish()
}

#[cfg(test)]
mod tests;
