//! The end of a hook, and of its object.
//!
//! In: outcomes. Out: the record tells them, and objects go as their policies say. A policy is about the whole run, not
//! about the hook alone: that is how Argo CD has it.

use std::collections::BTreeSet;
use std::sync::Arc;

use gitops_compiler::manifest::HookDeletePolicy;
use gitops_compiler::name::ResourceKey;

use crate::apply::event::Event;
use crate::apply::step::Context;
use crate::record::Head;
use crate::record::hooks::{HookObject, HookOutcome};

use super::object::FINALIZER;
use super::start::delete;

/// Writes how a hook ended, and lets its object go.
///
/// # Errors
/// Where our lock was lost, so that nothing could be written.
pub async fn settle(
    context: Arc<Context>,
    object: &ResourceKey,
    uid: &str,
    outcome: HookOutcome,
) -> Result<(), String> {
    let write = |head: &mut Head| {
        let found = head.hooks.iter_mut().find(|other| other.uid == uid && other.outcome.is_none());
        if let Some(found) = found {
            found.outcome = Some(outcome);
        }
    };
    context.lease.write(write).await.map_err(|lost| lost.to_string())?;
    let Ok(found) = context.lease.end().await else { return Ok(()) };
    let Some(written) = found.head.hooks.iter().find(|other| other.uid == uid) else { return Ok(()) };
    let Some(path) = context.kinds.path(&written.api_version, object) else { return Ok(()) };
    let removed = context.cluster.remove_finalizer(&path, uid, FINALIZER).await;
    removed.map_err(|failure| format!("its outcome is recorded, and our finalizer cannot be taken off it: {failure}"))
}

/// Lets go of objects whose outcome is on record: a run that died may not have come to do so.
pub async fn let_go(context: &Context, ended: &[&HookObject], emit: &mut (dyn FnMut(Event) + Send)) {
    for object in ended {
        let Some(path) = context.kinds.path(&object.api_version, &object.object) else { continue };
        if context.lease.permit().await.is_err() {
            return;
        }
        if let Err(failure) = context.cluster.remove_finalizer(&path, &object.uid, FINALIZER).await {
            emit(Event::Note(format!("our finalizer cannot be taken off hook {}: {failure}", object.object)));
        }
    }
}

/// Ends hooks of a run that nobody goes on with: they are deleted, as when Argo CD terminates a sync.
pub async fn abandon(context: &Context, abandoned: &[&HookObject], emit: &mut (dyn FnMut(Event) + Send)) {
    let mut gone = Vec::new();
    for object in abandoned {
        let told = format!("hook {} of release {} had not ended", object.object, object.release);
        match remove(context, object).await {
            Ok(()) => {
                emit(Event::Note(format!("{told}: it is deleted")));
                gone.push(object.uid.clone());
            }
            Err(why) => emit(Event::Note(format!("{told}, and cannot be deleted: {why}"))),
        }
    }
    if !gone.is_empty() {
        // Where this is lost, so is the run, and the next one finds them gone.
        let _ = context.lease.write(|head| head.hooks.retain(|object| !gone.contains(&object.uid))).await;
    }
}

/// Which objects of hooks are left when a run is over. `succeeded` is absent where it was interrupted.
pub async fn clean_up(
    context: &Context,
    objects: &[HookObject],
    ended: Ended,
    emit: &mut (dyn FnMut(Event) + Send),
) -> Vec<HookObject> {
    let mut left = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        // Only as long as a run lasts it matters how an earlier phase ended whose object made room for this one.
        let has_made_room =
            objects[index + 1..].iter().any(|newer| newer.object == object.object && newer.uid != object.uid);
        if has_made_room {
            continue;
        }
        if !ended.ends(object) {
            left.push(object.clone());
        } else if let Err(why) = remove(context, object).await {
            emit(Event::Note(format!("hook {} cannot be deleted: {why}", object.object)));
            left.push(object.clone());
        }
    }
    left
}

/// How a run ended, for its hooks.
pub struct Ended {
    /// Its number.
    pub release: u64,
    /// Whether all of it worked; absent where it was interrupted.
    pub succeeded: Option<bool>,
    /// Releases that are remembered, this one too.
    pub remembered: BTreeSet<u64>,
    /// Whether the application is deleted.
    pub deleted: bool,
}

impl Ended {
    /// Whether an object goes now.
    fn ends(&self, object: &HookObject) -> bool {
        if self.deleted || !self.remembered.contains(&object.release) {
            return true;
        }
        let policy = match self.succeeded {
            _ if object.release != self.release || object.outcome.is_none() => return false,
            Some(true) => HookDeletePolicy::HookSucceeded,
            Some(false) => HookDeletePolicy::HookFailed,
            None => return false,
        };
        object.delete.contains(&policy)
    }
}

async fn remove(context: &Context, object: &HookObject) -> Result<(), String> {
    match context.kinds.path(&object.api_version, &object.object) {
        Some(path) => delete(context, &path, &object.uid).await,
        // Its kind is gone, and it went with it.
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_compiler::graph::ResourceGraph;
    use gitops_compiler::manifest::HookPhase;

    #[test]
    fn objects_go_as_their_policies_say() {
        use HookDeletePolicy::{BeforeHookCreation, HookFailed, HookSucceeded};
        let object = |release, outcome, delete: &[HookDeletePolicy]| HookObject {
            object: ResourceKey::new("batch", "Job", "shop", "migrate"),
            api_version: "batch/v1".to_owned(),
            uid: "u".to_owned(),
            hook: ResourceKey::new("batch", "Job", "shop", "migrate"),
            phase: HookPhase::PreSync,
            graph: ResourceGraph::empty().id(),
            release,
            delete: delete.iter().copied().collect(),
            outcome,
        };
        let ended = |succeeded, deleted| Ended { release: 7, succeeded, remembered: BTreeSet::from([6, 7]), deleted };
        let done = Some(HookOutcome::Succeeded);
        for (object, succeeded, deleted, goes) in [
            (object(7, done, &[BeforeHookCreation]), Some(true), false, false),
            (object(7, done, &[HookSucceeded]), Some(true), false, true),
            (object(7, done, &[HookSucceeded]), Some(false), false, false),
            (object(7, done, &[HookFailed]), Some(false), false, true),
            (object(7, done, &[HookSucceeded, HookFailed]), None, false, false),
            (object(7, None, &[HookSucceeded]), Some(true), false, false),
            (object(6, done, &[HookSucceeded]), Some(true), false, false),
            (object(5, done, &[BeforeHookCreation]), Some(true), false, true),
            (object(7, None, &[BeforeHookCreation]), Some(true), true, true),
        ] {
            assert_eq!(ended(succeeded, deleted).ends(&object), goes, "{object:?} {succeeded:?} {deleted}");
        }
    }
}
