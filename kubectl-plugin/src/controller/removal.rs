//! An Application that is deleted.
//!
//! In: an object with a deletion timestamp. Out: what it applied is gone, where its finalizer says so, and then the
//! finalizer. Deleting the object is the word for deleting all that it applied, precious kinds included, as in Argo CD; what
//! says `Delete=false` of itself stays.

use std::sync::Arc;
use std::time::Duration;

use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::name::AppName;
use gitops_compiler::plan::Approvals;
use jiff::Timestamp;
use serde_json::Value as Json;

use crate::application::{AppId, RESOURCES_FINALIZER, RESOURCES_FINALIZER_BACKGROUND, deletes_resources, finalizers};
use crate::apply::run::RunOptions;
use crate::apply::{Destination, Options, Target, apply};
use crate::error::CommandError;
use crate::project::{AppProject, DEFAULT};
use crate::record::Records;
use crate::record::head::ReleaseOrigin;

use super::clusters::Place;
use super::clusters::known::NotFound;
use super::{Controller, compile, projects};

/// How long another run is waited for.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);

/// How long an object may take to go.
const GONE_TIMEOUT: Duration = Duration::from_mins(5);

/// Removes what an Application applied, where it says so.
///
/// # Errors
/// Where not all of it is gone yet.
pub async fn remove(
    controller: &Controller,
    id: &AppId,
    object: &Json,
    place: &Result<Place, NotFound>,
) -> Result<(), CommandError> {
    if !deletes_resources(object) {
        return Ok(());
    }
    match place {
        Ok(place) => Box::pin(delete_recorded(controller, id, object, place)).await?,
        // Where there is no such cluster any more nothing can be deleted in it, as in Argo CD.
        Err(NotFound::Unknown(why)) => {
            controller.log.warn(Some(id), &format!("what it applied stays: {why}"));
        }
        Err(NotFound::Wrong(why) | NotFound::Unread(why)) => return Err(CommandError::user(why.clone())),
    }
    let path = id.path();
    let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
    let ours = [RESOURCES_FINALIZER, RESOURCES_FINALIZER_BACKGROUND];
    for finalizer in finalizers(object).filter(|name| ours.contains(name)) {
        let removed = controller.cluster.remove_finalizer(&path, uid, finalizer).await;
        let doing = |failure: crate::cluster::Failure| {
            CommandError::user("its finalizer cannot be removed").details(vec![failure.to_string()])
        };
        removed.map_err(doing)?;
    }
    Ok(())
}

async fn delete_recorded(
    controller: &Controller,
    id: &AppId,
    object: &Json,
    place: &Place,
) -> Result<(), CommandError> {
    if let Some(lost) = place.is_lost() {
        return Err(CommandError::user(lost));
    }
    let name = id.name.parse::<AppName>().map_err(|error| CommandError::user(error.to_string()))?;
    let records = controller.records(id, place).await?;
    if records.load(&name).await?.is_some() {
        let project = object["spec"]["project"].as_str().filter(|project| !project.is_empty());
        let project = controller.projects.get(project.unwrap_or(DEFAULT)).await?;
        // Whoever writes Applications elsewhere may name any project: only those that take them delete for them.
        if let Some(violation) = project.application_namespace(&id.namespace, &controller.settings.namespace) {
            let refused = CommandError::refused("its project does not permit deleting what it applied");
            return Err(refused.details(vec![violation.to_string()]));
        }
        let application = compile::read(object).map_err(|_| CommandError::user("its spec is not understood"));
        let acts_as = match application {
            Ok((application, _)) => {
                projects::account(&project, place, &application, id).map_err(CommandError::refused)?
            }
            Err(error) if project.acts_as_others() => return Err(error),
            Err(_) => None,
        };
        delete_all(records, name, &project, place, acts_as.as_deref()).await?;
    }
    Ok(())
}

async fn delete_all(
    records: Records,
    name: AppName,
    project: &AppProject,
    place: &Place,
    acts_as: Option<&str>,
) -> Result<(), CommandError> {
    let destination = Destination::Recorded { given: None };
    let mut target = Target::open_unlocked(records, name, destination, LOCK_PATIENCE, &mut |_| {}).await?;
    if let Some(user) = acts_as {
        target.act_as(user)?;
    }
    let desired = target.bind(Arc::new(ResourceGraph::empty())).await?;
    let observation = target.observe(Some(&desired), false).await?;
    target.look_at_hooks(&desired).await?;
    let hooks = target.hooks.hooks(true, true);
    let approvals = Approvals::of_deletion();
    let plan = target.plan(&desired, &observation.seen, &approvals, &hooks);
    if !plan.guards.is_empty() {
        let told = plan.guards.iter().map(ToString::to_string).collect();
        return Err(CommandError::refused("deleting it needs a word from somebody").details(told));
    }
    // What the record says of what we own is for the project to permit: others may write it.
    let refused: Vec<String> =
        plan.steps.iter().filter_map(|step| projects::permits(project, place, &step.key).err()).collect();
    if !refused.is_empty() {
        return Err(CommandError::refused("its project does not permit deleting what it applied").details(refused));
    }
    let origin = ReleaseOrigin {
        time: Timestamp::now(),
        actor: "deletion of the Application".to_owned(),
        by_controller: true,
        commit: None,
        bundle: None,
        rollback_to: None,
        is_partial: false,
        options: target.options.clone(),
        ignored: Vec::new(),
        inputs: Vec::new(),
        health_checks: Vec::new(),
        signatures: Vec::new(),
    };
    let run = RunOptions::new(true, GONE_TIMEOUT, place.cluster.ground.rules.clone());
    let options = Options { delete_record: true, ..Options::new(run, approvals, origin, hooks) };
    let applied = apply(&mut target, &desired, &plan, &observation.seen, &options, &mut |_| {}).await?;
    if applied.succeeded() {
        return Ok(());
    }
    let failed = applied.results.iter().filter_map(|(index, result)| match result {
        crate::apply::StepResult::Failed { message, .. } => Some(format!("{}: {message}", plan.steps[*index].key)),
        _ => None,
    });
    Err(CommandError::partial("not all that it applied is deleted").details(failed.collect()))
}
