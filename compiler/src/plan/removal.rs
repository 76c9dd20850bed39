//! What becomes of objects that the wanted graph has no more.
//!
//! In: what a plan depends on. Out: steps that delete, and what is kept or forgotten instead. An object is deleted only where
//! it is certain that we made this very object, and where neither it nor its application asks for anything else.

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::{Policy, Removal};
use crate::name::ResourceKey;

use super::hook::GraphHooks;
use super::input::{Input, made_by_unfinished_run, until_ready};
use super::{Action, Bound, Cause, Forgotten, Plan, PlanNode, Seen, Step, Wait, deletion};

/// What we made and the graph has no more, against the edges of the graphs that made it. All of it waits for a
/// barrier behind every step so far. Gives the node behind all deletions, where hooks may come after it.
pub(super) fn delete_steps(input: &Input<'_>, hooks: &GraphHooks<'_>, plan: &mut Plan) -> Option<usize> {
    let gone = |key: &&ResourceKey| {
        let node = input.desired.node(key);
        // A hook that takes the place of what we own deletes it itself.
        node.is_none_or(|node| hooks.is_hook(node) && !input.hooks.run)
    };
    let mut candidates: BTreeSet<&ResourceKey> = input.inventory.keys().filter(gone).collect();
    candidates.extend(input.attempted.iter().flat_map(Bound::content_keys).filter(gone));
    let mut doomed = BTreeMap::new();
    for key in candidates {
        match fate(input, key) {
            Fate::Delete(uid) => {
                doomed.insert(key.clone(), uid);
            }
            Fate::Forget { reason, kept } => plan.forgotten.push(Forgotten { key: key.clone(), reason, kept }),
            Fate::Keep => plan.kept.push(key.clone()),
            Fate::Nothing => {}
        }
    }
    if doomed.is_empty() {
        return None;
    }
    let barrier = plan.nodes.len();
    let waits = (0..barrier).map(until_ready).collect();
    plan.nodes.push(PlanNode { step: None, barrier: None, waits, on_failure: false });
    let graphs: Vec<&Bound> = input.base.into_iter().chain(input.attempted).collect();
    for deletion in deletion::order(&graphs, &doomed.keys().collect()) {
        let step = deletion.key.map(|key| {
            plan.steps.push(deletion_of(key, &doomed));
            plan.steps.len() - 1
        });
        let after = deletion.after.into_iter();
        let after = after.map(|(position, rule)| Wait { rule, ..until_ready(barrier + 1 + position) });
        let waits = std::iter::once(until_ready(barrier)).chain(after).collect();
        plan.nodes.push(PlanNode { step, barrier: deletion.barrier, waits, on_failure: false });
    }
    if !input.desired.graph.has_hooks() && !input.hooks.deleting {
        return None;
    }
    let deleted = plan.nodes.len();
    let waits = (barrier..deleted).map(until_ready).collect();
    plan.nodes.push(PlanNode { step: None, barrier: None, waits, on_failure: false });
    Some(deleted)
}

fn deletion_of(key: ResourceKey, doomed: &BTreeMap<ResourceKey, String>) -> Step {
    let uid = doomed.get(&key).cloned();
    let (action, cause, changes) = (Action::Delete, Cause::Removed, Vec::new());
    let policy = Policy::default();
    Step { key, action, cause, desired: None, uid, made_by_us: true, changes, layer: 0, hook: None, policy }
}

enum Fate {
    Delete(String),
    Forget { reason: &'static str, kept: Option<String> },
    Keep,
    Nothing,
}

/// What becomes of an object that left the graph: what can be deleted may ask to stay.
fn fate(input: &Input<'_>, key: &ResourceKey) -> Fate {
    let fate = fate_without_policy(input, key);
    let Fate::Delete(uid) = fate else { return fate };
    match (removal(input, key), input.hooks.deleting) {
        (Removal::Delete | Removal::Confirm, _) => Fate::Delete(uid),
        (Removal::Keep, false) => Fate::Keep,
        (Removal::Keep | Removal::Release, _) => Fate::Forget { reason: "it asks to be kept", kept: Some(uid) },
    }
}

/// What the graphs that had it, its application and the live object say of its removal.
pub(super) fn removal(input: &Input<'_>, key: &ResourceKey) -> Removal {
    let graphs = input.base.into_iter().chain(input.attempted);
    let written = graphs.filter_map(|graph| graph.resource(key)).map(|resource| resource.policy(input.options));
    let live = match input.seen.get(key) {
        Some(Seen::Present { policy, .. }) => Some(*policy),
        Some(Seen::Absent) | None => None,
    };
    let said = |policy: Policy| if input.hooks.deleting { policy.delete } else { policy.prune };
    written.chain(live).map(said).max().unwrap_or_default()
}

/// Whether an object that left the graph is deleted. It is only where it is certain that we made this very object.
fn fate_without_policy(input: &Input<'_>, key: &ResourceKey) -> Fate {
    match (input.inventory.get(key), input.seen.get(key)) {
        (Some(_), Some(Seen::Absent)) => Fate::Forget { reason: "it is gone already", kept: None },
        (Some(_), Some(Seen::Present { uid, is_of_another: true, .. })) => {
            Fate::Forget { reason: "it belongs to another application now: kept", kept: Some(uid.clone()) }
        }
        // A run that died may have made it, or made it again, without recording it.
        (owned, Some(Seen::Present { uid, .. }))
            if owned.is_none_or(|owned| *uid != owned.uid) && made_by_unfinished_run(input, key) =>
        {
            Fate::Delete(uid.clone())
        }
        (Some(owned), Some(Seen::Present { uid, ours, .. })) if *uid != owned.uid => {
            let kept = ours.then(|| uid.clone());
            Fate::Forget { reason: "it is another object of the same name now: kept", kept }
        }
        (Some(owned), _) if !owned.created => {
            Fate::Forget { reason: "it was there before us: kept", kept: Some(owned.uid.clone()) }
        }
        (Some(owned), _) => Fate::Delete(owned.uid.clone()),
        // A run that died has applied to what was there before.
        (None, Some(Seen::Present { uid, ours: true, .. })) => {
            Fate::Forget { reason: "it was there before us: kept", kept: Some(uid.clone()) }
        }
        (None, _) => Fate::Nothing,
    }
}
