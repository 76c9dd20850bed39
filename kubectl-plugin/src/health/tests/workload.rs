//! Rollouts.

use super::*;

fn deployment(status: Value) -> Value {
    let mut status = status;
    status["observedGeneration"] = json!(3);
    object("apps/v1 Deployment", json!({"spec": {"replicas": 3}, "status": status}))
}

fn progressing(rest: &str) -> String {
    format!("Progressing (waiting) Waiting for rollout to finish: {rest}")
}

#[test]
fn a_deployment_is_healthy_when_all_replicas_are_new_and_available() {
    let status = |replicas, updated, available| {
        line(&deployment(json!({"replicas": replicas, "updatedReplicas": updated, "availableReplicas": available})))
    };
    assert_eq!(status(3, 3, 3), "Healthy (ready)");
    assert_eq!(status(3, 1, 3), progressing("1 out of 3 new replicas have been updated..."));
    assert_eq!(status(4, 3, 3), progressing("1 old replicas are pending termination..."));
    assert_eq!(status(3, 3, 1), progressing("1 of 3 updated replicas are available..."));
    assert_eq!(status(5, 5, 5), progressing("2 old replicas are pending termination..."), "also when it shrinks");
}

#[test]
fn a_generation_that_was_not_seen_says_nothing() {
    let done = json!({"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "readyReplicas": 1,
        "desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberAvailable": 1});
    let kinds = [
        ("Deployment", progressing("observed deployment generation less than desired generation")),
        ("ReplicaSet", progressing("observed replica set generation less than desired generation")),
        ("DaemonSet", progressing("observed daemon set generation less than desired generation")),
        ("StatefulSet", "Progressing (waiting) Waiting for statefulset spec update to be observed...".to_owned()),
    ];
    for (kind, unseen) in kinds {
        let mut object = object(&format!("apps/v1 {kind}"), json!({"status": done}));
        assert_eq!(line(&object), unseen, "nothing was seen yet");
        object["status"]["observedGeneration"] = json!(2);
        assert_eq!(line(&object), unseen);
        object["status"]["observedGeneration"] = json!(3);
        assert_eq!(assess(&object).status, Status::Healthy, "{kind}");
    }
}

#[test]
fn a_paused_deployment_is_suspended() {
    let mut paused = deployment(json!({"replicas": 3}));
    paused["spec"]["paused"] = json!(true);
    assert_eq!(line(&paused), "Suspended (ready) Deployment is paused");
}

#[test]
fn a_deadline_is_final_unless_it_passed_before_the_last_change() {
    let failed = |deadline: &str, manager: Value| {
        let mut condition = condition("Progressing", "False", "ProgressDeadlineExceeded", "timed out");
        condition["lastUpdateTime"] = json!(deadline);
        let mut object = deployment(json!({"conditions": [condition]}));
        object["metadata"]["managedFields"] =
            json!([manager, {"subresource": "status", "time": "2026-05-01T12:30:00Z"}]);
        line(&object)
    };
    let text = "Deployment \"cart\" exceeded its progress deadline";
    let apply = json!({"operation": "Apply", "time": "2026-05-01T12:00:00Z"});
    assert_eq!(failed("2026-05-01T12:10:00Z", apply.clone()), format!("Degraded (failed) {text}"));
    assert_eq!(failed("2026-05-01T11:59:59Z", apply), format!("Degraded (waiting) {text}"), "before a rollback");
    assert_eq!(failed("2026-05-01T11:59:59Z", json!({})), format!("Degraded (failed) {text}"), "it cannot be told");
}

#[test]
fn a_refusal_to_make_pods_is_told() {
    let refusal = condition("ReplicaFailure", "True", "FailedCreate", "pods \"cart\" is forbidden: exceeded quota");
    let text = "0 out of 3 new replicas have been updated... (pods \"cart\" is forbidden: exceeded quota)";
    assert_eq!(line(&deployment(json!({"conditions": [refusal.clone()]}))), progressing(text));
    let set = json!({"status": {"observedGeneration": 3, "conditions": [refusal]}});
    let text = "Degraded (waiting) pods \"cart\" is forbidden: exceeded quota";
    assert_eq!(line(&object("apps/v1 ReplicaSet", set)), text, "a quota can be raised");
}

