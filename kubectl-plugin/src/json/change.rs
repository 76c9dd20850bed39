//! Changes, planned and done: `plan`, and what `apply`, `rollback` and `delete` did.

use gitops_compiler::canon::{Graph, Id};
use gitops_compiler::depend::State;
use gitops_compiler::diff::FieldChange;
use gitops_compiler::manifest::HookPhase;
use gitops_compiler::name::{AppName, ResourceKey};
use gitops_compiler::plan::{Action, Behind, Cause, Forgotten, Loss, Plan, Step, Waited, immutable_change};
use schemars::JsonSchema;
use serde::Serialize;

use crate::apply::{Applied, StepResult};
use crate::record::Outcome;

use super::SchemaVersion;

/// The way to a graph.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanJson {
    /// The version of this form.
    pub schema_version: SchemaVersion,
    /// The application.
    pub application: AppName,
    /// The graph of the live release; null before the first.
    pub from: Option<Id<Graph>>,
    /// The graph that is wanted.
    pub to: Id<Graph>,
    /// In an order in which they could run one by one.
    pub steps: Vec<PlanStepJson>,
    /// How many resources need nothing.
    pub unchanged: usize,
    /// What leaves the record without being deleted.
    pub forgotten: Vec<ForgottenJson>,
    /// What left the graph and is kept, as it asks for: it stays in the record.
    pub kept: Vec<ResourceKey>,
    /// What is lost for good: no rollback brings it back.
    pub losses: Vec<LossJson>,
    /// What needs a word from the user before anything runs; each names the flag that gives it.
    pub guards: Vec<String>,
    /// Why a controller would not do it all the same: what is held, what the project does not permit. Absent where there is
    /// nothing, and from the command line, which says so with its exit code.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<String>,
}

impl PlanJson {
    /// The way from one graph to another, as data.
    #[must_use]
    pub fn new(application: &AppName, from: Option<Id<Graph>>, to: Id<Graph>, plan: &Plan) -> Self {
        let step = |(step, waits): (&Step, &Vec<Waited<'_>>)| PlanStepJson {
            resource: step.key.clone(),
            action: step.action,
            phase: step.hook.as_ref().map(|hook| hook.phase),
            cause: step.cause,
            layer: step.layer,
            changes: step.changes.clone(),
            recreated_for: immutable_change(step),
            waits_for: waits.iter().map(PlanWaitJson::new).collect(),
        };
        let forgotten = |gone: &Forgotten| ForgottenJson { resource: gone.key.clone(), reason: gone.reason };
        let loss = |loss: &Loss| LossJson { resource: loss.key.clone(), reason: loss.reason() };
        Self {
            schema_version: SchemaVersion,
            application: application.clone(),
            from,
            to,
            steps: plan.steps.iter().zip(&plan.waits()).map(step).collect(),
            unchanged: plan.unchanged,
            forgotten: plan.forgotten.iter().map(forgotten).collect(),
            kept: plan.kept.clone(),
            losses: plan.losses().iter().map(loss).collect(),
            guards: plan.guards.iter().map(ToString::to_string).collect(),
            refusals: Vec::new(),
        }
    }
}

/// What no rollback brings back.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LossJson {
    /// The object.
    pub resource: ResourceKey,
    /// What becomes of it, and what goes with it.
    pub reason: String,
}

/// A step of a plan.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanStepJson {
    /// The bound key.
    pub resource: ResourceKey,
    /// What is done.
    pub action: Action,
    /// When, where it is a hook. What has `SyncFail` is done only where something else fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<HookPhase>,
    /// Why.
    pub cause: Cause,
    /// The length of the longest chain of steps that ends with it, from 1.
    pub layer: usize,
    /// The fields that change, as far as the graphs tell. The values of Secrets are masked.
    pub changes: Vec<FieldChange>,
    /// The field for which the object is deleted and made again, as far as the graphs tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recreated_for: Option<String>,
    /// The steps that it waits for by the edges of the graph, those that go last first.
    pub waits_for: Vec<PlanWaitJson>,
}

