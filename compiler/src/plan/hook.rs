//! Hooks in a plan.
//!
//! In: the wanted graph and what is known of hooks ([`Hooks`]). Out: steps and their waits. A hook is a step for each of
//! its phases. Its first phase among PreSync, Sync and PostSync is its node in the graph; the others, and those outside of
//! a sync, have nodes of their own here.
//!
//! Guarantees: PostSync comes after all that is deleted, too. SyncFail is held back until something has failed. What an
//! interrupted run has finished is not repeated, and what it has started is waited for.

use std::collections::{BTreeMap, BTreeSet};

use crate::depend::{Barrier, Node, Phase, wave_of};
use crate::graph::{GraphResource, ResourceGraph};
use crate::manifest::{HookDeletePolicy, HookPhase, Policy};
use crate::name::ResourceKey;

use super::input::until_ready;
use super::{Action, Bound, Cause, Owned, Plan, PlanNode, Step, Wait};

/// What is known of hooks.
#[derive(Debug, Clone, Default)]
pub struct Hooks {
    /// Whether those of a sync run.
    pub run: bool,
    /// Whether the application is deleted, with the hooks of that.
    pub deleting: bool,
    /// How far an interrupted run of the wanted graph has come, by bound key.
    pub progress: BTreeMap<(ResourceKey, HookPhase), HookProgress>,
}

/// How far a hook came in a run that was interrupted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookProgress {
    /// Its object is there, and may still be at work.
    Started(StartedHook),
    /// It did its work.
    Succeeded,
    /// It failed: it is run again, and told so.
    Failed,
    /// It was started, and its object is gone: nobody knows what it did.
    Unknown,
}

/// The object of a hook that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartedHook {
    /// Its key, with the name that it has in the cluster.
    pub object: ResourceKey,
    /// Its uid.
    pub uid: String,
}

/// What a step of a hook runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookStep {
    /// When.
    pub phase: HookPhase,
    /// When its object is deleted.
    pub delete: BTreeSet<HookDeletePolicy>,
    /// The object that is waited for instead of a new one.
    pub started: Option<StartedHook>,
    /// Whether it ran before in a run that was interrupted, and failed or was lost.
    pub again: bool,
    /// Whether it ran before, and nobody knows what it did.
    pub is_unknown: bool,
    /// The object of this key that we own as content, and that the hook takes the place of.
    pub replaces: Option<Owned>,
}

/// A phase and wave of a hook that has no node of its own in the graph, and its node.
type Later = BTreeMap<(HookPhase, i64), Vec<Node>>;

/// The hooks of one graph.
pub(super) struct GraphHooks<'a> {
    bound: &'a Bound,
    hooks: &'a Hooks,
    inventory: &'a BTreeMap<ResourceKey, Owned>,
    /// By node: phases in order; none where it is content.
    phases: Vec<Option<Vec<HookPhase>>>,
}

impl<'a> GraphHooks<'a> {
    pub(super) fn new(bound: &'a Bound, hooks: &'a Hooks, inventory: &'a BTreeMap<ResourceKey, Owned>) -> Self {
        let phases = |resource: &GraphResource| Some(resource.hook()?.phases.into_iter().collect());
        let resources = bound.graph.resources();
        let phases =
            if bound.graph.has_hooks() { resources.iter().map(phases).collect() } else { vec![None; resources.len()] };
        Self { bound, hooks, inventory, phases }
    }

    /// The nodes of the graph in order: those that come before all deletions, and those that come after.
    pub(super) fn around_deletions(&self) -> (Vec<Node>, Vec<Node>) {
        let order = self.bound.order();
        if !self.bound.graph.has_hooks() {
            return (order.to_vec(), Vec::new());
        }
        let edges = self.bound.graph.edges();
        let mut is_after = vec![false; order.len()];
        for node in order {
            // What waits for a hook of PostSync cannot come before it.
            let waits = edges[self.bound.graph.edges_of(*node)].iter().any(|edge| is_after[edge.to]);
            is_after[*node] = waits || self.is_after_deletions(*node);
        }
        order.iter().partition(|node| !is_after[**node])
    }

    /// Whether a node of the graph is a hook.
    pub(super) fn is_hook(&self, node: Node) -> bool {
        matches!(self.phases.get(node), Some(Some(_)))
    }

