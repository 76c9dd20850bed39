//! The steps that lead a target from the state that is recorded and seen to the graph that is wanted.
//!
//! In: a graph bound to a target ([`Bound`]), what we own there ([`Owned`]), what was seen. Out: a [`Plan`]: steps in
//! canonical order, what each waits for, what is given up without deletion, and the guards that need a word from the
//! user. Pure: the same input gives the same plan.
//!
//! Objects are created and changed first, along the edges of the wanted graph; only when all of that has worked are
//! objects deleted, against the edges of the graphs that made them. Where something fails, nothing is deleted. Hooks run
//! where their phases and waves put them.

mod bind;
mod build;
mod deletion;
mod guard;
mod hook;
mod immutable;
mod input;
mod loss;
mod removal;

pub use bind::{BindError, Bound};
pub use build::build;
pub use guard::{Approvals, Guard, is_precious, may_recreate};
pub use hook::{HookProgress, HookStep, Hooks, StartedHook};
pub use immutable::{changed as immutable_change, field as immutable_field, is_harmless as recreates_freely};
pub use input::Input;
pub use loss::Loss;

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use crate::canon::{Id, Resource};
use crate::depend::{Rule, State};
use crate::diff::FieldChange;
use crate::graph::Body;
use crate::manifest::Policy;
use crate::name::ResourceKey;

/// What we know of an object that we applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// The object's uid.
    pub uid: String,
    /// What we applied to it.
    pub applied: Id<Resource>,
    /// Whether we made it. What was there before us is kept when it leaves the graph.
    pub created: bool,
}

/// What was seen of an object before planning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It is not there.
    Absent,
    /// It is there.
    Present {
        /// Its uid.
        uid: String,
        /// Whether it is as we left it: our labels and our own entry of managedFields.
        as_applied: bool,
        /// Whether our field manager has applied it, ever.
        ours: bool,
        /// What it says of itself, beside its manifest.
        policy: Policy,
        /// Whether it has the label of another application.
        is_of_another: bool,
        /// Whether it goes: it is being deleted, or its namespace is.
        leaving: bool,
    },
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Apply an object that should not be there yet.
    Create,
    /// Apply an object that is there.
    Update,
    /// Delete an object that we made.
    Delete,
    /// Run a hook, and wait for its end.
    Hook,
}

/// Why a step is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// The graph has it, the target does not.
    New,
    /// The graph has it, and so has the cluster, but not from us.
    Exists,
    /// The bodies differ.
    Changed,
    /// We applied it, and it is gone.
    Missing,
    /// We applied it, and it is being deleted.
    Leaving,
    /// We applied it, and somebody changed it.
    Drifted,
    /// We applied it, and it is another object of the same name now.
    Replaced,
    /// A run before this one did not finish, and may have touched it.
    Resumed,
    /// The graph has it no more.
    Removed,
}

/// Applies or deletes one object.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The bound key.
    pub key: ResourceKey,
    /// What is done.
    pub action: Action,
    /// Why.
    pub cause: Cause,
    /// What is applied; absent for deletions.
    pub desired: Option<(Id<Resource>, Body)>,
    /// The uid that the object must have; absent where none is expected.
    pub uid: Option<String>,
    /// Whether the object that is there is one that we made.
    pub made_by_us: bool,
    /// The fields that change, as far as the graphs tell.
    pub changes: Vec<FieldChange>,
    /// The length of the longest chain of steps that ends with it, from 1.
    pub layer: usize,
    /// What it runs, where it is a hook.
    pub hook: Option<HookStep>,
    /// How its object is handled.
    pub policy: Policy,
}

/// A node of the plan: a step, or a place that only holds edges together (an unchanged resource, a barrier).
#[derive(Debug, Clone, PartialEq)]
pub struct PlanNode {
    /// Index into [`Plan::steps`].
    pub step: Option<usize>,
    /// How it is called, where it is a barrier of a graph.
    pub barrier: Option<String>,
    /// What must have happened before.
    pub waits: Vec<Wait>,
    /// Whether it has its turn only when something else has failed, and everything else is over.
    pub on_failure: bool,
}

/// A dependency on another node.
#[derive(Debug, Clone, PartialEq)]
pub struct Wait {
    /// Index into [`Plan::nodes`].
    pub node: usize,
    /// What must hold of it. A deletion is present and ready when the object is gone.
    pub state: State,
    /// The rule that asks for it; absent for the barrier behind all that is applied, and for deletions that only go in
    /// the reverse order of creation.
    pub rule: Option<Rule>,
}

/// A step that another waits for.
#[derive(Debug, Clone, Copy)]
pub struct Waited<'a> {
    /// The step.
    pub step: &'a Step,
    /// What must hold of its object; gone, where it is a deletion.
    pub state: State,
    /// Why.
    pub reason: &'static str,
    /// The barrier that stands between the two.
    pub behind: Option<Behind<'a>>,
}

