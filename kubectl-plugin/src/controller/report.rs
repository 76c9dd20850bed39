//! What an Application's status says. Pure.
//!
//! In: a comparison, the record's head, the sync that ran last. Out: a [`Status`], and the patch that makes the one that is
//! there into it.

use gitops_compiler::app::Application;
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use crate::application::{
    Condition, HealthState, HistoryEntry, Kept, OperationState, ResourceState, Status, Summary, SyncState, SyncWord,
};
use crate::health::Health;
use crate::record::{Head, Outcome};

use super::compare::{Compared, Comparison};

/// So many resources are told.
const MOST_RESOURCES: usize = crate::application::MOST_RESOURCES;

/// A time as Kubernetes writes it.
#[must_use]
pub fn written(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// What is compared, as readers of `comparedTo` look for it.
#[must_use]
pub fn compared_to(object: &Json) -> Json {
    let mut told = Map::new();
    for field in ["source", "sources", "destination", "ignoreDifferences"] {
        if let Some(value) = object["spec"].get(field) {
            told.insert(field.to_owned(), value.clone());
        }
    }
    Json::Object(told)
}

/// The sources of an Application, as it writes them.
#[must_use]
pub fn sources_of(object: &Json) -> (Option<Json>, Vec<Json>) {
    let spec = &object["spec"];
    match spec["sources"].as_array().filter(|sources| !sources.is_empty()) {
        Some(sources) => (None, sources.clone()),
        None => (spec.get("source").cloned(), Vec::new()),
    }
}

/// So much of the subject of a commit is told: it is one line of a list.
const LONGEST_SUBJECT: usize = 120;

/// All that goes into a status.
pub struct Report<'a> {
    /// The object.
    pub object: &'a Json,
    /// What it says, where it was understood.
    pub application: Option<&'a Application>,
    /// What each source is now.
    pub revisions: Vec<String>,
    /// What renders each.
    pub source_types: Vec<String>,
    /// How Git, the record and the cluster compare; nothing where that cannot be told.
    pub comparison: Option<&'a Comparison>,
    /// The record.
    pub head: Option<&'a Head>,
    /// The graph that Git gives.
    pub desired: Option<String>,
    /// The subject of its commit.
    pub subject: &'a str,
    /// The sync that runs, or ran last.
    pub operation: Option<OperationState>,
    /// What there is to say.
    pub conditions: Vec<Condition>,
    /// The namespace of the controller.
    pub controller_namespace: &'a str,
    /// Whose secret counts for webhooks.
    pub webhook_secret: &'a str,
}

impl Report<'_> {
    /// The status.
    #[must_use]
    pub fn status(self) -> Status {
        let is_plural = self.application.is_some_and(|application| !application.spec.sources.is_empty());
        let one = |all: &[String]| if is_plural { String::new() } else { all.first().cloned().unwrap_or_default() };
        let many = |all: Vec<String>| if is_plural { all } else { Vec::new() };
        let (revision, source_type) = (one(&self.revisions), one(&self.source_types));
        let mut conditions = self.conditions;
        let resources = self.comparison.map(|comparison| resources(comparison, &mut conditions)).unwrap_or_default();
        let live = self.head.and_then(Head::live_release);
        let comparison = self.comparison;
        Status {
            sync: SyncState {
                status: comparison.map_or(SyncWord::Unknown, |comparison| comparison.sync),
                compared_to: compared_to(self.object),
                revision,
                revisions: many(self.revisions),
            },
            health: HealthState {
                status: comparison.map_or_else(|| "Unknown".to_owned(), |comparison| comparison.health.to_string()),
                ..HealthState::default()
            },
            resources,
            history: self.head.map(|head| history(head, self.object)).unwrap_or_default(),
            conditions,
            operation_state: self.operation,
            reconciled_at: String::new(),
            source_type,
            source_types: many(self.source_types),
            summary: Summary {
                images: comparison.map(|it| it.images.iter().cloned().collect()).unwrap_or_default(),
                is_app_of_apps: comparison.is_some_and(|comparison| comparison.is_app_of_apps),
            },
            controller_namespace: self.controller_namespace.to_owned(),
            gitops: Some(Kept {
                desired: self.desired.unwrap_or_default(),
                subject: self.subject.chars().take(LONGEST_SUBJECT).collect(),
                live: live.map(|release| release.graph.id.to_string()).unwrap_or_default(),
                release: live.map(|release| release.number),
                target: self.head.map(|head| head.target.clone()).unwrap_or_default(),
                webhook_secret: self.webhook_secret.to_owned(),
            }),
        }
    }
}

