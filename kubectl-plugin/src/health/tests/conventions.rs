//! Conventions of custom resources, one by one.

use super::*;

fn database(parts: Value) -> String {
    line(&object("example.com/v1 Database", parts))
}

fn status(status: Value) -> String {
    database(json!({"status": status}))
}

fn conditions(conditions: Value) -> String {
    status(json!({"conditions": conditions}))
}

#[test]
fn what_is_paused_is_not_waited_for() {
    let old = json!({"observedGeneration": 2, "conditions": [condition("Ready", "False", "Failed", "")]});
    let paused = |parts: Value| {
        let mut database = object("example.com/v1 Database", parts);
        database["status"] = old.clone();
        line(&database)
    };
    for field in ["suspend", "suspended", "pause", "paused"] {
        let expected = format!("Suspended (ready) spec.{field} is true");
        assert_eq!(paused(json!({"spec": {field: true}})), expected);
        assert!(paused(json!({"spec": {field: false}})).starts_with("Progressing"), "{field}");
    }
    let deep = json!({"spec": {"updateStrategy": {"rollingUpdate": {"paused": true}}}});
    assert_eq!(paused(deep), "Suspended (ready) spec.updateStrategy.rollingUpdate.paused is true");
    for (name, value, is_pause) in [
        ("crossplane.io/paused", "true", true),
        ("cluster.x-k8s.io/paused", "", true),
        ("crossplane.io/paused", "false", false),
        ("strimzi.io/pause-reconciliation", "true", true),
        ("cnpg.io/hibernation", "on", true),
        ("cnpg.io/hibernation", "off", false),
        ("paused", "true", false),
    ] {
        let health = paused(json!({"metadata": {"annotations": {name: value}}}));
        assert_eq!(health.starts_with("Suspended (ready)"), is_pause, "{name}={value}: {health}");
    }
    assert_eq!(conditions(json!([condition("Paused", "True", "Asked", "")])), "Suspended (ready) Asked");
    assert_eq!(conditions(json!([condition("Paused", "False", "", "")])), "Healthy (ready)");
}

#[test]
fn a_reason_tells_what_is_wrong_from_what_goes_on() {
    let ready = |reason: &str, message: &str| conditions(json!([condition("Ready", "False", reason, message)]));
    assert_eq!(ready("SecretSyncedError", "no key"), "Degraded (waiting) SecretSyncedError: no key");
    assert_eq!(ready("Issuing", "soon"), "Progressing (waiting) Issuing: soon");
    assert_eq!(ready("", "Failed to create it"), "Degraded (waiting) Failed to create it");
    assert_eq!(ready("ReconcilePaused", ""), "Suspended (ready) ReconcilePaused");
    let severe = json!([{"type": "Ready", "status": "False", "severity": "Error", "message": "no network"}]);
    assert_eq!(conditions(severe), "Degraded (waiting) no network");
}

#[test]
fn what_is_ready_may_not_be_as_written() {
    let synced = |reason: &str| {
        conditions(json!([condition("Ready", "True", "Available", ""), condition("Synced", "False", reason, "")]))
    };
    assert_eq!(synced("ReconcileError"), "Degraded (waiting) ReconcileError");
    assert_eq!(synced("ReconcilePaused"), "Suspended (ready) ReconcilePaused");
    let terminal = json!([
        condition("ACK.ResourceSynced", "False", "", ""),
        condition("ACK.Terminal", "True", "", "no such class")
    ]);
    assert_eq!(conditions(terminal), "Degraded (failed) no such class");
}

#[test]
fn another_attempt_is_a_failure_so_far() {
    let failed = json!([
        condition("Reconciling", "True", "ProgressingWithRetry", "again"),
        condition("Ready", "False", "ArtifactFailed", "no such branch")
    ]);
    assert_eq!(conditions(failed), "Degraded (waiting) ArtifactFailed: no such branch");
}

