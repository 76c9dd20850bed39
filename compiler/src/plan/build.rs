//! Making a plan.

use std::collections::{BTreeMap, BTreeSet};

use crate::depend::{self, Node, State};
use crate::diff;
use crate::graph::GraphResource;
use crate::manifest::{HookPhase, Policy, Removal, SyncOptions, Write};
use crate::name::ResourceKey;

use super::hook::{GraphHooks, Hooks, position};
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
    /// Whether hooks run, and how far they came.
    pub hooks: &'a Hooks,
    /// What the application asks for.
    pub options: &'a SyncOptions,
}

/// Plans.
#[must_use]
pub fn build(input: &Input<'_>) -> Plan {
    let unsettled = unsettled(input);
    let hooks = GraphHooks::new(input.desired, input.hooks, input.inventory);
    let mut plan = Plan::default();
    let last = input.base.or(input.attempted.last()).filter(|_| input.hooks.deleting);
    let hooks_of_deletion = last.map(|bound| GraphHooks::new(bound, input.hooks, input.inventory));
    if let Some(hooks) = &hooks_of_deletion {
        hooks.phase(HookPhase::PreDelete, None, &mut plan);
    }
    let mut nodes = Nodes::new(input, &hooks);
    let (before, after) = hooks.around_deletions();
    for node in before {
        nodes.add(node, &unsettled, None, &mut plan);
    }
    nodes.add_last(HookPhase::Sync, None, &mut plan);
    let deleted = delete_steps(input, &hooks, &mut plan);
    for node in after {
        nodes.add(node, &unsettled, deleted, &mut plan);
    }
    nodes.add_last(HookPhase::PostSync, deleted, &mut plan);
    if let Some(hooks) = &hooks_of_deletion {
        let end = deleted.or_else(|| plan.nodes.len().checked_sub(1));
        hooks.phase(HookPhase::PostDelete, end, &mut plan);
    }
    hooks.phase(HookPhase::SyncFail, None, &mut plan);
    layers(&mut plan);
    let deletions: Vec<&ResourceKey> =
        plan.steps.iter().filter(|step| step.action == Action::Delete).map(|step| &step.key).collect();
    let owned = input.inventory.len().max(deletions.len());
    let wanted = input.desired.content_keys().count();
    plan.guards = guard::guards(&deletions, owned, wanted, input.approvals);
    plan.guards.extend(guard::unconfirmed(
        deletions.iter().copied().filter(|key| removal(input, key) == Removal::Confirm),
        input.approvals,
    ));
    plan.guards.extend(guard::unknown_hooks(&plan.steps, input.approvals));
    plan.guards.extend(guard::recreations(&plan.steps, input.approvals));
    plan
}

/// Keys that an unfinished run may have touched: those in which the base and any attempted graph differ.
fn unsettled(input: &Input<'_>) -> BTreeSet<ResourceKey> {
    let mut keys = BTreeSet::new();
    for attempted in input.attempted {
        for bound in input.base.into_iter().chain([attempted]) {
            for key in bound.content_keys() {
                let id = |graph: &Bound| graph.resource(key).map(|resource| resource.id);
                if input.base.and_then(id) != id(attempted) {
                    keys.insert(key.clone());
                }
            }
        }
    }
    keys
}

/// The nodes of a plan that stand for those of the wanted graph, added in its order, so that waits only point backwards.
struct Nodes<'a> {
    input: &'a Input<'a>,
    hooks: &'a GraphHooks<'a>,
    /// The place in the plan of each node of the graph.
    position: Vec<usize>,
    waits: Vec<Vec<(Node, State, depend::Rule)>>,
    /// Hooks that run once more, by phase and wave.
    later: BTreeMap<(HookPhase, i64), Vec<Node>>,
    /// The barrier of the highest phase and wave so far.
    below: Option<usize>,
}

impl<'a> Nodes<'a> {
    fn new(input: &'a Input<'a>, hooks: &'a GraphHooks<'a>) -> Self {
        let order = input.desired.order();
        let mut waits = vec![Vec::new(); order.len()];
        for edge in input.desired.graph.edges() {
            waits[edge.from].push((edge.to, edge.state, edge.rule));
        }
        for (inside, namespace) in input.desired.homes() {
            waits[*inside].push((*namespace, State::Present, depend::IN_NAMESPACE));
        }
        Self { input, hooks, position: vec![0; order.len()], waits, later: hooks.later(), below: None }
    }

