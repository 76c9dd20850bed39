//! The releases of an application: `history -o json`.

use gitops_compiler::canon::{ContentRoot, Graph, Id};
use gitops_compiler::lock::{Digest, Entry};
use gitops_compiler::name::AppName;
use schemars::JsonSchema;
use serde::Serialize;

use crate::record::head::Commit;
use crate::record::{Head, Outcome, Release};

use super::SchemaVersion;

/// The releases of an application.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryJson {
    /// The version of this form.
    pub schema_version: SchemaVersion,
    /// The application.
    pub application: AppName,
    /// Whether nothing may be applied at all until it is released.
    pub hold_all: bool,
    /// Newest first.
    pub releases: Vec<ReleaseJson>,
}

/// A release.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseJson {
    /// Its number, from 1; 0 is what was there before the first apply.
    pub release: u64,
    /// Whether it is the last that was applied as a whole.
    pub live: bool,
    /// Whether it was rolled back, and is not applied again until it is released.
    pub held: bool,
    /// The release that was live before.
    pub parent: Option<u64>,
    /// Its graph.
    pub graph: Id<Graph>,
    /// What stays in the cluster.
    pub content_root: Id<ContentRoot>,
    /// When it began, by RFC 3339.
    pub time: String,
    /// Who.
    pub actor: String,
    /// The commit, where there is one.
    pub commit: Option<Commit>,
    /// The digest of the manifest, where it was applied from a bundle.
    pub bundle: Option<Digest>,
    /// The release whose graph a rollback took.
    pub rollback_to: Option<u64>,
    /// Whether only some resources were synced: all others are as they were live.
    pub partial: bool,
    /// What inputs from elsewhere were.
    pub inputs: Vec<Entry>,
    /// How many objects were created.
    pub created: usize,
    /// How many were changed.
    pub changed: usize,
    /// How many were deleted.
    pub deleted: usize,
    /// What became of it.
    pub outcome: ReleaseOutcome,
    /// The first reason, where it failed.
    pub message: Option<String>,
}

/// What became of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReleaseOutcome {
    /// All of it was applied.
    Succeeded,
    /// Some of it was not.
    Failed,
    /// The run died.
    Interrupted,
}

impl HistoryJson {
    /// Of an application that was never applied.
    #[must_use]
    pub fn empty(application: AppName) -> Self {
        Self { schema_version: SchemaVersion, application, hold_all: false, releases: Vec::new() }
    }

    /// The releases that a head names.
    #[must_use]
    pub fn new(head: &Head) -> Self {
        let releases = head.releases.iter().rev().map(|release| ReleaseJson::new(head, release)).collect();
        Self {
            schema_version: SchemaVersion,
            application: head.application.clone(),
            hold_all: head.hold_all.is_some(),
            releases,
        }
    }
}

impl ReleaseJson {
    fn new(head: &Head, release: &Release) -> Self {
        let (created, changed, deleted) = release.changes;
        let (outcome, message) = match &release.outcome {
            Outcome::Succeeded => (ReleaseOutcome::Succeeded, None),
            Outcome::Failed { message } => (ReleaseOutcome::Failed, Some(message.clone())),
            Outcome::Interrupted => (ReleaseOutcome::Interrupted, None),
        };
        Self {
            release: release.number,
            live: head.live == Some(release.number),
            held: head.holds.iter().any(|hold| hold.taken_back.id == release.graph.id),
            parent: release.parent,
            graph: release.graph.id,
            content_root: release.graph.content,
            time: release.origin.time.to_string(),
            actor: release.origin.actor.clone(),
            commit: release.origin.commit.clone(),
            bundle: release.origin.bundle.clone(),
            rollback_to: release.origin.rollback_to,
            partial: release.origin.is_partial,
            inputs: release.origin.inputs.clone(),
            created,
            changed,
            deleted,
            outcome,
            message,
        }
    }
}
