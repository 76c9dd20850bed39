//! What is sent, as types: Argo CD's requests, and our own.
//!
//! In: bodies. Out: words of a request. Fields that Argo CD's clients may leave out, or send as null, may be absent; what we do
//! not know of is passed over.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::definition;
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
    #[schemars(schema_with = "strategy")]
    pub(super) strategy: Option<Map<String, Json>>,
    /// Only these.
    pub(super) resources: Option<Vec<ResourceAsk>>,
    /// Notes.
    pub(super) infos: Option<Vec<NoteAsk>>,
    /// As in `syncPolicy.retry`.
    #[schemars(schema_with = "retry")]
    pub(super) retry_strategy: Option<Map<String, Json>>,
    /// Words as in `syncPolicy.syncOptions`.
    pub(super) sync_options: Option<SyncOptionsAsk>,
    /// Refused: what is applied comes from Git.
    #[schemars(length(max = 0))]
    pub(super) manifests: Option<Vec<String>>,
}

fn strategy(_: &mut SchemaGenerator) -> Schema {
    or_null(definition::schema("/properties/operation/properties/sync/properties/syncStrategy"))
}

fn retry(_: &mut SchemaGenerator) -> Schema {
    or_null(definition::schema("/properties/operation/properties/retry"))
}

fn or_null(mut schema: Json) -> Schema {
    schema["type"] = json!(["object", "null"]);
    schema.try_into().unwrap_or_default()
}

/// A resource that is asked for.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ResourceAsk {
    /// Its group; absent for the core group.
    pub(super) group: Option<String>,
    /// Its kind.
    pub(super) kind: String,
    /// Its namespace, where there is more than one.
    pub(super) namespace: Option<String>,
    /// Its name.
    pub(super) name: String,
}

impl From<ResourceAsk> for ResourceChoice {
    fn from(asked: ResourceAsk) -> Self {
        let ResourceAsk { group, kind, namespace, name } = asked;
        Self { group: group.unwrap_or_default(), kind, namespace: namespace.unwrap_or_default(), name }
    }
}

/// A note of an operation.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
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

/// `POST …/hold`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct HoldAsk {
    /// Why, for whoever wonders: it is kept in the record.
    #[schemars(length(max = 1024))]
    pub(super) reason: Option<String>,
    /// An Application is held as a whole: nothing, or an empty list.
    #[schemars(length(max = 0))]
    pub(super) resources: Option<Vec<Json>>,
}

/// `POST …/release`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ReleaseAsk {
    /// An Application is released as a whole: nothing, or an empty list.
    #[schemars(length(max = 0))]
    pub(super) resources: Option<Vec<Json>>,
}