    /// Adds a node; behind `first`, where that is given.
    fn add(&mut self, node: Node, unsettled: &BTreeSet<ResourceKey>, first: Option<usize>, plan: &mut Plan) {
        let graph = &self.input.desired.graph;
        let is_barrier = node >= graph.resources().len();
        let place = position(graph, node);
        let repeated = place.and_then(|place| self.later.remove(&place)).unwrap_or_default();
        let phase = place.map_or(HookPhase::Sync, |(phase, _)| phase);
        let repeated = self.repeat(&repeated, phase, first, plan);
        let step = if self.hooks.is_hook(node) {
            self.hooks.first_step(node)
        } else {
            let wanted = self.input.desired.keys().get(node).zip(graph.resources().get(node));
            let step = wanted.and_then(|(key, resource)| apply_step(self.input, unsettled, key, resource));
            plan.unchanged += usize::from(!is_barrier && step.is_none());
            step
        };
        let step = step.map(|step| {
            plan.steps.push(step);
            plan.steps.len() - 1
        });
        let wait =
            |(to, state, rule): (Node, State, depend::Rule)| Wait { node: self.position[to], state, rule: Some(rule) };
        let mut waits: Vec<Wait> = std::mem::take(&mut self.waits[node]).into_iter().map(wait).collect();
        waits.extend(first.into_iter().chain(repeated).map(until_ready));
        let barrier = is_barrier.then(|| graph.node_name(node));
        self.position[node] = plan.nodes.len();
        if place.is_some() {
            self.below = Some(plan.nodes.len());
        }
        plan.nodes.push(PlanNode { step, barrier, waits, on_failure: false });
    }

    /// Adds what runs once more in the last wave of a phase, which has no barrier.
    fn add_last(&mut self, phase: HookPhase, first: Option<usize>, plan: &mut Plan) {
        let rest: Vec<(HookPhase, i64)> = self.later.keys().filter(|(other, _)| *other == phase).copied().collect();
        for place in rest {
            let nodes = self.later.remove(&place).unwrap_or_default();
            self.repeat(&nodes, phase, first, plan);
        }
    }

    /// Steps of hooks that run once more, behind the barrier of the wave below.
    fn repeat(&self, nodes: &[Node], phase: HookPhase, first: Option<usize>, plan: &mut Plan) -> Vec<usize> {
        let mut added = Vec::new();
        for step in nodes.iter().filter_map(|node| self.hooks.step(*node, phase)) {
            let waits = self.below.into_iter().chain(first).map(until_ready).collect();
            plan.steps.push(step);
            added.push(plan.nodes.len());
            plan.nodes.push(PlanNode { step: Some(plan.steps.len() - 1), barrier: None, waits, on_failure: false });
        }
        added
    }
}

fn until_ready(node: usize) -> Wait {
    Wait { node, state: State::Ready, rule: None }
}

fn apply_step(
    input: &Input<'_>,
    unsettled: &BTreeSet<ResourceKey>,
    key: &ResourceKey,
    resource: &GraphResource,
) -> Option<Step> {
    let owned = input.inventory.get(key);
    let made = made_by_unfinished_run(input, key);
    let seen = input.seen.get(key);
    let resumed_or = |cause| if made { Cause::Resumed } else { cause };
    let (action, cause, uid) = match (owned, seen) {
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
    // Read only where something is to be done: most objects of most plans are as they should be.
    let policy = match seen {
        Some(Seen::Present { policy, .. }) => resource.policy(input.options).with_live(policy),
        Some(Seen::Absent) | None => resource.policy(input.options),
    };
    if policy.write == Write::Never || (policy.write == Write::OnlyCreate && action == Action::Update) {
        return None;
    }
    let before = input.base.and_then(|base| base.resource(key));
    let changes = match before {
        Some(before) if action == Action::Update => diff::bodies(key, &before.body, &resource.body),
        _ => Vec::new(),
    };
    let desired = Some((resource.id, resource.body.clone()));
    // The uid is that of the object in the inventory: what is said of it there holds.
    let made_by_us = if uid.is_some() { owned.is_some_and(|owned| owned.created) } else { made };
    Some(Step { key: key.clone(), action, cause, desired, uid, made_by_us, changes, layer: 0, hook: None, policy })
}

/// Whether a run that did not finish made the object that is there: it was not there when that run was planned, and it
/// carries fields that only we apply.
fn made_by_unfinished_run(input: &Input<'_>, key: &ResourceKey) -> bool {
    input.absent_before.contains(key) && matches!(input.seen.get(key), Some(Seen::Present { ours: true, .. }))
}

/// What we made and the graph has no more, against the edges of the graphs that made it. All of it waits for a
/// barrier behind every step so far. Gives the node behind all deletions, where hooks may come after it.
fn delete_steps(input: &Input<'_>, hooks: &GraphHooks<'_>, plan: &mut Plan) -> Option<usize> {
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
fn removal(input: &Input<'_>, key: &ResourceKey) -> Removal {
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

/// The longest chain of steps before each step, from 1.
fn layers(plan: &mut Plan) {
    let mut depth = vec![0_usize; plan.nodes.len()];
    let mut longest = 0;
    for (index, node) in plan.nodes.iter().enumerate() {
        // What is held back for a failure comes after all else.
        let least = if node.on_failure { longest } else { 0 };
        let before = node.waits.iter().map(|wait| depth[wait.node]).max().unwrap_or(least);
        depth[index] = before + usize::from(node.step.is_some());
        if !node.on_failure {
            longest = longest.max(depth[index]);
        }
        if let Some(step) = node.step {
            plan.steps[step].layer = depth[index];
        }
    }
}
