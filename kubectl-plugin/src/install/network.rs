//! How the controller is reached: by webhooks, probes, whoever reads metrics, and whoever asks the API, where there is one: then
//! all of that is over TLS. It asks whatever Applications name.

use serde_json::{Value as Json, json};

use super::metadata;
use super::names::selector;
use super::workload::PORT;

/// The objects.
pub(super) fn objects(namespace: &str, has_api: bool) -> Vec<Json> {
    let (name, port) = if has_api { ("https", 443) } else { ("http", 80) };
    vec![
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": metadata(namespace),
            "spec": {"selector": selector(), "ports": [{"name": name, "port": port, "targetPort": "http"}]},
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