/// Those that fit; where they do not all, those that are not as they should be come first, and a condition says so.
fn resources(comparison: &Comparison, conditions: &mut Vec<Condition>) -> Vec<ResourceState> {
    let mut all: Vec<&Compared> = comparison.resources.iter().collect();
    if all.len() > MOST_RESOURCES {
        all.sort_by_key(|resource| (resource.sync == SyncWord::Synced, !is_ill(resource)));
        let message =
            format!("of {} resources {MOST_RESOURCES} are told here; `kubectl gitops status` tells all", all.len());
        conditions.push(condition("ManyResourcesInfo", message));
        all.truncate(MOST_RESOURCES);
        all.sort_by(|one, other| one.key.cmp(&other.key));
    }
    all.into_iter().map(resource).collect()
}

fn is_ill(resource: &Compared) -> bool {
    resource.health.as_ref().is_some_and(|health| health.status != crate::health::Status::Healthy)
}

fn resource(compared: &Compared) -> ResourceState {
    let Compared { key, api_version, sync, health, requires_pruning, wave, .. } = compared;
    let health = health.as_ref().map(|Health { status, message, .. }| HealthState {
        status: status.to_string(),
        message: message.clone(),
        last_transition_time: String::new(),
    });
    ResourceState {
        group: key.group.clone(),
        version: api_version.rsplit('/').next().unwrap_or_default().to_owned(),
        kind: key.kind.clone(),
        namespace: key.scope.namespace().unwrap_or_default().to_owned(),
        name: key.name.clone(),
        status: *sync,
        health,
        hook: false,
        requires_pruning: *requires_pruning,
        sync_wave: *wave,
    }
}

/// Something to know.
#[must_use]
pub fn condition(kind: &str, message: impl Into<String>) -> Condition {
    Condition { kind: kind.to_owned(), message: message.into(), last_transition_time: String::new() }
}

/// Releases that succeeded, the oldest first; without those of some resources only, which are of no commit, as in Argo CD.
fn history(head: &Head, object: &Json) -> Vec<HistoryEntry> {
    let (source, sources) = sources_of(object);
    let succeeded = head.releases.iter().filter(|release| release.outcome == Outcome::Succeeded);
    let whole = succeeded.filter(|release| !release.origin.is_partial);
    whole
        .map(|release| {
            let revision = release.origin.commit.as_ref().map(|commit| commit.oid.clone()).unwrap_or_default();
            let time = written(release.origin.time);
            let automated = release.origin.actor == "automatic sync";
            let by = if automated { json!({"automated": true}) } else { json!({"username": release.origin.actor}) };
            HistoryEntry {
                id: release.number,
                revision,
                revisions: Vec::new(),
                deployed_at: time.clone(),
                deploy_started_at: time,
                source: source.clone(),
                sources: sources.clone(),
                initiated_by: Some(by),
            }
        })
        .collect()
}

/// The merge patch (RFC 7386) that makes one value another; nothing where they are equal.
#[must_use]
pub fn merge_patch(before: &Json, after: &Json) -> Option<Json> {
    if before == after {
        return None;
    }
    let (Json::Object(old), Json::Object(new)) = (before, after) else { return Some(after.clone()) };
    let mut patch = Map::new();
    for (name, value) in new {
        match old.get(name) {
            Some(old) => patch.extend(merge_patch(old, value).map(|patch| (name.clone(), patch))),
            None => drop(patch.insert(name.clone(), value.clone())),
        }
    }
    patch.extend(old.keys().filter(|name| !new.contains_key(*name)).map(|name| (name.clone(), Json::Null)));
    Some(Json::Object(patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_has_what_differs_and_nothing_else() {
        let before = json!({"a": 1, "b": {"c": [1], "d": 2, "e": {"f": 1}}, "gone": 1});
        let after = json!({"a": 1, "b": {"c": [2], "d": 2, "e": {"f": 1}}, "new": {"x": 1}});
        let patch = merge_patch(&before, &after).expect("a patch");
        assert_eq!(patch, json!({"b": {"c": [2]}, "gone": null, "new": {"x": 1}}));
        let mut patched = before;
        json_patch::merge(&mut patched, &patch);
        assert_eq!(patched, after);
        assert_eq!(merge_patch(&after, &after), None);
    }

    #[test]
    fn times_are_written_as_kubernetes_does() {
        let time: Timestamp = "2026-11-26T10:15:28.123Z".parse().expect("a time");
        assert_eq!(written(time), "2026-11-26T10:15:28Z");
    }
}
