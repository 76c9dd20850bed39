//! Health of objects as servers return them, and of objects as nobody should write them.

mod builtin;
mod conventions;
mod custom;
mod pod;
mod workload;

use serde_json::{Value, json};

use super::*;

/// An object of this kind with these parts besides its name; `apiVersion` and `kind` are given as `apps/v1 Deployment`.
fn object(kind: &str, parts: Value) -> Value {
    let (version, kind) = kind.split_once(' ').expect("apiVersion and kind");
    let mut object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": "cart", "generation": 3}});
    let Value::Object(parts) = parts else { panic!("parts of an object: {parts}") };
    for (name, part) in parts {
        match part {
            Value::Object(fields) if name == "metadata" => {
                fields.into_iter().for_each(|(field, value)| object["metadata"][field] = value);
            }
            part => object[name] = part,
        }
    }
    object
}

/// Status, message and verdict of an object in one line, as a table of expectations reads best.
fn line(object: &Value) -> String {
    let health = assess(object);
    let verdict = match health.verdict() {
        Verdict::Ready => "ready",
        Verdict::Waiting => "waiting",
        Verdict::Failed => "failed",
    };
    format!("{} ({verdict}) {}", health.status, health.message).trim_end().to_owned()
}

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": message})
}

#[test]
fn the_worst_of_many_is_their_maximum() {
    use Status::{Degraded, Healthy, Missing, Progressing, Suspended, Unknown};
    let worse = [Healthy, Suspended, Progressing, Missing, Degraded, Unknown];
    assert!(worse.is_sorted_by(|left, right| left < right), "Argo CD's order");
    assert_eq!(
        worse.map(|status| status.to_string()).join(" "),
        "Healthy Suspended Progressing Missing Degraded Unknown"
    );
}

#[test]
fn health_is_written_as_argo_cd_writes_it() {
    let json = |health: &Health| serde_json::to_string(health).expect("JSON");
    assert_eq!(json(&Health::missing()), r#"{"status":"Missing"}"#);
    assert_eq!(json(&Health::failed("no")), r#"{"status":"Degraded","message":"no"}"#);
}

#[test]
fn what_is_being_deleted_is_not_ready_whatever_it_says() {
    let deleted = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": {"phase": "Succeeded"}});
    for kind in ["v1 Pod", "v1 ConfigMap", "example.com/v1 Database"] {
        assert_eq!(line(&object(kind, deleted.clone())), "Progressing (waiting) Pending deletion", "{kind}");
    }
}

#[test]
fn an_item_of_a_list_needs_its_kind_told() {
    let mut item = object("v1 PersistentVolumeClaim", json!({"status": {"phase": "Lost"}}));
    item.as_object_mut().expect("an object").retain(|field, _| field != "kind" && field != "apiVersion");
    assert_eq!(line(&item), "Unknown (waiting) the object has no kind");
    assert_eq!(assess_as("", "PersistentVolumeClaim", &item).status, Status::Degraded);
}

#[test]
fn only_kinds_with_something_to_wait_for_gate() {
    let gated = [
        ("", "Pod"),
        ("", "Service"),
        ("apps", "Deployment"),
        ("batch", "Job"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("apiregistration.k8s.io", "APIService"),
        ("serving.knative.dev", "Service"),
        ("gateway.networking.k8s.io", "Gateway"),
        ("argoproj.io", "Application"),
    ];
    for (group, kind) in gated {
        assert!(gates(group, kind), "{group}/{kind}");
    }
    let accepted = [
        ("", "ConfigMap"),
        ("", "Namespace"),
        ("", "PersistentVolumeClaim"),
        ("apps", "ControllerRevision"),
        ("autoscaling", "HorizontalPodAutoscaler"),
        ("batch", "CronJob"),
        ("networking.k8s.io", "Ingress"),
        ("policy", "PodDisruptionBudget"),
        ("rbac.authorization.k8s.io", "Role"),
    ];
    for (group, kind) in accepted {
        assert!(!gates(group, kind), "{group}/{kind}");
    }
}

#[test]
fn a_row_stands_once_and_in_order() {
    let keys: Vec<_> = RULES.iter().map(|rule| (rule.group, rule.kind)).collect();
    assert!(keys.is_sorted_by(|left, right| left < right), "{keys:?}");
}

#[test]
fn no_object_makes_it_panic() {
    let odd = [json!(null), json!(i64::MIN), json!(i64::MAX), json!(1e300), json!("x"), json!([[]]), json!({"": 0})];
    for value in &odd {
        assert_eq!(assess(value).status, Status::Unknown, "{value}");
        assert_eq!(pod_stuck(value, false), None);
        for rule in RULES {
            let fields = ["replicas", "readyReplicas", "updatedReplicas", "availableReplicas", "parents", "conditions"];
            let status: Value = fields.iter().map(|field| ((*field).to_owned(), value.clone())).collect();
            let statuses = json!([{"state": value, "lastState": {"terminated": value}}, value]);
            let version = if rule.group.is_empty() { "v1".to_owned() } else { format!("{}/v1", rule.group) };
            let mut object = object(&format!("{version} {}", rule.kind), json!({"spec": {"replicas": value}}));
            object["status"] = status;
            object["status"]["containerStatuses"] = statuses;
            for (path, field) in [("metadata", "generation"), ("metadata", "annotations"), ("spec", "completions")] {
                object[path][field] = value.clone();
            }
            let health = assess(&object);
            assert!(health.message.chars().count() <= 300, "{health:?}");
        }
    }
}
