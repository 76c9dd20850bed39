//! Policies of the API server: a binding waits for its policy and its parameters, a policy for the kind of its
//! parameters, a flow schema for its priority level.
//!
//! Policy and parameters are hard: the server looks at the policy to decide whether one may bind it, and a binding
//! without its parameters refuses whatever it matches.

use crate::canon::Value;
use crate::manifest::Manifest;
use crate::name::group_of;

use super::reference::{self, Reference, Target};
use super::{Index, Rule, Sink, State, Strength};

const GROUP: &str = "admissionregistration.k8s.io";

pub(super) const POLICY: Rule = Rule { name: "policy-binding", version: 1, reason: "it binds that policy" };
pub(super) const PARAMETER: Rule =
    Rule { name: "policy-parameter", version: 1, reason: "the policy reads its parameters there" };
pub(super) const PARAMETER_KIND: Rule =
    Rule { name: "policy-parameter-kind", version: 1, reason: "that defines the kind of its parameters" };
pub(super) const PRIORITY_LEVEL: Rule =
    Rule { name: "priority-level", version: 1, reason: "its requests are of that level" };

const REFERENCES: &[Reference] = &[
    Reference::hard(
        GROUP,
        &["ValidatingAdmissionPolicyBinding"],
        "spec.policyName",
        Target::Cluster(GROUP, "ValidatingAdmissionPolicy"),
        POLICY,
    ),
    Reference::hard(
        GROUP,
        &["MutatingAdmissionPolicyBinding"],
        "spec.policyName",
        Target::Cluster(GROUP, "MutatingAdmissionPolicy"),
        POLICY,
    ),
    Reference::soft(
        "flowcontrol.apiserver.k8s.io",
        &["FlowSchema"],
        "spec.priorityLevelConfiguration.name",
        Target::Cluster("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
        PRIORITY_LEVEL,
    ),
];

pub(super) fn infer(manifest: &Manifest, index: &Index<'_>, manifests: &[Manifest], sink: &mut Sink<'_>) {
    reference::infer(REFERENCES, manifest, index, sink);
    let key = &manifest.key;
    if key.group != GROUP {
        return;
    }
    match key.kind.as_str() {
        "ValidatingAdmissionPolicy" | "MutatingAdmissionPolicy" => {
            let to = param_kind(manifest).and_then(|(group, kind)| index.definition(group, kind));
            sink.add(to, State::Present, Strength::Soft, PARAMETER_KIND, "spec.paramKind");
        }
        "ValidatingAdmissionPolicyBinding" | "MutatingAdmissionPolicyBinding" => {
            let text = |path: &[&str]| manifest.body.at(path).and_then(Value::as_str);
            let policy = text(&["spec", "policyName"])
                .and_then(|name| index.cluster(GROUP, key.kind.trim_end_matches("Binding"), name));
            let Some((group, kind)) = policy.and_then(|policy| param_kind(&manifests[policy])) else { return };
            let Some(name) = text(&["spec", "paramRef", "name"]) else { return };
            let to = match (index.namespaced(group, kind), text(&["spec", "paramRef", "namespace"])) {
                (Some(false), _) => index.cluster(group, kind, name),
                (_, Some(namespace)) => index.inside(Some(namespace), &key.scope, group, kind, name),
                // Then the parameters are in the namespace of each object that is judged.
                (_, None) => None,
            };
            sink.add(to, State::Present, Strength::Hard, PARAMETER, "spec.paramRef");
        }
        _ => {}
    }
}

/// Group and kind of a policy's parameters.
fn param_kind(policy: &Manifest) -> Option<(&str, &str)> {
    let kind = policy.body.at(&["spec", "paramKind"])?;
    let text = |field: &str| kind.get(field).and_then(Value::as_str);
    Some((group_of(text("apiVersion")?), text("kind")?))
}
