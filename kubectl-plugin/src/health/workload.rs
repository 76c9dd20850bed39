//! Controllers of Pods: `Deployment`, `ReplicaSet` (and `ReplicationController`), `StatefulSet`, `DaemonSet`.
//!
//! In: the object. Out: how far its rollout is, in the words of `kubectl rollout status` that Argo CD uses too.
//! Counts decide, conditions only tell failures: a controller writes both in one update, so `Available` and
//! `NewReplicaSetAvailable`, which kstatus asks for as well, add nothing but ways to wait forever.

use serde_json::Value;

use super::Health;
use super::live::{Condition, Live};

/// The server defaults `spec.replicas`; the controllers take 1 as well.
fn replicas(live: &Live<'_>) -> i64 {
    live.int("/spec/replicas").unwrap_or(1)
}

/// Finished when all replicas are new, none is left over and all are available.
pub(super) fn deployment(live: &Live<'_>) -> Health {
    if live.flag("/spec/paused") {
        return Health::suspended("Deployment is paused");
    }
    if live.is_unobserved() {
        return waiting("observed deployment generation less than desired generation");
    }
    if let Some(condition) = live.condition("Progressing").filter(|it| it.reason == "ProgressDeadlineExceeded") {
        return deadline_exceeded(live, &condition);
    }
    let wanted = replicas(live);
    let updated = live.count("/status/updatedReplicas");
    let available = live.count("/status/availableReplicas");
    let surplus = live.count("/status/replicas").saturating_sub(updated.min(wanted));
    let progress = if updated < wanted {
        format!("{updated} out of {wanted} new replicas have been updated...")
    } else if surplus > 0 {
        format!("{surplus} old replicas are pending termination...")
    } else if available < updated {
        format!("{available} of {updated} updated replicas are available...")
    } else {
        return Health::healthy("");
    };
    // No Pod exists that could tell why: a quota or a webhook refused it.
    match live.held("ReplicaFailure") {
        Some(failure) => waiting(&format!("{progress} ({})", failure.message)),
        None => waiting(&progress),
    }
}

fn waiting(progress: &str) -> Health {
    Health::progressing(&format!("Waiting for rollout to finish: {progress}"))
}

/// The deadline has passed. That is final, unless it passed for an earlier spec.
///
/// After a rollback to a `ReplicaSet` that still exists, the controller reports the new generation before anything has
/// progressed, and leaves the condition of the failed release in place. `kubectl rollout status` gives up in that
/// moment. The condition is old exactly if it did not change after the spec did.
fn deadline_exceeded(live: &Live<'_>, condition: &Condition<'_>) -> Health {
    let message = format!("Deployment \"{}\" exceeded its progress deadline", live.name());
    let changed = last_change(live);
    // The server writes both times as `2006-01-02T15:04:05Z`, which sorts as text.
    let is_old = changed.is_some_and(|changed| !condition.updated.is_empty() && condition.updated <= changed);
    if is_old { Health::degraded(&message) } else { Health::failed(&message) }
}

/// When someone last changed anything but the status.
fn last_change<'a>(live: &Live<'a>) -> Option<&'a str> {
    let entries = live.list("/metadata/managedFields").iter();
    let changes = entries.filter(|entry| entry.get("subresource").and_then(Value::as_str) != Some("status"));
    changes.filter_map(|entry| entry.get("time").and_then(Value::as_str)).max()
}

/// Finished when all replicas are available. A failure to make Pods is not final: quotas are raised.
///
/// kstatus also wants all Pods to have the labels of the template, which those from before a change of it never get.
pub(super) fn replica_set(live: &Live<'_>) -> Health {
    if live.is_unobserved() {
        return waiting("observed replica set generation less than desired generation");
    }
    if let Some(failure) = live.held("ReplicaFailure") {
        return Health::degraded(failure.message);
    }
    let wanted = replicas(live);
    let available = live.count("/status/availableReplicas");
    let surplus = live.count("/status/replicas").saturating_sub(wanted);
    if available < wanted {
        waiting(&format!("{available} out of {wanted} new replicas are available..."))
    } else if surplus > 0 {
        waiting(&format!("{surplus} old replicas are pending termination..."))
    } else {
        Health::healthy("")
    }
}

/// Finished when all Pods are ready and those above the partition are new.
///
/// Revisions are not compared: they are equal as well while a rollback replaces Pods of the revision between.
pub(super) fn stateful_set(live: &Live<'_>) -> Health {
    if live.is_unobserved() {
        return Health::progressing("Waiting for statefulset spec update to be observed...");
    }
    let wanted = replicas(live);
    let ready = live.count("/status/readyReplicas");
    let surplus = live.count("/status/replicas").saturating_sub(wanted);
    if ready < wanted {
        return Health::progressing(&format!("Waiting for {} pods to be ready...", wanted.saturating_sub(ready)));
    }
    // Ready counts at once, available only after `minReadySeconds`.
    let available = live.int("/status/availableReplicas").unwrap_or(ready);
    if live.count("/spec/minReadySeconds") > 0 && available < wanted {
        return Health::progressing(&format!(
            "Waiting for {} pods to be available...",
            wanted.saturating_sub(available)
        ));
    }
    if surplus > 0 {
        return Health::progressing(&format!("Waiting for {surplus} pods to be terminated..."));
    }
    if live.text("/spec/updateStrategy/type") == "OnDelete" {
        return Health::healthy(&format!("statefulset has {ready} ready pods"));
    }
    stateful_rollout(live, wanted)
}

fn stateful_rollout(live: &Live<'_>, wanted: i64) -> Health {
    let partition = live.count("/spec/updateStrategy/rollingUpdate/partition");
    let updated = live.count("/status/updatedReplicas");
    let revision = live.text("/status/updateRevision");
    let wanted = wanted.saturating_sub(partition);
    match (updated < wanted, partition > 0) {
        (true, true) => Health::progressing(&format!(
            "Waiting for partitioned roll out to finish: {updated} out of {wanted} new pods have been updated..."
        )),
        (false, true) => {
            Health::healthy(&format!("partitioned roll out complete: {updated} new pods have been updated..."))
        }
        (true, false) => Health::progressing(&format!(
            "waiting for statefulset rolling update to complete {updated} pods at revision {revision}..."
        )),
        (false, false) => {
            Health::healthy(&format!("statefulset rolling update complete {updated} pods at revision {revision}..."))
        }
    }
}

/// Finished when every node that should have a Pod has a new one that is available.
///
/// With `OnDelete` old Pods are as good as new ones, but Argo CD also takes broken ones.
pub(super) fn daemon_set(live: &Live<'_>) -> Health {
    if live.is_unobserved() {
        return waiting("observed daemon set generation less than desired generation");
    }
    let name = live.name();
    let wanted = live.count("/status/desiredNumberScheduled");
    let updated = live.count("/status/updatedNumberScheduled");
    let available = live.count("/status/numberAvailable");
    let on_delete = live.text("/spec/updateStrategy/type") == "OnDelete";
    let progress = if updated < wanted && !on_delete {
        format!("{updated} out of {wanted} new pods have been updated...")
    } else if available < wanted {
        format!("{available} of {wanted} updated pods are available...")
    } else if on_delete {
        return Health::healthy(&format!("daemon set {updated} out of {wanted} new pods have been updated"));
    } else {
        return Health::healthy("");
    };
    Health::progressing(&format!("Waiting for daemon set \"{name}\" rollout to finish: {progress}"))
}
