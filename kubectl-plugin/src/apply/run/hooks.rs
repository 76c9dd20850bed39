//! Hooks of a run, from their objects to their outcomes.
//!
//! In: objects of hooks as watches show them. Out: outcomes, which are in the record before anything goes on. A hook has
//! done its work when it is healthy, and failed when it is degraded, as in Argo CD; a Job, when it is complete or failed.

use std::sync::Arc;

use gitops_compiler::name::ResourceKey;
use serde_json::Value as Json;

use crate::apply::event::Event;
use crate::apply::hook;
use crate::apply::step::StepOutcome;
use crate::health::{self, Health, Status};
use crate::record::hooks::HookOutcome;

use super::Run;
use super::waiting::Awaited;

impl Run<'_> {
    /// The object of a hook is there, and on record.
    pub(super) fn hook_made(&mut self, index: usize, object: Json, health: Health) {
        let key = hook::start::object_key(&self.context, &self.plan.steps[index]);
        self.schedule.present(index);
        self.wait_for(index, object.clone(), Awaited::Outcome, health.message.clone());
        self.hook_seen(&key, index, object, health);
    }

    /// The object of a hook, as it is now.
    pub(super) fn hook_seen(&mut self, key: &ResourceKey, index: usize, mut object: Json, mut health: Health) {
        // What deletes it when it is done must wait for us; its status counts all the same.
        let metadata = object["metadata"].as_object_mut();
        if metadata.is_some_and(|metadata| metadata.remove("deletionTimestamp").is_some()) {
            health = health::assess(&object);
        }
        let Some((_, waiting)) = self.waiting.get_mut(key) else { return };
        waiting.object = object;
        match health.status {
            Status::Healthy => self.hook_ended(index, Ok(())),
            Status::Degraded => self.hook_ended(index, Err(health.message)),
            Status::Suspended | Status::Progressing | Status::Missing | Status::Unknown => {
                if waiting.told != health.message {
                    waiting.told.clone_from(&health.message);
                    (self.emit)(Event::Waiting { step: index, object: key.clone(), reason: health.message });
                }
            }
        }
    }

    /// A hook has ended: that is written down before the step is over.
    pub(super) fn hook_ended(&mut self, index: usize, result: Result<(), String>) {
        let key = hook::start::object_key(&self.context, &self.plan.steps[index]);
        let Some((_, waiting)) = self.waiting.remove(&key) else { return };
        let uid = waiting.object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        let context = Arc::clone(&self.context);
        self.spawn(index, async move {
            let outcome = if result.is_ok() { HookOutcome::Succeeded } else { HookOutcome::Failed };
            let settled = hook::finish::settle(context, &key, &uid, outcome).await;
            (StepOutcome::HookEnded(result.and(settled)), Health::missing())
        });
    }
}
