//! What `apply`, `rollback` and `delete` tell on their way, with `-o json`: one object a line on stderr.
//!
//! In: what happens. Out: lines that say what, and when. A step that was started ends once; one that was skipped ends
//! without having been started; one that an interrupted run never came to does neither.

use std::time::Duration;

use gitops_compiler::canon::{Graph, Id};
use gitops_compiler::diagnostic::{Diagnostic, Level, Origin};
use gitops_compiler::manifest::HookPhase;
use gitops_compiler::name::{AppName, ResourceKey};
use gitops_compiler::plan::{Action, Plan, Step};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::apply::StepResult;
use crate::apply::standing::{Blocker, Standing};

use super::change::{BarrierWaitJson, PlanWaitJson, RunOutcome, StepOutcomeJson};
use super::{RunJson, SchemaVersion};

/// Something that happened during a command that changes a cluster.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventJson {
    /// The version of this form.
    pub schema_version: SchemaVersion,
    /// When it happened, by RFC 3339, in UTC, to the millisecond.
    pub time: String,
    /// What happened.
    #[serde(flatten)]
    pub event: RunEventJson,
}

impl EventJson {
    /// Something that happens now.
    #[must_use]
    pub fn now(event: RunEventJson) -> Self {
        // Always as many digits, so that times sort as texts.
        Self { schema_version: SchemaVersion, time: format!("{:.3}", Timestamp::now()), event }
    }
}

/// What happened.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum RunEventJson {
    /// A plan begins to run.
    RunStarted {
        /// The application.
        application: AppName,
        /// The graph that is wanted.
        graph: Id<Graph>,
        /// How many steps there are. Those with the phase `SyncFail` have their turn only when something fails, and do
        /// not count.
        steps: usize,
    },
    /// A step cannot start yet. Told once, when the run starts.
    StepBlocked {
        /// The step.
        step: EventStepJson,
        /// The steps that it waits for, those that go last first.
        waits_for: Vec<PlanWaitJson>,
    },
    /// All that a step waits for is there, and its first request is sent.
    StepStarted {
        /// The step.
        step: EventStepJson,
    },
    /// The API server has accepted a step.
    StepAccepted {
        /// The step.
        step: EventStepJson,
    },
    /// The object of a step is waited for, until it is ready, or gone. Told again when the reason changes, and after 5 s,
    /// 10 s, 20 s and so on.
    StepWaiting {
        /// The step.
        step: EventStepJson,
        /// Its object, with the name that it has in the cluster.
        object: ResourceKey,
        /// What is missing.
        reason: String,
        /// How long ago the step was started.
        seconds: f64,
    },
    /// A step is over.
    StepDone {
        /// The step.
        step: EventStepJson,
        /// What became of it.
        outcome: StepOutcomeJson,
        /// Why it failed.
        message: Option<String>,
        /// How long it took; null where it was not started.
        seconds: Option<f64>,
    },
    /// The run is over, and in the record.
    RunDone {
        /// The number of the release.
        release: u64,
        /// How it ended.
        outcome: RunOutcome,
        /// Requests to the API server, all in all.
        requests: u64,
        /// How long it took.
        seconds: f64,
    },
    /// Something that a person should know.
    Note {
        /// What.
        message: String,
    },
    /// Something that may not be as it was meant.
    Warning {
        /// What.
        message: String,
    },
    /// What there is to say of a place in a file.
    Finding {
        /// The file, from the root of the repository.
        path: String,
        /// The line, from 1; 0 where it is about the file as a whole.
        line: usize,
        /// The column in characters, from 1; 0 where only the line is known.
        column: usize,
        /// How bad it is.
        level: Level,
        /// The name of the lint; null for errors that are not lints.
        rule: Option<String>,
        /// What is wrong, and what to do.
        message: String,
    },
    /// Why the command failed; the last line.
    Error {
        /// Why, in one line.
        message: String,
        /// Causes, and single errors.
        details: Vec<String>,
        /// What to do.
        hint: Option<String>,
        /// The exit code.
        exit_code: u8,
    },
}

/// A step of the plan that runs. Key and phase together are of one step only.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct EventStepJson {
    /// The bound key.
    pub resource: ResourceKey,
    /// What is done.
    pub action: Action,
    /// When, where it is a hook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<HookPhase>,
}

impl RunEventJson {
    /// What there is to tell of a plan before it runs: that it starts, and what waits for what.
    #[must_use]
    pub fn of_plan(application: &AppName, graph: Id<Graph>, plan: &Plan) -> Vec<Self> {
        let mut standing = Standing::new(plan);
        let steps = standing.tally().total;
        let mut events = vec![Self::RunStarted { application: application.clone(), graph, steps }];
        let blocked: Vec<usize> = standing.blocked().collect();
        let waits = plan.waits();
        for index in blocked {
            let mut waits_for: Vec<PlanWaitJson> = waits[index].iter().map(PlanWaitJson::new).collect();
            if waits_for.is_empty() {
                // The order of every plan, which no rule of the graph asks for.
                waits_for.extend(standing.blocker(index).map(PlanWaitJson::of_blocker));
            }
            events.push(Self::StepBlocked { step: EventStepJson::new(&plan.steps[index]), waits_for });
        }
        events
    }

    /// What there is to say of a place in a file.
    #[must_use]
    pub fn of_finding(finding: &Diagnostic) -> Self {
        let Diagnostic { origin: Origin { path, line, column }, level, rule, message } = finding.clone();
        Self::Finding { path, line, column, level, rule, message }
    }

    /// The end of a step.
    #[must_use]
    pub fn of_result(step: &Step, result: &StepResult, took: Option<Duration>) -> Self {
        let (outcome, message) = StepOutcomeJson::of(result);
        Self::StepDone { step: EventStepJson::new(step), outcome, message, seconds: took.map(in_seconds) }
    }

    /// The end of a run.
    #[must_use]
    pub fn of_run(run: &RunJson, took: Duration) -> Self {
        let (release, outcome, requests) = (run.release, run.outcome, run.requests);
        Self::RunDone { release, outcome, requests, seconds: in_seconds(took) }
    }

    /// That the object of a step is waited for.
    #[must_use]
    pub fn of_wait(step: &Step, object: &ResourceKey, reason: &str, since: Duration) -> Self {
        let (step, seconds) = (EventStepJson::new(step), in_seconds(since));
        Self::StepWaiting { step, object: object.clone(), reason: reason.to_owned(), seconds }
    }
}

impl EventStepJson {
    /// Of a step of a plan.
    #[must_use]
    pub fn new(step: &Step) -> Self {
        let phase = step.hook.as_ref().map(|hook| hook.phase);
        Self { resource: step.key.clone(), action: step.action, phase }
    }
}

impl PlanWaitJson {
    fn of_blocker(Blocker { by, state, reason, behind }: Blocker<'_>) -> Self {
        let behind = behind.map(|(barrier, steps)| BarrierWaitJson { barrier: barrier.to_owned(), steps });
        Self { resource: by.key.clone(), state, reason, behind }
    }
}

/// In whole milliseconds.
fn in_seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}
