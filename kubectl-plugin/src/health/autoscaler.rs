//! `HorizontalPodAutoscaler`.
//!
//! In: the object, of any version. Out: Argo CD's verdict on its conditions. Guarantee: their order does not matter;
//! in Argo CD the first one that says anything wins, so a missing metric hides behind `AbleToScale`.

use serde_json::Value;

use super::Health;
use super::live::{Condition, Live, Truth};

/// Where the first version of the API, which has no conditions, keeps them.
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";

/// Unable to scale, unable to know when to, at work, or not looked at yet.
pub(super) fn assess(live: &Live<'_>) -> Health {
    let parsed = live.annotation(CONDITIONS).and_then(|json| serde_json::from_str::<Value>(json).ok());
    let listed = parsed.as_ref().and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let conditions: Vec<_> = live.conditions().chain(listed.iter().map(Condition::read)).collect();
    if let Some(broken) = conditions.iter().find(|condition| is_broken(condition)) {
        return Health::degraded(broken.message);
    }
    match conditions.iter().find(|condition| is_at_work(condition)) {
        Some(working) => Health::healthy(working.message),
        None => Health::progressing("Waiting to Autoscale"),
    }
}

/// `ScalingDisabled` is not among them: someone scaled the target to zero.
fn is_broken(condition: &Condition<'_>) -> bool {
    match condition.kind {
        "AbleToScale" => matches!(condition.reason, "FailedGetScale" | "FailedUpdateScale"),
        "ScalingActive" => {
            condition.truth == Truth::False
                && (condition.reason == "InvalidSelector" || condition.reason.starts_with("Failed"))
        }
        _ => false,
    }
}

fn is_at_work(condition: &Condition<'_>) -> bool {
    condition.truth == Truth::True && matches!(condition.kind, "AbleToScale" | "ScalingLimited")
}
