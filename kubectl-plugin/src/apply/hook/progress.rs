//! What is known of hooks before planning.
//!
//! In: the head, the cluster. Out: [`HookRecord`]: all objects of hooks, those too that a run which died has made and not
//! written down, and how far it came. Without a run that did not get through this sends no request.

use std::collections::BTreeMap;

use gitops_compiler::canon::{Graph, Id};
use gitops_compiler::manifest::HookPhase;
use gitops_compiler::name::ResourceKey;
use gitops_compiler::plan::{Bound, HookProgress, Hooks, StartedHook};
use serde_json::Value as Json;

use crate::cluster::{Cluster, Failure, Kinds};
use crate::record::Head;
use crate::record::hooks::{HookObject, HookOutcome};

use super::object::HookRun;

/// What a run starts from.
#[derive(Debug, Clone, Default)]
pub struct HookRecord {
    /// All objects of hooks that are known.
    pub objects: Vec<HookObject>,
    /// How far an interrupted run came.
    progress: BTreeMap<(ResourceKey, HookPhase), HookProgress>,
    /// That run, where it is gone on with: its number and its graph.
    last: Option<(u64, Id<Graph>)>,
}

impl HookRecord {
    /// As a plan takes it.
    #[must_use]
    pub fn hooks(&self, run: bool, deleting: bool) -> Hooks {
        Hooks { run, deleting, progress: if run { self.progress.clone() } else { BTreeMap::new() } }
    }

    /// Those that have not ended and that nobody goes on with.
    #[must_use]
    pub fn abandoned(&self, hooks: &Hooks) -> Vec<&HookObject> {
        let resumed = |object: &HookObject| {
            let progress = hooks.progress.get(&(object.hook.clone(), object.phase));
            matches!(progress, Some(HookProgress::Started(started)) if started.uid == object.uid)
        };
        self.objects.iter().filter(|object| object.outcome.is_none() && !resumed(object)).collect()
    }

    /// Those that have ended in runs since the live release, and that nobody may have let go.
    #[must_use]
    pub fn ended_since(&self, live: Option<u64>) -> Vec<&HookObject> {
        let is_newer = |object: &&HookObject| Some(object.release) > live && object.outcome.is_some();
        self.objects.iter().filter(is_newer).collect()
    }

    /// As the record of release `number` has them before it begins: what it goes on with is its own from now on. So the run
    /// after it knows of them, should it die in its turn.
    #[must_use]
    pub fn taken_over(&self, hooks: &Hooks, number: u64) -> Vec<HookObject> {
        let taken = |object: &HookObject| {
            let is_gone_on_with = self.last.is_some_and(|last| (object.release, object.graph) == last)
                && hooks.progress.contains_key(&(object.hook.clone(), object.phase));
            HookObject { release: if is_gone_on_with { number } else { object.release }, ..object.clone() }
        };
        self.objects.iter().map(taken).collect()
    }

    /// Looks at the record, and at the cluster where a run was interrupted. `wanted` is the graph that is applied now,
    /// `last` the one whose hooks that run had.
    pub async fn look(
        head: &Head,
        cluster: &Cluster,
        kinds: &Kinds,
        wanted: &Bound,
        last: Option<&Bound>,
    ) -> Result<Self, Failure> {
        let mut record = Self { objects: head.hooks.clone(), ..Self::default() };
        // Also where that run came to its end: a request that it had given up may have been done all the same.
        let pending = head.pending.as_ref();
        let attempted = pending.and_then(|pending| Some((pending.number, pending.attempted.last()?.id)));
        if let (Some(attempted), Some(last)) = (attempted, last) {
            record.find_unwritten(head, cluster, kinds, last, attempted).await?;
        }
        let Some((number, attempted)) = head.interrupted() else { return Ok(record) };
        let is_resumed = attempted.id == wanted.graph.id();
        record.last = is_resumed.then_some((number, attempted.id));
        for object in &record.objects {
            if record.last != Some((object.release, object.graph)) {
                continue;
            }
            let started = || StartedHook { object: object.object.clone(), uid: object.uid.clone() };
            let progress = match object.outcome {
                Some(HookOutcome::Succeeded) => HookProgress::Succeeded,
                Some(HookOutcome::Failed) => HookProgress::Failed,
                None if is_there(cluster, kinds, object).await? => HookProgress::Started(started()),
                None => HookProgress::Unknown,
            };
            record.progress.insert((object.hook.clone(), object.phase), progress);
        }
        Ok(record)
    }

    /// A run that died may have made an object, and not come to write it down.
    async fn find_unwritten(
        &mut self,
        head: &Head,
        cluster: &Cluster,
        kinds: &Kinds,
        last: &Bound,
        (release, graph): (u64, Id<Graph>),
    ) -> Result<(), Failure> {
        if !last.graph.has_hooks() {
            return Ok(());
        }
        for (hook, resource) in last.keys().iter().zip(last.graph.resources()) {
            let Some(read) = resource.hook() else { continue };
            for phase in read.phases {
                let run = HookRun { target: &head.target, release, phase, hook };
                let api_version = resource.api_version();
                let path = kinds.path(api_version, &run.object());
                // One that failed was taken over, and is run again.
                let is_written = self
                    .objects
                    .iter()
                    .any(|object| object.is_of(hook, phase, release) && object.outcome != Some(HookOutcome::Failed));
                let Some(path) = path.filter(|_| !is_written) else { continue };
                let Some(found) = cluster.find(&path).await?.filter(|found| run.made(found)) else { continue };
                let found = HookObject {
                    object: run.object(),
                    api_version: api_version.to_owned(),
                    uid: uid_of(&found),
                    hook: hook.clone(),
                    phase,
                    graph,
                    release,
                    delete: read.delete.clone(),
                    outcome: None,
                };
                self.objects.retain(|object| !object.is_replaced_by(&found));
                self.objects.push(found);
            }
        }
        Ok(())
    }
}

async fn is_there(cluster: &Cluster, kinds: &Kinds, object: &HookObject) -> Result<bool, Failure> {
    let Some(path) = kinds.path(&object.api_version, &object.object) else { return Ok(false) };
    let found = match cluster.get_metadata(&path).await {
        Err(failure) if failure.is_unserved() => None,
        other => other?,
    };
    Ok(found.is_some_and(|metadata| metadata.uid == object.uid))
}

pub(super) fn uid_of(object: &Json) -> String {
    object["metadata"]["uid"].as_str().unwrap_or_default().to_owned()
}
