//! Commands that change an application beside a controller: what they are to do is asked of the controller.
//!
//! In: an application, the namespace of its record, what is to be done. Out: [`Answered`]; or that no controller is there, so that the
//! command acts itself, under the lock of the record and with the rights of whoever runs it.
//!
//! # How it is known that a controller lives
//!
//! By asking it. A controller at rest writes nothing for days, so that the age of what it wrote says nothing; Leases are there
//! only where replicas share the work, in a namespace that few people may read; and the holder in the record is there only while
//! somebody runs. So three things are looked at, the cheapest first:
//!
//! 1. Where only a name is given, the record, which is read anyway: has a controller applied any of it? If not, nothing more is
//!    sent.
//! 2. The object: does it say that a controller of ours has ever written its status, and that it is not left alone?
//! 3. The request itself. One that nobody takes up in time is taken back, and the command acts. Taking back names the version
//!    of the object, and a request names the graph or the release that it wants: one that is done late, all the same, does
//!    nothing more.
//!
//! So a controller that died yesterday costs a few seconds once, and no right that asking would not need.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use gitops_compiler::manifest::HookPhase;
use gitops_compiler::name::AppName;
use gitops_compiler::plan::{Approvals, Plan};
use serde_json::Value as Json;
use tokio::time::Instant;

use crate::application::{
    AppId, OTHER_GRAPH, Operation, OperationPhase, OperationState, ResourceResult, SyncRequest, WAIT,
    deletes_resources, is_automated, is_cared_for, is_deleted,
};
use crate::apply::{Applied, StepResult, Target};
use crate::controller::argo_cd;
use crate::controller::sync::{ALLOW_DELETE, ALLOW_RECREATE, DELETION_APPROVED, NOT_TRIED};
use crate::error::CommandError;
use crate::record::Records;
use crate::settings::Session;

use super::change::RunArgs;
use super::request::{Answer, Patience, Request, object};

/// A controller that lives takes up a request within this.
const TAKEN_UP: Duration = Duration::from_secs(15);

/// A sync of which nothing is heard for longer than its objects may take, and this, is not waited for.
const SILENT: Duration = Duration::from_mins(2);

/// Who acts.
#[derive(Debug, Clone, Args)]
pub struct BesideArgs {
    /// Act from here, with your own rights, also where a controller cares for the Application: else that is asked
    #[arg(long)]
    direct: bool,
}

/// An Application that a controller of ours cares for, or did.
pub struct CaredFor {
    id: AppId,
    name: AppName,
    object: Json,
    records: Records,
}

/// What a controller says.
pub enum Answered {
    /// It was done, or not.
    Ended(Box<OperationState>),
    /// Git gives another graph.
    OtherGraph,
    /// It does not live: nothing is asked any more.
    Nobody,
}

impl BesideArgs {
    /// The Application of that name beside a record, where a controller of ours cares for it, and is to be asked.
    ///
    /// # Errors
    /// Where it is being deleted, or cannot be read.
    pub async fn find(
        &self,
        session: &Session,
        records: &Records,
        name: &AppName,
    ) -> Result<Option<CaredFor>, CommandError> {
        if self.direct { Ok(None) } else { CaredFor::find(session, records, name).await }
    }

    /// The same of a target that was read. Where nobody has said that it is one of an Application, nothing is sent unless a
    /// controller has applied any of it.
    ///
    /// # Errors
    /// As of [`BesideArgs::find`].
    pub async fn find_of(
        &self,
        session: &Session,
        target: &Target,
        is_application: bool,
    ) -> Result<Option<CaredFor>, CommandError> {
        let is_known = || target.found.as_ref().is_some_and(|found| found.head.knows_a_controller());
        if is_application || is_known() {
            self.find(session, &target.records, &target.application).await
        } else {
            Ok(None)
        }
    }
}

impl CaredFor {
    async fn find(session: &Session, records: &Records, name: &AppName) -> Result<Option<Self>, CommandError> {
        let id = AppId { namespace: records.namespace.clone(), name: name.to_string() };
        let object = match records.cluster.get(&id.path()).await {
            Ok(object) => object,
            Err(failure) if failure.is_not_found() => return Ok(None),
            Err(failure) if failure.is_forbidden() => {
                session.printer.warn(&format!(
                    "you may not read the Application {id}: where a controller cares for it, it may undo what is done here"
                ));
                return Ok(None);
            }
            Err(failure) => return Err(super::request::failed("the Application cannot be read", &failure)),
        };
        if !is_cared_for(&object) || argo_cd::why_left_alone(&object, records.now()).is_some() {
            return Ok(None);
        }
        if is_deleted(&object) {
            return Err(CommandError::refused(format!("the Application {id} is being deleted, by its controller"))
                .hint("wait until it is gone; --direct goes on all the same"));
        }
        Ok(Some(Self { id, name: name.clone(), object, records: records.clone() }))
    }

