//! The loop that runs a plan.
//!
//! In: a plan, a context, options. Out: a result for each step and the changes of the inventory. As many requests are
//! in flight as `CONCURRENT` says; a step goes as soon as what it waits for allows; what its request gave (`outcome`) may
//! have to be waited for; watches tell the rest (`waiting`), and Pods and Events tell why a workload never gets ready
//! (`pods`, `refused`). Hooks are waited for to their end (`hooks`).

mod hooks;
mod outcome;
mod pods;
mod refused;
mod stop;
mod two_keys;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use gitops_compiler::name::ResourceKey;
use gitops_compiler::plan::Plan;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::health::{Health, Rules};
use crate::record::{InventoryEntry, Records};
use crate::trace;

use super::event::{Event, StepResult};
use super::hook;
use super::readiness::{Namespaces, Watches};
use super::schedule::Schedule;
use super::step::{self, Context, StepOutcome};
use outcome::assessed;
pub use stop::{Stop, signalled};

use pods::EarlyPods;
use two_keys::Applied;
use waiting::Waiting;

/// Requests in flight. The API server's own limits are far above; more than this only waits there.
const CONCURRENT: usize = 16;

/// How a run goes.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Whether the run lasts until all objects are ready.
    pub wait: bool,
    /// How long to wait for any object.
    pub timeout: Duration,
    /// Whether objects that were there before become ours entirely.
    pub adopt: bool,
    /// Objects that another application had, and gives us with all rights.
    pub taken: BTreeSet<ResourceKey>,
    /// By which rules objects are ready.
    pub health: Rules,
    /// Who may end it before.
    pub stop: Stop,
}

impl RunOptions {
    /// Those of a run that makes nothing its own that was there before, and that only signals end.
    #[must_use]
    pub fn new(wait: bool, timeout: Duration, health: Rules) -> Self {
        Self { wait, timeout, adopt: false, taken: BTreeSet::new(), health, stop: Stop::default() }
    }
}

/// How a run ended.
#[derive(Debug, Default)]
pub struct RunReport {
    /// By index of the step.
    pub results: BTreeMap<usize, StepResult>,
    /// What we own now and did not before, or own no more.
    pub inventory: BTreeMap<ResourceKey, Option<InventoryEntry>>,
    /// Whether it was stopped in the middle: by the user, or because it lost its lock.
    pub interrupted: bool,
}

/// Bodies of Secrets to write as soon as their namespaces exist.
pub type LateSecrets = BTreeMap<String, Vec<u8>>;

struct Run<'a> {
    plan: &'a Plan,
    context: Arc<Context>,
    options: &'a RunOptions,
    schedule: Schedule,
    watches: Watches,
    waiting: BTreeMap<ResourceKey, (usize, Waiting)>,
    /// Objects that are being deleted and may be gone already, unseen.
    doubtful: BTreeSet<ResourceKey>,
    /// Those that the server could not be asked about, and when it is asked again.
    ask_again: BTreeMap<ResourceKey, Instant>,
    /// Steps whose object was there before us.
    joined: BTreeSet<usize>,
    /// What was applied, by uid: an object that is served by two groups has two keys.
    applied: Applied,
    early_pods: EarlyPods,
    report: RunReport,
    emit: &'a mut (dyn FnMut(Event) + Send),
    in_flight: JoinSet<(usize, StepOutcome, Health)>,
    records: &'a Records,
    target: String,
    late_secrets: LateSecrets,
}

/// Runs a plan to its end.
pub async fn run(
    plan: &Plan,
    context: Arc<Context>,
    options: &RunOptions,
    records: &Records,
    target: &str,
    late_secrets: LateSecrets,
    emit: &mut (dyn FnMut(Event) + Send),
) -> RunReport {
    let mut namespaces: Namespaces = BTreeMap::new();
    for key in plan.steps.iter().map(|step| &step.key) {
        let place = key.scope.namespace().map(str::to_owned);
        namespaces.entry((key.group.clone(), key.kind.clone())).or_default().extend(place);
    }
    let watches =
        Watches::new(context.cluster.clone(), options.health.clone(), &context.identity.apply_set, namespaces);
    let run = Run {
        plan,
        context,
        options,
        schedule: Schedule::new(plan),
        watches,
        waiting: BTreeMap::new(),
        doubtful: BTreeSet::new(),
        ask_again: BTreeMap::new(),
        joined: BTreeSet::new(),
        applied: Applied::new(),
        early_pods: EarlyPods::default(),
        report: RunReport::default(),
        emit,
        in_flight: JoinSet::new(),
        records,
        target: target.to_owned(),
        late_secrets,
    };
    run.go().await
}