#[test]
fn conditions_of_parts_count_where_none_sums_them_up() {
    let parts =
        json!([condition("ReconcileSuccess", "True", "", ""), condition("AllReplicasReady", "False", "", "1/3")]);
    assert_eq!(conditions(parts), "Progressing (waiting) 1/3");
    let summed = json!([condition("Available", "True", "Up", ""), condition("BackupReady", "False", "", "none yet")]);
    assert_eq!(conditions(summed), "Healthy (ready) Up");
    assert_eq!(conditions(json!([condition("SpecError", "True", "", "no image")])), "Degraded (waiting) no image");
    assert_eq!(conditions(json!([condition("NoWarnings", "True", "", "")])), "Healthy (ready)");
    assert_eq!(
        conditions(json!([condition("NotReady", "True", "TimeoutException", "")])),
        "Degraded (waiting) TimeoutException"
    );
    assert_eq!(conditions(json!([condition("Networking", "False", "", "")])), "Healthy (ready)", "a word of its own");
}

#[test]
fn what_rolls_out_says_so_until_it_is_done() {
    let rolling = |truth: &str, reason: &str| {
        conditions(json!([condition("Available", "True", "", ""), condition("Progressing", truth, reason, "")]))
    };
    assert_eq!(rolling("True", "ReplicaSetUpdated"), "Progressing (waiting) ReplicaSetUpdated");
    assert_eq!(rolling("True", "NewReplicaSetAvailable"), "Healthy (ready)");
    assert_eq!(rolling("False", ""), "Healthy (ready)");
    assert_eq!(rolling("False", "RolloutAborted"), "Degraded (waiting) RolloutAborted");
}

#[test]
fn who_wants_none_has_none() {
    let none = json!({"conditions": [condition("Available", "False", "", "")]});
    assert_eq!(database(json!({"spec": {"replicas": 0}, "status": none})), "Healthy (ready) scaled to zero");
}

#[test]
fn a_phase_says_it_in_a_word() {
    for (phase, expected) in [
        ("Running", "Healthy (ready) phase Running"),
        ("Provisioning", "Progressing (waiting) phase Provisioning"),
        ("ApplyingChanges", "Progressing (waiting) phase ApplyingChanges"),
        ("Failed", "Degraded (waiting) phase Failed"),
        ("paused", "Suspended (ready) phase paused"),
        ("Unknown", "Unknown (waiting) phase Unknown"),
        ("Blue", "Healthy (ready)"),
    ] {
        assert_eq!(status(json!({"phase": phase})), expected);
    }
    let told = json!({"state": "ERROR", "message": "no such topic"});
    assert_eq!(status(told), "Degraded (waiting) ERROR: no such topic");
    let ready = json!({"phase": "Provisioning", "conditions": [condition("Ready", "True", "", "")]});
    assert_eq!(status(ready), "Healthy (ready)", "`Ready` sums it up");
    let failing = json!({"phase": "Failing over", "conditions": [condition("Ready", "False", "", "")]});
    assert_eq!(status(failing), "Degraded (waiting) phase Failing over");
    assert_eq!(status(json!({"ready": false})), "Progressing (waiting) status.ready is false");
}

#[test]
fn work_is_well_when_it_has_ended() {
    let backup = |status: Value| line(&object("velero.io/v1 Backup", json!({"status": status})));
    assert_eq!(backup(json!({"phase": "Running"})), "Progressing (waiting) phase Running");
    assert_eq!(backup(json!({"phase": "Completed"})), "Healthy (ready) phase Completed");
    assert_eq!(backup(json!({"phase": "PartiallyFailed"})), "Degraded (waiting) phase PartiallyFailed");
    let ended = json!({"phase": "Failed", "completionTimestamp": "2026-01-01T00:00:00Z"});
    assert_eq!(backup(ended), "Degraded (failed) phase Failed");
}

#[test]
fn replicas_are_counted_where_the_kind_counts_them() {
    let counted = |wanted: i64, status: Value| database(json!({"spec": {"replicas": wanted}, "status": status}));
    assert_eq!(counted(3, json!({"readyReplicas": 2})), "Progressing (waiting) 2 of 3 replicas are ready");
    assert_eq!(counted(3, json!({"readyReplicas": 3})), "Healthy (ready)");
    assert_eq!(
        counted(3, json!({"readyReplicas": 3, "updatedReplicas": 1})),
        "Progressing (waiting) 1 of 3 replicas are updated"
    );
    assert_eq!(counted(3, json!({"replicas": 3})), "Healthy (ready)", "it does not say which are ready");
    assert_eq!(status(json!({"replicas": 2, "readyReplicas": 1})), "Progressing (waiting) 1 of 2 replicas are ready");
}

