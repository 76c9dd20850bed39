//! Making the object of a hook.
//!
//! In: the step of a hook. Out: the object as the server has it, written in the record; or why not. What stands in its
//! place is deleted before, as its policy says: an earlier run of a hook, or content that became one. Anything else of that
//! name belongs to another.

use std::sync::Arc;

use gitops_compiler::manifest::{HookDeletePolicy, Propagation};
use gitops_compiler::name::ResourceKey;
use gitops_compiler::plan::{HookStep, Step};
use serde_json::Value as Json;

use crate::apply::rewrite;
use crate::apply::step::{self, Context, StepOutcome, ToSend};
use crate::cluster::{Deleted, PART_OF};
use crate::record::hooks::HookObject;

use super::object::{FINALIZER, HookRun, is_hook};
use super::progress::uid_of;

/// The key of a step's object.
#[must_use]
pub fn object_key(context: &Context, step: &Step) -> ResourceKey {
    match &step.hook {
        Some(HookStep { started: Some(started), .. }) => started.object.clone(),
        Some(hook) => run_of(context, step, hook).object(),
        None => step.key.clone(),
    }
}

fn run_of<'a>(context: &'a Context, step: &'a Step, hook: &HookStep) -> HookRun<'a> {
    HookRun { target: &context.target, release: context.release, phase: hook.phase, hook: &step.key }
}

/// Runs the step of a hook until its object is made.
pub async fn run(context: Arc<Context>, step: Step) -> StepOutcome {
    let Some(hook) = &step.hook else { return StepOutcome::failed("this is no hook") };
    let object = object_key(&context, &step);
    let api_version = step::api_version_of(step.desired.as_ref()).unwrap_or_default().to_owned();
    let Some(path) = context.kinds.path(&api_version, &object) else {
        return StepOutcome::failed(format!("the server does not serve {} in {api_version}", step.key.kind));
    };
    if hook.started.is_some() {
        return resumed(&context, &path).await;
    }
    match make(&context, &step, hook, &path).await {
        Ok(StepOutcome::Applied { created, object: made, notes }) => {
            let written = written(&context, &step, hook, &object, api_version, &made);
            let write = |head: &mut crate::record::Head| {
                head.hooks.retain(|other| !other.is_replaced_by(&written));
                head.hooks.push(written.clone());
            };
            match context.lease.write(write).await {
                Ok(()) => StepOutcome::Applied { created, object: made, notes },
                Err(lost) => StepOutcome::failed(lost.to_string()),
            }
        }
        Ok(outcome) | Err(outcome) => outcome,
    }
}

async fn resumed(context: &Context, path: &str) -> StepOutcome {
    match context.cluster.get(path).await {
        Ok(object) => {
            let notes = vec!["the run before this one started it; it is waited for, and not run again".to_owned()];
            StepOutcome::Applied { created: false, object: Box::new(object), notes }
        }
        Err(failure) => StepOutcome::failed(format!("it was started, and cannot be read: {failure}")),
    }
}

fn written(
    context: &Context,
    step: &Step,
    hook: &HookStep,
    object: &ResourceKey,
    api_version: String,
    made: &Json,
) -> HookObject {
    HookObject {
        object: object.clone(),
        api_version,
        uid: uid_of(made),
        hook: step.key.clone(),
        phase: hook.phase,
        graph: context.graph,
        release: context.release,
        delete: hook.delete.clone(),
        outcome: None,
    }
}

/// Makes room for the object, and makes it.
async fn make(context: &Context, step: &Step, hook: &HookStep, path: &str) -> Result<StepOutcome, StepOutcome> {
    let failed = |message: String| StepOutcome::failed(message);
    let run = run_of(context, step, hook);
    let mut notes = Vec::new();
    if hook.again {
        notes.push("it ran in a run that was interrupted, and failed or was lost; it is run again".to_owned());
    }
    let found = context.cluster.find(path).await.map_err(|failure| failed(failure.to_string()))?;
    let found = found.filter(|found| !run.made(found));
    if let Some(found) = found {
        make_room(context, hook, path, &found).await?;
    }
    let ToSend { mut body, is_secret } =
        step::body_to_send(step, &context.identity, &context.unlocked).map_err(failed)?;
    run.mark_body(&mut body);
    // What has no policy to be deleted before is run once, and applied again.
    Ok(step::send(context, step, path, &mut body, is_secret, notes).await)
}

/// Deletes what stands in the place of a hook's object, where that may be.
async fn make_room(context: &Context, hook: &HookStep, path: &str, found: &Json) -> Result<(), StepOutcome> {
    let uid = uid_of(found);
    let is_replaced = hook.replaces.as_ref().is_some_and(|owned| owned.created && owned.uid == uid);
    let is_ours = found["metadata"]["labels"][PART_OF].as_str() == Some(&context.identity.apply_set);
    let is_earlier_run = is_hook(found) && (is_ours || found["metadata"]["labels"][PART_OF].is_null());
    if !is_replaced && !is_earlier_run {
        let message = "an object of this name is there already, and is no earlier run of this hook".to_owned();
        return Err(StepOutcome::Failed { message, conflict: true });
    }
    if !is_replaced && !hook.delete.contains(&HookDeletePolicy::BeforeHookCreation) {
        return Ok(());
    }
    delete(context, path, &uid).await.map_err(StepOutcome::failed)?;
    rewrite::until_gone(context, path, &uid).await.map_err(StepOutcome::failed)
}

/// Deletes the object of a hook, which we may hold.
pub(super) async fn delete(context: &Context, path: &str, uid: &str) -> Result<(), String> {
    context.lease.permit().await.map_err(|lost| lost.to_string())?;
    let cluster = &context.cluster;
    let deleted = match cluster.delete(path, uid, None, Propagation::Background).await {
        Ok(Deleted::Gone | Deleted::Replaced) => Ok(()),
        Ok(Deleted::Held) => cluster.remove_finalizer(path, uid, FINALIZER).await,
        Err(failure) => Err(failure),
    };
    deleted.map_err(|failure| failure.to_string())
}
