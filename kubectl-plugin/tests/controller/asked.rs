//! What people ask of a controller: a sync, a comparison, an end.

use std::time::Duration;

use serde_json::json;

use crate::support::{config_map, deployment};
use crate::world::Ground;

#[test]
fn without_a_policy_it_waits_to_be_asked() {
    let mut ground = Ground::new("ctl-ask");
    ground.start_with(&["--polling", "0"]);
    ground.create(&ground.application(&json!({})));
    ground.until("OutOfSync", |ground| ground.status()["sync"]["status"] == "OutOfSync");
    assert_eq!(ground.status()["health"]["status"], "Missing");
    ground.stays("nothing is applied", Duration::from_secs(2), |ground| ground.value("a").is_none());
    ground.patch(&json!({"operation": {"initiatedBy": {"username": "anna"}, "sync": {"prune": true}}}));
    ground.until("it is done", |ground| ground.status()["operationState"]["phase"] == "Succeeded");
    assert_eq!(ground.value("a").as_deref(), Some("1"));
    assert_eq!(ground.app()["operation"], serde_json::Value::Null, "it is taken away");
    assert_eq!(ground.status()["history"][0]["initiatedBy"]["username"], "anna");

    // Nobody asks Git by himself, until somebody says so.
    let commit = ground.commit("deploy/a.yaml", &config_map("a", "2"));
    ground
        .stays("it is not looked for", Duration::from_secs(2), |ground| ground.status()["sync"]["revision"] != commit);
    ground.patch(&json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}}));
    ground.until("it is seen", |ground| ground.status()["sync"]["revision"] == commit);
    assert_eq!(ground.app()["metadata"]["annotations"]["argocd.argoproj.io/refresh"], serde_json::Value::Null);
    assert_eq!(ground.value("a").as_deref(), Some("1"));
}

#[test]
fn what_it_applied_goes_with_it_where_its_finalizer_says_so() {
    let mut ground = Ground::new("ctl-end");
    ground.start();
    let mut application = ground.application(&json!({"automated": {}}));
    application["metadata"]["finalizers"] = json!(["resources-finalizer.argocd.argoproj.io"]);
    ground.create(&application);
    ground.until("the first sync", |ground| ground.value("a").is_some());
    let name = ground.world.name.clone();
    ground.world.kubectl(&["delete", "applications.argoproj.io", &name, "-n", &name, "--timeout=60s"]);
    assert_eq!(ground.value("a"), None);
    ground.automated();
    ground.until("a new one begins anew", |ground| ground.value("a").is_some());
    ground.world.kubectl(&["delete", "applications.argoproj.io", &name, "-n", &name, "--timeout=60s"]);
    ground.stays("without a finalizer it stays", Duration::from_secs(2), |ground| ground.value("a").is_some());
}

#[test]
fn what_cannot_be_is_told() {
    let mut ground = Ground::new("ctl-wrong");
    ground.start();
    let mut application = ground.application(&json!({}));
    application["spec"]["destination"] = json!({"server": "https://elsewhere.example.com", "namespace": "x"});
    ground.create(&application);
    ground.until("it is told", |ground| {
        ground.condition("InvalidSpecError").is_some_and(|message| message.contains("elsewhere.example.com"))
    });
    let here = json!({"server": "https://kubernetes.default.svc", "namespace": ground.world.name});
    ground.patch(&json!({"spec": {"destination": here, "source": {"targetRevision": "nowhere"}}}));
    ground.until("the branch is told", |ground| {
        ground.condition("ComparisonError").is_some_and(|message| message.contains("nowhere"))
    });
    assert_eq!(ground.condition("InvalidSpecError"), None);
}

#[test]
fn one_that_argo_cd_is_at_is_left_alone() {
    let mut ground = Ground::new("ctl-argo");
    ground.create(&ground.application(&json!({"automated": {}})));
    let name = ground.world.name.clone();
    let patch = json!({"status": {"reconciledAt": "2026-01-01T00:00:00Z"}}).to_string();
    ground.world.kubectl(&[
        "patch",
        "applications.argoproj.io",
        &name,
        "-n",
        &name,
        "--type=merge",
        "-p",
        &patch,
        "--field-manager=argocd-application-controller",
    ]);
    ground.start();
    ground.until("it is told", |ground| ground.condition("OtherControllerWarning").is_some());
    ground.stays("nothing is applied", Duration::from_secs(2), |ground| ground.value("a").is_none());
    ground.patch(&json!({"metadata": {"annotations": {"kubectl-gitops/manage": "true"}}}));
    ground.until("it is moved here", |ground| ground.value("a").is_some());
    ground.until("the warning goes", |ground| ground.condition("OtherControllerWarning").is_none());
}

#[test]
fn one_that_was_killed_goes_on() {
    let mut ground = Ground::new("ctl-kill");
    ground.start();
    ground.automated();
    ground.until("the first sync", |ground| ground.value("a").is_some());
    ground.kill();
    let commit = ground.commit("deploy/a.yaml", &config_map("a", "2"));
    ground.start();
    ground.until_synced(&commit);
    assert_eq!(ground.value("a").as_deref(), Some("2"));
}

