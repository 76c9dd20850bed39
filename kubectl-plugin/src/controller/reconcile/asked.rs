//! What somebody asks for, and what is answered at once.
//!
//! In: `operation` of an object. Out: the request that is not done yet; the answer to one that is refused, or that is of holds.
//! Holding and releasing need the record and nothing else: neither Git nor a renderer, which may be away.

use gitops_compiler::name::AppName;
use jiff::Timestamp;
use serde_json::Value as Json;

use crate::application::{Holding, OTHER_GRAPH, Operation, OperationPhase, OperationState};
use crate::controller::preview;
use crate::controller::report::written;
use crate::error::CommandError;
use crate::record::holds::{HoldAll, released};

use super::{AFTER_REQUEST, Desired, Look};

impl Look<'_> {
    /// What somebody asks for, and is not done yet.
    pub(super) fn request(&self) -> Option<Operation> {
        let asked = self.asked().filter(|asked| self.memory.answered.as_ref() != Some(*asked))?;
        Some(serde_json::from_value(asked.clone()).unwrap_or_default())
    }

    /// What stands in the object, done or not.
    pub(super) fn asked(&self) -> Option<&Json> {
        self.object.get("operation").filter(|operation| operation.is_object())
    }

    /// Whether what is asked stands in the object as it is now: it may have been taken back.
    pub(super) fn is_still_asked(&self) -> bool {
        let newest = self.controller.apps.get(self.id);
        self.asked().is_none_or(|asked| newest.is_some_and(|entry| entry.object()["operation"] == *asked))
    }

    /// Says that what is asked is done: it is taken away with the next status, and not done again before.
    pub(super) fn answer(&mut self) {
        self.memory.answered = self.asked().cloned();
        // The Application may mean another revision than the request did.
        self.come_again(AFTER_REQUEST);
    }

    /// The same, of a request that was answered at once.
    pub(super) fn answer_with(&mut self, operation: Operation, phase: OperationPhase, message: String) {
        let at = written(Timestamp::now());
        let (started_at, finished_at) = (at.clone(), at);
        let state = OperationState { operation, phase, message, started_at, finished_at, ..OperationState::default() };
        self.memory.operation = Some(state);
        self.answer();
    }

    /// Whether what people ask for may be done; where not, the request is answered.
    pub(super) fn may_be_done(&mut self, operation: &Operation, desired: &Desired) -> bool {
        let closed = preview::closed(&desired.project, self.id, &desired.application, &desired.place);
        let why = if let Some(why) = closed {
            why
        } else if operation.is_of_other_graph(&desired.compiled.graph) {
            let revision = desired.revisions.join(", ");
            format!("{OTHER_GRAPH} (at {revision}); nothing was changed")
        } else {
            return true;
        };
        self.answer_with(operation.clone(), OperationPhase::Error, why);
        false
    }

    /// Does what is asked of holds, where anything is. Gives whether that was so: then all else is for the next look, so that
    /// the answer is told before another takes its place.
    pub(super) async fn hold(&mut self) -> bool {
        let Some(operation) = self.request() else { return false };
        let Some(holding) = operation.holding() else { return false };
        let (phase, message) = match self.held(&operation, holding).await {
            Ok(message) => (OperationPhase::Succeeded, message),
            Err(error) => (OperationPhase::Error, error.in_one_line()),
        };
        self.controller.log.info(Some(self.id), &format!("{message} (asked by {})", operation.actor()));
        // The record is another now.
        self.memory.target = None;
        self.answer_with(operation, phase, message);
        self.publish_answer().await;
        true
    }

    async fn held(&self, operation: &Operation, holding: Holding<'_>) -> Result<String, CommandError> {
        let name: AppName = self.id.name.parse().map_err(|error| CommandError::user(format!("{error}")))?;
        let place = self.place.as_ref().map_err(|error| CommandError::user(error.why().to_owned()))?;
        let records = self.records(place).await?;
        match holding {
            Holding::Hold(reason) => {
                let (time, actor) = (Timestamp::now(), operation.actor().to_owned());
                records.hold(&name, &HoldAll { time, actor, reason: reason.map(str::to_owned) }).await?;
                Ok("it is held".to_owned())
            }
            Holding::Release => Ok(released(records.release(&name).await?)),
        }
    }
}
