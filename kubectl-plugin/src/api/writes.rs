//! What is asked of Applications: sync, rollback, refresh, an end, another spec, deletion.
//!
//! In: who asks, an Application that they may get, a body. Out: the object as the API server has it then. Everything is sent
//! with the token of whoever asks, against the version that was read; where somebody else was faster it is read again.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::answer::{Answer, Code, Refusal};
use super::asked::Query;
use super::asks::{HoldAsk, PatchAsk, RefreshAsk, ReleaseAsk, RollbackAsk, SyncAsk};
use super::caller::Caller;
use super::{Api, change, reads};
use crate::application::{AppId, COLLECTION, Operation, REFRESH, is_deleted};
use crate::cluster::{Cluster, PatchForm};
use crate::controller::catalog::Row;
use crate::controller::events::Told;
use gitops_compiler::manifest::Propagation;

/// The field manager of what is changed for people.
const MANAGER: &str = "kubectl-gitops-api";
/// So often a change is tried where others are faster.
const ATTEMPTS: u32 = 5;
/// A comparison that is waited for takes no longer; whoever asked is then told what is known.
const REFRESHED_WITHIN: Duration = Duration::from_secs(20);
/// What was written is waited for no longer.
const SEEN_WITHIN: Duration = Duration::from_secs(2);
/// What is spoken of.
const WHAT: &str = "the Application";

/// The patch that a change makes of an object; nothing where it is as it should be.
type Change<'a> = &'a (dyn Fn(&Json) -> Result<Option<Json>, Refusal> + Send + Sync);

impl Api {
    /// `POST …/sync`.
    pub(super) async fn sync(&self, caller: &Caller, row: &Row, body: &Json) -> Result<Answer, Refusal> {
        let operation = change::sync(change::typed::<SyncAsk>(body)?, &caller.person.name)?;
        self.operate(caller, row, &operation, "a sync").await
    }

    /// `POST …/rollback`.
    pub(super) async fn rollback(&self, caller: &Caller, row: &Row, body: &Json) -> Result<Answer, Refusal> {
        let operation = change::rollback(change::typed::<RollbackAsk>(body)?, &caller.person.name);
        self.operate(caller, row, &operation, "a rollback").await
    }

    /// `POST …/hold`.
    pub(super) async fn hold(&self, caller: &Caller, row: &Row, body: &Json) -> Result<Answer, Refusal> {
        let operation = change::hold(change::typed::<HoldAsk>(body)?, &caller.person.name)?;
        self.operate(caller, row, &operation, "a hold").await
    }

    /// `POST …/release`.
    pub(super) async fn release(&self, caller: &Caller, row: &Row, body: &Json) -> Result<Answer, Refusal> {
        let operation = change::release(&change::typed::<ReleaseAsk>(body)?, &caller.person.name)?;
        self.operate(caller, row, &operation, "a release of what is held").await
    }

    async fn operate(&self, caller: &Caller, row: &Row, operation: &Operation, what: &str) -> Result<Answer, Refusal> {
        let object = self
            .change(caller, row, &|object| {
                if is_deleted(object) {
                    return Err(Refusal::new(Code::NotNow, "the Application is being deleted"));
                }
                if object["operation"].is_object() {
                    return Err(Refusal::new(Code::NotNow, "another operation is already in progress"));
                }
                Ok(Some(json!({"operation": operation})))
            })
            .await?;
        self.tell(caller, &object, "OperationStarted", &format!("asked for {what}"));
        Ok(reads::object(&object))
    }

    /// `DELETE …/operation`.
    pub(super) async fn terminate(&self, caller: &Caller, row: &Row) -> Result<Answer, Refusal> {
        let object = self
            .change(caller, row, &|object| {
                if object["status"]["operationState"]["phase"] != "Running" {
                    let none = "Unable to terminate operation. No operation is in progress";
                    return Err(Refusal::new(Code::NotNow, none));
                }
                Ok(Some(json!({"status": {"operationState": {"phase": "Terminating"}}})))
            })
            .await?;
        self.tell(caller, &object, "OperationTerminated", "asked for the end of the sync");
        Ok(Answer::json(&json!({})))
    }

