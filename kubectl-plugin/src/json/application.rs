//! Applications, as their objects tell: `app list -o json`, `app get -o json`.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use crate::application::Status;

use super::SchemaVersion;

/// All of them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationsJson {
    /// The version of this form.
    pub schema_version: SchemaVersion,
    /// By namespace and name.
    pub applications: Vec<ApplicationJson>,
}

/// One of them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationJson {
    /// The version of this form.
    pub schema_version: SchemaVersion,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its project.
    pub project: String,
    /// Where it comes from: addresses with path or chart.
    pub sources: Vec<String>,
    /// `Synced`, `OutOfSync` or `Unknown`.
    pub sync: String,
    /// In a word of Argo CD's.
    pub health: String,
    /// The commit, or the version of a chart, of its first source; empty where that is not known.
    pub revision: String,
    /// The live release; null where none is told.
    pub release: Option<u64>,
    /// What there is to say.
    pub messages: Vec<String>,
    /// Its resources, as far as its status has them.
    pub resources: Vec<ApplicationResourceJson>,
    /// The sync that runs or ran last: `Running`, `Terminating`, `Succeeded`, `Failed`, `Error`; null before the first.
    pub last_sync: Option<String>,
    /// In words; empty where there is nothing to say.
    pub last_sync_message: String,
}

/// A resource of an Application.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationResourceJson {
    /// Its group; empty for the core group.
    pub group: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace; empty where its kind has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `Synced`, `OutOfSync` or `Unknown`.
    pub sync: String,
    /// In a word of Argo CD's; null where there is no more to know than that it is there.
    pub health: Option<String>,
    /// Whether it left Git.
    pub requires_pruning: bool,
}

impl ApplicationJson {
    /// Of its object.
    #[must_use]
    pub fn of(object: &Json) -> Self {
        let status: Status = serde_json::from_value(object["status"].clone()).unwrap_or_default();
        let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned();
        let project = Some(text("/spec/project")).filter(|project| !project.is_empty());
        let health = Some(status.health.status.clone()).filter(|health| !health.is_empty());
        let revision = Some(status.sync.revision.clone()).filter(|revision| !revision.is_empty());
        let resource = |resource: &crate::application::ResourceState| ApplicationResourceJson {
            group: resource.group.clone(),
            kind: resource.kind.clone(),
            namespace: resource.namespace.clone(),
            name: resource.name.clone(),
            sync: format!("{:?}", resource.status),
            health: resource.health.as_ref().map(|health| health.status.clone()),
            requires_pruning: resource.requires_pruning,
        };
        Self {
            schema_version: SchemaVersion,
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name"),
            project: project.unwrap_or_else(|| "default".to_owned()),
            sources: sources(object),
            sync: format!("{:?}", status.sync.status),
            health: health.unwrap_or_else(|| "Unknown".to_owned()),
            revision: revision.or_else(|| status.sync.revisions.first().cloned()).unwrap_or_default(),
            release: status.gitops.as_ref().and_then(|kept| kept.release).or_else(|| Some(status.history.last()?.id)),
            messages: status.conditions.iter().map(|told| format!("{}: {}", told.kind, told.message)).collect(),
            resources: status.resources.iter().map(resource).collect(),
            last_sync: status.operation_state.as_ref().map(|state| format!("{:?}", state.phase)),
            last_sync_message: status.operation_state.map(|state| state.message).unwrap_or_default(),
        }
    }
}

fn sources(object: &Json) -> Vec<String> {
    let spec = &object["spec"];
    let several = spec["sources"].as_array().filter(|sources| !sources.is_empty());
    let all = several.cloned().unwrap_or_else(|| spec.get("source").cloned().into_iter().collect());
    let told = |source: &Json| {
        let text = |field: &str| source[field].as_str().unwrap_or_default().to_owned();
        let inside = [text("path"), text("chart")].into_iter().find(|part| !part.is_empty()).unwrap_or_default();
        format!("{} {inside}", gitops_compiler::app::without_user(&text("repoURL"))).trim_end().to_owned()
    };
    all.iter().map(told).collect()
}
