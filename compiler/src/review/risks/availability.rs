//! Whether enough Pods are there, and stay.
//!
//! In: workloads, autoscalers and budgets that differ. Out: findings about what has no Pods, or cannot lose any.

use std::collections::{BTreeMap, HashMap};

use crate::canon::Value;
use crate::graph::GraphResource;
use crate::name::{ResourceKey, Scope};

use super::super::compared::Changed;
use super::super::pods::labels;
use super::super::rule::{DISRUPTION_BUDGET_BLOCKS, REPLICAS_AND_AUTOSCALER, SCALED_TO_ZERO};
use super::Context;

pub(super) fn look_at(context: &mut Context<'_, '_>, change: &Changed<'_>) {
    let key = change.key();
    let replicas = |body: Option<&Value>| body.and_then(|body| body.at(&["spec", "replicas"])?.as_int());
    let is_scaled = key.group == "apps" && change.old.is_some();
    if is_scaled && replicas(change.new_body()) == Some(0) && replicas(change.old_body()) != Some(0) {
        let before = replicas(change.old_body()).unwrap_or(1);
        context.push(
            SCALED_TO_ZERO,
            change,
            Some("spec.replicas".to_owned()),
            format!("has no Pods, and had {before}"),
        );
    }
    if key.is("policy", "PodDisruptionBudget")
        && let Some(evidence) = change.new_body().and_then(|body| blocks(context, key, body, true))
        && change.old_body().is_none_or(|body| blocks(context, key, body, false).is_none())
    {
        context.push(DISRUPTION_BUDGET_BLOCKS, change, Some("spec".to_owned()), evidence);
    }
}

/// Why a budget allows no disruption, with the Pods of a side.
fn blocks(context: &Context<'_, '_>, key: &ResourceKey, budget: &Value, is_new: bool) -> Option<String> {
    let field = |name: &str| budget.at(&["spec", name]);
    let is = |value: Option<&Value>, number: i64, text: &str| match value {
        Some(Value::Int(found)) => *found == number,
        Some(Value::String(found)) => found == text,
        _ => false,
    };
    if is(field("maxUnavailable"), 0, "0%") {
        return Some("maxUnavailable is 0".to_owned());
    }
    if is(field("minAvailable"), i64::MIN, "100%") {
        return Some("minAvailable is 100%".to_owned());
    }
    let least = field("minAvailable")?.as_int()?;
    let wanted = budget.at(&["spec", "selector", "matchLabels"])?.as_map()?;
    let resources = if is_new { context.compared.new_resources() } else { context.compared.old_resources() };
    let selected = resources.iter().filter(|resource| resource.key.scope == key.scope && resource.key.group == "apps");
    let mut selected = selected.filter(|resource| {
        let labels = labels(&resource.key, &resource.body);
        labels.is_some_and(|labels| wanted.iter().all(|(name, value)| labels.get(name) == Some(value)))
    });
    let only = selected.next()?;
    let replicas = only.body.at(&["spec", "replicas"]).map_or(Some(1), Value::as_int)?;
    let is_alone = selected.next().is_none() && matches!(only.key.kind.as_str(), "Deployment" | "StatefulSet");
    let is_tight = is_alone && least >= replicas && replicas > 0;
    is_tight.then(|| format!("minAvailable is {least}, and {} has {replicas}", only.key))
}

/// Scope, kind and name.
type Place<'a> = (&'a Scope, &'a str, &'a str);

type Targets<'a> = BTreeMap<Place<'a>, &'a ResourceKey>;

fn place(key: &ResourceKey) -> Place<'_> {
    (&key.scope, &key.kind, &key.name)
}

/// Kind and name of what an autoscaler scales.
fn target(autoscaler: &GraphResource) -> Option<(&str, &str)> {
    let target = autoscaler.body.at(&["spec", "scaleTargetRef"])?;
    Some((target.get("kind")?.as_str()?, target.get("name")?.as_str()?))
}

/// The workloads that write their replicas and have an autoscaler.
fn autoscaled(resources: &[GraphResource]) -> Targets<'_> {
    let autoscalers = resources.iter().filter(|found| found.key.is("autoscaling", "HorizontalPodAutoscaler"));
    let workloads = resources.iter().filter(|found| found.key.group == "apps");
    let workloads: HashMap<_, _> = workloads.map(|found| (place(&found.key), found)).collect();
    let mut targets = Targets::new();
    for autoscaler in autoscalers {
        let Some((kind, name)) = target(autoscaler) else { continue };
        let target = workloads.get(&(&autoscaler.key.scope, kind, name));
        let Some(target) = target.filter(|target| target.body.at(&["spec", "replicas"]).is_some()) else { continue };
        targets.insert(place(&target.key), &autoscaler.key);
    }
    targets
}

/// Workloads with an autoscaler that write their replicas, where they did not before.
pub(super) fn find(context: &mut Context<'_, '_>) {
    let compared = context.compared;
    let is_of_it = |change: &&Changed<'_>| {
        let key = change.key();
        key.is("autoscaling", "HorizontalPodAutoscaler")
            || change.differences.iter().any(|found| found.change.path == "spec.replicas")
            || change.old.is_none()
    };
    if !compared.changes.iter().any(|change| is_of_it(&change)) {
        return;
    }
    let (before, after) = (autoscaled(compared.old_resources()), autoscaled(compared.new_resources()));
    for ((scope, kind, name), autoscaler) in after {
        if before.contains_key(&(scope, kind, name)) {
            continue;
        }
        let here = |change: &&Changed<'_>| {
            let key = change.key();
            key == autoscaler || (&key.scope == scope && key.kind == kind && key.name == name)
        };
        let Some(change) = compared.changes.iter().find(here) else { continue };
        let evidence = format!("{kind} {name} writes spec.replicas, and {autoscaler} sets them");
        context.push(REPLICAS_AND_AUTOSCALER, change, Some("spec.replicas".to_owned()), evidence);
    }
}
