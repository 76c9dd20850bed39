//! How far a run has come, and what waits for what.
//!
//! In: a plan, and the events of its run with their times. Out: the steps that are under way, those that wait, and for
//! each of these the step that it waits for now, and why. Pure: no clock, no requests. All events of a run together cost
//! what the plan has edges; a question costs what its answer has lines.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gitops_compiler::depend::State;
use gitops_compiler::manifest::HookPhase;
use gitops_compiler::name::ResourceKey;
use gitops_compiler::plan::{Action, Plan, PlanNode, Step, Wait};

use super::event::{Event, StepResult};
use super::schedule::Schedule;

/// What a step is called.
#[derive(Debug, Clone)]
pub struct StepName {
    /// The bound key.
    pub key: ResourceKey,
    /// What is done.
    pub action: Action,
    /// When, where it is a hook.
    pub phase: Option<HookPhase>,
}

/// A step that was started and is not over.
#[derive(Debug, Clone)]
pub struct UnderWay {
    /// Its index in the plan.
    pub step: usize,
    /// When it was started, from the beginning of the run.
    pub since: Duration,
    /// What is missing, as far as anybody has said.
    pub reason: Option<String>,
}

/// What a step waits for that was not started.
#[derive(Debug, Clone, Copy)]
pub struct Blocker<'a> {
    /// The step.
    pub by: &'a StepName,
    /// What must hold of its object; gone, where it is a deletion.
    pub state: State,
    /// Why.
    pub reason: &'static str,
    /// The barrier that stands between the two, and how many of those before it are not over.
    pub behind: Option<(&'a str, usize)>,
}

/// How many steps are how far. Those that have their turn only when something fails count from then on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// All.
    pub total: usize,
    /// Those that are over.
    pub done: usize,
    /// Of these, those that failed.
    pub failed: usize,
    /// Of these, those that were not tried.
    pub skipped: usize,
}

/// The state of a run.
#[derive(Debug)]
pub struct Standing {
    names: Vec<StepName>,
    nodes: Vec<Held>,
    node_of: Vec<usize>,
    schedule: Schedule,
    /// Steps that wait for others.
    blocked: BTreeSet<usize>,
    /// By their turns: the oldest first.
    under_way: BTreeMap<usize, UnderWay>,
    /// The turn of each step that is under way.
    turn_of: BTreeMap<usize, usize>,
    turns: usize,
    tally: Tally,
}

/// A node of the plan, and what holds it up.
#[derive(Debug)]
struct Held {
    step: Option<usize>,
    barrier: Option<String>,
    on_failure: bool,
    /// The one that tells most comes first.
    waits: Vec<Wait>,
    /// So many of them hold it up no more. What does not hold up once never does again.
    met: usize,
}

