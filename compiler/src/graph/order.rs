//! The canonical order: every node after its dependencies, ties broken by kind and key.
//!
//! In: the number of nodes, edges, a rank for each node. Out: one order, the same on every machine. It is our own and
//! not petgraph's, whose result follows the order of insertion.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::depend::Node;
use crate::name::ResourceKey;

use super::GraphResource;

/// Kinds in the order in which people expect to read them where nothing else decides; others come in between.
/// Only a tie-breaker: what really must wait has an edge.
const FIRST: [&str; 17] = [
    "Namespace",
    "CustomResourceDefinition",
    "PriorityClass",
    "StorageClass",
    "IngressClass",
    "ResourceQuota",
    "LimitRange",
    "NetworkPolicy",
    "ServiceAccount",
    "ClusterRole",
    "Role",
    "ClusterRoleBinding",
    "RoleBinding",
    "Secret",
    "ConfigMap",
    "PersistentVolume",
    "PersistentVolumeClaim",
];
const MIDDLE: [&str; 8] = ["Service", "DaemonSet", "Pod", "ReplicaSet", "Deployment", "StatefulSet", "Job", "CronJob"];
const LAST: [&str; 5] = [
    "HorizontalPodAutoscaler",
    "Ingress",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

/// The ranks of resources and of the barriers behind them: what goes first of nodes that are ready at the same time.
pub(super) fn ranks(resources: &[GraphResource], barriers: usize) -> Vec<usize> {
    let mut ranks: Vec<usize> = resources.iter().map(|resource| rank(&resource.key)).collect();
    // A barrier costs nothing: it goes as soon as it can.
    ranks.resize(resources.len() + barriers, 0);
    ranks
}

fn rank(key: &ResourceKey) -> usize {
    let position = |kinds: &[&str]| kinds.iter().position(|kind| *kind == key.kind);
    let middle = FIRST.len() + 1;
    let last = middle + MIDDLE.len();
    position(&FIRST)
        .or_else(|| position(&MIDDLE).map(|index| middle + index))
        .or_else(|| position(&LAST).map(|index| last + index))
        .unwrap_or(FIRST.len())
}

/// Kahn's algorithm with a heap. Nodes that are part of a cycle, or behind one, are missing from the result.
pub(super) fn order(ranks: &[usize], edges: impl Iterator<Item = (Node, Node)> + Clone) -> Vec<Node> {
    let count = ranks.len();
    let mut missing = vec![0_usize; count];
    let mut dependents: Vec<Vec<Node>> = vec![Vec::new(); count];
    for (from, to) in edges {
        missing[from] += 1;
        dependents[to].push(from);
    }
    let mut ready: BinaryHeap<_> =
        (0..count).filter(|node| missing[*node] == 0).map(|node| Reverse((ranks[node], node))).collect();
    let mut order = Vec::with_capacity(count);
    while let Some(Reverse((_, node))) = ready.pop() {
        order.push(node);
        for dependent in &dependents[node] {
            missing[*dependent] -= 1;
            if missing[*dependent] == 0 {
                ready.push(Reverse((ranks[*dependent], *dependent)));
            }
        }
    }
    order
}
