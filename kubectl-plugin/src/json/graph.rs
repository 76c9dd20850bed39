//! A compiled graph: `compile -o json`, `graph -o json`.

use gitops_compiler::canon::{ContentRoot, Graph, HookRoot, Id, Recipe};
use gitops_compiler::compile::Compilation;
use gitops_compiler::depend::{State, Strength};
use gitops_compiler::diagnostic::{Diagnostic, Origin};
use gitops_compiler::graph::{GraphEdge, ResourceGraph};
use gitops_compiler::manifest::HookPhase;
use gitops_compiler::name::ResourceKey;
use schemars::JsonSchema;
use serde::Serialize;

use super::SchemaVersion;

/// A compiled graph.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GraphJson {
    /// The version of this form.
    pub schema_version: SchemaVersion,
    /// The graph: content, hooks and edges.
    pub graph: Id<Graph>,
    /// What stays in the cluster.
    pub content_root: Id<ContentRoot>,
    /// What runs as hooks.
    pub hook_root: Id<HookRoot>,
    /// What was rendered, and how.
    pub recipe: Id<Recipe>,
    /// In canonical order.
    pub resources: Vec<GraphResourceJson>,
    /// What waits for what. Those of the state `absent` come last: they order deletion only.
    pub edges: Vec<EdgeJson>,
    /// What there is to say of the files, sorted by place.
    pub lints: Vec<Diagnostic>,
}

/// A resource of a graph.
#[derive(Debug, Serialize, JsonSchema)]
pub struct GraphResourceJson {
    /// Its key, as written: the namespace is `.` where none is named.
    pub resource: ResourceKey,
    /// The id of its body; `secret` where it has values that could be guessed from one.
    pub id: String,
    /// The phases in which it runs, where it is a hook; none for a hook that never runs.
    pub hook: Option<Vec<HookPhase>>,
    /// Where it was read.
    pub origin: Option<Origin>,
}

/// An edge of a graph.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EdgeJson {
    /// What waits: a resource as people speak of it, or a barrier.
    pub from: String,
    /// What it waits for.
    pub to: String,
    /// What must hold of that.
    pub state: State,
    /// Whether the edge may be dropped.
    pub strength: Strength,
    /// The rule that made it, and its version: `name@version`.
    pub rule: String,
    /// Why, in words.
    pub reason: &'static str,
    /// The field that made it.
    pub field: String,
}

impl GraphResourceJson {
    /// The resources of a graph in their order. `origin` says where that of a node was read, where that is known.
    #[must_use]
    pub fn all(graph: &ResourceGraph, origin: impl Fn(usize) -> Option<Origin>) -> Vec<Self> {
        let resource = |node: &usize| {
            let resource = graph.resources().get(*node)?;
            Some(Self {
                resource: resource.key.clone(),
                id: resource.shown_id(),
                hook: resource.hook().map(|hook| hook.phases.into_iter().collect()),
                origin: origin(*node),
            })
        };
        graph.order().iter().filter_map(resource).collect()
    }
}

impl EdgeJson {
    /// An edge, and the field that made it.
    #[must_use]
    pub fn new(graph: &ResourceGraph, edge: &GraphEdge, field: &str) -> Self {
        Self {
            from: graph.node_name(edge.from),
            to: graph.node_name(edge.to),
            state: edge.state,
            strength: edge.strength,
            rule: format!("{}@{}", edge.rule.name, edge.rule.version),
            reason: edge.rule.reason,
            field: field.to_owned(),
        }
    }
}

impl GraphJson {
    /// A compilation as data.
    #[must_use]
    pub fn new(compilation: &Compilation) -> Self {
        let graph = &compilation.graph;
        let origin = |node| compilation.provenance.origins.get(node).cloned();
        let edges = graph.edges().iter().chain(graph.deletions()).zip(&compilation.provenance.fields);
        let edges = edges.map(|(edge, field)| EdgeJson::new(graph, edge, field));
        Self {
            schema_version: SchemaVersion,
            graph: graph.id(),
            content_root: graph.content_root(),
            hook_root: graph.hook_root(),
            recipe: compilation.recipe,
            resources: GraphResourceJson::all(graph, origin),
            edges: edges.collect(),
            lints: compilation.lints.clone(),
        }
    }
}
