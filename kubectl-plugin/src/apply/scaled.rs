//! Replicas that a manifest names no more, since something scales the object.
//!
//! In: a step that drops `spec.replicas`, or takes over or replaces an object that had them. Out: the number as it is now, owned by
//! whoever scales; or a refusal. Without that the server takes the field away with its last owner, and the default comes back: one
//! replica. Nothing is done where nothing scales the object, or somebody else owns the field already.
//!
//! The number is handed over through the subresource `scale`, as those write it that scale, so that it is theirs by design
//! ([`super::by_design`]) from the first moment.

use std::collections::BTreeSet;

use gitops_compiler::manifest::Write;
use gitops_compiler::name::ResourceKey;
use gitops_compiler::plan::{Action, Bound, Cause, Step};
use serde_json::{Value as Json, json};

use crate::cluster::{ApplyOptions, Cluster, Failure};

use super::step::Context;

/// Who owns the number until it is scaled for the first time: nobody, where nothing scales it any more.
pub(super) const HAND_OVER: &str = "kubectl-gitops-scale";

/// What scales others says so with the edge of this rule.
const SCALES: &str = "scale-target";

/// The kinds that change replicas, by group; with the same rule others change requests.
const SCALERS: [(&str, &str); 2] = [("autoscaling", "HorizontalPodAutoscaler"), ("keda.sh", "ScaledObject")];

/// The objects that something in a graph scales.
pub(super) fn of(desired: &Bound) -> BTreeSet<ResourceKey> {
    let keys = desired.keys();
    let is_scaler = |key: &ResourceKey| SCALERS.iter().any(|(group, kind)| key.is(group, kind));
    let edges = desired.graph.edges().iter().filter(|edge| edge.rule.name == SCALES);
    edges
        .filter(|edge| keys.get(edge.from).is_some_and(is_scaler))
        .filter_map(|edge| keys.get(edge.to).cloned())
        .collect()
}

/// The kinds that have `spec.replicas`, of those that are scaled; of other kinds what an edge of the graph says.
const SCALABLE: [(&str, &str); 4] =
    [("apps", "Deployment"), ("apps", "StatefulSet"), ("apps", "ReplicaSet"), ("", "ReplicationController")];

/// Whether a body says nothing of replicas, since something scales its object.
pub(super) async fn are_left(context: &Context, key: &ResourceKey, body: &Json) -> Result<bool, Failure> {
    let is_scalable = SCALABLE.iter().any(|(group, kind)| key.is(group, kind)) || context.scaled.contains(key);
    if !is_scalable || !body["spec"].is_object() || !body["spec"]["replicas"].is_null() {
        return Ok(false);
    }
    is_scaled(context, key).await
}

/// Whether something scales an object whose manifest names no replicas, as far as whoever looks may see it.
pub(super) async fn is_left_as_seen_by(viewer: &Cluster, scaled: &BTreeSet<ResourceKey>, key: &ResourceKey) -> bool {
    scaled.contains(key) || has_autoscaler(viewer, key).await.unwrap_or_default()
}

/// Whether a step would give up replicas that something scales.
///
/// # Errors
/// Where that is not known.
pub(super) async fn must_be_handed_over(context: &Context, step: &Step, body: &Json) -> Result<bool, Failure> {
    let drops = step.changes.iter().any(|change| change.path == "spec.replicas" && change.new.is_none());
    // What is taken over was of others, replicas and all.
    let takes = context.adopts && step.cause == Cause::Exists;
    // What replaces the object keeps them itself.
    if step.action != Action::Update || step.policy.write != Write::Apply {
        return Ok(false);
    }
    match (drops, takes) {
        (true, _) => is_scaled(context, &step.key).await,
        (false, true) => are_left(context, &step.key, body).await,
        (false, false) => Ok(false),
    }
}

/// Hands replicas over, before they are dropped. Gives what there is to tell.
///
/// # Errors
/// Where it is not known who owns them, or they cannot be handed over: applying would set them back.
pub(super) async fn hand_over(context: &Context, path: &str) -> Result<Option<String>, Failure> {
    let live = context.cluster.get(path).await?;
    let (Some(replicas), false) = (live["spec"]["replicas"].as_u64(), is_of_another(context, &live)) else {
        return Ok(None);
    };
    let metadata = &live["metadata"];
    let body = json!({
        "apiVersion": "autoscaling/v1", "kind": "Scale",
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"]},
        "spec": {"replicas": replicas},
    });
    context.lease.permit().await.map_err(|lost| Failure::NotSent(lost.to_string()))?;
    let options = ApplyOptions { field_manager: HAND_OVER, force: false, dry_run: false };
    match context.cluster.apply(&format!("{path}/scale"), &body, &options).await {
        // It was scaled in this moment: the number is theirs.
        Err(failure) if failure.conflicts().is_empty() => return Err(failure),
        _ => {}
    }
    Ok(Some(format!("spec.replicas stays {replicas}, for whoever scales it")))
}

/// Whether something in the graph scales an object, or an autoscaler in the cluster.
async fn is_scaled(context: &Context, key: &ResourceKey) -> Result<bool, Failure> {
    Ok(context.scaled.contains(key) || has_autoscaler(&context.cluster, key).await?)
}

/// Whether an autoscaler in the cluster scales an object.
async fn has_autoscaler(cluster: &Cluster, key: &ResourceKey) -> Result<bool, Failure> {
    let Some(namespace) = key.scope.namespace() else { return Ok(false) };
    let collection = format!("/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers");
    let scalers = match cluster.list::<Json>(&collection, "").await {
        Ok(scalers) => scalers,
        Err(failure) if failure.is_not_found() => return Ok(false),
        Err(failure) => return Err(failure),
    };
    let is_meant = |target: &Json| {
        let group =
            target["apiVersion"].as_str().and_then(|version| version.split_once('/')).map_or("", |(group, _)| group);
        group == key.group && target["kind"] == key.kind.as_str() && target["name"] == key.name.as_str()
    };
    Ok(scalers.iter().any(|scaler| is_meant(&scaler["spec"]["scaleTargetRef"])))
}

/// Whether anybody but us owns the number.
fn is_of_another(context: &Context, live: &Json) -> bool {
    let entries = live["metadata"]["managedFields"].as_array().into_iter().flatten();
    entries
        .filter(|entry| entry["manager"] != context.identity.field_manager.as_str() || entry["operation"] != "Apply")
        .any(|entry| !entry["fieldsV1"]["f:spec"]["f:replicas"].is_null())
}
