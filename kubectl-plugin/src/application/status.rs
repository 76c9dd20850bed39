//! `status` of an Application, as Argo CD's user interface, command line, exporters and Rollouts read it.
//!
//! In: what a controller knows. Out: the field. It stays small however large the application is: details are in the record.
//! Where our own CRD is served there is one field more, `gitops`, which others never miss.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::Operation;

/// So many resources are told; those that are not as they should be come first then.
pub const MOST_RESOURCES: usize = 500;

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    /// Whether the cluster is as Git says.
    pub sync: SyncState,
    /// How it does.
    pub health: HealthState,
    /// Its resources, at most [`MOST_RESOURCES`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ResourceState>,
    /// Releases, the oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<HistoryEntry>,
    /// What there is to say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The sync that runs, or ran last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation_state: Option<OperationState>,
    /// When it was compared last and found other than before.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reconciled_at: String,
    /// What renders its source.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source_type: String,
    /// The same of several sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_types: Vec<String>,
    /// In short.
    #[serde(skip_serializing_if = "Summary::is_empty")]
    pub summary: Summary,
    /// The namespace of the controller that writes this.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub controller_namespace: String,
    /// What only we know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gitops: Option<Kept>,
}

/// Synced or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SyncWord {
    /// As Git says.
    Synced,
    /// Not so.
    OutOfSync,
    /// It cannot be told.
    #[default]
    Unknown,
}

/// Whether the cluster is as Git says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncState {
    /// In one word.
    pub status: SyncWord,
    /// What was compared: source or sources, destination, differences that do not count.
    #[serde(skip_serializing_if = "Json::is_null")]
    pub compared_to: Json,
    /// The commit, or the version of a chart.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub revision: String,
    /// The same of several sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<String>,
}

/// How something does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HealthState {
    /// In one word of `health::Status`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Since when.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub last_transition_time: String,
}

/// One resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceState {
    /// Its group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Its version.
    pub version: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Whether it is as Git says.
    pub status: SyncWord,
    /// How it does, where there is more to know than that it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthState>,
    /// Whether it is a hook.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hook: bool,
    /// Whether it has to be deleted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub requires_pruning: bool,
    /// Its wave.
    #[serde(skip_serializing_if = "is_zero")]
    pub sync_wave: i64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// One release.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HistoryEntry {
    /// Its number.
    pub id: u64,
    /// The commit.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub revision: String,
    /// The commits of several sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<String>,
    /// When it was over.
    pub deployed_at: String,
    /// When it began.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub deploy_started_at: String,
    /// The source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Json>,
    /// Several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Json>,
    /// Who.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiated_by: Option<Json>,
}

/// Something to know. Its type ends with `Error`, `Warning` or `Info`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// In words.
    pub message: String,
    /// Since when.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub last_transition_time: String,
}

/// How far a sync is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationPhase {
    /// It runs.
    #[default]
    Running,
    /// It is being stopped.
    Terminating,
    /// All of it was done.
    Succeeded,
    /// Some of it was not.
    Failed,
    /// It could not begin.
    Error,
}

/// A sync.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OperationState {
    /// What was asked.
    pub operation: Operation,
    /// How far it is.
    pub phase: OperationPhase,
    /// In words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_result: Option<SyncResult>,
    /// When it began.
    pub started_at: String,
    /// When it was over.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub finished_at: String,
    /// How often it was tried again.
    #[serde(skip_serializing_if = "is_zero")]
    pub retry_count: i64,
}

/// What a sync did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncResult {
    /// Of which commit.
    pub revision: String,
    /// Of several sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<String>,
    /// The source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Json>,
    /// Several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Json>,
    /// What became of what; at most [`MOST_RESOURCES`], failures first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ResourceResult>,
}

/// What became of one resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceResult {
    /// Its group.
    pub group: String,
    /// Its version.
    pub version: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `Synced`, `SyncFailed`, `Pruned`, `PruneSkipped`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// In words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Which hook it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hook_type: String,
    /// How far it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook_phase: Option<OperationPhase>,
    /// When it was its turn.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sync_phase: String,
}

/// In short.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Summary {
    /// Images of containers, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// Whether it renders Applications.
    #[serde(rename = "isAppOfApps", skip_serializing_if = "std::ops::Not::not")]
    pub is_app_of_apps: bool,
}

impl Summary {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What only we know. Where Argo CD's own CRD is served the API server drops it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Kept {
    /// The graph that Git gives now.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub desired: String,
    /// The graph that is live.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub live: String,
    /// Its release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<u64>,
    /// The subject of the commit that was compared, of the first source.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// The target.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target: String,
    /// Whose secret counts for its webhooks: `global`, `application`, or `none`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub webhook_secret: String,
}

impl Status {
    /// Whether this says the same as another, whenever either was written.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        let timeless = |status: &Self| {
            let mut status = Self { reconciled_at: String::new(), ..status.clone() };
            status.health.last_transition_time.clear();
            for condition in &mut status.conditions {
                condition.last_transition_time.clear();
            }
            status
        };
        timeless(self) == timeless(other)
    }

    /// With the times of transitions of what was written before, where nothing has changed since; else `now`.
    #[must_use]
    pub fn timed(mut self, before: &Self, now: &str) -> Self {
        let health_stays = self.health.status == before.health.status && !before.health.last_transition_time.is_empty();
        let since = if health_stays { before.health.last_transition_time.as_str() } else { now };
        since.clone_into(&mut self.health.last_transition_time);
        for condition in &mut self.conditions {
            let same =
                before.conditions.iter().find(|it| (&it.kind, &it.message) == (&condition.kind, &condition.message));
            let since = same.map_or(now, |same| same.last_transition_time.as_str());
            since.clone_into(&mut condition.last_transition_time);
        }
        now.clone_into(&mut self.reconciled_at);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(health: &str, condition: &str) -> Status {
        let health = HealthState { status: health.to_owned(), ..HealthState::default() };
        let condition =
            Condition { kind: "SyncError".to_owned(), message: condition.to_owned(), ..Condition::default() };
        Status { health, conditions: vec![condition], ..Status::default() }
    }

    #[test]
    fn times_change_only_with_what_they_are_of() {
        let first = status("Healthy", "no").timed(&Status::default(), "t1");
        let same = status("Healthy", "no").timed(&first, "t2");
        assert!(same.says_the_same(&first));
        assert_eq!((same.health.last_transition_time.as_str(), same.reconciled_at.as_str()), ("t1", "t2"));
        let other = status("Degraded", "never").timed(&first, "t3");
        assert!(!other.says_the_same(&first));
        assert_eq!(other.health.last_transition_time, "t3");
        assert_eq!(other.conditions[0].last_transition_time, "t3");
    }

    #[test]
    fn a_status_that_others_wrote_is_read() {
        let written = serde_json::json!({
            "sync": {"status": "OutOfSync", "revision": "abc", "comparedTo": {"source": {"repoURL": "x"}}},
            "health": {"status": "Progressing"},
            "operationState": {"phase": "Terminating", "startedAt": "t", "operation": {"sync": {}}},
            "observedAt": "t",
        });
        let status: Status = serde_json::from_value(written).expect("a status");
        assert_eq!(status.sync.status, SyncWord::OutOfSync);
        assert_eq!(status.operation_state.map(|state| state.phase), Some(OperationPhase::Terminating));
    }
}
