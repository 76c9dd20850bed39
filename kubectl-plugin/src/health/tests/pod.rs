//! Pods, and why they do not start.

use super::*;

fn waiting(reason: &str, message: &str) -> Value {
    let state = json!({"waiting": {"reason": reason, "message": message}});
    json!({"name": "main", "image": "docker.io/library/cart@sha256:00", "state": state})
}

/// A Pod of one container.
fn pod(policy: &str, phase: &str, container: &Value) -> Value {
    let spec = json!({"restartPolicy": policy, "containers": [{"name": "main", "image": "cart:1.8.0-rc"}]});
    object("v1 Pod", json!({"spec": spec, "status": {"phase": phase, "containerStatuses": [container]}}))
}

#[test]
fn a_clause_names_the_image_once() {
    let failure = |reason, message| pod_stuck(&pod("Always", "Pending", &waiting(reason, message)), false);
    let text = "ImagePullBackOff: Back-off pulling image \"cart:1.8.0-rc\"";
    assert_eq!(failure("ImagePullBackOff", "Back-off pulling image \"cart:1.8.0-rc\"").as_deref(), Some(text));
    let text = "CreateContainerConfigError: image \"cart:1.8.0-rc\": configmap \"cart\" not found";
    assert_eq!(failure("CreateContainerConfigError", "configmap \"cart\" not found").as_deref(), Some(text));
    assert_eq!(failure("InvalidImageName", "").as_deref(), Some("InvalidImageName: image \"cart:1.8.0-rc\""));
    assert_eq!(failure("ContainerCreating", ""), None);
    assert_eq!(failure("ErrImagePull", "rpc error"), None, "a first attempt may fail");
}

#[test]
fn a_crash_loop_tells_how_the_last_run_ended() {
    let mut container = waiting("CrashLoopBackOff", "back-off 10s restarting failed container");
    container["lastState"] = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
    let text = "CrashLoopBackOff: image \"cart:1.8.0-rc\": back-off 10s restarting failed container: \
        container \"main\" was killed: out of memory";
    let pod = pod("Always", "Running", &container);
    assert_eq!(pod_stuck(&pod, false).as_deref(), Some(text));
    assert_eq!(pod_stuck(&pod, true), None, "a Job counts its tries");
}

#[test]
fn an_init_container_that_is_stuck_is_named_first() {
    let mut pod = pod("Always", "Pending", &waiting("PodInitializing", ""));
    pod["status"]["initContainerStatuses"] = json!([waiting("ErrImageNeverPull", "")]);
    pod["status"]["initContainerStatuses"][0]["name"] = json!("setup");
    let text = "ErrImageNeverPull: image \"docker.io/library/cart@sha256:00\"";
    assert_eq!(
        pod_stuck(&pod, false).as_deref(),
        Some(text),
        "the status is asked where the spec has no such container"
    );
    assert_eq!(assess(&pod).status, Status::Degraded);
}

#[test]
fn a_failed_pod_tells_why_and_its_controller_goes_on_without_it() {
    let mut evicted = pod("Always", "Failed", &json!({}));
    evicted["status"]["reason"] = json!("Evicted");
    evicted["status"]["message"] = json!("The node was low on resource: memory.");
    let text = "Evicted: The node was low on resource: memory.";
    assert_eq!(pod_stuck(&evicted, false), None);
    assert_eq!(line(&evicted), format!("Degraded (failed) {text}"));
    let crashed = pod("Never", "Failed", &json!({"name": "main", "state": {"terminated": {"exitCode": 2}}}));
    assert_eq!(pod_stuck(&crashed, true), None);
    assert_eq!(line(&crashed), "Degraded (failed) container \"main\" failed with exit code 2");
    assert_eq!(line(&pod("Never", "Failed", &json!({}))), "Degraded (failed) the Pod failed");
}

#[test]
fn a_pod_that_is_being_deleted_is_no_news() {
    let mut pod = pod("Always", "Pending", &waiting("ImagePullBackOff", ""));
    pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    assert_eq!(pod_stuck(&pod, false), None);
}

#[test]
fn hostile_text_is_made_harmless_and_short() {
    let message = format!("\u{1b}[2J\u{202e}evil\n{}", "x".repeat(5000));
    let text = pod_stuck(&pod("Always", "Pending", &waiting("ImagePullBackOff", &message)), false).expect("a failure");
    assert!(text.starts_with("ImagePullBackOff: image \"cart:1.8.0-rc\": [2Jevil xxx"), "{text}");
    assert_eq!(text.chars().count(), 300);
}

#[test]
fn a_pod_that_serves_is_healthy_when_ready() {
    let running = |ready: &str, last: Value| {
        let mut pod = pod("Always", "Running", &json!({"name": "main", "lastState": last, "state": {"running": {}}}));
        pod["status"]["conditions"] = json!([condition("Ready", ready, "ContainersNotReady", "main is not ready")]);
        pod
    };
    assert_eq!(line(&running("True", json!({}))), "Healthy (ready)");
    let text = "Progressing (waiting) ContainersNotReady: main is not ready";
    assert_eq!(line(&running("False", json!({}))), text);
    let crashed = json!({"terminated": {"exitCode": 1}});
    let text = "Degraded (waiting) container \"main\" failed with exit code 1";
    assert_eq!(line(&running("False", crashed.clone())), text, "the next start may succeed");
    assert_eq!(line(&running("True", crashed)), "Healthy (ready)", "it recovered");
    let mut resized = running("True", json!({}));
    resized["status"]["observedGeneration"] = json!(2);
    assert!(line(&resized).starts_with("Progressing"), "the kubelet has not seen the change");
}

#[test]
fn a_pod_that_ends_is_healthy_when_it_has_succeeded() {
    let mut ready = pod("Never", "Running", &json!({}));
    ready["status"]["conditions"] = json!([condition("Ready", "True", "", "")]);
    assert_eq!(line(&ready), "Progressing (waiting) it has not ended");
    ready["metadata"]["annotations"] = json!({"argocd.argoproj.io/ignore-restart-policy": "true"});
    assert_eq!(line(&ready), "Healthy (ready)");
    assert_eq!(line(&pod("Never", "Succeeded", &json!({}))), "Healthy (ready)");
    let slow = line(&pod("OnFailure", "Pending", &waiting("ImagePullBackOff", "")));
    assert!(slow.starts_with("Progressing (waiting) ImagePullBackOff"), "{slow}");
}

#[test]
fn a_pod_that_cannot_be_scheduled_may_yet_be() {
    let mut pod = pod("Always", "Pending", &json!({}));
    pod["status"]["conditions"] =
        json!([condition("PodScheduled", "False", "Unschedulable", "0/3 nodes are available")]);
    assert_eq!(line(&pod), "Progressing (waiting) Unschedulable: 0/3 nodes are available");
}
