//! Making a plan.

use std::collections::{BTreeMap, BTreeSet};

use crate::depend::{self, State};
use crate::diff;
use crate::graph::GraphResource;
use crate::name::ResourceKey;

use super::{Action, Approvals, Bound, Cause, Forgotten, Owned, Plan, PlanNode, Seen, Step, Wait, deletion, guard};

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
}

/// Plans.
#[must_use]
pub fn build(input: &Input<'_>) -> Plan {
    let unsettled = unsettled(input);
    let mut plan = Plan::default();
    apply_steps(input, &unsettled, &mut plan);
    let applies = plan.nodes.len();
    delete_steps(input, applies, &mut plan);
    layers(&mut plan);
    let deletions: Vec<&ResourceKey> =
        plan.steps.iter().filter(|step| step.action == Action::Delete).map(|step| &step.key).collect();
    let owned = input.inventory.len().max(deletions.len());
    plan.guards = guard::guards(&deletions, owned, input.desired.keys().len(), input.approvals);
    plan
}

/// Keys that an unfinished run may have touched: those in which the base and any attempted graph differ.
fn unsettled(input: &Input<'_>) -> BTreeSet<ResourceKey> {
    let mut keys = BTreeSet::new();
    for attempted in input.attempted {
        for bound in input.base.into_iter().chain([attempted]) {
            for key in bound.keys() {
                let id = |graph: &Bound| graph.resource(key).map(|resource| resource.id);
                if input.base.and_then(id) != id(attempted) {
                    keys.insert(key.clone());
                }
            }
        }
    }
    keys
}

/// One node for each node of the wanted graph, in its order, so that waits only point backwards.
fn apply_steps(input: &Input<'_>, unsettled: &BTreeSet<ResourceKey>, plan: &mut Plan) {
    let graph = &input.desired.graph;
    let order = input.desired.order();
    let mut position = vec![0; order.len()];
    let mut waits: Vec<Vec<Wait>> = vec![Vec::new(); order.len()];
    for (index, node) in order.iter().enumerate() {
        position[*node] = index;
    }
    for edge in graph.edges() {
        waits[edge.from].push(Wait { node: position[edge.to], state: edge.state, rule: Some(edge.rule) });
    }
    for (inside, namespace) in input.desired.homes() {
        let (node, rule) = (position[*namespace], Some(depend::IN_NAMESPACE));
        waits[*inside].push(Wait { node, state: State::Present, rule });
    }
    for node in order {
        let wanted = input.desired.keys().get(*node).zip(graph.resources().get(*node));
        let step = wanted.and_then(|(key, resource)| apply_step(input, unsettled, key, resource));
        if *node < graph.resources().len() && step.is_none() {
            plan.unchanged += 1;
        }
        let step = step.map(|step| {
            plan.steps.push(step);
            plan.steps.len() - 1
        });
        let barrier = (*node >= graph.resources().len()).then(|| graph.node_name(*node));
        plan.nodes.push(PlanNode { step, barrier, waits: std::mem::take(&mut waits[*node]) });
    }
}

fn apply_step(
    input: &Input<'_>,
    unsettled: &BTreeSet<ResourceKey>,
    key: &ResourceKey,
    resource: &GraphResource,
) -> Option<Step> {
    let owned = input.inventory.get(key);
    let made = made_by_unfinished_run(input, key);
    let resumed_or = |cause| if made { Cause::Resumed } else { cause };
    let (action, cause, uid) = match (owned, input.seen.get(key)) {
        (None, None | Some(Seen::Absent)) => (Action::Create, Cause::New, None),
        (None, Some(Seen::Present { .. })) => (Action::Update, resumed_or(Cause::Exists), None),
        (Some(_), Some(Seen::Absent)) => (Action::Create, Cause::Missing, None),
        (Some(owned), Some(Seen::Present { uid, .. })) if *uid != owned.uid => {
            (Action::Update, resumed_or(Cause::Replaced), None)
        }
        (Some(owned), seen) => {
            let drifted = matches!(seen, Some(Seen::Present { as_applied: false, .. }));
            let cause = if owned.applied != resource.id {
                Cause::Changed
            } else if unsettled.contains(key) {
                Cause::Resumed
            } else if drifted {
                Cause::Drifted
            } else {
                return None;
            };
            (Action::Update, cause, Some(owned.uid.clone()))
        }
    };
    let before = input.base.and_then(|base| base.resource(key));
    let changes = match before {
        Some(before) if action == Action::Update => diff::bodies(key, &before.body, &resource.body),
        _ => Vec::new(),
    };
    let desired = Some((resource.id, resource.body.clone()));
    // The uid is that of the object in the inventory: what is said of it there holds.
    let made_by_us = if uid.is_some() { owned.is_some_and(|owned| owned.created) } else { made };
    Some(Step { key: key.clone(), action, cause, desired, uid, made_by_us, changes, layer: 0 })
}

