//! Routes of the Gateway API, which keep their conditions apart for each parent.
//!
//! In: the object. Out: the worst that a parent says about the route's current generation. `Gateway` and `GatewayClass`
//! have conditions like any custom resource and need no rule.

use serde_json::Value;

use super::live::{Condition, Live, Truth};
use super::{Health, custom};

/// Accepted by every parent, with every reference resolved. A refusal is not final: what it refers to may come.
pub(super) fn route(live: &Live<'_>) -> Health {
    let parents = live.list("/status/parents");
    if parents.is_empty() {
        return custom::assess(live);
    }
    // A parent that the route has left keeps what it said about an earlier generation.
    let current = parents.iter().filter_map(|parent| judge(live, parent));
    current.max_by_key(|health| health.status).unwrap_or_else(|| {
        Health::progressing(&format!("Waiting for a parent to see generation {}", live.count("/metadata/generation")))
    })
}

/// What one parent says; `None` where it has not seen the current generation.
fn judge(live: &Live<'_>, parent: &Value) -> Option<Health> {
    let parent = Live::new(parent);
    let conditions: Vec<_> = parent.list("/conditions").iter().map(Condition::read).collect();
    if conditions.iter().any(|condition| condition.is_old(live)) {
        return None;
    }
    let Some(bad) = conditions.iter().find(|condition| condition.truth != Truth::True && is_good(condition.kind))
    else {
        return Some(Health::healthy(""));
    };
    let message = format!("Parent {}: {}", parent.text("/parentRef/name"), bad.message);
    let is_refused = bad.truth == Truth::False && bad.kind != "Programmed";
    Some(if is_refused { Health::degraded(&message) } else { Health::progressing(&message) })
}

/// The conditions that should be true; `PartiallyInvalid`, for one, should not.
fn is_good(kind: &str) -> bool {
    matches!(kind, "Accepted" | "ResolvedRefs" | "Programmed")
}
