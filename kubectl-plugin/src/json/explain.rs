//! Why one resource waits for another: `graph --explain A B -o json`.

use gitops_compiler::compile::{Because, Compilation, Explanation, LeftOut};
use gitops_compiler::depend::Node;
use gitops_compiler::diagnostic::Origin;
use schemars::JsonSchema;
use serde::Serialize;

use super::{EdgeJson, SchemaVersion};

/// Why one resource waits for another, or why not.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplainJson {
    /// The version of this form.
    pub schema_version: SchemaVersion,
    /// The one.
    pub from: String,
    /// The other.
    pub to: String,
    /// Whether the one waits for the other.
    pub waits: bool,
    /// The chain of edges by which it does, a shortest one.
    pub path: Vec<ExplainedEdgeJson>,
    /// The same the other way round.
    pub back: Vec<ExplainedEdgeJson>,
    /// The chain of edges by which the one is deleted only after the other.
    pub deletion: Vec<ExplainedEdgeJson>,
    /// Edges that were dropped, without which there is no such chain.
    pub dropped: Vec<DroppedEdgeJson>,
}

/// An edge, and where it was read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ExplainedEdgeJson {
    /// The edge.
    #[serde(flatten)]
    pub edge: EdgeJson,
    /// Where the dependent was read; where a barrier is that, the dependency.
    pub origin: Option<Origin>,
}

/// An edge that was dropped.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DroppedEdgeJson {
    /// The edge.
    pub edge: ExplainedEdgeJson,
    /// The chain with which it would close a circle.
    pub circle: Vec<ExplainedEdgeJson>,
}

impl ExplainJson {
    /// An explanation as data.
    #[must_use]
    pub fn new(compilation: &Compilation, from: Node, to: Node, explanation: &Explanation) -> Self {
        let edge = |because: &Because| ExplainedEdgeJson {
            edge: EdgeJson::new(&compilation.graph, &because.edge, &because.field),
            origin: because.origin.clone(),
        };
        let chain = |chain: &[Because]| chain.iter().map(edge).collect();
        let dropped =
            |left_out: &LeftOut| DroppedEdgeJson { edge: edge(&left_out.because), circle: chain(&left_out.circle) };
        Self {
            schema_version: SchemaVersion,
            from: compilation.graph.node_name(from),
            to: compilation.graph.node_name(to),
            waits: !explanation.path.is_empty(),
            path: chain(&explanation.path),
            back: chain(&explanation.back),
            deletion: chain(&explanation.deletion),
            dropped: explanation.left_out.iter().map(dropped).collect(),
        }
    }
}
