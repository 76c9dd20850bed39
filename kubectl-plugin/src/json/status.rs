//! How an application does: `status -o json`.

use gitops_compiler::canon::{Graph, Id};
use gitops_compiler::name::{AppName, ResourceKey};
use schemars::JsonSchema;
use serde::Serialize;

use crate::health::Status;

use super::SchemaVersion;

/// How an application does.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusJson {
    /// The version of this form.
    pub schema_version: SchemaVersion,
    /// The application.
    pub application: AppName,
    /// The live release; null before the first.
    pub release: Option<u64>,
    /// Its graph.
    pub graph: Option<Id<Graph>>,
    /// Whether all of it is as recorded, and no run is unfinished.
    pub sync: Sync,
    /// The worst of all.
    pub health: Status,
    /// By key.
    pub resources: Vec<ResourceStatusJson>,
}

/// How one object does.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ResourceStatusJson {
    /// The bound key.
    pub resource: ResourceKey,
    /// Whether it is as recorded.
    pub sync: Sync,
    /// Whether it works.
    pub health: Status,
    /// Why not; empty where there is nothing to say.
    pub message: String,
}

/// Whether something is as recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub enum Sync {
    /// It is.
    Synced,
    /// It is not.
    OutOfSync,
    /// It is not there.
    Missing,
}

impl std::fmt::Display for Sync {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Synced => "Synced",
            Self::OutOfSync => "OutOfSync",
            Self::Missing => "Missing",
        })
    }
}