    /// Refuses flags that no request can carry.
    ///
    /// # Errors
    /// Where there are any.
    pub fn refuse_flags(&self, flags: &[(&str, bool)]) -> Result<(), CommandError> {
        let given: Vec<&str> = flags.iter().filter(|(_, is_given)| *is_given).map(|(flag, _)| *flag).collect();
        if given.is_empty() {
            return Ok(());
        }
        let message = format!("a controller cares for {}, and cannot be asked for {}", self.id, given.join(", "));
        Err(CommandError::refused(message).hint("leave it out; or --direct acts from here, with your own rights"))
    }

    /// What is told where Git says something else than what is to be applied.
    ///
    /// # Errors
    /// Where it would be undone at once.
    pub fn other_graph(&self, session: &Session) -> Result<(), CommandError> {
        if is_automated(&self.object) {
            let message = format!(
                "Git says something else of {}, and its automatic sync would undo this at once; nothing was changed",
                self.id
            );
            return Err(CommandError::refused(message)
                .hint("commit and push it; or --direct applies it all the same, until the next automatic sync"));
        }
        session.printer.say(&format!(
            "Git says something else of {}: this is applied from here, with your own rights, and its controller will call \
             it OutOfSync",
            self.id
        ));
        Ok(())
    }

    /// What is told before everything that it owns is deleted.
    ///
    /// # Errors
    /// Where it would be applied again at once.
    pub fn would_be_applied_again(&self, session: &Session) -> Result<(), CommandError> {
        let AppId { namespace, name } = &self.id;
        if is_automated(&self.object) {
            let message = format!("the automatic sync of {} would apply all of it again; nothing was deleted", self.id);
            let delete = format!("`kubectl delete application {name} -n {namespace}`");
            return Err(CommandError::refused(message).hint(if deletes_resources(&self.object) {
                format!("{delete} deletes both")
            } else {
                format!("{delete} first, and then this; --direct deletes what it owns all the same")
            }));
        }
        session.printer.say(&format!("the Application {} stays, and its controller will call it OutOfSync", self.id));
        Ok(())
    }

    /// Asks, and follows it. Where nobody is there nothing is asked any more.
    ///
    /// # Errors
    /// Where it cannot be asked, where it was taken back, and where it goes on without us.
    pub async fn ask(
        &self,
        session: &Session,
        operation: Operation,
        looks: bool,
        silent: Duration,
    ) -> Result<Answered, CommandError> {
        let printer = session.printer;
        let Some(before) = self.free().await? else { return Ok(self.nobody(session)) };
        let request = Request::write(&self.records.cluster, &self.id, &before, operation, looks).await?;
        let AppId { namespace, name } = &self.id;
        printer.say(&format!(
            "its controller is asked. Ctrl-C leaves it at that: `kubectl gitops app get {name} -n {namespace}` tells how it \
             goes, `app terminate` takes it back"
        ));
        let patience = Patience { taken_up: TAKEN_UP, silent: silent + SILENT };
        loop {
            match request.follow(printer, patience).await? {
                Answer::Ended(state) if state.message.starts_with(OTHER_GRAPH) => return Ok(Answered::OtherGraph),
                Answer::Ended(state) => return Ok(Answered::Ended(state)),
                // Its turn comes when the run that goes on is over.
                Answer::Nobody if self.is_being_changed().await? => {}
                Answer::Nobody if request.take_back().await? => return Ok(self.nobody(session)),
                // In this very moment somebody has taken it up.
                Answer::Nobody => {}
                Answer::TakenBack => {
                    return Err(CommandError::user(format!(
                        "what was asked of {} was taken back by somebody",
                        self.id
                    )));
                }
                Answer::Late => {
                    let message = format!("nothing is heard any more of the sync of {}", self.id);
                    return Err(CommandError::partial(message)
                        .hint("`kubectl gitops app get` tells how it goes; --direct acts from here"));
                }
                Answer::Stopped => return Err(left(&self.id)),
            }
        }
    }

