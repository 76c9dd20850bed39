//! In which order what differs is applied, as far as anything waits for anything.
//!
//! In: what differs. Out: layers, of which each waits for something of the one before. What waits through something that does
//! not differ waits all the same. What goes is in none of them: it goes last; nor are hooks that run when something fails, or when
//! the application is deleted.

use std::collections::BTreeSet;

use crate::depend::Node;
use crate::manifest::HookPhase;
use crate::name::ResourceKey;

use super::compared::Compared;

/// The phases of a delivery.
const DELIVERY: [HookPhase; 3] = [HookPhase::PreSync, HookPhase::Sync, HookPhase::PostSync];

/// All layers, each by key.
pub(super) fn layers(compared: &Compared<'_>) -> Vec<Vec<ResourceKey>> {
    let Some(side) = compared.new else { return Vec::new() };
    let graph = side.graph;
    let differing: BTreeSet<Node> = compared
        .changes
        .iter()
        .filter_map(|change| change.new)
        .filter(|found| {
            found.resource.hook().is_none_or(|hook| hook.phases.iter().any(|phase| DELIVERY.contains(phase)))
        })
        .map(|found| found.node)
        .collect();
    if differing.len() < 2 {
        // Alone, nothing waits; and most changes are of one.
        let one = differing.first().and_then(|node| graph.resources().get(*node));
        return one.map(|resource| vec![vec![resource.key.clone()]]).unwrap_or_default();
    }
    let mut layers: Vec<Vec<ResourceKey>> = Vec::new();
    // How many of what differs stand before a node, one behind another, and it with them.
    let mut before = vec![0; graph.resources().len() + graph.barriers().len()];
    for node in graph.order() {
        let edges = &graph.edges()[graph.edges_of(*node)];
        let waits = edges.iter().map(|edge| before[edge.to]).max().unwrap_or_default();
        before[*node] = waits;
        if differing.contains(node)
            && let Some(resource) = graph.resources().get(*node)
        {
            before[*node] = waits + 1;
            layers.resize_with(layers.len().max(waits + 1), Vec::new);
            layers[waits].push(resource.key.clone());
        }
    }
    for layer in &mut layers {
        layer.sort();
    }
    layers
}
