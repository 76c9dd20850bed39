//! The status, written where it says something new.

use std::time::Duration;

use gitops_compiler::app::Application;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use crate::application::{OperationPhase, OperationState, REFRESH, Status, annotation};
use crate::controller::report::{self, Report, condition, written};
use crate::error::CommandError;

use super::settle::State;
use super::{Desired, Look, TRY_AGAIN};

impl Look<'_> {
    pub(super) async fn publish(
        &mut self,
        desired: &Desired,
        state: &State,
        had_request: bool,
    ) -> Result<(), CommandError> {
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
            operation,
            conditions: std::mem::take(&mut self.conditions),
            controller_namespace: &self.controller.settings.namespace,
            webhook_secret: self.memory.webhooks.as_ref().map_or("", |(_, whose, _)| whose),
        };
        let status = report.status();
        self.write(status, had_request).await;
        Ok(())
    }

    /// The sync that ran last, by what is remembered or was written.
    fn operation(&self) -> Option<OperationState> {
        self.memory
            .operation
            .clone()
            .or_else(|| serde_json::from_value(self.object["status"]["operationState"].clone()).ok())
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
        let had_request = self.request().is_some();
        if had_request {
            let message = status.conditions.iter().map(|it| it.message.clone()).collect::<Vec<_>>().join("; ");
            let now = written(Timestamp::now());
            status.operation_state = Some(OperationState {
                operation: self.request().unwrap_or_default(),
                phase: OperationPhase::Error,
                message,
                started_at: now.clone(),
                finished_at: now,
                ..OperationState::default()
            });
        }
        self.write(status, had_request).await;
    }

    /// Says that another controller is at it, and nothing else.
    pub(super) async fn leave_alone(&mut self, why: String) {
        let mut status: Status = serde_json::from_value(self.object["status"].clone()).unwrap_or_default();
        if status.conditions.iter().any(|told| told.kind == "OtherControllerWarning") {
            return;
        }
        status.conditions.push(condition("OtherControllerWarning", why));
        let body = json!({"status": {"conditions": status.conditions}});
        let _ = self.controller.cluster.merge_patch(&self.id.path(), &body).await;
    }

    /// Writes the status where it says something new, and takes away what was asked and is done.
    async fn write(&mut self, status: Status, had_request: bool) {
        let is_refreshed = annotation(&self.object, REFRESH).is_some();
        let before: Status = serde_json::from_value(self.object["status"].clone()).unwrap_or_default();
        let mut body = json!({});
        if !status.says_the_same(&before) || is_refreshed {
            let status = status.timed(&before, &written(Timestamp::now()));
            let status = serde_json::to_value(&status).unwrap_or_default();
            if let Some(patch) = report::merge_patch(&self.object["status"], &status) {
                body["status"] = patch;
            }
        }
        if is_refreshed {
            body["metadata"]["annotations"][REFRESH] = Json::Null;
        }
        if had_request {
            body["operation"] = Json::Null;
        }
        if had_request || is_refreshed {
            // Not what somebody has asked for since.
            body["metadata"]["resourceVersion"] = self.object["metadata"]["resourceVersion"].clone();
        }
        if body == json!({}) || !self.controller.owns(&self.object) {
            return;
        }
        match self.controller.cluster.merge_patch(&self.id.path(), &body).await {
            Ok(object) => self.controller.apps.put_own(object),
            // Whatever changed it makes us look again.
            Err(failure) if failure.is_conflict() || failure.is_not_found() => {
                self.come_again(Duration::from_millis(200))
            }
            Err(failure) => {
                self.controller.log.warn(Some(self.id), &format!("its status cannot be written: {failure}"));
                self.come_again(TRY_AGAIN);
            }
        }
    }
}