/// Whether a run that did not finish made the object that is there: it was not there when that run was planned, and it
/// carries fields that only we apply.
fn made_by_unfinished_run(input: &Input<'_>, key: &ResourceKey) -> bool {
    input.absent_before.contains(key) && matches!(input.seen.get(key), Some(Seen::Present { ours: true, .. }))
}

/// What we made and the graph has no more, against the edges of the graphs that made it. All of it waits for a
/// barrier behind every step that applies.
fn delete_steps(input: &Input<'_>, applies: usize, plan: &mut Plan) {
    let gone = |key: &&ResourceKey| input.desired.node(key).is_none();
    let mut candidates: BTreeSet<&ResourceKey> = input.inventory.keys().filter(gone).collect();
    candidates.extend(input.attempted.iter().flat_map(super::bind::Bound::keys).filter(gone));
    let mut doomed = BTreeMap::new();
    for key in candidates {
        match fate(input, key) {
            Fate::Delete(uid) => {
                doomed.insert(key.clone(), uid);
            }
            Fate::Forget { reason, kept } => plan.forgotten.push(Forgotten { key: key.clone(), reason, kept }),
            Fate::Nothing => {}
        }
    }
    if doomed.is_empty() {
        return;
    }
    let barrier = plan.nodes.len();
    let wait = |node, rule| Wait { node, state: State::Ready, rule };
    let waits = (0..applies).map(|node| wait(node, None)).collect();
    plan.nodes.push(PlanNode { step: None, barrier: None, waits });
    let graphs: Vec<&Bound> = input.base.into_iter().chain(input.attempted).collect();
    for deletion in deletion::order(&graphs, &doomed.keys().collect()) {
        let step = deletion.key.map(|key| {
            let uid = doomed.get(&key).cloned();
            let (action, cause) = (Action::Delete, Cause::Removed);
            let changes = Vec::new();
            plan.steps.push(Step { key, action, cause, desired: None, uid, made_by_us: true, changes, layer: 0 });
            plan.steps.len() - 1
        });
        let after = deletion.after.into_iter().map(|(position, rule)| wait(barrier + 1 + position, rule));
        let waits = std::iter::once(wait(barrier, None)).chain(after).collect();
        plan.nodes.push(PlanNode { step, barrier: deletion.barrier, waits });
    }
}

enum Fate {
    Delete(String),
    Forget { reason: &'static str, kept: Option<String> },
    Nothing,
}

/// Whether an object that left the graph is deleted. It is only where it is certain that we made this very object.
fn fate(input: &Input<'_>, key: &ResourceKey) -> Fate {
    match (input.inventory.get(key), input.seen.get(key)) {
        (Some(_), Some(Seen::Absent)) => Fate::Forget { reason: "it is gone already", kept: None },
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

/// The longest chain of steps before each step, from 1.
fn layers(plan: &mut Plan) {
    let mut depth = vec![0_usize; plan.nodes.len()];
    for (index, node) in plan.nodes.iter().enumerate() {
        let before = node.waits.iter().map(|wait| depth[wait.node]).max().unwrap_or_default();
        depth[index] = before + usize::from(node.step.is_some());
        if let Some(step) = node.step {
            plan.steps[step].layer = depth[index];
        }
    }
}
