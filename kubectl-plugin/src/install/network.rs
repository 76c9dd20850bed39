//! How the controller is reached: by webhooks, probes and whoever reads metrics. It asks whatever Applications name.

use serde_json::{Value as Json, json};

use super::metadata;
use super::names::selector;
use super::workload::PORT;

/// The objects.
pub(super) fn objects(namespace: &str) -> Vec<Json> {
    vec![
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": metadata(namespace),
            "spec": {"selector": selector(), "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
        }),
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": metadata(namespace),
            "spec": {
                "podSelector": {"matchLabels": selector()},
                "policyTypes": ["Ingress", "Egress"],
                "ingress": [{"ports": [{"protocol": "TCP", "port": PORT}]}],
                "egress": [{}],
            },
        }),
    ]
}
