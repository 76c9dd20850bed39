//! Objects that are not only applied: replaced as a whole, or deleted and made again.
//!
//! In: a step and its body. Out: a cluster in which the body can be applied. An object is deleted only where its new form
//! would be accepted, its uid is that of the plan, and the record says that it is made again: who comes after a crash in
//! the middle knows that the new one is ours.

use std::time::Duration;

use gitops_compiler::plan::{self, Step};
use serde_json::Value as Json;
use tokio::time::Instant;

use crate::cluster::{Deleted, Failure};
use crate::record::Head;

use super::adopt::managers::is_left_behind;
use super::held::held_by;
use super::scaled;
use super::step::{Context, past_webhooks};

/// How long an object may take to go: its Pods may have a grace period.
const PATIENCE: Duration = Duration::from_mins(5);

/// So often an object is replaced that changes between the look and the request.
const ATTEMPTS: u32 = 5;

/// Replaces all of an object. What it has from others goes, but the number of replicas where something scales it; the caller
/// applies the body afterwards, so that its fields are ours as those of every object are.
pub(super) async fn replace(context: &Context, step: &Step, path: &str, body: &Json) -> Result<(), Failure> {
    let mut failed = None;
    let keeps_replicas = scaled::are_left(context, &step.key, body).await?;
    for _ in 0..ATTEMPTS {
        let live = context.cluster.get(path).await?;
        let expected = body["metadata"]["uid"].as_str();
        if expected.is_some() && expected != live["metadata"]["uid"].as_str() {
            return Err(Failure::NotSent("it is another object of the same name now".to_owned()));
        }
        let mut whole = body.clone();
        whole["metadata"]["uid"] = live["metadata"]["uid"].clone();
        whole["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
        if keeps_replicas {
            whole["spec"]["replicas"] = live["spec"]["replicas"].clone();
        }
        let manager = &context.identity.field_manager;
        match past_webhooks(context, || context.cluster.replace_as(path, &whole, manager)).await {
            Err(failure) if failure.is_conflict() => failed = Some(failure),
            other => return other.map(|_| ()),
        }
    }
    Err(failed.unwrap_or_else(|| Failure::NotSent("it changes all the time".to_owned())))
}

/// Deletes an object so that it can be made again, since a field cannot change.
pub(super) async fn recreate_for(
    context: &Context,
    step: &Step,
    path: &str,
    body: &mut Json,
    field: &str,
    is_secret: bool,
) -> Result<(), String> {
    if own_uid(step).is_none() {
        return Err(format!("{field} cannot change, and it was there before us: delete it by hand"));
    }
    if !plan::may_recreate(step, &context.approvals) {
        let kind = &step.key.kind;
        return Err(format!("{field} cannot change: --allow-recreate={kind} deletes it and makes it again"));
    }
    recreate(context, step, path, body, is_secret).await
}

/// The uid of the object of a step, where we made it.
fn own_uid(step: &Step) -> Option<&str> {
    step.uid.as_deref().filter(|_| step.made_by_us)
}

/// Deletes an object of ours so that it can be made again. `is_secret` says that what the server says may quote secrets.
pub(super) async fn recreate(
    context: &Context,
    step: &Step,
    path: &str,
    body: &mut Json,
    is_secret: bool,
) -> Result<(), String> {
    let Some(uid) = own_uid(step) else {
        return Err("it was there before us, and is not deleted to be made again".to_owned());
    };
    if let Some(metadata) = body["metadata"].as_object_mut() {
        metadata.remove("uid");
    }
    let collection = path.rsplit_once('/').map(|(collection, _)| collection).unwrap_or_default();
    let manager = &context.identity.field_manager;
    let could = past_webhooks(context, || context.cluster.could_create(collection, body, manager)).await;
    could
        .map_err(|failure| format!("it cannot be made anew, so that it is not deleted: {}", failure.told(is_secret)))?;
    let note = |head: &mut Head| {
        if let Some(pending) = &mut head.pending
            && !pending.recreated.contains(&step.key)
        {
            pending.recreated.push(step.key.clone());
        }
    };
    context.lease.write(note).await.map_err(|lost| lost.to_string())?;
    let delete = || context.cluster.delete(path, uid, None, context.propagation);
    match past_webhooks(context, delete).await {
        Ok(Deleted::Gone) => Ok(()),
        Ok(Deleted::Held) => until_gone(context, path, uid).await,
        Ok(Deleted::Replaced) => Err("it is another object of the same name now".to_owned()),
        Err(failure) => Err(failure.told(is_secret)),
    }
}

/// Waits until an object is gone. It is asked for by name: no watch tells of kinds that may be read one by one only.
pub(super) async fn until_gone(context: &Context, path: &str, uid: &str) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(50);
    loop {
        match context.cluster.get_metadata(path).await {
            Ok(Some(metadata)) if metadata.uid == uid => {}
            Ok(_) => return Ok(()),
            Err(failure) => return Err(failure.to_string()),
        }
        if Instant::now() + pause > deadline {
            let live = context.cluster.find(path).await.ok().flatten();
            let held = live.as_ref().and_then(held_by).unwrap_or_else(|| "something holds it".to_owned());
            return Err(format!("it is still being deleted after {} seconds: {held}", PATIENCE.as_secs()));
        }
        context.lease.permit().await.map_err(|lost| lost.to_string())?;
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

/// Takes over what another tool owns of an object, or an application that gives it to us, once: fields that are in no manifest go with the next apply, nothing is
/// made again. Gives what there is to tell.
pub(super) async fn adopt(context: &Context, path: &str) -> Result<Option<String>, Failure> {
    let Some(metadata) = context.cluster.get_metadata(path).await? else { return Ok(None) };
    let taken = |manager: &str| is_left_behind(manager) || context.takes_from.iter().any(|name| name == manager);
    let mut managers: Vec<&str> = metadata
        .managed_fields
        .iter()
        .filter(|entry| entry.subresource.is_empty() && taken(&entry.manager))
        .map(|entry| entry.manager.as_str())
        .collect();
    managers.sort_unstable();
    managers.dedup();
    if managers.is_empty() {
        return Ok(None);
    }
    context.lease.permit().await.map_err(|lost| Failure::NotSent(lost.to_string()))?;
    context.cluster.take_over(path, &metadata.uid, &context.identity.field_manager, taken).await?;
    Ok(Some(format!("fields of {} are ours now", managers.join(", "))))
}