impl Run<'_> {
    async fn go(mut self) -> RunReport {
        let mut tick = tokio::time::interval(Duration::from_millis(250));
        // One future for the whole run: a signal that comes while none is listening would be lost.
        let mut asked_to_end = std::pin::pin!(self.options.stop.clone().asked());
        loop {
            while self.in_flight.len() < CONCURRENT && !self.report.interrupted {
                let Some(index) = self.schedule.take() else { break };
                (self.emit)(Event::Started { step: index });
                if let Some(key) = self.lives_on_as(index) {
                    self.leave(index, &key);
                    continue;
                }
                let (context, step) = (Arc::clone(&self.context), self.plan.steps[index].clone());
                let rules = self.options.health.clone();
                self.spawn(index, async move {
                    let outcome = if step.hook.is_some() {
                        hook::start::run(context, step).await
                    } else {
                        step::run(context, step).await
                    };
                    assessed(&rules, outcome).await
                });
            }
            self.ask_for_doubtful().await;
            if self.schedule.is_finished() && !self.report.interrupted && self.has_failed() {
                self.schedule.release_for_failure();
            }
            if self.schedule.is_finished() || (self.report.interrupted && self.in_flight.is_empty()) {
                return self.end();
            }
            tokio::select! {
                Some(joined) = self.in_flight.join_next() => {
                    // A task that does not panic and is not cancelled ends.
                    if let Ok((index, outcome, health)) = joined {
                        self.take(index, outcome, health).await;
                    }
                }
                Some(change) = self.watches.changes.recv() => self.change(change).await,
                _ = tick.tick() => {
                    self.tick().await;
                    self.ask_for_refused().await;
                    self.look_at_early_pods().await;
                }
                () = &mut asked_to_end, if !self.report.interrupted => {
                    self.report.interrupted = true;
                    (self.emit)(Event::Note("interrupted: no more steps are begun".to_owned()));
                }
            }
        }
    }

    /// Runs a part of a step beside the others.
    fn spawn(&mut self, index: usize, work: impl Future<Output = (StepOutcome, Health)> + Send + 'static) {
        let work = trace::inherit(work);
        self.in_flight.spawn(async move {
            // Nothing may wait for a step that a bug of ours has ended.
            let done = AssertUnwindSafe(work).catch_unwind().await;
            let bug = || (StepOutcome::failed("a bug of ours ended this step"), Health::missing());
            let (outcome, health) = done.unwrap_or_else(|_| bug());
            (index, outcome, health)
        });
    }

    fn has_failed(&self) -> bool {
        self.report.results.values().any(|result| matches!(result, StepResult::Failed { .. }))
    }

    /// What was accepted and is not ready yet is told, too.
    fn end(mut self) -> RunReport {
        for (index, _) in std::mem::take(&mut self.waiting).into_values() {
            let message = "the run was interrupted before it was ready".to_owned();
            self.tell(index, StepResult::Failed { message, conflict: false });
        }
        self.report
    }

    fn finish(&mut self, index: usize, result: StepResult) {
        let step = &self.plan.steps[index];
        let joined = result == StepResult::Succeeded && self.joined.contains(&index);
        let result = if joined { StepResult::Joined } else { result };
        self.waiting.remove(&hook::start::object_key(&self.context, step));
        match &result {
            StepResult::Succeeded | StepResult::Joined => self.schedule.ready(index),
            StepResult::Failed { .. } | StepResult::Skipped => self.schedule.fail(index),
        }
        self.tell(index, result);
        for skipped in self.schedule.take_skipped() {
            self.tell(skipped, StepResult::Skipped);
        }
    }

    fn tell(&mut self, index: usize, result: StepResult) {
        self.report.results.insert(index, result.clone());
        (self.emit)(Event::Done { step: index, result });
    }
}
