//! Which step may go next.
//!
//! In: a plan, and what becomes of its steps. Out: steps whose dependencies are met, those on the longest chain first.
//! Pure: no clock, no requests. A failed step stops what waits for it, and nothing else.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use gitops_compiler::depend::State;
use gitops_compiler::plan::{Plan, Wait};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Waits for others.
    Blocked,
    /// May go, or is going.
    Going,
    /// Accepted by the server.
    Present,
    /// Ready, or gone.
    Ready,
    /// Failed, or waits for something that failed.
    Stopped,
}

/// The state of a run over a plan. Steps are named by their index in [`Plan::steps`].
#[derive(Debug)]
pub struct Schedule {
    progress: Vec<Progress>,
    /// Dependencies that are not met yet, by node.
    unmet: Vec<usize>,
    /// Dependents of each node, and what they ask of it.
    dependents: Vec<Vec<(usize, State)>>,
    /// The step of each node, and the node of each step.
    step_of: Vec<Option<usize>>,
    node_of: Vec<usize>,
    /// Steps on the longest chain from each node on, itself included.
    height: Vec<usize>,
    queue: BinaryHeap<(usize, Reverse<usize>)>,
    /// Nodes that have their turn only when something has failed.
    held_back: Vec<usize>,
    /// Steps that are not over; those that are held back do not count.
    open: usize,
    skipped: Vec<usize>,
}

