//! An Ingress waits for the Services behind it, its certificates and its class.

use crate::canon::Value;
use crate::manifest::Manifest;

use super::{Index, Rule, Sink, State, Strength};

pub(super) const BACKEND: Rule = Rule { name: "ingress-backend", version: 1, reason: "it sends requests there" };
pub(super) const CERTIFICATE: Rule =
    Rule { name: "ingress-certificate", version: 1, reason: "it serves that certificate" };
pub(super) const CLASS: Rule = Rule { name: "ingress-class", version: 1, reason: "that class handles it" };

pub(super) fn infer(manifest: &Manifest, index: &Index<'_>, sink: &mut Sink<'_>) {
    let key = &manifest.key;
    if key.kind != "Ingress" || !matches!(key.group.as_str(), "networking.k8s.io" | "extensions") {
        return;
    }
    let Some(spec) = manifest.body.get("spec") else { return };
    let mut beside = |kind: &str, name: Option<&Value>, rule: Rule, field: String| {
        if let Some(name) = name.and_then(Value::as_str) {
            sink.add(index.beside(&key.scope, "", kind, name), State::Present, Strength::Soft, rule, field);
        }
    };
    for (field, backend) in [("spec.defaultBackend", spec.get("defaultBackend")), ("spec.backend", spec.get("backend"))]
    {
        beside("Service", backend.and_then(service_name), BACKEND, field.to_owned());
    }
    for rule in spec.get("rules").map(Value::items).unwrap_or_default() {
        for path in rule.at(&["http", "paths"]).map(Value::items).unwrap_or_default() {
            let place = path.get("path").and_then(Value::as_str).unwrap_or("/");
            beside("Service", path.get("backend").and_then(service_name), BACKEND, format!("spec.rules[{place}]"));
        }
    }
    for tls in spec.get("tls").map(Value::items).unwrap_or_default() {
        beside("Secret", tls.get("secretName"), CERTIFICATE, "spec.tls".to_owned());
    }
    if let Some(class) = spec.get("ingressClassName").and_then(Value::as_str) {
        let to = index.cluster("networking.k8s.io", "IngressClass", class);
        sink.add(to, State::Present, Strength::Soft, CLASS, "spec.ingressClassName");
    }
}

/// `service.name` since networking.k8s.io/v1, `serviceName` before.
fn service_name(backend: &Value) -> Option<&Value> {
    backend.at(&["service", "name"]).or_else(|| backend.get("serviceName"))
}
