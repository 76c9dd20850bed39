//! What differs between two graphs, or between one and what the cluster has: `diff`.

use gitops_compiler::canon::{Graph, Id};
use gitops_compiler::diff::{Change, FieldChange};
use gitops_compiler::name::ResourceKey;
use schemars::JsonSchema;
use serde::Serialize;

use crate::apply::against::Against;
use crate::apply::drift::Writer;

use super::SchemaVersion;

/// What differs between two graphs.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiffJson {
    /// The version of this form.
    pub schema_version: SchemaVersion,
    /// The older side; null where that is what the cluster has.
    pub from: Option<Id<Graph>>,
    /// The newer side; null likewise.
    pub to: Option<Id<Graph>>,
    /// By key.
    pub changes: Vec<ResourceDiff>,
}

/// A resource that differs.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ResourceDiff {
    /// Its key.
    pub resource: ResourceKey,
    /// What became of it.
    #[serde(flatten)]
    pub change: ResourceChange,
}

/// What became of a resource.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase", tag = "change")]
pub enum ResourceChange {
    /// Only the newer side has it.
    Added,
    /// Only the older side has it.
    Removed,
    /// Both have it.
    Changed {
        /// The fields that differ, by path. The values of Secrets are masked.
        fields: Vec<FieldDiff>,
    },
}

/// A field that differs.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FieldDiff {
    /// Its path, and its value on both sides.
    #[serde(flatten)]
    pub change: FieldChange,
    /// Who wrote it last in the cluster, where that is one of the sides, it was not us, and the server knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Writer>,
}

impl DiffJson {
    /// Changes between two sides as data.
    #[must_use]
    pub fn new(from: Option<Id<Graph>>, to: Option<Id<Graph>>, against: &Against) -> Self {
        Self { schema_version: SchemaVersion, from, to, changes: ResourceDiff::all(against) }
    }
}

impl ResourceDiff {
    /// All resources that differ.
    pub(super) fn all(against: &Against) -> Vec<Self> {
        let Against { changes, writers, .. } = against;
        let field = |key: &ResourceKey, change: &FieldChange| FieldDiff {
            change: change.clone(),
            by: writers.get(&(key.clone(), change.path.clone())).cloned(),
        };
        let change = |(key, change): &(ResourceKey, Change)| Self {
            resource: key.clone(),
            change: match change {
                Change::Added => ResourceChange::Added,
                Change::Removed => ResourceChange::Removed,
                Change::Changed(fields) => {
                    ResourceChange::Changed { fields: fields.iter().map(|it| field(key, it)).collect() }
                }
            },
        };
        changes.iter().map(change).collect()
    }
}
