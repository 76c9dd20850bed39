//! Replicas that a manifest names no more, since something scales the object.
//!
//! In: a step that drops `spec.replicas`. Out: the number as it is now, owned by whoever scales; or a refusal. Without that the
//! server takes the field away with its last owner, and the default comes back: one replica. Nothing is done where nothing scales the
//! object, or somebody else owns the field already.
//!
//! The number is handed over through the subresource `scale`, as those write it that scale, so that it is theirs by design
//! ([`super::by_design`]) from the first moment.

use std::collections::BTreeSet;

use gitops_compiler::name::ResourceKey;
use gitops_compiler::plan::{Action, Bound, Step};
use serde_json::{Value as Json, json};

use crate::cluster::{ApplyOptions, Failure};

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

/// Hands replicas over, where a step drops them from an object that something scales. Gives what there is to tell.
///
/// # Errors
/// Where it is not known who owns them, or they cannot be handed over: applying would set them back.
pub(super) async fn hand_over(context: &Context, step: &Step, path: &str) -> Result<Option<String>, Failure> {
    let drops = step.changes.iter().any(|change| change.path == "spec.replicas" && change.new.is_none());
    if step.action != Action::Update || !drops {
        return Ok(None);
    }
    if !context.scaled.contains(&step.key) && !is_scaled(context, &step.key).await? {
        return Ok(None);
    }
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
    context.lease.permit().await.map_err(|lost| Failure::Malformed(lost.to_string()))?;
    let options = ApplyOptions { field_manager: HAND_OVER, force: false, dry_run: false };
    match context.cluster.apply(&format!("{path}/scale"), &body, &options).await {
        // It was scaled in this moment: the number is theirs.
        Err(failure) if failure.conflicts().is_empty() => return Err(failure),
        _ => {}
    }
    Ok(Some(format!("spec.replicas stays {replicas}, for whoever scales it")))
}

/// Whether an autoscaler in the cluster scales an object.
async fn is_scaled(context: &Context, key: &ResourceKey) -> Result<bool, Failure> {
    let Some(namespace) = key.scope.namespace() else { return Ok(false) };
    let collection = format!("/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers");
    let scalers = match context.cluster.list::<Json>(&collection, "").await {
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
