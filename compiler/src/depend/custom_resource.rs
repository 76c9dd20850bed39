//! A custom resource waits until its CRD is established.

use crate::manifest::Manifest;

use super::{Index, Rule, Sink, State, Strength};

pub(super) const RULE: Rule = Rule { name: "custom-resource", version: 1, reason: "that defines its kind" };

pub(super) fn infer(manifest: &Manifest, index: &Index<'_>, sink: &mut Sink<'_>) {
    let to = index.definition(&manifest.key.group, &manifest.key.kind);
    sink.add(to, State::Ready, Strength::Hard, RULE, "kind");
}
