//! What the request of a step gave.
//!
//! In: outcomes of steps. Out: what we own now, and steps that are finished, or waited for from now on.

use gitops_compiler::plan::Step;
use serde_json::Value as Json;

use crate::apply::event::{Event, StepResult};
use crate::apply::observe::own_fields;
use crate::apply::step::{self, StepOutcome};
use crate::cluster::{ObjectMeta, PartialObject};
use crate::health::{Health, Rules, Verdict};
use crate::record::InventoryEntry;

use super::Run;
use super::waiting::Awaited;

impl Run<'_> {
    /// Takes an outcome.
    pub(super) async fn take(&mut self, index: usize, outcome: StepOutcome, health: Health) {
        let step = &self.plan.steps[index];
        match outcome {
            StepOutcome::Applied { created, object, notes } => {
                for note in notes {
                    (self.emit)(Event::Note(format!("{}: {note}", step.key)));
                }
                self.applied(index, created, *object, health).await;
            }
            StepOutcome::Gone => {
                self.report.inventory.insert(step.key.clone(), None);
                self.finish(index, StepResult::Succeeded);
            }
            StepOutcome::Terminating => {
                (self.emit)(Event::Accepted { step: index });
                self.wait_for(index, Json::Null, Awaited::End, "waits for its finalizers".to_owned());
            }
            StepOutcome::HookEnded(result) => {
                let failed = |message| StepResult::Failed { message, conflict: false };
                self.finish(index, result.map_or_else(failed, |()| StepResult::Succeeded));
            }
            StepOutcome::Failed { message, conflict } => self.finish(index, StepResult::Failed { message, conflict }),
        }
    }

    async fn applied(&mut self, index: usize, created: bool, object: Json, health: Health) {
        let step = &self.plan.steps[index];
        (self.emit)(Event::Accepted { step: index });
        if let Some(hook) = &step.hook {
            if hook.replaces.is_some() {
                // It is a hook now, and no content of ours.
                self.report.inventory.insert(step.key.clone(), None);
            }
            return self.hook_made(index, object, health);
        }
        self.own(step, created, &object);
        if step.key.is("", "Namespace")
            && let Some(packed) = self.late_secrets.remove(&step.key.name)
            && let Err(error) = self.records.put_chunks(&step.key.name, &packed, &self.target).await
        {
            let message = format!("{error}: {}", source_of(&error));
            return self.finish(index, StepResult::Failed { message, conflict: false });
        }
        let rules = &self.options.health;
        let awaited = (self.options.wait || self.schedule.is_awaited(index)) && !step.policy.is_not_awaited;
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
        if !created && !self.is_ours_entirely(step) && step.uid.is_none() && !self.has_other_key(uid) {
            self.joined.insert(index);
        }
        // A controller may not have seen what is new.
        let too_early = created && rules.is_silent(&object);
        let ready = health.verdict() == Verdict::Ready && !too_early;
        if !awaited || !rules.gates(&step.key.group, &step.key.kind) || ready {
            return self.finish(index, StepResult::Succeeded);
        }
        self.schedule.present(index);
        if too_early {
            self.wait_for(index, object, Awaited::FirstWord, "waits for its controller".to_owned());
        } else {
            self.wait_for(index, object, Awaited::Readiness, health.message);
        }
    }

    /// Records what we own now.
    fn own(&mut self, step: &Step, created: bool, object: &Json) {
        let partial: PartialObject = serde_json::from_value(object.clone()).unwrap_or_default();
        let metadata: ObjectMeta = partial.metadata;
        self.applied.insert(metadata.uid.clone(), step.key.clone());
        let (Some((applied, _)), Some(api_version)) = (&step.desired, step::api_version_of(step.desired.as_ref()))
        else {
            return;
        };
        let is_ours = created || self.is_ours_entirely(step) || self.has_other_key(&metadata.uid);
        let entry = InventoryEntry {
            fields: own_fields(&metadata, &self.context.identity.field_manager),
            uid: metadata.uid,
            applied: *applied,
            api_version: api_version.to_owned(),
            created: is_ours,
        };
        self.report.inventory.insert(step.key.clone(), Some(entry));
    }

    /// Whether an object that was there is one that we may delete when it leaves the graph.
    fn is_ours_entirely(&self, step: &Step) -> bool {
        self.options.adopt || step.made_by_us || self.options.taken.contains(&step.key)
    }
}

/// How the object of a step does, by the rules of the run: they may take a while, and nothing waits for them here.
pub(super) async fn assessed(rules: &Rules, outcome: StepOutcome) -> (StepOutcome, Health) {
    match outcome {
        StepOutcome::Applied { created, object, notes } => {
            let (object, health) = rules.assess_aside(*object).await;
            (StepOutcome::Applied { created, object: Box::new(object), notes }, health)
        }
        other => (other, Health::missing()),
    }
}

fn source_of(error: &dyn std::error::Error) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}
