//! Whether a running Argo CD is at an Application: two that sync one application fight.
//!
//! In: an object. Out: who else is at it, if anybody. A running Argo CD is seen by what it writes: its field manager has an
//! entry in `managedFields` that is fresh. Whoever moves an Application here says so on it ([`MANAGE`]), beside the
//! annotation that makes Argo CD leave it alone ([`SKIP_RECONCILE`]).

use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;

use crate::application::{SKIP_RECONCILE, annotation};

/// Says that an Application is ours, although Argo CD is told to leave it alone.
pub const MANAGE: &str = "kubectl-gitops/manage";

/// The field manager of Argo CD's controller.
pub const ARGO_CD: &str = "argocd-application-controller";

/// An entry is fresh for so long: Argo CD writes an Application's status when it refreshes it, every few minutes.
const FRESH: SignedDuration = SignedDuration::from_mins(15);

/// Why an Application is not ours, if it is not.
#[must_use]
pub fn why_left_alone(object: &Json, now: Timestamp) -> Option<String> {
    if annotation(object, MANAGE) == Some("true") {
        return None;
    }
    if annotation(object, SKIP_RECONCILE) == Some("true") {
        return Some(format!("the annotation {SKIP_RECONCILE} says that it is left alone"));
    }
    last_written(object).filter(|last| is_fresh(*last, now)).map(|last| {
        format!(
            "Argo CD wrote it at {last}: it is left alone. To move it here, set the annotations {SKIP_RECONCILE}: \"true\" \
             and {MANAGE}: \"true\""
        )
    })
}

/// When Argo CD wrote an Application last.
fn last_written(object: &Json) -> Option<Timestamp> {
    let entries = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    let times = entries.filter(|entry| entry["manager"] == ARGO_CD).filter_map(|entry| entry["time"].as_str());
    times.filter_map(|time| time.parse::<Timestamp>().ok()).max()
}

fn is_fresh(written: Timestamp, now: Timestamp) -> bool {
    now.duration_since(written) < FRESH
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_argo_cd_is_at_is_left_alone_until_somebody_says_otherwise() {
        let now: Timestamp = "2026-11-26T10:00:00Z".parse().expect("a time");
        let object = |time: &str, annotations: Json| {
            json!({"metadata": {
                "annotations": annotations,
                "managedFields": [{"manager": ARGO_CD, "operation": "Update", "time": time}],
            }})
        };
        assert!(why_left_alone(&object("2026-11-26T09:58:00Z", json!({})), now).is_some());
        assert_eq!(why_left_alone(&object("2026-11-25T09:58:00Z", json!({})), now), None, "it is gone");
        let left = json!({SKIP_RECONCILE: "true"});
        assert!(why_left_alone(&object("2026-11-25T09:58:00Z", left), now).is_some());
        let moved = json!({SKIP_RECONCILE: "true", MANAGE: "true"});
        assert_eq!(why_left_alone(&object("2026-11-26T09:58:00Z", moved), now), None);
        assert_eq!(why_left_alone(&json!({}), now), None);
    }
}
