//! What a plan is made of.

use std::collections::{BTreeMap, BTreeSet};

use crate::depend::State;
use crate::manifest::SyncOptions;
use crate::name::ResourceKey;

use super::hook::Hooks;
use super::{Approvals, Bound, Owned, Seen, Wait};

/// All that a plan depends on.
#[derive(Debug)]
pub struct Input<'a> {
    /// What is wanted.
    pub desired: &'a Bound,
    /// The last graph that was applied as a whole; tells which fields change.
    pub base: Option<&'a Bound>,
    /// Graphs that a run began to apply since, and did not finish.
    pub attempted: &'a [Bound],
    /// Keys that were not there when such a run was planned: what is there now under our name, it made.
    pub absent_before: &'a BTreeSet<ResourceKey>,
    /// What we own in the target.
    pub inventory: &'a BTreeMap<ResourceKey, Owned>,
    /// What was seen. A key that is missing here was not looked at: it is believed to be as recorded.
    pub seen: &'a BTreeMap<ResourceKey, Seen>,
    /// What the user has allowed.
    pub approvals: &'a Approvals,
    /// Whether hooks run, and how far they came.
    pub hooks: &'a Hooks,
    /// What the application asks for.
    pub options: &'a SyncOptions,
}

/// Whether a run that did not finish made the object that is there: it was not there when that run was planned, and it
/// carries fields that only we apply.
pub(super) fn made_by_unfinished_run(input: &Input<'_>, key: &ResourceKey) -> bool {
    input.absent_before.contains(key) && matches!(input.seen.get(key), Some(Seen::Present { ours: true, .. }))
}

/// The wait for a node and all that it stands for.
pub(super) fn until_ready(node: usize) -> Wait {
    Wait { node, state: State::Ready, rule: None }
}
