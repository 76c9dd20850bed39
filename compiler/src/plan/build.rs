//! Making a plan.

use std::collections::{BTreeMap, BTreeSet};

use crate::depend::{self, Node, State};
use crate::diff;
use crate::graph::GraphResource;
use crate::manifest::{HookPhase, Removal, Write};
use crate::name::ResourceKey;

use super::hook::{GraphHooks, position};
use super::input::{Input, made_by_unfinished_run, until_ready};
use super::removal::{delete_steps, removal};
use super::{Action, Bound, Cause, Plan, PlanNode, Seen, Step, Wait, guard};

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

fn apply_step(
    input: &Input<'_>,
    unsettled: &BTreeSet<ResourceKey>,
    key: &ResourceKey,
    resource: &GraphResource,
) -> Option<Step> {
    let owned = input.inventory.get(key);
    let made = made_by_unfinished_run(input, key);
    let seen = input.seen.get(key);
    // What a run made that did not finish is ours under the uid that it has now, whatever is on record of another.
    let (action, cause, uid, made_by_us) = match (owned, seen) {
        (None, None | Some(Seen::Absent)) => (Action::Create, Cause::New, None, false),
        (Some(_), Some(Seen::Absent)) => (Action::Create, Cause::Missing, None, false),
        // Whatever is done to it, it goes: it is waited for, and made again.
        (Some(_), Some(Seen::Present { leaving: true, .. })) => (Action::Create, Cause::Leaving, None, false),
        (Some(owned), Some(Seen::Present { uid, .. })) if *uid != owned.uid => taken_over(uid, made, Cause::Replaced),
        (None, Some(Seen::Present { uid, .. })) => taken_over(uid, made, Cause::Exists),
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
            (Action::Update, cause, Some(owned.uid.clone()), owned.created)
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
    Some(Step { key: key.clone(), action, cause, desired, uid, made_by_us, changes, layer: 0, hook: None, policy })
}

/// An object that is there and not on record: one that we made, or one of others.
fn taken_over(uid: &str, made: bool, otherwise: Cause) -> (Action, Cause, Option<String>, bool) {
    if made {
        (Action::Update, Cause::Resumed, Some(uid.to_owned()), true)
    } else {
        (Action::Update, otherwise, None, false)
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
