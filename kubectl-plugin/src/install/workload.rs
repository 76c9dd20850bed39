//! What runs: a Deployment, and where there are several a budget for disruptions.

use serde_json::{Value as Json, json};

use super::names::{NAME, labels, selector};
use super::{Installation, metadata};

/// The port of webhooks, probes and metrics.
pub(super) const PORT: u16 = 8080;

/// A user that no file belongs to. The sandbox gives up rights, it needs none: Landlock is for everybody.
const USER: u32 = 65532;

/// Where the store is, and the mirrors of repositories. All of it can be fetched and made again.
const STATE: &str = "/var/lib/kubectl-gitops";

/// The objects.
pub(super) fn objects(installation: &Installation) -> Vec<Json> {
    let Installation { namespace, replicas, .. } = installation;
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": metadata(namespace),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": selector()},
            "template": {"metadata": {"labels": pod_labels()}, "spec": pod(installation)},
        },
    });
    let budget = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": metadata(namespace),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": selector()}},
    });
    if *replicas > 1 { vec![deployment, budget] } else { vec![deployment] }
}

fn pod_labels() -> Json {
    let mut all = labels();
    all.extend(selector());
    json!(all)
}

fn pod(installation: &Installation) -> Json {
    json!({
        "serviceAccountName": NAME,
        "securityContext": {
            "runAsNonRoot": true, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [{
            "name": "controller",
            "image": installation.image.to_string(),
            "args": [
                "controller", "--namespace", "$(POD_NAMESPACE)", "--listen", format!("0.0.0.0:{PORT}"), "--sharding",
                "--log-format", "json",
            ],
            "env": [
                {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
                {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "HOME", "value": STATE},
            ],
            "ports": [{"name": "http", "containerPort": PORT}],
            "livenessProbe": probe("/healthz", 30),
            "readinessProbe": probe("/readyz", 5),
            "resources": {
                "requests": {"cpu": "100m", "memory": "128Mi"},
                // Renders are programs of their own, each as large as its charts.
                "limits": {"memory": "2Gi"},
            },
            "securityContext": {
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]},
            },
            "volumeMounts": [{"name": "state", "mountPath": STATE}, {"name": "tmp", "mountPath": "/tmp"}],
        }],
        "volumes": [{"name": "state", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}],
    })
}

fn probe(path: &str, seconds: u32) -> Json {
    json!({"httpGet": {"path": path, "port": "http"}, "periodSeconds": seconds, "timeoutSeconds": 5})
}
