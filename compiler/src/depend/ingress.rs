//! What traffic goes through: an Ingress waits for the Services behind it, its certificates and its class; the
//! endpoints of a Service for the Service.

use crate::canon::Value;
use crate::manifest::Manifest;

use super::reference::{self, Reference, Target};
use super::{Index, Rule, Sink, State, Strength};

pub(super) const BACKEND: Rule = Rule { name: "ingress-backend", version: 1, reason: "it sends requests there" };
pub(super) const CERTIFICATE: Rule =
    Rule { name: "ingress-certificate", version: 1, reason: "it serves that certificate" };
pub(super) const CLASS: Rule = Rule { name: "ingress-class", version: 1, reason: "that class handles it" };
pub(super) const ENDPOINTS: Rule =
    Rule { name: "endpoints", version: 1, reason: "it says where the requests to it go" };

const NETWORKING: &str = "networking.k8s.io";
/// The group that Ingress had before, with the fields that it had then.
const EXTENSIONS: &str = "extensions";
const INGRESS: &[&str] = &["Ingress"];
const SERVICE: Target = Target::Beside("", "Service");
const SECRET: Target = Target::Beside("", "Secret");
/// The reference says what it is to.
const ANYTHING: Target = Target::Object("", "");
const INGRESS_CLASS: Target = Target::Cluster(NETWORKING, "IngressClass");

const REFERENCES: &[Reference] = &[
    Reference::soft(NETWORKING, INGRESS, "spec.ingressClassName", INGRESS_CLASS, CLASS),
    Reference::soft(NETWORKING, INGRESS, "spec.defaultBackend.service.name", SERVICE, BACKEND),
    Reference::soft(NETWORKING, INGRESS, "spec.rules[*].http.paths[*].backend.service.name", SERVICE, BACKEND),
    Reference::soft(NETWORKING, INGRESS, "spec.defaultBackend.resource", ANYTHING, BACKEND),
    Reference::soft(NETWORKING, INGRESS, "spec.rules[*].http.paths[*].backend.resource", ANYTHING, BACKEND),
    Reference::soft(NETWORKING, INGRESS, "spec.tls[*].secretName", SECRET, CERTIFICATE),
    // networking.k8s.io/v1beta1
    Reference::soft(NETWORKING, INGRESS, "spec.backend.serviceName", SERVICE, BACKEND),
    Reference::soft(NETWORKING, INGRESS, "spec.rules[*].http.paths[*].backend.serviceName", SERVICE, BACKEND),
    Reference::soft(EXTENSIONS, INGRESS, "spec.ingressClassName", INGRESS_CLASS, CLASS),
    Reference::soft(EXTENSIONS, INGRESS, "spec.backend.serviceName", SERVICE, BACKEND),
    Reference::soft(EXTENSIONS, INGRESS, "spec.rules[*].http.paths[*].backend.serviceName", SERVICE, BACKEND),
    Reference::soft(EXTENSIONS, INGRESS, "spec.tls[*].secretName", SECRET, CERTIFICATE),
    Reference::soft("", &["Endpoints"], "metadata.name", SERVICE, ENDPOINTS),
];

/// The label by which an EndpointSlice belongs to its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

pub(super) fn infer(manifest: &Manifest, index: &Index<'_>, sink: &mut Sink<'_>) {
    reference::infer(REFERENCES, manifest, index, sink);
    let key = &manifest.key;
    if key.is("discovery.k8s.io", "EndpointSlice")
        && let Some(service) = manifest.body.at(&["metadata", "labels", SERVICE_NAME]).and_then(Value::as_str)
    {
        let to = index.beside(&key.scope, "", "Service", service);
        sink.add_at(to, State::Present, Strength::Soft, ENDPOINTS, || format!("metadata.labels[{SERVICE_NAME}]"));
    }
}
