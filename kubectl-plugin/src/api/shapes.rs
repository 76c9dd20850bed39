//! What is answered beside Applications, as types: bodies of Argo CD's that its clients read, and our own.
//!
//! In: rows, heads. Out: values that are written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gitops_compiler::canon::{ContentRoot, Graph, HookRoot, Id};
use schemars::JsonSchema;
use serde::Serialize;

use crate::application::SyncWord;
use crate::controller::catalog::Row;
use crate::controller::refs::Answered;
use crate::controller::report::written;
use crate::json::{EdgeJson, GraphResourceJson, SchemaVersion};

/// The condition of an Application that a rollback holds.
const HOLD_WARNING: &str = "RollbackHoldWarning";

/// `GET /api/version`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct VersionJson {
    /// As `v1.2.3`.
    pub(super) version: String,
}

/// `GET /api/v1/settings`: nothing that is of use to somebody who is not to know it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SettingsJson {
    /// There are no users and passwords of ours.
    pub(super) user_logins_disabled: bool,
    /// Applications may be in any namespace.
    pub(super) apps_in_any_namespace_enabled: bool,
    /// Nobody gets a shell in a Pod from us.
    pub(super) exec_enabled: bool,
    /// Whether this is somebody's own server, on their machine; they sign in with the word that it printed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_local: bool,
    /// Where this server is, for browsers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    /// Who signs people in, where somebody does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) oidc_config: Option<OidcJson>,
}

/// Who signs people in.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OidcJson {
    /// What people call it.
    pub(super) name: String,
    /// Its address.
    pub(super) issuer: String,
    /// Who we are to it.
    #[serde(rename = "clientID")]
    pub(super) client_id: String,
    /// What is asked for.
    pub(super) scopes: Vec<String>,
    /// Always so.
    #[serde(rename = "enablePKCEAuthentication")]
    pub(super) enable_pkce_authentication: bool,
}

/// `POST /api/v1/session`.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct SignedInJson {
    /// On somebody's own server: what the page sends as `Authorization: Bearer` from now on. Elsewhere a session is begun, which is
    /// in cookies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<String>,
}

/// `GET /api/v1/session/userinfo`.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserInfoJson {
    /// Whether somebody is signed in.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) logged_in: bool,
    /// Who.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) username: String,
    /// Of which groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) groups: Vec<String>,
}

/// `metadata` of a list.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListMetaJson {
    /// The newest version among its items.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) resource_version: String,
    /// Where the next page begins.
    #[serde(rename = "continue", skip_serializing_if = "String::is_empty")]
    pub(super) next: String,
    /// How many come after this page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remaining_item_count: Option<usize>,
}

/// How something that is connected to answered last, when the controller had a reason to ask: nobody connects to tell it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConnectionStateJson {
    /// `Successful`, `Failed`, or `Unknown` where this replica has not asked.
    status: &'static str,
    /// Why it gave no answer.
    #[serde(skip_serializing_if = "String::is_empty")]
    message: String,
    /// When it was asked last.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempted_at: Option<String>,
}

/// A cluster.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClusterJson {
    /// Its address; empty where Applications go by name.
    server: String,
    /// Its name; the address where Applications go by that.
    name: String,
    /// How it does.
    connection_state: ConnectionStateJson,
    /// More of it.
    info: ClusterInfoJson,
}

/// More of a cluster.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClusterInfoJson {
    /// How many Applications go there, of those that whoever asks may see.
    applications_count: usize,
}

/// A repository.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RepositoryJson {
    /// Its address, without user and password.
    repo: String,
    /// How it does.
    connection_state: ConnectionStateJson,
}

/// A list of clusters or repositories.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ItemsJson<T> {
    /// Nothing.
    metadata: ListMetaJson,
    /// In order.
    items: Vec<T>,
}

/// One object.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ManifestJson {
    /// The object, as JSON in a text.
    pub(super) manifest: String,
}

/// What Git says.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ManifestsJson {
    /// The objects that whoever asks may get, each as JSON in a text, in the order in which they are applied.
    pub(super) manifests: Vec<String>,
    /// Where those go that name no namespace.
    pub(super) namespace: String,
    /// The cluster.
    pub(super) server: String,
    /// The commit that was compared last.
    pub(super) revision: String,
    /// What renders it.
    pub(super) source_type: String,
}

/// Applications in short.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RowsJson {
    /// The version of this form.
    pub(super) schema_version: SchemaVersion,
    /// In order of namespace and name.
    pub(super) applications: Vec<RowJson>,
    /// How many there are on all pages.
    pub(super) total: usize,
    /// Where the next page begins; empty on the last.
    #[serde(rename = "continue")]
    pub(super) next: String,
    /// How many there are of each sync word, on all pages.
    pub(super) sync: BTreeMap<String, usize>,
    /// How many there are of each health word, on all pages.
    pub(super) health: BTreeMap<String, usize>,
    /// From where a stream goes on, as `Last-Event-ID`.
    pub(super) at: String,
}

