//! The status, written where it says something new.

use std::sync::Arc;
use std::time::Duration;

use gitops_compiler::app::Application;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use crate::application::{CONTROLLER, OperationPhase, OperationState, REFRESH, Status, annotation};
use crate::cluster::Failure;
use crate::controller::report::{self, Report, condition, written};

use super::settle::State;
use super::{Desired, Look, TRY_AGAIN};

impl Look<'_> {
    pub(super) async fn publish(&mut self, desired: &Desired, state: &State) {
        let operation = self.operation();
        for lint in desired.compiled.lints.iter().filter(|lint| lint.rule.as_deref() == Some("repeated-resource")) {
            self.conditions.push(condition("RepeatedResourceWarning", lint.message.clone()));
        }
        let report = Report {
            object: &self.object,
            application: Some(&desired.application),
            revisions: desired.revisions.clone(),
            source_types: desired.compiled.source_types.clone(),
            comparison: Some(&state.comparison),
            head: self.memory.target.as_ref().and_then(|target| target.found.as_ref()).map(|found| &found.head),
            desired: Some(state.bound.graph.id().to_string()),
            subject: desired.compiled.commit.as_ref().map_or("", |commit| &commit.subject),
            operation,
            conditions: std::mem::take(&mut self.conditions),
            controller_namespace: &self.controller.settings.namespace,
            webhook_secret: self.memory.webhooks.as_ref().map_or("", |(_, whose, _)| whose),
        };
        let status = report.status();
        self.write(status, true).await;
    }

    /// The sync that ran last, by what is remembered or was written. One that seems to run does not: it died with its
    /// controller, or was given up.
    fn operation(&self) -> Option<OperationState> {
        let written_before = || serde_json::from_value(self.object["status"]["operationState"].clone()).ok();
        let state: OperationState = self.memory.operation.clone().or_else(written_before)?;
        let is_over = !matches!(state.phase, OperationPhase::Running | OperationPhase::Terminating);
        if is_over {
            return Some(state);
        }
        let message = "its controller ended while it ran; what it did is settled by the next sync".to_owned();
        let finished_at = written(Timestamp::now());
        Some(OperationState { phase: OperationPhase::Failed, message, finished_at, ..state })
    }

    /// What can be said although it is not known what Git says: what was said before of the rest stays.
    pub(super) async fn publish_failure(&mut self, application: Option<&Application>) {
        let before: Status = serde_json::from_value(self.object["status"].clone()).unwrap_or_default();
        let head = self.memory.target.as_ref().and_then(|target| target.found.as_ref()).map(|found| &found.head);
        let report = Report {
            object: &self.object,
            application,
            revisions: Vec::new(),
            source_types: Vec::new(),
            comparison: None,
            head,
            desired: None,
            subject: "",
            operation: self.operation(),
            conditions: std::mem::take(&mut self.conditions),
            controller_namespace: &self.controller.settings.namespace,
            webhook_secret: "",
        };
        let mut status = report.status();
        // That Git cannot be read says nothing of how things do.
        status.health = if before.health.status.is_empty() { status.health } else { before.health };
        status.resources = before.resources;
        if head.is_none() {
            status.history = before.history;
        }
        if let Some(operation) = self.request() {
            let message = status.conditions.iter().map(|it| it.message.clone()).collect::<Vec<_>>().join("; ");
            self.answer_with(operation, OperationPhase::Error, message);
            status.operation_state.clone_from(&self.memory.operation);
        }
        self.write(status, true).await;
    }

    /// Says what became of a request, and nothing else.
    pub(super) async fn publish_answer(&mut self) {
        let mut status: Status = serde_json::from_value(self.object["status"].clone()).unwrap_or_default();
        status.operation_state.clone_from(&self.memory.operation);
        self.write(status, false).await;
    }

    /// Says that another controller is at it, and nothing else.
    pub(super) async fn leave_alone(&mut self, why: String) {
        let mut status: Status = serde_json::from_value(self.object["status"].clone()).unwrap_or_default();
        if status.conditions.iter().any(|told| told.kind == "OtherControllerWarning") {
            return;
        }
        status.conditions.push(condition("OtherControllerWarning", why));
        let body = json!({"status": {"conditions": status.conditions}});
        // Not in the controller's name: it does not care for this one.
        let _ = self.controller.cluster.merge_patch(&self.id.path(), &body).await;
    }

    /// Changes the Application in the controller's name: so others know that one cares for it.
    pub(super) async fn write_own(&self, body: &Json) -> Result<Json, Failure> {
        self.controller.cluster.merge_patch_as(&self.id.path(), body, CONTROLLER).await
    }

    /// Writes the status where it says something new, and takes away what was asked and is done; a wish for a comparison where
    /// this is one.
    async fn write(&mut self, status: Status, is_compared: bool) {
        let is_answered = self.memory.answered.is_some() && self.asked() == self.memory.answered.as_ref();
        let is_refreshed = is_compared && annotation(&self.object, REFRESH).is_some();
        // What was told while a sync ran is there, too.
        let newest =
            self.controller.apps.get(self.id).map_or_else(|| Arc::clone(&self.object), |entry| entry.object().into());
        let before: Status = serde_json::from_value(newest["status"].clone()).unwrap_or_default();
        let mut body = json!({});
        if !status.says_the_same(&before) || is_refreshed {
            let status = status.timed(&before, &written(Timestamp::now()));
            let status = serde_json::to_value(&status).unwrap_or_default();
            if let Some(patch) = report::merge_patch(&newest["status"], &status) {
                body["status"] = patch;
            }
        }
        if is_refreshed {
            body["metadata"]["annotations"][REFRESH] = Json::Null;
        }
        if is_answered {
            body["operation"] = Json::Null;
        }
        if is_answered || is_refreshed {
            // Not what somebody has asked for since. What we wrote ourselves meanwhile is no other request.
            let object = if is_asked_alike(&newest, &self.object) { &newest } else { &self.object };
            body["metadata"]["resourceVersion"] = object["metadata"]["resourceVersion"].clone();
        }
        if body == json!({}) || !self.controller.owns(&self.object) {
            return;
        }
        match self.write_own(&body).await {
            Ok(object) => {
                if is_answered {
                    self.memory.answered = None;
                }
                self.controller.apps.put_own(object);
            }
            // Whatever changed it makes us look again.
            Err(failure) if failure.is_conflict() || failure.is_not_found() => {
                self.come_again(Duration::from_millis(200));
            }
            Err(failure) => {
                self.controller.log.warn(Some(self.id), &format!("its status cannot be written: {failure}"));
                self.come_again(TRY_AGAIN);
            }
        }
    }
}

/// Whether two versions of an object ask for the same.
fn is_asked_alike(one: &Json, other: &Json) -> bool {
    one["operation"] == other["operation"] && annotation(one, REFRESH) == annotation(other, REFRESH)
}