/// A barrier before a step. It stands for all steps that it waits for; the one that is told is the last of these.
#[derive(Debug, Clone, Copy)]
pub struct Behind<'a> {
    /// How it is called.
    pub barrier: &'a str,
    /// How many steps it waits for.
    pub steps: usize,
}

/// An object that leaves the record without being deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// The bound key.
    pub key: ResourceKey,
    /// Why it is not deleted.
    pub reason: &'static str,
    /// The uid, where it is an object that we applied to and that stays as it is.
    pub kept: Option<String>,
}

/// Steps and their order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// The steps, in an order in which they could run one by one.
    pub steps: Vec<Step>,
    /// The graph of waits; acyclic, each node after those it waits for.
    pub nodes: Vec<PlanNode>,
    /// How many resources of the graph need nothing.
    pub unchanged: usize,
    /// Objects that leave the record without being deleted, and why.
    pub forgotten: Vec<Forgotten>,
    /// Objects that left the graph and stay in the cluster and in the record, as they ask for.
    pub kept: Vec<ResourceKey>,
    /// What needs a word from the user before anything runs.
    pub guards: Vec<Guard>,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.forgotten.is_empty()
    }

    /// What it loses for good.
    #[must_use]
    pub fn losses(&self) -> Vec<Loss> {
        loss::losses(&self.steps)
    }

    /// The node of each step, as positions in [`Plan::nodes`].
    #[must_use]
    pub fn step_nodes(&self) -> Vec<usize> {
        let mut nodes = vec![0; self.steps.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            if let Some(step) = node.step {
                nodes[step] = index;
            }
        }
        nodes
    }

    /// The steps that each step waits for, by the edges of the graph: those that go last first. Of those behind a
    /// barrier only the last is there, so that many steps behind one barrier stay few waits.
    #[must_use]
    pub fn waits(&self) -> Vec<Vec<Waited<'_>>> {
        let node_of_step = self.step_nodes();
        let mut behind: HashMap<usize, Option<Waited<'_>>> = HashMap::new();
        node_of_step.iter().map(|node| self.waits_of(*node, &mut behind)).collect()
    }

    fn waits_of<'a>(&'a self, node: usize, behind: &mut HashMap<usize, Option<Waited<'a>>>) -> Vec<Waited<'a>> {
        let mut found: Vec<Waited<'a>> = Vec::new();
        for wait in &self.nodes[node].waits {
            let Some(rule) = wait.rule else { continue };
            let to = &self.nodes[wait.node];
            if let Some(step) = to.step {
                found.push(self.waited(step, wait.state, rule));
            } else if to.barrier.is_some() {
                let last = behind.entry(wait.node).or_insert_with(|| self.last_behind(wait.node));
                found.extend(last.map(|last| Waited { reason: rule.reason, ..last }));
            }
        }
        sort(&mut found);
        found
    }

    /// The last of the steps that a barrier waits for; where these are none, of those behind the barriers before it.
    fn last_behind(&self, barrier: usize) -> Option<Waited<'_>> {
        let (mut found, mut seen, mut barriers) = (Vec::new(), BTreeSet::from([barrier]), vec![barrier]);
        while found.is_empty() && !barriers.is_empty() {
            let mut before = Vec::new();
            for wait in barriers.iter().flat_map(|barrier| &self.nodes[*barrier].waits) {
                let (to, Some(rule)) = (&self.nodes[wait.node], wait.rule) else { continue };
                match to.step {
                    Some(step) => found.push(self.waited(step, wait.state, rule)),
                    None if to.barrier.is_some() && seen.insert(wait.node) => before.push(wait.node),
                    None => {}
                }
            }
            barriers = before;
        }
        sort(&mut found);
        let (last, barrier) = (found.first()?, self.nodes[barrier].barrier.as_deref()?);
        Some(Waited { behind: Some(Behind { barrier, steps: found.len() }), ..*last })
    }

    fn waited(&self, step: usize, state: State, rule: Rule) -> Waited<'_> {
        let step = &self.steps[step];
        let state = if step.action == Action::Delete { State::Absent } else { state };
        Waited { step, state, reason: rule.reason, behind: None }
    }

    /// How many steps have this action.
    #[must_use]
    pub fn count(&self, action: Action) -> usize {
        self.steps.iter().filter(|step| step.action == action).count()
    }
}

/// Those that go last first. That everything waits for its namespace tells the least.
fn sort(waits: &mut [Waited<'_>]) {
    waits.sort_by_key(|waited| (Reverse(waited.step.layer), waited.step.key.is("", "Namespace")));
}

#[cfg(test)]
mod tests;
