//! Every kind without a rule of its own, above all custom resources.
//!
//! In: the object. Out: what the conventions of the Kubernetes API (observed generations, conditions) and of kstatus
//! (`Reconciling`, `Stalled`) say. A kind that follows none of them, or has no status, is healthy.
//!
//! A failure is final only where the convention says so: `Stalled`, and work that has a `completionTime`. `Ready=False`
//! is what many controllers write while they work, and others when they have given up; it can only be waited for.

use super::Health;
use super::live::{Condition, Live, Truth};

/// Conditions that are true when all is well; the first that is there decides.
const GOOD: &[&str] = &["Ready", "Available", "Healthy", "Programmed", "Accepted", "Synced"];

/// Conditions that are true when the work is done.
const DONE: &[&str] = &["Succeeded", "Complete", "Completed"];

/// Generation, then kstatus's two conditions, then what the kind itself reports.
pub(super) fn assess(live: &Live<'_>) -> Health {
    if let Some(behind) = live.behind() {
        return behind;
    }
    if let Some(reconciling) = live.held("Reconciling") {
        return Health::progressing(&reconciling.says());
    }
    if let Some(stalled) = live.held("Stalled").filter(|it| !it.is_old(live)) {
        return Health::failed(&stalled.says());
    }
    // A kind that has `Ready` sums itself up there; the others are asked for bad news first.
    if live.condition("Ready").is_none()
        && let Some(health) = bad_news(live).or_else(|| finished(live))
    {
        return health;
    }
    GOOD.iter().find_map(|kind| live.condition(kind)).map_or_else(|| Health::healthy(""), |it| sum(live, &it))
}

/// A condition that sums up an object: true is healthy, and anything else may still become so.
fn sum(live: &Live<'_>, condition: &Condition<'_>) -> Health {
    if condition.is_old(live) {
        let generation = live.count("/metadata/generation");
        return Health::progressing(&format!("Waiting for {} of generation {generation}", condition.kind));
    }
    if condition.truth == Truth::True {
        Health::healthy(&condition.says())
    } else {
        Health::progressing(&condition.says())
    }
}

fn bad_news(live: &Live<'_>) -> Option<Health> {
    let held = |kind: &str| live.held(kind).filter(|it| !it.is_old(live));
    if let Some(failed) = held("Failed") {
        return Some(ended(live, &failed));
    }
    held("Degraded").map(|degraded| Health::degraded(&degraded.says()))
}

/// The end of work that has one: Tekton's and Knative's `Succeeded`, others' `Complete`.
fn finished(live: &Live<'_>) -> Option<Health> {
    let done = DONE.iter().find_map(|kind| live.condition(kind))?;
    match done.truth {
        Truth::False if done.kind == "Succeeded" => Some(ended(live, &done)),
        _ => Some(sum(live, &done)),
    }
}

fn ended(live: &Live<'_>, condition: &Condition<'_>) -> Health {
    if live.text("/status/completionTime").is_empty() {
        Health::degraded(&condition.says())
    } else {
        Health::failed(&condition.says())
    }
}