#[test]
fn a_replica_set_needs_no_labels_of_its_template() {
    let status = json!({"observedGeneration": 3, "replicas": 1, "availableReplicas": 1, "fullyLabeledReplicas": 0});
    for kind in ["apps/v1 ReplicaSet", "v1 ReplicationController"] {
        assert_eq!(line(&object(kind, json!({"status": status}))), "Healthy (ready)", "{kind}");
    }
}

fn stateful(strategy: Value, status: Value) -> Value {
    let mut status = status;
    status["observedGeneration"] = json!(3);
    status["updateRevision"] = json!("cart-7");
    let mut set = object("apps/v1 StatefulSet", json!({"spec": {"replicas": 3}, "status": status}));
    set["spec"]["updateStrategy"] = strategy;
    set
}

#[test]
fn a_stateful_set_rolls_out_down_to_its_partition() {
    let partition = |partition: i64, updated: i64| {
        let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": partition}});
        line(&stateful(strategy, json!({"replicas": 3, "readyReplicas": 3, "updatedReplicas": updated})))
    };
    assert_eq!(partition(0, 3), "Healthy (ready) statefulset rolling update complete 3 pods at revision cart-7...");
    let text = "waiting for statefulset rolling update to complete 2 pods at revision cart-7...";
    assert_eq!(partition(0, 2), format!("Progressing (waiting) {text}"));
    assert_eq!(partition(2, 1), "Healthy (ready) partitioned roll out complete: 1 new pods have been updated...");
    let text = "Waiting for partitioned roll out to finish: 0 out of 1 new pods have been updated...";
    assert_eq!(partition(2, 0), format!("Progressing (waiting) {text}"));
    assert!(partition(9, 0).starts_with("Healthy"), "a partition above all replicas holds everything back");
}

#[test]
fn a_stateful_set_waits_for_its_pods_whatever_the_strategy() {
    let on_delete = json!({"type": "OnDelete"});
    let ready = |ready, strategy: &Value| line(&stateful(strategy.clone(), json!({"readyReplicas": ready})));
    assert_eq!(ready(1, &on_delete), "Progressing (waiting) Waiting for 2 pods to be ready...");
    assert_eq!(ready(3, &on_delete), "Healthy (ready) statefulset has 3 ready pods");
    let mut slow = stateful(on_delete, json!({"readyReplicas": 3, "availableReplicas": 2}));
    slow["spec"]["minReadySeconds"] = json!(30);
    assert_eq!(line(&slow), "Progressing (waiting) Waiting for 1 pods to be available...");
}

#[test]
fn a_mid_way_rollback_of_a_stateful_set_is_not_done_because_revisions_agree() {
    let status = json!({"replicas": 3, "readyReplicas": 3, "updatedReplicas": 2, "currentRevision": "cart-7"});
    assert!(line(&stateful(json!({"type": "RollingUpdate"}), status)).starts_with("Progressing"));
}

#[test]
fn a_daemon_set_covers_its_nodes() {
    let daemon = |strategy: &str, updated: i64, available: i64| {
        let status = json!({"observedGeneration": 3, "desiredNumberScheduled": 2, "updatedNumberScheduled": updated,
            "numberAvailable": available});
        line(&object("apps/v1 DaemonSet", json!({"spec": {"updateStrategy": {"type": strategy}}, "status": status})))
    };
    let waits = "Progressing (waiting) Waiting for daemon set \"cart\" rollout to finish:";
    assert_eq!(daemon("RollingUpdate", 2, 2), "Healthy (ready)");
    assert_eq!(daemon("RollingUpdate", 1, 2), format!("{waits} 1 out of 2 new pods have been updated..."));
    assert_eq!(daemon("RollingUpdate", 2, 1), format!("{waits} 1 of 2 updated pods are available..."));
    assert_eq!(daemon("OnDelete", 0, 2), "Healthy (ready) daemon set 0 out of 2 new pods have been updated");
    assert_eq!(daemon("OnDelete", 0, 1), format!("{waits} 1 of 2 updated pods are available..."));
}