#[test]
fn a_sync_that_runs_is_ended_when_somebody_says_so() {
    let mut ground = Ground::new("ctl-stop");
    let slow = deployment("slow", "registry.invalid/slow", "a", ", testdata.kubectl-gitops/fail: readiness");
    let name = ground.world.name.clone();
    let waits = format!("config.kubernetes.io/depends-on: apps/namespaces/{name}/Deployment/slow");
    let waits =
        config_map("waits", "1").replace("  name: waits\n", &format!("  name: waits\n  annotations: {{{waits}}}\n"));
    ground.commit("deploy/slow.yaml", &format!("{slow}---\n{waits}"));
    ground.start();
    ground.automated();
    ground.until("it runs", |ground| ground.status()["operationState"]["phase"] == "Running");
    let ended = ground.world.run(&["app", "terminate", &name, "-n", &name]);
    assert_eq!(ended.code, 0, "{}", ended.told());
    ground.until("it is over", |ground| {
        let state = ground.status()["operationState"].clone();
        state["phase"] == "Failed" && state["message"] == "Operation terminated"
    });
    ground.stays("nobody begins it again", Duration::from_secs(4), |ground| {
        ground.status()["operationState"]["phase"] == "Failed"
    });
    ground.world.remove("deploy/slow.yaml");
    let commit = ground.push();
    ground.until_synced(&commit);
}

/// A hook after everything else, which takes some seconds.
fn slow_hook() -> String {
    "apiVersion: batch/v1
kind: Job
metadata:
  name: after
  annotations: {argocd.argoproj.io/hook: PostSync}
spec:
  template:
    metadata: {labels: {testdata.kubectl-gitops/start: slow}}
    spec: {restartPolicy: Never, containers: [{name: main, image: registry.invalid/after}]}
"
    .to_owned()
}

#[test]
fn what_somebody_asks_for_is_done_once_however_long_it_takes() {
    let mut ground = Ground::new("ctl-once");
    ground.commit("deploy/after.yaml", &slow_hook());
    ground.start_with(&["--polling", "0"]);
    ground.create(&ground.application(&json!({})));
    let name = ground.world.name.clone();
    let ended = ground.world.run(&["sync", &name, "-n", &name]);
    assert_eq!(ended.code, 0, "{}\n{:#}\n{}", ended.told(), ground.status(), ground.said());
    let operations = |ground: &Ground| {
        let events = ground.world.kubectl(&["get", "events", "-n", &name, "-o", "jsonpath={.items[*].reason}"]);
        events.split_whitespace().filter(|reason| *reason == "OperationCompleted").count()
    };
    ground.until("it is told", |ground| operations(ground) == 1);
    ground.stays("it is not done again", Duration::from_secs(8), |ground| operations(ground) == 1);
    assert_eq!(ground.status()["history"].as_array().map(Vec::len), Some(1));
    assert_eq!(ground.app()["operation"], serde_json::Value::Null);
    // The same may be asked again. While it runs, nothing is told of when the one before was over.
    ground.patch(&json!({"operation": {"initiatedBy": {"username": "anna"}, "sync": {}}}));
    ground.until("it runs", |ground| ground.status()["operationState"]["phase"] == "Running");
    assert_eq!(ground.status()["operationState"]["finishedAt"], serde_json::Value::Null);
    ground.until("it is over", |ground| operations(ground) == 2 && ground.app()["operation"].is_null());
    let ended = ground.world.run(&["sync", &name, "-n", &name]);
    assert_eq!(ended.code, 0, "{}", ended.told());
    ground.until("it is done again", |ground| operations(ground) == 3);
}

#[test]
fn some_resources_are_synced_and_all_others_are_left() {
    let mut ground = Ground::new("ctl-part");
    let name = ground.world.name.clone();
    ground.commit("deploy/b.yaml", &config_map("b", "1"));
    ground.commit("deploy/c.yaml", &config_map("c", "1"));
    ground.start_with(&["--polling", "0"]);
    ground.create(&ground.application(&json!({})));
    let sync = |ground: &Ground, more: &[&str]| ground.world.run(&[&["sync", &name, "-n", &name], more].concat());
    assert_eq!(sync(&ground, &[]).code, 0);
    ground.commit("deploy/a.yaml", &config_map("a", "2"));
    ground.commit("deploy/b.yaml", &config_map("b", "2"));
    ground.world.remove("deploy/c.yaml");
    ground.push();
    ground.world.run(&["app", "refresh", &name, "-n", &name]);
    ground.world.kubectl(&["delete", "configmap", "c", "-n", &name]);
    let ended = sync(&ground, &["--prune", "--resource", ":ConfigMap:a"]);
    assert_eq!(ended.code, 0, "{}", ended.told());
    assert_eq!((ground.value("a").as_deref(), ground.value("b").as_deref()), (Some("2"), Some("1")));
    assert_eq!(ground.value("c"), None, "what was not meant is neither made nor pruned");
    ground.until("the rest is told", |ground| ground.status()["sync"]["status"] == "OutOfSync");
    assert_eq!(ground.status()["history"].as_array().map(Vec::len), Some(1), "it is no release of a commit");
    let history = ground.world.run(&["history", &name, "--record-namespace", &name]);
    assert!(history.stdout.contains("live, partial"), "{}", history.told());
    let ended = sync(&ground, &["--resource", ":ConfigMap:nobody"]);
    assert!(ended.code == 4 && ended.stderr.contains("there is no :ConfigMap:nobody"), "{}", ended.told());

    // The rest is delivered by itself where that is the policy.
    ground.patch(&json!({"spec": {"syncPolicy": {"automated": {"prune": true}}}}));
    ground.until("the rest is there", |ground| ground.value("b").as_deref() == Some("2"));
    ground.until("Synced", |ground| ground.status()["sync"]["status"] == "Synced");
}
