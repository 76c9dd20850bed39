//! Custom resources that make Pods, and count them as the built-in ones do.
//!
//! In: a custom resource. Out: how many replicas are ready of those that are wanted, where both numbers are there:
//! `spec.replicas` or else `status.replicas`, and `status.readyReplicas` or `status.availableReplicas`. A kind that only counts what exists
//! (`status.replicas`, for autoscalers) says nothing about health.

use super::Health;
use super::live::Live;

/// Healthy when as many are ready as are wanted, and new as far as the kind says which are.
pub(super) fn assess(live: &Live<'_>) -> Option<Health> {
    let count = |field: &str| live.int(&format!("/status/{field}"));
    // Where the kind has a default of its own, those that there are.
    let wanted = live.int("/spec/replicas").or_else(|| count("replicas"))?;
    let counts = ["readyReplicas", "availableReplicas"].into_iter().filter_map(count);
    let ready = counts.min()?;
    if ready < wanted {
        return Some(Health::progressing(&format!("{ready} of {wanted} replicas are ready")));
    }
    // Those below a partition are meant to stay old.
    let is_partial = live.has_partition();
    match count("updatedReplicas").filter(|updated| *updated < wanted && !is_partial) {
        Some(updated) => Some(Health::progressing(&format!("{updated} of {wanted} replicas are updated"))),
        None => Some(Health::healthy("")),
    }
}