/// A step that another waits for.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PlanWaitJson {
    /// What it applies.
    pub resource: ResourceKey,
    /// What must hold of that.
    pub state: State,
    /// Why.
    pub reason: &'static str,
    /// The barrier that stands between the two, where there is one.
    pub behind: Option<BarrierWaitJson>,
}

impl PlanWaitJson {
    pub(super) fn new(waited: &Waited<'_>) -> Self {
        let behind = |Behind { barrier, steps }| BarrierWaitJson { barrier: String::from(barrier), steps };
        let Waited { step, state, reason, behind: barrier } = *waited;
        Self { resource: step.key.clone(), state, reason, behind: barrier.map(behind) }
    }
}

/// A barrier before a step: it waits for all of some steps, and the one that is named is the last of these.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct BarrierWaitJson {
    /// How it is called.
    pub barrier: String,
    /// How many steps it waits for.
    pub steps: usize,
}

/// What leaves the record without being deleted.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ForgottenJson {
    /// Its key.
    pub resource: ResourceKey,
    /// Why.
    pub reason: &'static str,
}

/// What a run did: `apply`, `rollback`, `delete`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunJson {
    /// The version of this form.
    pub schema_version: SchemaVersion,
    /// The application.
    pub application: AppName,
    /// The number of the release; that of the live one where nothing was to be done.
    pub release: u64,
    /// Its graph.
    pub graph: Id<Graph>,
    /// How it ended.
    pub outcome: RunOutcome,
    /// Why it failed.
    pub message: Option<String>,
    /// What was told on the way.
    pub notes: Vec<String>,
    /// The steps of the plan.
    pub steps: Vec<RunStepJson>,
    /// Requests to the API server, all in all.
    pub requests: u64,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunOutcome {
    /// There was nothing to do.
    Unchanged,
    /// All of it worked.
    Succeeded,
    /// Some of it did not.
    Failed,
    /// It was stopped in the middle.
    Interrupted,
}

impl RunJson {
    /// A run that ended, as data.
    #[must_use]
    pub fn new(application: &AppName, plan: &Plan, applied: &Applied, notes: Vec<String>, requests: u64) -> Self {
        let release = &applied.release;
        let step = |(index, result): (&usize, &StepResult)| {
            let (outcome, message) = StepOutcomeJson::of(result);
            let step = plan.steps.get(*index)?;
            let phase = step.hook.as_ref().map(|hook| hook.phase);
            Some(RunStepJson { resource: step.key.clone(), action: step.action, phase, outcome, message })
        };
        let (outcome, message) = match &release.outcome {
            Outcome::Succeeded => (RunOutcome::Succeeded, None),
            Outcome::Failed { message } => (RunOutcome::Failed, Some(message.clone())),
            Outcome::Interrupted => (RunOutcome::Interrupted, None),
        };
        Self {
            schema_version: SchemaVersion,
            application: application.clone(),
            release: release.number,
            graph: release.graph.id,
            outcome,
            message,
            notes,
            steps: applied.results.iter().filter_map(step).collect(),
            requests,
        }
    }
}

/// A step that was run, or not.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RunStepJson {
    /// The bound key.
    pub resource: ResourceKey,
    /// What was to be done.
    pub action: Action,
    /// When, where it is a hook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<HookPhase>,
    /// What became of it.
    pub outcome: StepOutcomeJson,
    /// Why it failed.
    pub message: Option<String>,
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StepOutcomeJson {
    /// Done.
    Succeeded,
    /// Done; the object was there before us and is kept when it leaves the graph.
    Joined,
    /// It failed.
    Failed,
    /// It failed, because a field or the object belongs to another.
    Conflict,
    /// It was not tried: what it waits for failed.
    Skipped,
}

impl StepOutcomeJson {
    /// With the reason, where it failed.
    pub(super) fn of(result: &StepResult) -> (Self, Option<String>) {
        match result {
            StepResult::Succeeded => (Self::Succeeded, None),
            StepResult::Joined => (Self::Joined, None),
            StepResult::Failed { message, conflict: false } => (Self::Failed, Some(message.clone())),
            StepResult::Failed { message, conflict: true } => (Self::Conflict, Some(message.clone())),
            StepResult::Skipped => (Self::Skipped, None),
        }
    }
}