    /// `POST …/refresh`.
    pub(super) async fn refresh(&self, caller: &Caller, row: &Row, body: &Json) -> Result<Answer, Refusal> {
        let RefreshAsk { hard } = change::typed(body)?;
        let how = if hard == Some(true) { "hard" } else { "normal" };
        let object = self.ask_to_refresh(caller, row, how).await?;
        Ok(reads::object(&object))
    }

    /// Asks for a comparison, and waits for it.
    pub(super) async fn refreshed(&self, caller: &Caller, row: &Row, how: &str) -> Result<Arc<Row>, Refusal> {
        let how = if how == "hard" { "hard" } else { "normal" };
        let mut news = self.controller.apps.catalog.subscribe();
        let asked = self.ask_to_refresh(caller, row, how).await?;
        let version = version(&asked);
        let deadline = Instant::now() + REFRESHED_WITHIN;
        loop {
            let now = self.controller.apps.catalog.get(&row.id).ok_or_else(|| Refusal::not_found(WHAT))?;
            let is_answered =
                crate::application::annotation(&now.object(), REFRESH).is_none() && now.version >= version;
            if is_answered || tokio::time::timeout_at(deadline, news.changed()).await.is_err() {
                return Ok(now);
            }
        }
    }

    async fn ask_to_refresh(&self, caller: &Caller, row: &Row, how: &str) -> Result<Json, Refusal> {
        let patch = json!({"metadata": {"annotations": {REFRESH: how}}});
        let theirs = caller.ask(&self.theirs)?;
        let object = theirs.patch_as(&row.id.path(), PatchForm::Merge, &patch, MANAGER).await;
        let object = object.map_err(|failure| Refusal::of_server(&failure, WHAT, false))?;
        self.keep(&object).await;
        Ok(object)
    }

    /// `POST /api/v1/applications`.
    pub(super) async fn create(&self, caller: &Caller, query: &Query, body: &Json) -> Result<Answer, Refusal> {
        let upsert = query.flag("upsert")?.unwrap_or_default();
        let object = change::new_object(body, &self.controller.settings.namespace)?;
        let id = AppId::of(&object);
        if !self.controller.is_watched(&id.namespace) {
            return Err(Refusal::invalid("the controller does not care for Applications of this namespace"));
        }
        let collection = COLLECTION.replace("/applications", &format!("/namespaces/{}/applications", id.namespace));
        // A field that nobody knows is not passed over: somebody meant something by it.
        let collection = format!("{collection}?fieldValidation=Strict");
        let made = caller.ask(&self.theirs)?.create(&collection, &object).await;
        match made {
            Ok(object) => {
                self.keep(&object).await;
                self.tell(caller, &object, "ResourceCreated", "made the Application");
                Ok(reads::object(&object))
            }
            Err(failure) if failure.is_already_exists() && upsert => {
                let row = self.visible(caller, &id, &[]).await?;
                self.update(caller, &row, &object).await
            }
            Err(failure) => Err(Refusal::of_server(&failure, "the namespace", false)),
        }
    }

    /// `PUT …`.
    pub(super) async fn update(&self, caller: &Caller, row: &Row, body: &Json) -> Result<Answer, Refusal> {
        let object = self.change(caller, row, &|object| change::update(object, body)).await?;
        self.tell(caller, &object, "ResourceUpdated", "changed the Application");
        Ok(reads::object(&object))
    }