    /// The object as it is when nothing is asked of it; nothing where what others ask is taken up by nobody either.
    async fn free(&self) -> Result<Option<Json>, CommandError> {
        const LOOK_EVERY: Duration = Duration::from_millis(500);
        let mut since = Instant::now();
        loop {
            let now = object(&self.records.cluster, &self.id).await?;
            if !now["operation"].is_object() {
                return Ok(Some(now));
            }
            if since.elapsed() > TAKEN_UP {
                if !self.is_being_changed().await? {
                    return Ok(None);
                }
                since = Instant::now();
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Whether a run holds the lock of the record: whoever it is of lives, or did a moment ago.
    async fn is_being_changed(&self) -> Result<bool, CommandError> {
        let found = self.records.load(&self.name).await?;
        Ok(found.is_some_and(|found| found.head.foreign_lock(self.records.now()).is_some()))
    }

    fn nobody(&self, session: &Session) -> Answered {
        session.printer.say(&format!(
            "the controller of {} does not answer: this is done from here, with your own rights",
            self.id
        ));
        Answered::Nobody
    }
}

/// A request that is left to its controller.
pub(super) fn left(id: &AppId) -> CommandError {
    let AppId { namespace, name } = id;
    CommandError::partial(format!("stopped waiting: what was asked of {id} stands, and its controller goes on")).hint(
        format!(
            "`kubectl gitops app get {name} -n {namespace}` tells how it goes, `kubectl gitops app terminate {name} -n \
             {namespace}` takes it back or stops it"
        ),
    )
}

/// A sync as a person asks for it: with what the flags of a run and its approvals say.
#[must_use]
pub fn sync(run: &RunArgs, approvals: &Approvals, words: &[String], runs_hooks: bool) -> Operation {
    let strategy = if runs_hooks { "hook" } else { "apply" };
    let request = SyncRequest {
        prune: true,
        sync_strategy: Some(serde_json::json!({strategy: {"force": run.force_conflicts}})),
        sync_options: words.to_vec(),
        ..SyncRequest::default()
    };
    let mut operation = Operation { sync: Some(request), ..Operation::default() };
    let mut delete: Vec<&str> = approvals.delete.iter().map(String::as_str).collect();
    delete.extend(approvals.many.then_some("many"));
    let recreate: Vec<&str> = approvals.recreate.iter().map(String::as_str).collect();
    for (name, words) in [(ALLOW_DELETE, delete), (ALLOW_RECREATE, recreate)] {
        if !words.is_empty() {
            operation = operation.with_note(name, &words.join(","));
        }
    }
    if approvals.confirmed {
        operation = operation.with_note(DELETION_APPROVED, "true");
    }
    if run.wait {
        operation = operation.with_note(WAIT, &run.timeout.to_string());
    }
    operation
}

/// What a controller did of a plan, as a run of ours would tell it; nothing where there was nothing to do.
///
/// # Errors
/// Where it did not begin, or the record cannot be read.
pub async fn applied(target: &Target, plan: &Plan, state: &OperationState) -> Result<Option<Applied>, CommandError> {
    let told = |error: CommandError| {
        error.hint("--direct acts from here, with your own rights: where Git or the controller cannot do it, say")
    };
    if state.phase == OperationPhase::Error {
        return Err(told(CommandError::refused(state.message.clone())));
    }
    let before = target.found.as_ref().and_then(|found| found.head.releases.last()).map(|release| release.number);
    let head = target.records.load_recorded(&target.application).await?.head;
    let release = head.releases.last().filter(|release| Some(release.number) > before).cloned();
    let Some(release) = release else {
        return match state.phase {
            OperationPhase::Succeeded => Ok(None),
            _ => Err(CommandError::partial(state.message.clone())),
        };
    };
    let resources = state.sync_result.iter().flat_map(|result| &result.resources);
    Ok(Some(Applied { results: results(plan, resources, state.phase == OperationPhase::Succeeded), release }))
}

/// What became of the steps of a plan, by what a status says of resources. It has no room for all of very many: what it does not
/// name went well, where all did.
fn results<'a>(
    plan: &Plan,
    resources: impl Iterator<Item = &'a ResourceResult>,
    succeeded: bool,
) -> BTreeMap<usize, StepResult> {
    let name = |it: &ResourceResult| {
        (it.group.clone(), it.kind.clone(), it.namespace.clone(), it.name.clone(), it.hook_type.clone())
    };
    let by_name: BTreeMap<_, &ResourceResult> = resources.map(|it| (name(it), it)).collect();
    let result = |index: usize| {
        let step = &plan.steps[index];
        let (key, phase) = (&step.key, step.hook.as_ref().map(|hook| hook.phase));
        let namespace = key.scope.namespace().unwrap_or_default().to_owned();
        let phase = phase.as_ref().map(HookPhase::to_string).unwrap_or_default();
        match by_name.get(&(key.group.clone(), key.kind.clone(), namespace, key.name.clone(), phase)) {
            Some(it) if it.message == NOT_TRIED => StepResult::Skipped,
            Some(it) if it.status == "SyncFailed" || it.hook_phase == Some(OperationPhase::Failed) => {
                let conflict = it.message.contains(" belongs to ");
                StepResult::Failed { message: it.message.clone(), conflict }
            }
            Some(_) => StepResult::Succeeded,
            None if succeeded => StepResult::Succeeded,
            None => StepResult::Skipped,
        }
    };
    (0..plan.steps.len()).map(|index| (index, result(index))).collect()
}
