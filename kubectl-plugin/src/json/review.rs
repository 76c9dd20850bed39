//! What a change does, as data: `review -o json`; and what nobody has agreed to yet: `snapshot`.

use gitops_compiler::review::Review;
use gitops_compiler::snapshot::Pending;
use schemars::JsonSchema;
use serde::Serialize;

use super::SchemaVersion;

/// A review of a change.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReviewJson {
    /// The version of this form.
    pub schema_version: SchemaVersion,
    /// The review.
    #[serde(flatten)]
    pub review: Review,
}

impl ReviewJson {
    /// A review as data.
    #[must_use]
    pub fn new(review: Review) -> Self {
        Self { schema_version: SchemaVersion, review }
    }
}

/// What nobody has agreed to yet.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotJson {
    /// The version of this form.
    pub schema_version: SchemaVersion,
    /// By application and resource.
    pub pending: Vec<Pending>,
}

impl SnapshotJson {
    /// What is pending, as data.
    #[must_use]
    pub fn new(pending: Vec<Pending>) -> Self {
        Self { schema_version: SchemaVersion, pending }
    }
}