    /// `PUT …/spec`.
    pub(super) async fn update_spec(&self, caller: &Caller, row: &Row, body: &Json) -> Result<Answer, Refusal> {
        if !body["source"].is_object() && !body["sources"].is_array() {
            return Err(Refusal::invalid("a spec has a source"));
        }
        let object = self.change(caller, row, &|object| change::spec(object, body)).await?;
        self.tell(caller, &object, "ResourceUpdated", "changed the spec");
        let shown = serde_json::to_value(super::shown::Shown::whole(&object)).unwrap_or_default();
        Ok(Answer::json(&shown["spec"]))
    }

    /// `PATCH …`.
    pub(super) async fn patch(&self, caller: &Caller, row: &Row, body: &Json) -> Result<Answer, Refusal> {
        let (form, patch) = change::patch(&change::typed::<PatchAsk>(body)?)?;
        let object = caller.ask(&self.theirs)?.patch_as(&row.id.path(), form, &patch, MANAGER).await;
        let object = object.map_err(|failure| Refusal::of_server(&failure, WHAT, false))?;
        self.keep(&object).await;
        self.tell(caller, &object, "ResourceUpdated", "patched the Application");
        Ok(reads::object(&object))
    }

    /// `DELETE …`.
    pub(super) async fn delete(&self, caller: &Caller, row: &Row, query: &Query) -> Result<Answer, Refusal> {
        let cascade = query.flag("cascade")?.unwrap_or(true);
        let policy = query.one("propagationPolicy").unwrap_or_default();
        let object = self.change(caller, row, &|object| change::finalizers_for(object, cascade, policy)).await?;
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
        let theirs = caller.ask(&self.theirs)?;
        let deleted = theirs.delete(&row.id.path(), uid, None, Propagation::Background).await;
        deleted.map_err(|failure| Refusal::of_server(&failure, WHAT, false))?;
        self.tell(caller, &object, "ResourceDeleted", "deleted the Application");
        Ok(Answer::json(&json!({})))
    }

    /// Changes an object in the name of whoever asks.
    async fn change(&self, caller: &Caller, row: &Row, change: Change<'_>) -> Result<Json, Refusal> {
        let theirs: Cluster = caller.ask(&self.theirs)?;
        let at = row.id.path();
        let of_server = |failure: &crate::cluster::Failure| Refusal::of_server(failure, WHAT, false);
        for _ in 0..ATTEMPTS {
            let object = theirs.get(&at).await.map_err(|failure| of_server(&failure))?;
            let Some(mut patch) = change(&object)? else { return Ok(object) };
            patch["metadata"]["resourceVersion"] = object["metadata"]["resourceVersion"].clone();
            patch["metadata"]["uid"] = object["metadata"]["uid"].clone();
            match theirs.patch_as(&at, PatchForm::Merge, &patch, MANAGER).await {
                Ok(object) => {
                    self.keep(&object).await;
                    return Ok(object);
                }
                Err(failure) if failure.is_conflict() => {}
                Err(failure) => return Err(of_server(&failure)),
            }
        }
        Err(Refusal::new(Code::Changed, "the Application changes all the time: try again"))
    }

    /// Whoever wrote reads what they wrote: the watch tells of it within a moment.
    async fn keep(&self, object: &Json) {
        let catalog = &self.controller.apps.catalog;
        let (id, version) = (AppId::of(object), version(object));
        let deadline = Instant::now() + SEEN_WITHIN;
        let mut news = catalog.subscribe();
        while catalog.get(&id).is_none_or(|row| row.version < version) {
            if tokio::time::timeout_at(deadline, news.changed()).await.is_err() {
                return;
            }
        }
    }

    /// An Event on the Application.
    fn tell(&self, caller: &Caller, object: &Json, reason: &str, did: &str) {
        let message = format!("{} {did}", caller.person.name);
        let told = Told { is_normal: true, reason, message: &message };
        self.controller.events.tell(&self.controller.cluster, &AppId::of(object), object, &told);
    }
}

/// The version of an object, as a number.
fn version(object: &Json) -> u64 {
    object["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}
