//! What makes pods waits for the quotas, limits and network policies of its namespace, so that its first pods are
//! bound by them also.
//!
//! One barrier a namespace: n workloads and m policies make n + m edges.

use std::collections::BTreeMap;

use crate::manifest::{Manifest, pod_spec_path};
use crate::name::Scope;

use super::edges::Edges;
use super::{Barrier, Edge, Node, Rule, State, Strength};

pub(super) const BEHIND: Rule = Rule { name: "namespace-policies", version: 1, reason: "they bind its pods" };
pub(super) const POLICY: Rule = Rule { name: "namespace-policy", version: 1, reason: "that is one of them" };

pub(super) fn infer(manifests: &[Manifest], edges: &mut Edges) {
    let mut namespaces: BTreeMap<&Scope, [Vec<Node>; 2]> = BTreeMap::new();
    for (node, manifest) in manifests.iter().enumerate() {
        let side = if is_policy(manifest) {
            0
        } else if pod_spec_path(&manifest.key).is_some() {
            1
        } else {
            continue;
        };
        namespaces.entry(&manifest.key.scope).or_default()[side].push(node);
    }
    for (scope, [policies, workloads]) in namespaces {
        if policies.is_empty() || workloads.is_empty() {
            continue;
        }
        let barrier = edges.barrier(Barrier::Policies(scope.clone()));
        let mut add = |from, to, strength, rule, field: &str| {
            edges.add(Edge { from, to, state: State::Present, strength, rule, field: field.to_owned() });
        };
        for workload in workloads {
            add(workload, barrier, Strength::Soft, BEHIND, "metadata.namespace");
        }
        // Hard, so that a circle is broken where one workload enters it, and not for all of them.
        for policy in policies {
            add(barrier, policy, Strength::Hard, POLICY, "");
        }
    }
}

fn is_policy(manifest: &Manifest) -> bool {
    matches!(
        (manifest.key.group.as_str(), manifest.key.kind.as_str()),
        ("", "ResourceQuota" | "LimitRange") | ("networking.k8s.io" | "extensions", "NetworkPolicy")
    )
}
