//! A sync, and how far it is while it takes long.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gitops_compiler::lock::Entry as LockEntry;
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::watch;

use crate::application::{MOST_RESOURCES, Operation, OperationPhase, OperationState, SyncResult, short_revision};
use crate::apply::run::Stop;
use crate::controller::clusters::record_place;
use crate::controller::decide::Attempt;
use crate::controller::report::{self, written};
use crate::controller::runs::Run;
use crate::controller::sync::{Order, Purpose, Synced, TERMINATED};
use crate::controller::{events, projects};
use crate::error::CommandError;
use crate::json::RunEventJson;
use crate::trace;

use super::settle::{attempt_of, prunes};
use super::{Desired, Look, destination};

/// A sync that takes longer than this is told while it runs, and then as often as this.
const TELL_AFTER: Duration = Duration::from_secs(1);
const TELL_EVERY: Duration = Duration::from_secs(5);

/// An application that somebody else is changing is looked at again after this.
const BUSY: Duration = Duration::from_secs(5);

impl Look<'_> {
    pub(super) async fn sync(&mut self, desired: &Desired, operation: &Operation, retries: i64, purpose: Purpose) {
        let controller = self.controller;
        let started = written(Timestamp::now());
        let state = OperationState {
            operation: operation.clone(),
            phase: OperationPhase::Running,
            started_at: started,
            retry_count: retries,
            ..OperationState::default()
        };
        let (is_delivery, is_asked) = (purpose == Purpose::Deliver, self.request().is_some());
        let verb = verb(&purpose);
        let graph = match (&purpose, self.memory.target.as_ref().and_then(|target| target.base.as_ref())) {
            // What is healed is what is live, whatever Git says meanwhile.
            (Purpose::Heal, Some(base)) => Arc::clone(&base.graph),
            _ => Arc::clone(&desired.compiled.graph),
        };
        let acts_as = projects::account(&desired.project, &desired.place, &desired.application, self.id);
        let progress = Mutex::new(String::new());
        let told = |message: String| {
            *progress.lock().unwrap_or_else(PoisonError::into_inner) = message;
        };
        let (stopper, stop) = Stop::pair();
        controller.apps.set_stop(self.id, Some(stopper.clone()));
        let mut lock_watch = std::mem::take(&mut self.memory.lock_watch);
        let run = controller.runs.begin(self.id);
        let order = Order {
            object: &self.object,
            name: desired.application.name.clone(),
            destination: destination(&desired.application),
            graph,
            delivery: &desired.delivery,
            rules: &desired.compiled.rules,
            commit: desired.compiled.commit.clone(),
            inputs: desired.compiled.inputs.iter().filter_map(|(request, pin)| LockEntry::new(request, pin)).collect(),
            operation,
            prunes: prunes(desired),
            purpose,
            stop,
            acts_as: acts_as.clone().ok().flatten(),
            permits: &|key| projects::permits(&desired.project, &desired.place, key),
            is_ours: &|| controller.owns(&self.object) && (!is_asked || self.is_still_asked()),
            tell: &|event| run.tell(event),
        };
        let cluster = &desired.place.cluster;
        let running = Box::pin(async {
            acts_as.map_err(CommandError::refused)?;
            let records = self.records(&desired.place).await?;
            record_place::ensure(&records).await?;
            let verb = || vec![("purpose", verb.to_owned())];
            trace::part("sync", verb, Box::pin(order.run(records, &cluster.ground, &mut lock_watch, &told))).await
        });
        let outcome = self.while_telling(running, &state, &progress, &stopper).await;
        controller.apps.set_stop(self.id, None);
        self.memory.lock_watch = lock_watch;
        tell_end(&run, &outcome);
        controller.runs.end(&run);
        let synced = outcome.unwrap_or_else(|error| Synced::error(&error));
        // The record is another now.
        self.memory.target = None;
        if synced.is_busy {
            // Nothing was tried: what is asked stands.
            controller.log.info(Some(self.id), &synced.message);
            return self.come_again(BUSY);
        }
        let ended = Timestamp::now();
        let succeeded = synced.phase == OperationPhase::Succeeded;
        let is_tried = operation.sync.as_ref().is_some_and(|sync| sync.dry_run);
        // A part of it is not it.
        if is_delivery && !is_tried && operation.choices().is_empty() {
            let is_terminated = synced.message == TERMINATED;
            let attempt = Attempt { succeeded, ended, retries, is_terminated };
            self.memory.attempt = Some((attempt_of(desired), attempt));
        }
        self.answer();
        controller.metrics.synced(self.id, desired.application.project(), synced.phase);
        let commit = desired.revisions.first().map(|revision| short_revision(revision)).unwrap_or_default();
        let told = format!("{verb} to {commit} by {}: {}", operation.actor(), synced.message);
        if succeeded {
            controller.log.info(Some(self.id), &told);
        } else {
            controller.log.warn(Some(self.id), &told);
        }
        let told = events::Told { is_normal: succeeded, reason: "OperationCompleted", message: &told };
        controller.events.tell(&controller.cluster, self.id, &self.object, &told);
        self.memory.operation = Some(self.told_of(desired, state, synced, ended));
    }

    /// Waits for a sync, and says how far it is where it takes long.
    async fn while_telling(
        &self,
        running: impl Future<Output = Result<Synced, CommandError>>,
        state: &OperationState,
        progress: &Mutex<String>,
        stopper: &watch::Sender<bool>,
    ) -> Result<Synced, CommandError> {
        let mut running = std::pin::pin!(running);
        let mut pause = TELL_AFTER;
        loop {
            tokio::select! {
                outcome = &mut running => return outcome,
                () = tokio::time::sleep(pause) => {}
            }
            pause = TELL_EVERY;
            if !self.controller.owns(&self.object) {
                // Another replica cares for it now: no more steps are begun.
                stopper.send_replace(true);
                continue;
            }
            let message = progress.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let phase = if *stopper.borrow() { OperationPhase::Terminating } else { state.phase };
            let state = OperationState { phase, message, ..state.clone() };
            // Nothing of the sync before may be left: when that was over, what it did.
            let newest = self
                .controller
                .apps
                .get(self.id)
                .map_or_else(|| Arc::clone(&self.object), |entry| entry.object().into());
            let told = serde_json::to_value(state).unwrap_or_default();
            let Some(patch) = report::merge_patch(&newest["status"]["operationState"], &told) else { continue };
            let body = json!({"status": {"operationState": patch}});
            // It is told again, and in the end in any case.
            if let Ok(object) = self.write_own(&body).await {
                self.controller.apps.put_own(object);
            }
        }
    }

    fn told_of(&self, desired: &Desired, state: OperationState, synced: Synced, ended: Timestamp) -> OperationState {
        let Synced { phase, message, mut resources, .. } = synced;
        // Failures first, where they do not all fit.
        resources.sort_by_key(|result| result.status != "SyncFailed");
        resources.truncate(MOST_RESOURCES);
        let is_plural = !desired.application.spec.sources.is_empty();
        let (source, sources) = report::sources_of(&self.object);
        let revisions = desired.revisions.clone();
        let sync_result = SyncResult {
            revision: if is_plural { String::new() } else { revisions.first().cloned().unwrap_or_default() },
            revisions: if is_plural { revisions } else { Vec::new() },
            source,
            sources,
            resources,
        };
        OperationState { phase, message, sync_result: Some(sync_result), finished_at: written(ended), ..state }
    }
}

/// Tells what came of a run where it has not said so itself.
fn tell_end(run: &Run, outcome: &Result<Synced, CommandError>) {
    match outcome {
        Err(CommandError { code, message, details, hint, .. }) => run.tell(RunEventJson::Error {
            message: message.clone(),
            details: details.clone(),
            hint: hint.clone(),
            exit_code: *code,
        }),
        Ok(synced) if run.is_silent() => run.tell(RunEventJson::Note { message: synced.message.clone() }),
        Ok(_) => {}
    }
}

fn verb(purpose: &Purpose) -> &'static str {
    match purpose {
        Purpose::Deliver => "synced",
        Purpose::Heal => "healed",
        Purpose::Rollback(_) => "rolled back",
    }
}
