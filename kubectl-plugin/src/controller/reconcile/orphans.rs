//! What is in the destination's namespace and of no Application, told where the project asks for it.

use gitops_compiler::name::ResourceKey;

use crate::controller::orphans::{HOLDS, Loose};
use crate::controller::report::condition;

use super::settle::State;
use super::{Desired, Look};

/// So many are named; of the others there is the number.
const NAMED: usize = 10;

impl Look<'_> {
    /// Adds a condition that says which there are. Nothing tells of others, so it looks again after a while.
    pub(super) async fn note_orphans(&mut self, desired: &Desired, state: &State) {
        let namespace = desired.application.spec.destination.namespace.as_str();
        let Some(orphans) = desired.project.orphans().filter(|orphans| orphans.warns && !namespace.is_empty()) else {
            return;
        };
        self.come_again(HOLDS);
        let cluster = &desired.place.cluster.cluster;
        let message = match self.controller.orphans.loose(cluster, namespace).await {
            Ok(loose) => {
                let own = self.memory.target.as_ref().map(|target| &target.inventory);
                let is_own = |it: &Loose| {
                    let key = ResourceKey::new(&it.group, &it.kind, namespace, &it.name);
                    state.bound.node(&key).is_some() || own.is_some_and(|own| own.contains_key(&key))
                };
                let counts = |it: &&Loose| orphans.counts(&it.group, &it.kind, namespace, &it.name) && !is_own(it);
                let found: Vec<&Loose> = loose.iter().filter(counts).collect();
                if found.is_empty() {
                    return;
                }
                told(&found)
            }
            Err(why) => format!("it cannot be told which resources are orphaned: {why}"),
        };
        self.conditions.push(condition("OrphanedResourceWarning", message));
    }
}

fn told(found: &[&Loose]) -> String {
    let mut named: Vec<String> = found.iter().take(NAMED).map(|it| format!("{} {}", it.kind, it.name)).collect();
    if let Some(more) = found.len().checked_sub(NAMED).filter(|more| *more > 0) {
        named.push(format!("{more} more"));
    }
    format!("Application has {} orphaned resources: {}", found.len(), named.join(", "))
}