/// An Application in short.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RowJson {
    /// Its namespace.
    namespace: String,
    /// Its name.
    name: String,
    /// Its project.
    project: String,
    /// `Synced`, `OutOfSync` or `Unknown`.
    sync: String,
    /// In a word of Argo CD's.
    health: String,
    /// How many of its objects are not as Git says, of those that its status tells.
    out_of_sync: usize,
    /// The subject of the commit of its first source; empty where none is told.
    subject: String,
    /// The commit, or the version of a chart, of its first source.
    revision: String,
    /// The live release; null where none is told.
    release: Option<u64>,
    /// The live graph; empty where none is told.
    graph: String,
    /// The sync that runs or ran last, in a word; null before the first.
    operation: Option<String>,
    /// The first thing there is to say.
    message: String,
    /// Where it comes from.
    repositories: Vec<String>,
    /// The cluster that it goes to.
    cluster: String,
    /// The namespace that it goes to.
    destination: String,
    /// When the live release was over; empty where none is told.
    deployed_at: String,
    /// Whether a rollback is held.
    held: bool,
    /// Its version.
    resource_version: String,
}

/// An event of a stream of Applications in short.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RowEventJson {
    /// `ADDED`, `MODIFIED` or `DELETED`.
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    /// The Application now, or as it was last.
    pub(super) application: RowJson,
}

/// What somebody may do with an Application.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RightsJson {
    /// The version of this form.
    pub(super) schema_version: SchemaVersion,
    /// Sync, rollback, refresh, terminate, change.
    pub(super) patch: bool,
    /// Delete.
    pub(super) delete: bool,
    /// Read logs of Pods where it goes to.
    pub(super) logs: bool,
}

/// A graph.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct GraphShown {
    /// The version of this form.
    pub(super) schema_version: SchemaVersion,
    /// The graph: content, hooks and edges.
    pub(super) graph: Id<Graph>,
    /// What stays in the cluster.
    pub(super) content_root: Id<ContentRoot>,
    /// What runs as hooks.
    pub(super) hook_root: Id<HookRoot>,
    /// In canonical order.
    pub(super) resources: Vec<GraphResourceJson>,
    /// What waits for what. Those of the state `absent` come last: they order deletion only.
    pub(super) edges: Vec<EdgeJson>,
}

impl RowJson {
    /// Of a row.
    pub(super) fn of(row: &Row) -> Self {
        let status = row.status();
        let kept = status.gitops.unwrap_or_default();
        let revision = Some(status.sync.revision).filter(|revision| !revision.is_empty());
        let deployed_at = status.history.last().map(|last| last.deployed_at.clone()).unwrap_or_default();
        let out_of_sync = status.resources.iter().filter(|told| told.status == SyncWord::OutOfSync).count();
        let held = status.conditions.iter().any(|told| told.kind == HOLD_WARNING);
        Self {
            namespace: row.id.namespace.clone(),
            name: row.id.name.clone(),
            project: row.project.clone(),
            sync: row.sync.clone(),
            health: row.health.clone(),
            out_of_sync,
            subject: kept.subject,
            revision: revision.or_else(|| status.sync.revisions.first().cloned()).unwrap_or_default(),
            release: kept.release.or_else(|| Some(status.history.last()?.id)),
            graph: kept.live,
            operation: status.operation_state.map(|state| format!("{:?}", state.phase)),
            message: status.conditions.into_iter().next().map(|told| told.message).unwrap_or_default(),
            repositories: row.repositories.clone(),
            cluster: row.cluster.clone(),
            destination: row.destination.namespace.clone(),
            deployed_at,
            held,
            resource_version: row.version.to_string(),
        }
    }
}

impl ConnectionStateJson {
    fn of(answered: Option<Answered>) -> Self {
        let Some(Answered { at, failure }) = answered else {
            return Self { status: "Unknown", message: String::new(), attempted_at: None };
        };
        let status = if failure.is_some() { "Failed" } else { "Successful" };
        let attempted_at = at.map(written);
        Self { status, message: failure.unwrap_or_default(), attempted_at }
    }
}

impl ItemsJson<ClusterJson> {
    /// Those that Applications go to. `answered` says how the cluster of one answered.
    pub(super) fn clusters(rows: &[Arc<Row>], answered: impl Fn(&Row) -> Result<Option<Answered>, String>) -> Self {
        let mut by_cluster: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
        for row in rows {
            by_cluster.entry(row.cluster.as_str()).or_default().push(row);
        }
        // A cluster may serve some projects only: whoever may use it knows how it does.
        let state = |rows: &[&Row]| match rows.iter().map(|row| answered(row)).find(Result::is_ok) {
            Some(Ok(found)) => found,
            _ => rows.first().and_then(|row| Some(Answered { at: None, failure: Some(answered(row).err()?) })),
        };
        let cluster = |(known, rows): (&str, Vec<&Row>)| ClusterJson {
            server: if known.contains("://") { known.to_owned() } else { String::new() },
            name: known.to_owned(),
            connection_state: ConnectionStateJson::of(state(&rows)),
            info: ClusterInfoJson { applications_count: rows.len() },
        };
        Self { metadata: ListMetaJson::default(), items: by_cluster.into_iter().map(cluster).collect() }
    }
}

impl ItemsJson<RepositoryJson> {
    /// Those that Applications come from, and how they answered.
    pub(super) fn repositories(rows: &[Arc<Row>], mut answers: BTreeMap<String, Answered>) -> Self {
        let all: BTreeSet<&String> = rows.iter().flat_map(|row| &row.repositories).collect();
        let repository = |repo: &String| RepositoryJson {
            repo: repo.clone(),
            connection_state: ConnectionStateJson::of(answers.remove(repo)),
        };
        Self { metadata: ListMetaJson::default(), items: all.into_iter().map(repository).collect() }
    }
}
