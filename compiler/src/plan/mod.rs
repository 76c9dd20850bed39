//! The steps that lead a target from the state that is recorded and seen to the graph that is wanted.
//!
//! In: a graph bound to a target ([`Bound`]), what we own there ([`Owned`]), what was seen. Out: a [`Plan`]: steps in
//! canonical order, what each waits for, what is given up without deletion, and the guards that need a word from the
//! user. Pure: the same input gives the same plan.
//!
//! Objects are created and changed first, along the edges of the wanted graph; only when all of that has worked are
//! objects deleted, against the edges of the graphs that made them. Where something fails, nothing is deleted.

mod bind;
mod build;
mod guard;

pub use bind::{BindError, Bound};
pub use build::{Input, build};
pub use guard::{Approvals, Guard, is_precious};

use std::cmp::Reverse;

use crate::canon::{Id, Resource};
use crate::depend::{Rule, State};
use crate::diff::FieldChange;
use crate::graph::Body;
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
}

/// A node of the plan: a step, or a place that only holds edges together (an unchanged resource, a barrier).
#[derive(Debug, Clone, PartialEq)]
pub struct PlanNode {
    /// Index into [`Plan::steps`].
    pub step: Option<usize>,
    /// What must have happened before.
    pub waits: Vec<Wait>,
}

/// A dependency on another node.
#[derive(Debug, Clone, PartialEq)]
pub struct Wait {
    /// Index into [`Plan::nodes`].
    pub node: usize,
    /// What must hold of it. A deletion is present and ready when the object is gone.
    pub state: State,
    /// The rule that asks for it; absent for our own barriers and for deletions.
    pub rule: Option<Rule>,
}

/// A step that another waits for.
#[derive(Debug, Clone, Copy)]
pub struct Waited<'a> {
    /// The step.
    pub step: &'a Step,
    /// What must hold of its object.
    pub state: State,
    /// Why.
    pub reason: &'static str,
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
    /// What needs a word from the user before anything runs.
    pub guards: Vec<Guard>,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.forgotten.is_empty()
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

    /// The steps that a node waits for, by the edges of the graph: those that go last first.
    #[must_use]
    pub fn waits_of(&self, node: usize) -> Vec<Waited<'_>> {
        let waits = self.nodes.get(node).map(|node| node.waits.as_slice()).unwrap_or_default();
        let waited = |wait: &Wait| {
            let step = self.steps.get(self.nodes.get(wait.node)?.step?)?;
            Some(Waited { step, state: wait.state, reason: wait.rule.as_ref()?.reason })
        };
        let mut found: Vec<Waited<'_>> = waits.iter().filter_map(waited).collect();
        // That everything waits for its namespace tells the least.
        found.sort_by_key(|waited| (Reverse(waited.step.layer), waited.step.key.is("", "Namespace")));
        found
    }

    /// How many steps have this action.
    #[must_use]
    pub fn count(&self, action: Action) -> usize {
        self.steps.iter().filter(|step| step.action == action).count()
    }
}

#[cfg(test)]
mod tests;
