//! The events of a run as objects, for programs.
//!
//! In: events. Out: what is written of them, with how long each step took.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use gitops_compiler::plan::Plan;

use crate::apply::Event;
use crate::json::{EventStepJson, RunEventJson};

/// When the steps that are under way were started.
#[derive(Debug, Default)]
pub(super) struct Events {
    since: BTreeMap<usize, Instant>,
}

impl Events {
    /// What is told of an event.
    pub(super) fn of(&mut self, plan: &Plan, event: &Event) -> RunEventJson {
        let named = |step: &usize| EventStepJson::new(&plan.steps[*step]);
        match event {
            Event::Started { step } => {
                self.since.insert(*step, Instant::now());
                RunEventJson::StepStarted { step: named(step) }
            }
            Event::Accepted { step } => RunEventJson::StepAccepted { step: named(step) },
            Event::Waiting { step, object, reason } | Event::StillWaiting { step, object, reason, .. } => {
                let seconds = self.since.get(step).map(Instant::elapsed).unwrap_or_default();
                let (object, reason) = (object.clone(), reason.clone());
                RunEventJson::StepWaiting { step: named(step), object, reason, seconds: in_seconds(seconds) }
            }
            Event::Done { step, result } => {
                let seconds = self.since.remove(step).map(|since| in_seconds(since.elapsed()));
                RunEventJson::of_result(&plan.steps[*step], result, seconds)
            }
            Event::Note(message) => RunEventJson::Note { message: message.clone() },
        }
    }
}

/// In whole milliseconds.
fn in_seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}
