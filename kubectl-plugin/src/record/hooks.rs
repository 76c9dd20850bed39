//! What the head says of hooks: their objects that are, or may be, in the cluster. Pure.
//!
//! An object is written here as soon as it is made, and again with its outcome; until that is written it carries a
//! finalizer of ours, so that it cannot go unseen.

use std::collections::BTreeSet;

use gitops_compiler::canon::{Graph, Id};
use gitops_compiler::manifest::{HookDeletePolicy, HookPhase};
use gitops_compiler::name::ResourceKey;
use serde::{Deserialize, Serialize};

/// The object of a hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HookObject {
    /// Its key, with the name that it has in the cluster.
    pub object: ResourceKey,
    /// The version in which it was made.
    pub api_version: String,
    /// Its uid.
    pub uid: String,
    /// The bound key of the hook in its graph.
    pub hook: ResourceKey,
    /// When it ran.
    pub phase: HookPhase,
    /// The graph whose hook it is.
    pub graph: Id<Graph>,
    /// The number of the release in which it ran.
    pub release: u64,
    /// When it is deleted.
    pub delete: BTreeSet<HookDeletePolicy>,
    /// How it ended; absent while that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<HookOutcome>,
}

/// How a hook ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum HookOutcome {
    /// It did its work.
    Succeeded,
    /// It did not, or not in time.
    Failed,
}

impl HookObject {
    /// Whether this is the run of a hook in one release.
    #[must_use]
    pub fn is_of(&self, hook: &ResourceKey, phase: HookPhase, release: u64) -> bool {
        self.release == release && self.phase == phase && self.hook == *hook
    }

    /// Whether a newer object leaves nothing to remember of this one: it has the same name, and this is not how the same
    /// hook ended in an earlier phase of the same release.
    #[must_use]
    pub fn is_replaced_by(&self, newer: &Self) -> bool {
        let is_earlier_phase = self.outcome.is_some()
            && self.hook == newer.hook
            && newer.release == self.release
            && newer.phase != self.phase;
        self.object == newer.object && !is_earlier_phase
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_compiler::graph::ResourceGraph;

    #[test]
    fn how_a_phase_ended_is_remembered_as_long_as_its_release_runs() {
        let object = |phase, release, outcome| HookObject {
            object: ResourceKey::new("batch", "Job", "shop", "migrate"),
            api_version: "batch/v1".to_owned(),
            uid: "u".to_owned(),
            hook: ResourceKey::new("batch", "Job", "shop", "migrate"),
            phase,
            graph: ResourceGraph::empty().id(),
            release,
            delete: BTreeSet::new(),
            outcome,
        };
        let newer = object(HookPhase::PostSync, 7, None);
        let done = Some(HookOutcome::Succeeded);
        for (older, is_replaced) in [
            (object(HookPhase::PreSync, 7, done), false),
            (object(HookPhase::PreSync, 7, None), true),
            (object(HookPhase::PreSync, 6, done), true),
            (object(HookPhase::PostSync, 7, done), true),
        ] {
            assert_eq!(older.is_replaced_by(&newer), is_replaced, "{older:?}");
        }
        let other = HookObject { object: ResourceKey::new("batch", "Job", "shop", "other"), ..newer.clone() };
        assert!(!other.is_replaced_by(&newer));
    }
}
