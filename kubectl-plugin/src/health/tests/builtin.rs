//! What Kubernetes brings besides workloads.

use super::*;

#[test]
fn a_job_is_healthy_when_it_is_complete() {
    let job = |suspend: bool, conditions: Value| {
        let status = json!({"active": 1, "succeeded": 1, "conditions": conditions});
        line(&object("batch/v1 Job", json!({"spec": {"completions": 2, "suspend": suspend}, "status": status})))
    };
    let running = "Progressing (waiting) Waiting for job to complete: 1 active, 1 of 2 succeeded, 0 failed";
    assert_eq!(job(false, json!([])), running);
    assert_eq!(job(true, json!([])), "Suspended (ready) Job is suspended");
    assert_eq!(
        job(false, json!([condition("Suspended", "False", "JobResumed", "Job resumed")])),
        running,
        "it was resumed"
    );
    assert_eq!(job(false, json!([condition("Complete", "True", "", "")])), "Healthy (ready)");
    let limit = condition("Failed", "True", "BackoffLimitExceeded", "Job has reached the specified backoff limit");
    let text = "BackoffLimitExceeded: Job has reached the specified backoff limit";
    assert_eq!(job(false, json!([limit.clone()])), format!("Degraded (failed) {text}"));
    let target =
        condition("FailureTarget", "True", "BackoffLimitExceeded", "Job has reached the specified backoff limit");
    assert_eq!(job(false, json!([target])), format!("Progressing (waiting) Job is failing: {text}"));
}

#[test]
fn a_schedule_is_healthy_unless_it_is_suspended() {
    assert_eq!(line(&object("batch/v1 CronJob", json!({"spec": {}}))), "Healthy (ready)");
    let suspended = json!({"spec": {"suspend": true}});
    assert_eq!(line(&object("batch/v1 CronJob", suspended)), "Suspended (ready) CronJob is suspended");
}

#[test]
fn only_a_load_balancer_and_an_ingress_wait_for_an_address() {
    let waits = "Progressing (waiting) Waiting for a load balancer to publish its address";
    let service =
        |kind: &str, status: Value| line(&object("v1 Service", json!({"spec": {"type": kind}, "status": status})));
    assert_eq!(service("ClusterIP", json!({"loadBalancer": {}})), "Healthy (ready)");
    assert_eq!(service("LoadBalancer", json!({"loadBalancer": {}})), waits);
    assert_eq!(service("LoadBalancer", json!({"loadBalancer": {"ingress": [{}]}})), "Healthy (ready)");
    assert_eq!(
        line(&object("networking.k8s.io/v1 Ingress", json!({"status": {"loadBalancer": {"ingress": []}}}))),
        waits
    );
}

#[test]
fn a_claim_waits_for_its_volume() {
    let claim = |phase: &str| line(&object("v1 PersistentVolumeClaim", json!({"status": {"phase": phase}})));
    assert_eq!(claim("Bound"), "Healthy (ready)");
    let text = "Progressing (waiting) Waiting for a volume, or for the first Pod that uses the claim";
    assert_eq!(claim("Pending"), text);
    assert_eq!(claim("Lost"), "Degraded (failed) the claim has lost its volume");
    assert_eq!(claim("Odd"), "Unknown (waiting) phase Odd");
}

#[test]
fn a_namespace_is_active_or_leaving() {
    let namespace = |phase: &str| line(&object("v1 Namespace", json!({"status": {"phase": phase}})));
    assert_eq!(namespace("Active"), "Healthy (ready)");
    assert_eq!(namespace("Terminating"), "Progressing (waiting) Pending deletion");
}

#[test]
fn a_budget_that_allows_nothing_is_healthy() {
    let budget = |reason: &str| {
        let status =
            json!({"observedGeneration": 3, "conditions": [condition("DisruptionAllowed", "False", reason, "")]});
        line(&object("policy/v1 PodDisruptionBudget", json!({"status": status})))
    };
    assert_eq!(budget("InsufficientPods"), "Healthy (ready) PodDisruptionBudget has InsufficientPods");
    assert_eq!(budget("SyncFailed"), "Degraded (waiting) PodDisruptionBudget has SyncFailed");
    let fresh = object("policy/v1 PodDisruptionBudget", json!({}));
    assert_eq!(line(&fresh), "Progressing (waiting) Waiting for status");
}

#[test]
fn an_autoscaler_is_broken_wherever_it_says_so() {
    let able = condition("AbleToScale", "True", "SucceededGetScale", "able");
    let metrics = condition("ScalingActive", "False", "FailedGetResourceMetric", "no metrics");
    let zero = condition("ScalingActive", "False", "ScalingDisabled", "scaled to zero");
    let scaler = |conditions: &Value| {
        line(&object("autoscaling/v2 HorizontalPodAutoscaler", json!({"status": {"conditions": conditions}})))
    };
    assert_eq!(scaler(&json!([able, zero])), "Healthy (ready) able");
    assert_eq!(scaler(&json!([able, metrics])), "Degraded (waiting) no metrics");
    assert_eq!(scaler(&json!([])), "Progressing (waiting) Waiting to Autoscale");
    let annotations = json!({"autoscaling.alpha.kubernetes.io/conditions": json!([able]).to_string()});
    let old = object("autoscaling/v1 HorizontalPodAutoscaler", json!({"metadata": {"annotations": annotations}}));
    assert_eq!(line(&old), "Healthy (ready) able");
}

#[test]
fn a_definition_is_ready_when_it_is_established() {
    let definition = |conditions: Value| {
        line(&object("apiextensions.k8s.io/v1 CustomResourceDefinition", json!({"status": {"conditions": conditions}})))
    };
    let accepted = condition("NamesAccepted", "True", "NoConflicts", "");
    assert_eq!(definition(json!([])), "Progressing (waiting) Status conditions not found");
    let installing = condition("Established", "False", "Installing", "the initial names have been accepted");
    let text = "Progressing (waiting) CRD is not established: the initial names have been accepted";
    assert_eq!(definition(json!([accepted.clone(), installing])), text);
    assert_eq!(
        definition(json!([accepted, condition("Established", "True", "", "")])),
        "Healthy (ready) CRD is healthy"
    );
    let conflict = condition("NamesAccepted", "False", "KindConflict", "\"Cart\" is already in use");
    let text = "Degraded (failed) CRD names have not been accepted: \"Cart\" is already in use";
    assert_eq!(definition(json!([conflict])), text);
}

#[test]
fn an_api_is_ready_when_its_server_answers() {
    let api = |conditions: Value| {
        line(&object("apiregistration.k8s.io/v1 APIService", json!({"status": {"conditions": conditions}})))
    };
    assert_eq!(api(json!([])), "Progressing (waiting) Waiting to be processed");
    let missing = condition("Available", "False", "MissingEndpoints", "no addresses");
    assert_eq!(api(json!([missing])), "Progressing (waiting) MissingEndpoints: no addresses");
    assert_eq!(api(json!([condition("Available", "True", "Local", "")])), "Healthy (ready) Local");
}

#[test]
fn plain_configuration_is_healthy() {
    for kind in ["v1 ConfigMap", "v1 Secret", "rbac.authorization.k8s.io/v1 Role"] {
        assert_eq!(line(&object(kind, json!({"data": {}}))), "Healthy (ready)", "{kind}");
    }
}
