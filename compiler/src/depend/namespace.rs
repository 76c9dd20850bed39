//! An object waits for its Namespace.

use crate::manifest::Manifest;

use super::{Index, Rule, Sink, State, Strength};

pub(super) const RULE: Rule = Rule { name: "namespace", version: 1, reason: "it lives there" };

pub(super) fn infer(manifest: &Manifest, index: &Index<'_>, sink: &mut Sink<'_>) {
    if let Some(namespace) = manifest.key.scope.namespace() {
        let to = index.cluster("", "Namespace", namespace);
        sink.add(to, State::Present, Strength::Hard, RULE, "metadata.namespace");
    }
}