impl Standing {
    /// Before the first event.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let names = plan.steps.iter().map(StepName::of).collect();
        let mut schedule = Schedule::new(plan);
        let may_wait = |node: &PlanNode| node.step.filter(|_| !node.on_failure);
        let mut blocked: BTreeSet<usize> = plan.nodes.iter().filter_map(may_wait).collect();
        let tally = Tally { total: blocked.len(), ..Tally::default() };
        while let Some(step) = schedule.take() {
            blocked.remove(&step);
        }
        Self {
            names,
            nodes: plan.nodes.iter().map(|node| Held::of(plan, node)).collect(),
            node_of: plan.step_nodes(),
            schedule,
            blocked,
            under_way: BTreeMap::new(),
            turn_of: BTreeMap::new(),
            turns: 0,
            tally,
        }
    }

    /// Takes an event, and when it came from the beginning of the run.
    pub fn take(&mut self, event: &Event, at: Duration) {
        match event {
            Event::Started { step } => self.start(*step, at),
            // A deletion is there only when it is over.
            Event::Accepted { step } if self.names[*step].action == Action::Delete => {}
            Event::Accepted { step } => self.schedule.present(*step),
            Event::Waiting { step, reason, .. } => {
                if let Some(under_way) = self.turn_of.get(step).and_then(|turn| self.under_way.get_mut(turn)) {
                    under_way.reason = Some(reason.clone());
                }
            }
            Event::Done { step, result } => self.end(*step, result),
            Event::StillWaiting { .. } | Event::Note(_) => {}
        }
        while let Some(step) = self.schedule.take() {
            self.blocked.remove(&step);
        }
    }

    fn start(&mut self, step: usize, at: Duration) {
        self.blocked.remove(&step);
        if self.nodes[self.node_of[step]].on_failure {
            self.tally.total += 1;
        }
        self.under_way.insert(self.turns, UnderWay { step, since: at, reason: None });
        self.turn_of.insert(step, self.turns);
        self.turns += 1;
    }

    fn end(&mut self, step: usize, result: &StepResult) {
        self.blocked.remove(&step);
        let turn = self.turn_of.remove(&step);
        if let Some(turn) = turn {
            self.under_way.remove(&turn);
        } else if self.nodes[self.node_of[step]].on_failure {
            // One that never had its turn.
            self.tally.total += 1;
        }
        self.tally.done += 1;
        match result {
            StepResult::Succeeded | StepResult::Joined => self.schedule.ready(step),
            StepResult::Failed { .. } => {
                self.tally.failed += 1;
                self.schedule.fail(step);
            }
            // It stopped with what it waits for.
            StepResult::Skipped => self.tally.skipped += 1,
        }
        // They are told one by one.
        self.schedule.take_skipped();
    }

    /// How many steps are how far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// How many steps are under way.
    #[must_use]
    pub fn count_under_way(&self) -> usize {
        self.under_way.len()
    }

    /// How many steps wait for others.
    #[must_use]
    pub fn count_blocked(&self) -> usize {
        self.blocked.len()
    }

    /// How many steps wait: for others, or for their turn.
    #[must_use]
    pub fn count_waiting(&self) -> usize {
        (self.tally.total - self.tally.done).saturating_sub(self.under_way.len())
    }

    /// Steps that are under way, the oldest first.
    pub fn under_way(&self) -> impl Iterator<Item = &UnderWay> {
        self.under_way.values()
    }

    /// Steps that wait for others, in the order of the plan.
    pub fn blocked(&self) -> impl Iterator<Item = usize> {
        self.blocked.iter().copied()
    }

    /// What a step is called.
    #[must_use]
    pub fn name(&self, step: usize) -> &StepName {
        &self.names[step]
    }

    /// What a step waits for; none where it may go.
    pub fn blocker(&mut self, step: usize) -> Option<Blocker<'_>> {
        let mut node = self.node_of[step];
        let (mut reason, mut barrier) = (None, None);
        // Waits only point backwards.
        loop {
            let wait = self.nodes[node].first(&self.schedule)?;
            if barrier.is_none() {
                reason = wait.rule.map(|rule| rule.reason).or(reason);
            }
            let Held { step: by, barrier: name, .. } = &self.nodes[wait.node];
            if let Some(by) = *by {
                let (by, waits) = (&self.names[by], &self.names[step]);
                let state = if by.action == Action::Delete { State::Absent } else { wait.state };
                let reason = reason.unwrap_or_else(|| unwritten(waits, by));
                let behind = |node: usize| Some((self.nodes[node].barrier.as_deref()?, self.schedule.unmet(node)));
                return Some(Blocker { by, state, reason, behind: barrier.and_then(behind) });
            }
            if name.is_some() {
                barrier = Some(wait.node);
            }
            node = wait.node;
        }
    }
}

impl StepName {
    /// Of a step of a plan.
    #[must_use]
    pub fn of(step: &Step) -> Self {
        Self { key: step.key.clone(), action: step.action, phase: step.hook.as_ref().map(|hook| hook.phase) }
    }
}

impl Held {
    fn of(plan: &Plan, node: &PlanNode) -> Self {
        let mut waits = node.waits.clone();
        waits.sort_by_key(|wait| tells(plan, &plan.nodes[wait.node]));
        Self { step: node.step, barrier: node.barrier.clone(), on_failure: node.on_failure, waits, met: 0 }
    }

    /// The first that holds it up.
    fn first(&mut self, schedule: &Schedule) -> Option<Wait> {
        while let Some(wait) = self.waits.get(self.met) {
            if schedule.holds_up(wait) {
                return Some(wait.clone());
            }
            self.met += 1;
        }
        None
    }
}

/// Barriers tell most, then what goes last; that everything waits for its namespace tells the least.
fn tells(plan: &Plan, node: &PlanNode) -> (bool, Reverse<usize>) {
    let step = node.step.map(|step| &plan.steps[step]);
    let layer = if node.barrier.is_some() { usize::MAX } else { step.map_or(0, |step| step.layer) };
    (step.is_some_and(|step| step.key.is("", "Namespace")), Reverse(layer))
}

/// Why a step waits for another where no rule of the graph asks for it: the order of every plan.
fn unwritten(waits: &StepName, by: &StepName) -> &'static str {
    match (waits.phase, waits.action, by.action) {
        (Some(_), ..) => "its phase comes later",
        (None, Action::Delete, Action::Delete) => "what was made last goes first",
        (None, Action::Delete, _) => "nothing is deleted before all else is done",
        (None, ..) => "it comes later",
    }
}

#[cfg(test)]
mod tests;
