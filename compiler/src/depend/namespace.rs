//! An object waits for its Namespace, and for the owners that it names.
//!
//! An owner must be there first: without its uid the reference is refused, and the garbage collector deletes objects
//! whose owners are gone.

use crate::canon::Value;
use crate::manifest::Manifest;
use crate::name::group_of;

use super::reference::visit;
use super::{Index, Rule, Sink, State, Strength};

/// That it waits for its Namespace.
pub const RULE: Rule = Rule { name: "namespace", version: 1, reason: "it lives there" };
pub(super) const OWNER: Rule = Rule { name: "owner", version: 1, reason: "that owns it" };

pub(super) fn infer(manifest: &Manifest, index: &Index<'_>, sink: &mut Sink<'_>) {
    let scope = &manifest.key.scope;
    if let Some(namespace) = scope.namespace() {
        let to = index.cluster("", "Namespace", namespace);
        sink.add(to, State::Present, Strength::Hard, RULE, "metadata.namespace");
    }
    visit(&manifest.body, "metadata.ownerReferences[*]", &mut |owner, trail| {
        let text = |field: &str| owner.get(field).and_then(Value::as_str).unwrap_or_default();
        let (group, kind, name) = (group_of(text("apiVersion")), text("kind"), text("name"));
        let to = match index.namespaced(group, kind) {
            Some(false) => index.cluster(group, kind, name),
            _ => index.beside(scope, group, kind, name),
        };
        sink.add_at(to, State::Present, Strength::Hard, OWNER, || trail.to_string());
    });
}
