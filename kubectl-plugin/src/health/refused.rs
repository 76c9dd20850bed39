//! Workloads whose Pods cannot be made, and Pods that find no place: what their controllers are told.
//!
//! In: a workload, an Event about it, a Pod. Out: the reason in one clause, and whether it stays so: a quota, a policy, a
//! template that is no Pod do not go away by themselves, a webhook that does not answer and a node that is full may. Whoever
//! waits should still give what stays so a moment: what an earlier release left may be on its way out.

use serde_json::Value;

use super::live::{Live, Truth};
use super::text;

/// How what stays so reads.
const STAYS: &[&str] = &["exceeded quota", "denied the request", "is forbidden", "is invalid"];

/// How what goes away reads: its ServiceAccount may be about to come, and its Namespace be about to go and come back.
const GOES: &[&str] = &["serviceaccount", "service account", "is being terminated"];

/// Why a controller cannot make the Pods of the newest revision, as its condition has it: for Deployments and ReplicaSets.
/// Nothing is said as long as Pods of older revisions are there: they make room as they go.
#[must_use]
pub fn creation_refused(object: &Value) -> Option<String> {
    let live = Live::new(object);
    let failure = live.held("ReplicaFailure").filter(|failure| stays(failure.message))?;
    let old = live.count("/status/replicas") - live.int("/status/updatedReplicas").unwrap_or(i64::MAX);
    (old <= 0 && !live.is_unobserved()).then(|| text::printable(failure.message))
}

/// The same, as an Event tells it: for StatefulSets, DaemonSets and Jobs, which have no such condition.
#[must_use]
pub fn event_refused(event: &Value) -> Option<String> {
    let event = Live::new(event);
    let is_refusal = event.text("/type") == "Warning" && event.text("/reason") == "FailedCreate";
    (is_refusal && stays(event.text("/message"))).then(|| text::printable(event.text("/message")))
}

/// Why no node takes a Pod. That may change: nodes are added.
#[must_use]
pub fn pod_waits(pod: &Value) -> Option<String> {
    let pod = Live::new(pod);
    let scheduled =
        pod.condition("PodScheduled").filter(|it| it.truth == Truth::False && it.reason == "Unschedulable")?;
    (!pod.is_deleted()).then(|| text::printable(&scheduled.says()))
}

/// Why a claim gets no volume, as an Event about it tells.
#[must_use]
pub fn claim_waits(event: &Value) -> Option<String> {
    let event = Live::new(event);
    let is_failure = event.text("/type") == "Warning" && event.text("/reason") == "ProvisioningFailed";
    is_failure.then(|| text::printable(event.text("/message")))
}

fn stays(message: &str) -> bool {
    let message = message.to_lowercase();
    STAYS.iter().any(|text| message.contains(text)) && !GOES.iter().any(|text| message.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const QUOTA: &str =
        "pods \"web-1\" is forbidden: exceeded quota: few, requested: pods=1, used: pods=0, limited: pods=0";

    fn deployment(message: &str, status: Value) -> Value {
        let condition =
            json!({"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message});
        let mut deployment = json!({"kind": "Deployment", "metadata": {"generation": 1}, "status": status});
        deployment["status"]["observedGeneration"] = json!(1);
        deployment["status"]["conditions"] = json!([condition]);
        deployment
    }

    #[test]
    fn a_quota_stays_and_a_webhook_that_is_away_comes_back() {
        for (message, is_refused) in [
            (QUOTA, true),
            ("admission webhook \"policy.example.com\" denied the request: no root", true),
            ("pods \"a\" is forbidden: violates PodSecurity \"restricted:latest\"", true),
            ("Pod \"a\" is invalid: spec.containers[0].resources.requests: Invalid value", true),
            ("Internal error occurred: failed calling webhook \"policy.example.com\": no endpoints available", false),
            ("pods \"a\" is forbidden: error looking up service account b/c: serviceaccount \"c\" not found", false),
            (
                "pods \"a\" is forbidden: unable to create new content in namespace b because it is being terminated",
                false,
            ),
        ] {
            assert_eq!(creation_refused(&deployment(message, json!({}))).is_some(), is_refused, "{message}");
            let event = json!({"type": "Warning", "reason": "FailedCreate", "message": message});
            assert_eq!(event_refused(&event).is_some(), is_refused, "{message}");
        }
        let other = json!({"type": "Normal", "reason": "SuccessfulCreate", "message": QUOTA});
        assert_eq!(event_refused(&other), None);
    }

    #[test]
    fn older_pods_may_make_room() {
        let refused = |replicas: i64, updated: i64| {
            creation_refused(&deployment(QUOTA, json!({"replicas": replicas, "updatedReplicas": updated}))).is_some()
        };
        assert!(refused(0, 0) && refused(2, 2));
        assert!(!refused(3, 1), "two of the release before are there");
        let mut unseen = deployment(QUOTA, json!({}));
        unseen["metadata"]["generation"] = json!(2);
        assert_eq!(creation_refused(&unseen), None, "that was said of an earlier generation");
    }

    #[test]
    fn what_a_pod_waits_for_is_told() {
        let condition =
            |reason: &str| json!({"type": "PodScheduled", "status": "False", "reason": reason, "message": "0/1 nodes"});
        let pod = |reason: &str| json!({"kind": "Pod", "status": {"conditions": [condition(reason)]}});
        assert_eq!(pod_waits(&pod("Unschedulable")), Some("Unschedulable: 0/1 nodes".to_owned()));
        assert_eq!(pod_waits(&pod("SchedulingGated")), None);
        let event = json!({"type": "Warning", "reason": "ProvisioningFailed", "message": "no such class"});
        assert_eq!(claim_waits(&event), Some("no such class".to_owned()));
        for value in [json!(null), json!([]), json!({"status": 3})] {
            assert!(pod_waits(&value).is_none() && claim_waits(&value).is_none() && event_refused(&value).is_none());
            assert!(creation_refused(&value).is_none());
        }
    }
}
