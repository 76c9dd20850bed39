//! What is sent, as types: Argo CD's requests, and our own.
//!
//! In: bodies. Out: words of a request. Fields that Argo CD's clients may leave out, or send as null, may be absent; what we do
//! not know of is passed over.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::application::ResourceChoice;

/// `POST /api/v1/session`.
#[derive(Deserialize, JsonSchema)]
pub(super) struct SignInAsk {
    /// A token that the API server knows.
    pub(super) token: String,
}

/// `POST …/sync`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SyncAsk {
    /// A commit, branch or tag instead of the one of the spec.
    pub(super) revision: Option<String>,
    /// The same of an Application with several sources.
    pub(super) revisions: Option<Vec<String>>,
    /// Whether what left Git is deleted.
    pub(super) prune: Option<bool>,
    /// Whether it is only tried.
    pub(super) dry_run: Option<bool>,
    /// `hook` or `apply`, each with `force`.
    #[schemars(with = "Option<BTreeMap<String, Json>>")]
    pub(super) strategy: Option<Json>,
    /// Only these.
    #[schemars(with = "Option<Vec<ResourceAsk>>")]
    pub(super) resources: Option<Vec<ResourceChoice>>,
    /// Notes.
    pub(super) infos: Option<Vec<NoteAsk>>,
    /// As in `syncPolicy.retry`.
    #[schemars(with = "Option<BTreeMap<String, Json>>")]
    pub(super) retry_strategy: Option<Json>,
    /// Words as in `syncPolicy.syncOptions`.
    pub(super) sync_options: Option<SyncOptionsAsk>,
    /// Refused: what is applied comes from Git.
    pub(super) manifests: Option<Vec<String>>,
}

/// A resource that is asked for.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "it only tells the shape")]
pub(super) struct ResourceAsk {
    /// Its group; absent for the core group.
    group: Option<String>,
    /// Its kind.
    kind: String,
    /// Its namespace, where there is more than one.
    namespace: Option<String>,
    /// Its name.
    name: String,
}

/// A note of an operation.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub(super) struct NoteAsk {
    /// Its name.
    pub(super) name: String,
    /// What it says.
    pub(super) value: String,
}

/// Words as in `syncPolicy.syncOptions`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct SyncOptionsAsk {
    /// The words.
    pub(super) items: Option<Vec<String>>,
}

/// A number, which gRPC's gateway also writes as text.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum NumberAsk {
    /// As a number.
    Number(u64),
    /// As text; or a whole graph id.
    Text(String),
}

/// `POST …/rollback`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RollbackAsk {
    /// The release, or a whole graph id; absent for the newest that succeeded and differs.
    pub(super) id: Option<NumberAsk>,
    /// Whether it is only tried.
    pub(super) dry_run: Option<bool>,
    /// Always so: what a release did not have goes.
    pub(super) prune: Option<bool>,
}

/// `PATCH …`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PatchAsk {
    /// The patch, as text.
    pub(super) patch: String,
    /// `merge` or `json`; absent for `json`.
    pub(super) patch_type: Option<String>,
}

/// `POST …/refresh`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RefreshAsk {
    /// Whether nothing that was kept is trusted.
    pub(super) hard: Option<bool>,
}