impl Schedule {
    /// Starts: everything without dependencies may go.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let count = plan.nodes.len();
        let mut dependents = vec![Vec::new(); count];
        let mut height = vec![0; count];
        for (index, node) in plan.nodes.iter().enumerate() {
            for wait in &node.waits {
                dependents[wait.node].push((index, wait.state));
            }
        }
        // Waits only point backwards, so that going backwards sees every dependent first.
        for index in (0..count).rev() {
            let below = dependents[index].iter().map(|(dependent, _)| height[*dependent]).max().unwrap_or_default();
            height[index] = below + usize::from(plan.nodes[index].step.is_some());
        }
        let mut schedule = Self {
            progress: vec![Progress::Blocked; count],
            unmet: plan.nodes.iter().map(|node| node.waits.len()).collect(),
            dependents,
            step_of: plan.nodes.iter().map(|node| node.step).collect(),
            node_of: plan.step_nodes(),
            height,
            queue: BinaryHeap::new(),
            held_back: (0..count).filter(|node| plan.nodes[*node].on_failure).collect(),
            open: plan.nodes.iter().filter(|node| node.step.is_some() && !node.on_failure).count(),
            skipped: Vec::new(),
        };
        for index in 0..count {
            let is_held_back = plan.nodes[index].on_failure;
            if schedule.unmet[index] == 0 && schedule.progress[index] == Progress::Blocked && !is_held_back {
                schedule.release(index);
            }
        }
        schedule
    }

    /// A step that may go now.
    pub fn take(&mut self) -> Option<usize> {
        let (_, Reverse(node)) = self.queue.pop()?;
        self.step_of[node]
    }

    /// The server has accepted a step.
    pub fn present(&mut self, step: usize) {
        self.advance(self.node_of[step], Progress::Present);
    }

    /// A step is over, as planned.
    pub fn ready(&mut self, step: usize) {
        let node = self.node_of[step];
        self.advance(node, Progress::Present);
        self.advance(node, Progress::Ready);
    }

    /// A step failed. All that waits for it is skipped; [`Schedule::take_skipped`] has the list.
    pub fn fail(&mut self, step: usize) {
        let mut pending = vec![self.node_of[step]];
        while let Some(node) = pending.pop() {
            let before = std::mem::replace(&mut self.progress[node], Progress::Stopped);
            if matches!(before, Progress::Stopped | Progress::Ready) {
                self.progress[node] = before;
                continue;
            }
            if let Some(stopped) = self.step_of[node] {
                self.open -= 1;
                if stopped != step {
                    self.skipped.push(stopped);
                }
            }
            // What asked for presence only, and got it, goes on: now, or when the rest of what it waits for is there.
            let met = |state: State| before == Progress::Present && state == State::Present;
            let stopped = self.dependents[node]
                .iter()
                .filter(|(dependent, state)| self.progress[*dependent] == Progress::Blocked && !met(*state));
            pending.extend(stopped.map(|(dependent, _)| *dependent));
        }
    }

    /// Something has failed, and all is over: what was held back for that has its turn. A second call does nothing.
    pub fn release_for_failure(&mut self) {
        let held_back = std::mem::take(&mut self.held_back);
        self.open += held_back.iter().filter(|node| self.step_of[**node].is_some()).count();
        for node in held_back {
            if self.unmet[node] == 0 && self.progress[node] == Progress::Blocked {
                self.release(node);
            }
        }
    }

    /// Steps that were skipped since the last call.
    pub fn take_skipped(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.skipped)
    }

    /// Whether others wait for this step to be ready, not only to be there.
    #[must_use]
    pub fn is_awaited(&self, step: usize) -> bool {
        self.dependents[self.node_of[step]].iter().any(|(_, state)| *state == State::Ready)
    }

    /// Whether a dependency still holds up what waits. One that failed holds up nothing: it stopped what needed it, and
    /// the rest has had its presence.
    #[must_use]
    pub fn holds_up(&self, wait: &Wait) -> bool {
        match self.progress[wait.node] {
            Progress::Blocked | Progress::Going => true,
            Progress::Present => wait.state != State::Present,
            Progress::Ready | Progress::Stopped => false,
        }
    }

    /// How many dependencies of a node are not met yet.
    #[must_use]
    pub fn unmet(&self, node: usize) -> usize {
        self.unmet[node]
    }

    /// Whether every step is over.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.open == 0
    }

    fn release(&mut self, node: usize) {
        self.progress[node] = Progress::Going;
        if self.step_of[node].is_some() {
            self.queue.push((self.height[node], Reverse(node)));
        } else {
            self.advance(node, Progress::Present);
            self.advance(node, Progress::Ready);
        }
    }

    fn advance(&mut self, node: usize, to: Progress) {
        // An explicit stack: a chain may be as long as the graph.
        let mut pending = vec![(node, to)];
        while let Some((node, to)) = pending.pop() {
            let met = match (self.progress[node], to) {
                (Progress::Going, Progress::Present) => State::Present,
                (Progress::Present, Progress::Ready) => State::Ready,
                _ => continue,
            };
            self.progress[node] = to;
            if to == Progress::Ready && self.step_of[node].is_some() {
                self.open -= 1;
            }
            for index in 0..self.dependents[node].len() {
                let (dependent, state) = self.dependents[node][index];
                if state != met {
                    continue;
                }
                self.unmet[dependent] -= 1;
                if self.unmet[dependent] > 0 || self.progress[dependent] != Progress::Blocked {
                    continue;
                }
                self.progress[dependent] = Progress::Going;
                if self.step_of[dependent].is_some() {
                    self.queue.push((self.height[dependent], Reverse(dependent)));
                } else {
                    pending.push((dependent, Progress::Ready));
                    pending.push((dependent, Progress::Present));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::plans::PlanOf;

    /// `(waits, is a step)` for each node.
    fn plan(nodes: &[(&[(usize, State)], bool)]) -> Plan {
        let mut plan = PlanOf::default();
        for (waits, is_step) in nodes {
            if *is_step {
                plan.step(&plan.plan.steps.len().to_string(), waits);
            } else {
                plan.place(waits);
            }
        }
        plan.plan
    }

    fn drain(schedule: &mut Schedule) -> Vec<usize> {
        std::iter::from_fn(|| schedule.take()).collect()
    }

    #[test]
    fn the_longest_chain_goes_first() {
        let present = |node| (node, State::Present);
        let mut schedule =
            Schedule::new(&plan(&[(&[], true), (&[], true), (&[present(1)], true), (&[present(2)], true)]));
        assert_eq!(drain(&mut schedule), [1, 0]);
        schedule.present(1);
        assert_eq!(drain(&mut schedule), [2]);
    }

    #[test]
    fn presence_and_readiness_are_told_apart_and_places_pass_both_on() {
        // Step 0; an unchanged place that waits for its readiness; step 1 behind the place.
        let nodes: &[(&[(usize, State)], bool)] =
            &[(&[], true), (&[(0, State::Ready)], false), (&[(1, State::Present)], true)];
        let mut schedule = Schedule::new(&plan(nodes));
        assert_eq!(drain(&mut schedule), [0]);
        assert!(schedule.is_awaited(0) && !schedule.is_awaited(1));
        schedule.present(0);
        assert_eq!(drain(&mut schedule), Vec::<usize>::new());
        schedule.ready(0);
        assert_eq!(drain(&mut schedule), [1]);
        schedule.ready(1);
        assert!(schedule.is_finished());
    }

    #[test]
    fn a_failure_stops_what_waits_for_it_and_nothing_else() {
        let nodes: &[(&[(usize, State)], bool)] = &[
            (&[], true),
            (&[], true),
            (&[(0, State::Present)], false),
            (&[(2, State::Ready)], true),
            (&[(1, State::Present)], true),
        ];
        let mut schedule = Schedule::new(&plan(nodes));
        assert_eq!(drain(&mut schedule).len(), 2);
        schedule.fail(0);
        assert_eq!(schedule.take_skipped(), [2]);
        schedule.ready(1);
        assert_eq!(drain(&mut schedule), [3]);
        schedule.ready(3);
        assert!(schedule.is_finished());
    }

    #[test]
    fn a_dependent_on_presence_goes_on_when_readiness_never_comes() {
        let mut schedule = Schedule::new(&plan(&[(&[], true), (&[(0, State::Present)], true)]));
        assert_eq!(drain(&mut schedule), [0]);
        schedule.present(0);
        assert_eq!(drain(&mut schedule), [1]);
        schedule.fail(0);
        assert_eq!(schedule.take_skipped(), Vec::<usize>::new());
        schedule.ready(1);
        assert!(schedule.is_finished());
    }

    #[test]
    fn a_dependent_that_also_waits_for_another_goes_on_too() {
        let nodes: &[(&[(usize, State)], bool)] = &[
            (&[], true),
            (&[], true),
            (&[(0, State::Present), (1, State::Ready)], true),
            (&[(0, State::Ready)], true),
        ];
        let mut schedule = Schedule::new(&plan(nodes));
        assert_eq!(drain(&mut schedule).len(), 2);
        schedule.present(0);
        schedule.fail(0);
        assert_eq!(schedule.take_skipped(), [3], "only what waited for its readiness");
        schedule.ready(1);
        assert_eq!(drain(&mut schedule), [2]);
        schedule.ready(2);
        assert!(schedule.is_finished());
    }
}