    fn is_after_deletions(&self, node: Node) -> bool {
        let resources = self.phases.len();
        match self.phases.get(node) {
            Some(phases) => phases.as_ref().is_some_and(|phases| phases.first() == Some(&HookPhase::PostSync)),
            None => {
                matches!(self.bound.graph.barriers().get(node - resources), Some(Barrier::Hooks(Phase::PostSync, _)))
            }
        }
    }

    /// The step of a hook's own node, where it runs.
    pub(super) fn first_step(&self, node: Node) -> Option<Step> {
        let phase = *self.phases.get(node)?.as_ref()?.first()?;
        matches!(phase, HookPhase::PreSync | HookPhase::Sync | HookPhase::PostSync).then(|| self.step(node, phase))?
    }

    /// Hooks that run again later in the same sync.
    pub(super) fn later(&self) -> Later {
        let mut later = Later::new();
        for (node, phases) in self.phases.iter().enumerate() {
            for phase in phases.iter().flatten().skip(1) {
                if matches!(phase, HookPhase::Sync | HookPhase::PostSync) {
                    later.entry((*phase, self.wave(node))).or_default().push(node);
                }
            }
        }
        later
    }

    /// All hooks of a phase outside of the graph's order, by wave: each wave waits for the one before it, and the first for
    /// `first`.
    pub(super) fn phase(&self, phase: HookPhase, first: Option<usize>, plan: &mut Plan) {
        let mut waves: BTreeMap<i64, Vec<Node>> = BTreeMap::new();
        for (node, phases) in self.phases.iter().enumerate() {
            if phases.as_ref().is_some_and(|phases| phases.contains(&phase)) {
                waves.entry(self.wave(node)).or_default().push(node);
            }
        }
        let mut before: Vec<usize> = first.into_iter().collect();
        for nodes in waves.into_values() {
            let steps: Vec<Step> = nodes.into_iter().filter_map(|node| self.step(node, phase)).collect();
            let waits: Vec<Wait> = before.iter().copied().map(until_ready).collect();
            if steps.is_empty() {
                continue;
            }
            before.clear();
            for step in steps {
                plan.steps.push(step);
                let (step, waits) = (Some(plan.steps.len() - 1), waits.clone());
                let on_failure = phase == HookPhase::SyncFail;
                plan.nodes.push(PlanNode { step, barrier: None, waits, on_failure });
                before.push(plan.nodes.len() - 1);
            }
        }
    }

    /// The step of a hook in a phase; none where it does not run, or has done its work.
    pub(super) fn step(&self, node: Node, phase: HookPhase) -> Option<Step> {
        let is_of_deletion = matches!(phase, HookPhase::PreDelete | HookPhase::PostDelete);
        if !self.hooks.run || is_of_deletion != self.hooks.deleting {
            return None;
        }
        let key = self.bound.keys().get(node)?.clone();
        let resource = self.bound.graph.resources().get(node)?;
        let progress = self.hooks.progress.get(&(key.clone(), phase));
        let started = match progress {
            Some(HookProgress::Succeeded) => return None,
            Some(HookProgress::Started(started)) => Some(started.clone()),
            Some(HookProgress::Failed | HookProgress::Unknown) | None => None,
        };
        let hook = HookStep {
            phase,
            delete: resource.hook()?.delete,
            started,
            again: matches!(progress, Some(HookProgress::Failed | HookProgress::Unknown)),
            is_unknown: progress == Some(&HookProgress::Unknown),
            replaces: self.inventory.get(&key).cloned(),
        };
        let cause = if progress.is_some() { Cause::Resumed } else { Cause::New };
        Some(Step {
            key,
            action: Action::Hook,
            cause,
            desired: Some((resource.id, resource.body.clone())),
            uid: None,
            made_by_us: false,
            changes: Vec::new(),
            layer: 0,
            hook: Some(hook),
            policy: Policy::default(),
        })
    }

    fn wave(&self, node: Node) -> i64 {
        self.bound.graph.resources().get(node).map_or(0, |resource| wave_of(|name| resource.annotation(name)))
    }
}

/// The position of a barrier among phases and waves, where it is one of these.
pub(super) fn position(graph: &ResourceGraph, node: Node) -> Option<(HookPhase, i64)> {
    match graph.barriers().get(node.checked_sub(graph.resources().len())?)? {
        Barrier::Wave(wave) => Some((HookPhase::Sync, *wave)),
        Barrier::Hooks(phase, wave) => Some((phase.of_hooks(), *wave)),
        _ => None,
    }
}
