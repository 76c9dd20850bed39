//! Custom resources, and those whose conventions are known.

use super::*;

fn database(status: Value) -> Value {
    let mut database = object("example.com/v1 Database", json!({}));
    database["status"] = status;
    database
}

fn conditions(conditions: Value) -> String {
    let mut database = database(json!({}));
    database["status"]["conditions"] = conditions;
    line(&database)
}

#[test]
fn a_custom_resource_waits_until_its_generation_was_seen() {
    let seen = |observed: Value| assess(&database(json!({"observedGeneration": observed}))).status;
    assert_eq!(seen(json!(2)), Status::Progressing);
    assert_eq!(seen(json!(3)), Status::Healthy);
    assert_eq!(seen(json!(4)), Status::Progressing, "it speaks of another life of the object");
    assert_eq!(seen(json!("2")), Status::Progressing, "Argo Rollouts writes strings");
    assert_eq!(seen(json!("3")), Status::Healthy);
    assert_eq!(seen(json!("8575574967")), Status::Healthy, "and once wrote hashes");
    assert_eq!(seen(json!("6d5f6b7")), Status::Healthy);
}

#[test]
fn ready_sums_it_up() {
    assert_eq!(conditions(json!([condition("Ready", "True", "Up", "")])), "Healthy (ready) Up");
    assert_eq!(
        conditions(json!([condition("Ready", "False", "Starting", "soon")])),
        "Progressing (waiting) Starting: soon"
    );
    assert_eq!(conditions(json!([condition("Ready", "Unknown", "", "")])), "Progressing (waiting)");
    let both = json!([condition("Degraded", "True", "", ""), condition("Ready", "True", "", "")]);
    assert_eq!(conditions(both), "Healthy (ready)", "the summary knows the rest");
    assert_eq!(conditions(json!([{"type": "Ready", "status": true}])), "Healthy (ready)", "schemas may allow it");
}

#[test]
fn a_condition_may_be_older_than_its_object() {
    let mut ready = condition("Ready", "True", "Up", "");
    ready["observedGeneration"] = json!(2);
    assert_eq!(conditions(json!([ready])), "Progressing (waiting) Waiting for Ready of generation 3");
    let mut stalled = condition("Stalled", "True", "Invalid", "");
    stalled["observedGeneration"] = json!(2);
    assert_eq!(conditions(json!([stalled])), "Healthy (ready)", "the failure was of an earlier generation");
}

#[test]
fn only_what_has_stalled_or_ended_has_failed_for_good() {
    let stalled = condition("Stalled", "True", "Invalid", "no such chart");
    assert_eq!(conditions(json!([stalled.clone()])), "Degraded (failed) Invalid: no such chart");
    let busy = condition("Reconciling", "True", "Progressing", "upgrading");
    assert_eq!(conditions(json!([stalled, busy])), "Progressing (waiting) Progressing: upgrading");
    let failed = json!([condition("Succeeded", "False", "Failed", "exit 1")]);
    assert_eq!(conditions(failed.clone()), "Degraded (waiting) Failed: exit 1");
    let ended = database(json!({"completionTime": "2026-01-01T00:00:00Z", "conditions": failed}));
    assert_eq!(line(&ended), "Degraded (failed) Failed: exit 1");
    assert_eq!(conditions(json!([condition("Succeeded", "Unknown", "Running", "")])), "Progressing (waiting) Running");
}

#[test]
fn bad_news_comes_before_availability() {
    let both = json!([condition("Available", "True", "", ""), condition("Degraded", "True", "Disk", "full")]);
    assert_eq!(conditions(both), "Degraded (waiting) Disk: full");
    assert_eq!(
        conditions(json!([condition("Available", "False", "Disk", "full")])),
        "Progressing (waiting) Disk: full"
    );
}

#[test]
fn silence_is_healthy_but_can_be_told() {
    let silent = object("example.com/v1 Database", json!({"spec": {}}));
    assert_eq!(line(&silent), "Healthy (ready)");
    assert!(is_silent(&silent));
    assert!(is_silent(&database(json!({}))), "the server's default for a status is no word from a controller");
    assert!(!is_silent(&database(json!({"phase": "New"}))));
    assert!(!is_silent(&object("v1 ConfigMap", json!({}))));
}

#[test]
fn a_name_alone_does_not_make_a_kind() {
    let service =
        json!({"spec": {"type": "LoadBalancer"}, "status": {"conditions": [condition("Ready", "True", "", "")]}});
    assert_eq!(line(&object("serving.knative.dev/v1 Service", service)), "Healthy (ready)");
    assert_eq!(line(&object("batch.volcano.sh/v1alpha1 Job", json!({}))), "Healthy (ready)");
}

#[test]
fn a_gateway_waits_for_its_controller() {
    let pending = json!([
        condition("Accepted", "Unknown", "Pending", "Waiting for controller"),
        condition("Programmed", "Unknown", "Pending", "Waiting for controller"),
    ]);
    let gateway = object("gateway.networking.k8s.io/v1 Gateway", json!({"status": {"conditions": pending}}));
    assert_eq!(line(&gateway), "Progressing (waiting) Pending: Waiting for controller");
}

#[test]
fn a_route_is_as_well_as_its_worst_parent() {
    let parent = |generation: i64, kind: &str, status: &str| {
        let mut condition = condition(kind, status, "", "no such listener");
        condition["observedGeneration"] = json!(generation);
        json!({"parentRef": {"name": "edge"}, "conditions": [condition]})
    };
    let route = |parents: Value| {
        line(&object("gateway.networking.k8s.io/v1 HTTPRoute", json!({"status": {"parents": parents}})))
    };
    let refused = "Degraded (waiting) Parent edge: no such listener";
    assert_eq!(route(json!([parent(3, "Accepted", "True"), parent(3, "ResolvedRefs", "False")])), refused);
    assert_eq!(route(json!([parent(3, "Accepted", "True"), parent(2, "Accepted", "False")])), "Healthy (ready)");
    let unseen = "Progressing (waiting) Waiting for a parent to see generation 3";
    assert_eq!(route(json!([parent(2, "Accepted", "True")])), unseen);
    assert_eq!(route(json!([parent(3, "PartiallyInvalid", "False")])), "Healthy (ready)");
}

#[test]
fn argo_kinds_say_it_in_so_many_words() {
    let application =
        |health: Value| line(&object("argoproj.io/v1alpha1 Application", json!({"status": {"health": health}})));
    assert_eq!(application(json!({"status": "Degraded", "message": "cart"})), "Degraded (waiting) cart");
    assert_eq!(application(json!({})), "Healthy (ready)");
    let of = |kind: &str, phase: &str| {
        line(&object(&format!("argoproj.io/v1alpha1 {kind}"), json!({"status": {"phase": phase}})))
    };
    assert_eq!(of("Rollout", "Paused"), "Suspended (ready)");
    assert_eq!(of("Rollout", "Degraded"), "Degraded (waiting)");
    assert_eq!(of("Workflow", "Running"), "Progressing (waiting)");
    assert_eq!(of("Workflow", "Error"), "Degraded (failed)");
    let fresh = object("argoproj.io/v1alpha1 Rollout", json!({}));
    assert_eq!(line(&fresh), "Progressing (waiting) Waiting for rollout spec update to be observed");
}
