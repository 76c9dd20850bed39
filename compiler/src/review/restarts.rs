//! Workloads whose Pods are replaced.
//!
//! In: what differs. Out: [`Restart`]s, by key. A Deployment, StatefulSet or DaemonSet replaces its Pods where anything of
//! their template differs, a hash of their configuration in an annotation or in a name as well; any workload, where it has
//! to be deleted and made again.

use std::collections::BTreeSet;

use crate::canon::Value;
use crate::plan;

use super::compared::{Changed, Compared};
use super::report::{Restart, RestartCause};

/// Kinds that replace their Pods when their template differs.
const ROLLING: [&str; 3] = ["DaemonSet", "Deployment", "StatefulSet"];

/// Words in annotations of Pods that make them carry a hash of what they read, or ask for a restart.
const HASHES: [&str; 4] = ["checksum", "config-hash", "confighash", "restartedAt"];

/// All of them.
pub(super) fn restarts(compared: &Compared<'_>) -> Vec<Restart> {
    let renamed: BTreeSet<&str> = compared
        .changes
        .iter()
        .filter(|change| change.is_replaced())
        .flat_map(|change| [change.old, change.new].into_iter().flatten())
        .map(|found| found.resource.key.name.as_str())
        .collect();
    compared.changes.iter().filter_map(|change| restart(change, &renamed)).collect()
}

fn restart(change: &Changed<'_>, renamed: &BTreeSet<&str>) -> Option<Restart> {
    let key = change.key();
    let (_, new) = (change.old_body()?, change.new_body()?);
    // Old commits have them in the group that they had before.
    if !["apps", "extensions"].contains(&key.group.as_str()) || !ROLLING.contains(&key.kind.as_str()) {
        return None;
    }
    let recreated = plan::immutable_field(key, new, change.differences.iter().map(|found| &found.change));
    let is_of_template = |path: &&str| path.starts_with("spec.template.") || *path == "spec.template";
    let paths: Vec<&str> = change.differences.iter().map(|found| found.change.path.as_str()).collect();
    let paths: Vec<&str> = match &recreated {
        Some(field) => vec![field.as_str()],
        None => paths.into_iter().filter(is_of_template).collect(),
    };
    if paths.is_empty() || (recreated.is_none() && waits(new)) {
        return None;
    }
    let pods = pods(key.kind.as_str(), new);
    if pods == Some(0) {
        return None;
    }
    let cause = |path: &&str| match &recreated {
        Some(_) => RestartCause::Recreated,
        None => cause(change, path, renamed),
    };
    let causes: BTreeSet<RestartCause> = paths.iter().map(cause).collect();
    let paths = paths.into_iter().map(str::to_owned).collect();
    Some(Restart { resource: key.clone(), pods, causes: causes.into_iter().collect(), paths })
}

/// Whether its Pods stay until somebody does something.
fn waits(body: &Value) -> bool {
    let on_delete = body.at(&["spec", "updateStrategy", "type"]).and_then(Value::as_str) == Some("OnDelete");
    on_delete || body.at(&["spec", "paused"]).and_then(Value::as_bool) == Some(true)
}

/// How many Pods it asks for: one where nothing is written, and nobody knows how many of a DaemonSet.
fn pods(kind: &str, body: &Value) -> Option<u64> {
    if kind == "DaemonSet" {
        return None;
    }
    body.at(&["spec", "replicas"]).map_or(Some(1), |replicas| u64::try_from(replicas.as_int()?).ok())
}

fn cause(change: &Changed<'_>, path: &str, renamed: &BTreeSet<&str>) -> RestartCause {
    if path.ends_with(".image") {
        return RestartCause::Image;
    }
    let is_annotation = path.starts_with("spec.template.metadata.annotations");
    let found = change.differences.iter().find(|found| found.change.path == path);
    let names_renamed = found.is_some_and(|found| {
        let values = found.change.old.iter().chain(&found.change.new);
        values.filter_map(Value::as_str).any(|text| renamed.contains(text))
    });
    if names_renamed || (is_annotation && HASHES.iter().any(|word| path.contains(word))) {
        return RestartCause::Configuration;
    }
    RestartCause::Template
}
