//! The local store: `store info|verify|gc -o json`.

use std::collections::BTreeSet;

use gitops_compiler::canon::{Graph, Id};
use gitops_compiler::store::{Collected, Count, Info, Verified};
use schemars::JsonSchema;
use serde::Serialize;

use super::SchemaVersion;

/// What a store holds.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoreInfoJson {
    /// The version of this form.
    pub schema_version: SchemaVersion,
    /// Where it lies.
    pub store: String,
    /// What is in its folders.
    #[serde(flatten)]
    pub info: Info,
    /// All of it.
    pub total: Count,
    /// Graphs that are always kept.
    pub pins: BTreeSet<Id<Graph>>,
    /// The most that it may hold, where there is a limit.
    pub max_bytes: Option<u64>,
}

/// What a check found.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoreVerifiedJson {
    /// The version of this form.
    pub schema_version: SchemaVersion,
    /// Where the store lies.
    pub store: String,
    /// What is whole and what is not.
    #[serde(flatten)]
    pub verified: Verified,
    /// Whether the damaged files were removed.
    pub repaired: bool,
}

/// What a collection removed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoreCollectedJson {
    /// The version of this form.
    pub schema_version: SchemaVersion,
    /// Where the store lies.
    pub store: String,
    /// What was removed and what stayed.
    #[serde(flatten)]
    pub collected: Collected,
}
