//! Several compiled applications: `compile -f FILE --recursive -o json`.

use gitops_compiler::canon::{ContentRoot, Graph, GraphSet, HookRoot, Id, Recipe};
use gitops_compiler::diagnostic::{Diagnostic, Origin};
use schemars::JsonSchema;
use serde::Serialize;

use super::SchemaVersion;

/// Applications with their graphs.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GraphSetJson {
    /// The version of this form.
    pub schema_version: SchemaVersion,
    /// The id of all of it; null where an application failed.
    pub set: Option<Id<GraphSet>>,
    /// The applications: those of the file first, then those that they render.
    pub applications: Vec<SetMemberJson>,
}

/// An application of a set.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetMemberJson {
    /// The namespace of its Application; empty where none is written.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The cluster of its destination, by address or name.
    pub cluster: String,
    /// The namespace of its destination.
    pub destination_namespace: String,
    /// The application that renders it.
    pub parent: Option<String>,
    /// Where its object is: in the file that was given, or among what that application is made of.
    pub origin: Option<Origin>,
    /// Its graph.
    pub graph: Option<Id<Graph>>,
    /// What stays in the cluster.
    pub content_root: Option<Id<ContentRoot>>,
    /// What runs as hooks.
    pub hook_root: Option<Id<HookRoot>>,
    /// What was rendered, and how.
    pub recipe: Option<Id<Recipe>>,
    /// How many resources it has.
    pub resources: Option<usize>,
    /// Why it does not compile.
    pub error: Option<String>,
    /// What is wrong, and where.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Diagnostic>,
}

impl GraphSetJson {
    /// Of applications, in their order.
    #[must_use]
    pub fn new(set: Option<Id<GraphSet>>, applications: Vec<SetMemberJson>) -> Self {
        Self { schema_version: SchemaVersion, set, applications }
    }
}
