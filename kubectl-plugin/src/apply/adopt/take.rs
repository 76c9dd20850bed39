//! One step of taking over: an object is applied as it is, and only then taken from the others.
//!
//! In: a step and its body, which has nothing that the object has not. Out: [`StepOutcome`]. Nothing is made again, nothing
//! is forced but from applications that give us their objects: where somebody was faster, the step fails, and the next
//! attempt takes what is there then.

use gitops_compiler::plan::Step;
use serde_json::Value as Json;

use crate::apply::rewrite;
use crate::apply::step::{Context, StepOutcome};
use crate::cluster::{ApplyOptions, Conflict, Failure};

/// Runs the step.
pub(in crate::apply) async fn take(context: &Context, step: &Step, path: &str, body: &Json) -> StepOutcome {
    if step.uid.is_none() {
        return StepOutcome::failed("it is not known which object this is");
    }
    match taken(context, path, body).await {
        Ok((object, notes)) if object["metadata"]["deletionTimestamp"].is_null() => {
            StepOutcome::Applied { created: false, object: Box::new(object), notes }
        }
        Ok(_) => StepOutcome::failed("it is being deleted"),
        Err(failure) if failure.is_conflict() || failure.is_not_found() => {
            let message = "it changed in the meantime; nothing of it was changed".to_owned();
            StepOutcome::Failed { message, conflict: true }
        }
        // What is there of a Secret may stand in what the server says.
        Err(failure) => StepOutcome::failed(failure.told(step.key.is("", "Secret"))),
    }
}

async fn taken(context: &Context, path: &str, body: &Json) -> Result<(Json, Vec<String>), Failure> {
    let field_manager = &context.identity.field_manager;
    let mut options = ApplyOptions { field_manager, force: false, dry_run: false };
    loop {
        context.lease.permit().await.map_err(|lost| Failure::NotSent(lost.to_string()))?;
        match context.cluster.apply(path, body, &options).await {
            Ok(_) => break,
            Err(failure) => {
                let conflicts = failure.conflicts();
                let is_given = |conflict: &Conflict| context.takes_from.contains(&conflict.manager);
                if options.force || conflicts.is_empty() || !conflicts.iter().all(is_given) {
                    return Err(failure);
                }
                options.force = true;
            }
        }
    }
    let notes = rewrite::adopt(context, path).await?;
    let object = context.cluster.get(path).await?;
    Ok((object, notes.into_iter().collect()))
}
