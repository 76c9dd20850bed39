//! The events of a run as objects, for programs.
//!
//! In: events, as they come. Out: what is written of them, with how long each step took.

use std::collections::BTreeMap;
use std::time::Instant;

use gitops_compiler::plan::Plan;

use crate::apply::Event;

use super::{EventStepJson, RunEventJson};

/// What of a run is told: it remembers when the steps that are under way were started.
#[derive(Debug, Default)]
pub struct Telling {
    since: BTreeMap<usize, Instant>,
}

impl Telling {
    /// What is told of an event.
    pub fn of(&mut self, plan: &Plan, event: &Event) -> RunEventJson {
        let named = |step: &usize| EventStepJson::new(&plan.steps[*step]);
        match event {
            Event::Started { step } => {
                self.since.insert(*step, Instant::now());
                RunEventJson::StepStarted { step: named(step) }
            }
            Event::Accepted { step } => RunEventJson::StepAccepted { step: named(step) },
            Event::Waiting { step, object, reason } | Event::StillWaiting { step, object, reason, .. } => {
                let since = self.since.get(step).map(Instant::elapsed).unwrap_or_default();
                RunEventJson::of_wait(&plan.steps[*step], object, reason, since)
            }
            Event::Done { step, result } => {
                let took = self.since.remove(step).map(|since| since.elapsed());
                RunEventJson::of_result(&plan.steps[*step], result, took)
            }
            Event::Note(message) => RunEventJson::Note { message: message.clone() },
        }
    }
}
