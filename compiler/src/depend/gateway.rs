//! Gateway API: a Gateway waits for its class and its certificates, a route for its Gateway and the Services behind
//! it, and both for the ReferenceGrant that lets them refer to another namespace.

use crate::canon::Value;
use crate::manifest::Manifest;

use super::reference::{self, Reference, Target, visit};
use super::{Index, Rule, Sink, State, Strength};

const GROUP: &str = "gateway.networking.k8s.io";
const GATEWAY: &[&str] = &["Gateway"];
const ROUTES: &[&str] = &["GRPCRoute", "HTTPRoute", "TCPRoute", "TLSRoute", "UDPRoute"];
const CERTIFICATES: &str = "spec.listeners[*].tls.certificateRefs[*]";
const BACKENDS: &str = "spec.rules[*].backendRefs[*]";
const MIRROR: &str = "spec.rules[*].filters[*].requestMirror.backendRef";

pub(super) const CLASS: Rule = Rule { name: "gateway-class", version: 1, reason: "that class handles it" };
pub(super) const CERTIFICATE: Rule =
    Rule { name: "gateway-certificate", version: 1, reason: "it serves that certificate" };
pub(super) const PARENT: Rule = Rule { name: "route-parent", version: 1, reason: "its requests come from there" };
pub(super) const BACKEND: Rule = Rule { name: "route-backend", version: 1, reason: "it sends requests there" };
pub(super) const GRANT: Rule =
    Rule { name: "reference-grant", version: 1, reason: "that lets it refer to the other namespace" };

const REFERENCES: &[Reference] = &[
    Reference::soft(GROUP, GATEWAY, "spec.gatewayClassName", Target::Cluster(GROUP, "GatewayClass"), CLASS),
    Reference::soft(GROUP, GATEWAY, CERTIFICATES, Target::Object("", "Secret"), CERTIFICATE),
    Reference::soft(GROUP, ROUTES, "spec.parentRefs[*]", Target::Object(GROUP, "Gateway"), PARENT),
    Reference::soft(GROUP, ROUTES, BACKENDS, Target::Object("", "Service"), BACKEND),
    Reference::soft(GROUP, ROUTES, MIRROR, Target::Object("", "Service"), BACKEND),
];

pub(super) fn infer(manifest: &Manifest, index: &Index<'_>, sink: &mut Sink<'_>) {
    let key = &manifest.key;
    if key.group != GROUP {
        return;
    }
    reference::infer(REFERENCES, manifest, index, sink);
    let (paths, default_kind): (&[&str], &str) = match key.kind.as_str() {
        "Gateway" => (&[CERTIFICATES], "Secret"),
        kind if ROUTES.contains(&kind) => (&[BACKENDS, MIRROR], "Service"),
        _ => return,
    };
    let Some(own) = key.scope.namespace() else { return };
    for path in paths {
        visit(&manifest.body, path, &mut |reference, trail| {
            let text = |field: &str| reference.get(field).and_then(Value::as_str);
            let Some(namespace) = text("namespace").filter(|namespace| *namespace != own) else { return };
            let (group, kind) = (text("group").unwrap_or_default(), text("kind").unwrap_or(default_kind));
            let to = [group, kind, text("name").unwrap_or_default()];
            for grant in index.grants(namespace, [GROUP, &key.kind, own], to) {
                sink.add_at(Some(grant), State::Present, Strength::Soft, GRANT, || trail.to_string());
            }
        });
    }
}