#[test]
fn silence_of_who_always_speaks_is_work_to_come() {
    let certificate = |parts: Value| line(&object("cert-manager.io/v1 Certificate", parts));
    let waits = "Progressing (waiting) Waiting for its controller to report the condition Ready";
    assert_eq!(certificate(json!({})), waits);
    assert_eq!(certificate(json!({"status": {"conditions": [condition("Issuing", "True", "", "")]}})), waits);
    assert!(!is_silent(&object("cert-manager.io/v1 Certificate", json!({}))), "it is waited for as long as it takes");
    let managed = object("s3.aws.upbound.io/v1beta1 Bucket", json!({"spec": {"forProvider": {}}}));
    assert_eq!(line(&managed), waits);
    assert_eq!(line(&object("aws.upbound.io/v1beta1 ProviderConfig", json!({}))), "Healthy (ready)");
    let failed = json!({"status": {"conditions": [condition("InvalidSpec", "True", "", "no issuer")]}});
    assert_eq!(certificate(failed), "Degraded (waiting) no issuer");
}

#[test]
fn shapes_of_their_own() {
    let of = |kind: &str, status: Value| line(&object(kind, json!({"status": status})));
    let snapshot = |status: Value| of("snapshot.storage.k8s.io/v1 VolumeSnapshot", status);
    assert_eq!(snapshot(json!({"readyToUse": true})), "Healthy (ready)");
    assert_eq!(snapshot(json!({"error": {"message": "no driver"}})), "Degraded (waiting) no driver");
    let route = |admitted: &str| {
        let conditions = [condition("Admitted", admitted, "", "")];
        of("route.openshift.io/v1 Route", json!({"ingress": [{"conditions": conditions}]}))
    };
    assert_eq!(route("True"), "Healthy (ready)");
    assert_eq!(route("False"), "Degraded (waiting)");
    let upstream = |status: Value| of("gloo.solo.io/v1 Upstream", status);
    assert_eq!(upstream(json!({"state": 1})), "Healthy (ready)");
    let spaces = json!({"statuses": {"a": {"state": "Accepted"}, "b": {"state": "Rejected", "reason": "no host"}}});
    assert_eq!(upstream(spaces), "Degraded (waiting) no host");
    let machine = json!({"printableStatus": "Stopped"});
    assert_eq!(of("kubevirt.io/v1 VirtualMachine", machine), "Suspended (ready) the machine is stopped");
    let collector = json!({"scale": {"statusReplicas": "1/3"}});
    assert_eq!(
        of("opentelemetry.io/v1beta1 OpenTelemetryCollector", collector),
        "Progressing (waiting) 1 of 3 replicas are ready"
    );
}

#[test]
fn an_operator_that_is_installed_needs_no_newer_one() {
    let subscription =
        |status: Value| line(&object("operators.coreos.com/v1alpha1 Subscription", json!({"status": status})));
    let approval = json!([condition("InstallPlanPending", "True", "RequiresApproval", "")]);
    assert_eq!(subscription(json!({"conditions": approval})), "Progressing (waiting) RequiresApproval");
    let installed = json!({"conditions": approval, "installedCSV": "cart.v1", "state": "UpgradePending"});
    assert_eq!(subscription(installed), "Healthy (ready) UpgradePending");
    let failed = json!([condition("ResolutionFailed", "True", "ConstraintsNotSatisfiable", "")]);
    assert_eq!(subscription(json!({"conditions": failed})), "Degraded (waiting) ConstraintsNotSatisfiable");
}

#[test]
fn a_rollout_follows_its_workload() {
    let rollout = |seen: &str| {
        let metadata = json!({"annotations": {"rollout.argoproj.io/workload-generation": "2"}});
        let status = json!({"phase": "Healthy", "workloadObservedGeneration": seen});
        line(&object("argoproj.io/v1alpha1 Rollout", json!({"metadata": metadata, "status": status})))
    };
    assert_eq!(rollout("2"), "Healthy (ready)");
    assert_eq!(rollout("1"), "Progressing (waiting) Waiting for rollout spec update to be observed");
}
