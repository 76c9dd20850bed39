//! The loop that runs a plan.
//!
//! In: a plan, a context, options. Out: a result for each step and the changes of the inventory. As many requests are
//! in flight as `CONCURRENT` says; a step goes as soon as what it waits for allows; watches tell the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use gitops_compiler::name::ResourceKey;
use gitops_compiler::plan::{Action, Cause, Plan, Step};
use serde_json::Value as Json;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::cluster::{ObjectMeta, PartialObject};
use crate::health::{self, Verdict};
use crate::record::{InventoryEntry, Records};

use super::event::{Event, StepResult};
use super::observe::own_fields;
use super::readiness::{Change, Watches, pod_failure};
use super::schedule::Schedule;
use super::step::{self, Context, StepOutcome};

/// Requests in flight. The API server's own limits are far above; more than this only waits there.
const CONCURRENT: usize = 16;

/// A workload that is not ready after this long gets its Pods looked at.
const LOOK_AT_PODS_AFTER: Duration = Duration::from_secs(2);

/// A wait that takes this long is told, and again after twice as long.
const FIRST_REMINDER: Duration = Duration::from_secs(5);

/// How a run goes.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Whether the run lasts until all objects are ready.
    pub wait: bool,
    /// How long to wait for any object.
    pub timeout: Duration,
    /// Whether objects that were there before become ours entirely.
    pub adopt: bool,
}

/// How a run ended.
#[derive(Debug, Default)]
pub struct RunReport {
    /// By index of the step.
    pub results: BTreeMap<usize, StepResult>,
    /// What we own now and did not before, or own no more.
    pub inventory: BTreeMap<ResourceKey, Option<InventoryEntry>>,
    /// Whether the user stopped it.
    pub interrupted: bool,
}

struct Waiting {
    since: Instant,
    /// The version that was applied: what a watch shows of older ones does not count.
    resource_version: u64,
    generation: i64,
    object: Json,
    told: String,
    /// When a person hears of it next.
    remind_at: Duration,
    deleting: bool,
}

/// Bodies of Secrets to write as soon as their namespaces exist.
pub type LateSecrets = BTreeMap<String, Vec<u8>>;

struct Run<'a> {
    plan: &'a Plan,
    context: Arc<Context>,
    options: &'a RunOptions,
    schedule: Schedule,
    watches: Watches,
    waiting: BTreeMap<ResourceKey, (usize, Waiting)>,
    /// Objects that are being deleted and may be gone already, unseen.
    doubtful: BTreeSet<ResourceKey>,
    report: RunReport,
    emit: &'a mut dyn FnMut(Event),
    records: &'a Records,
    target: String,
    late_secrets: LateSecrets,
}

/// Runs a plan to its end.
pub async fn run(
    plan: &Plan,
    context: Arc<Context>,
    options: &RunOptions,
    records: &Records,
    target: &str,
    late_secrets: LateSecrets,
    emit: &mut dyn FnMut(Event),
) -> RunReport {
    let namespaces = plan.steps.iter().filter_map(|step| step.key.scope.namespace().map(str::to_owned)).collect();
    let watches = Watches::new(context.cluster.clone(), &context.identity.apply_set, namespaces);
    let run = Run {
        plan,
        context,
        options,
        schedule: Schedule::new(plan),
        watches,
        waiting: BTreeMap::new(),
        doubtful: BTreeSet::new(),
        report: RunReport::default(),
        emit,
        records,
        target: target.to_owned(),
        late_secrets,
    };
    run.go().await
}

impl Run<'_> {
    async fn go(mut self) -> RunReport {
        let mut in_flight: JoinSet<(usize, StepOutcome)> = JoinSet::new();
        let mut tick = tokio::time::interval(Duration::from_millis(250));
        // One future for the whole run: a signal that comes while none is listening would be lost.
        let mut asked_to_end = std::pin::pin!(stop_signal());
        loop {
            while in_flight.len() < CONCURRENT && !self.report.interrupted {
                let Some(index) = self.schedule.take() else { break };
                let (context, step) = (Arc::clone(&self.context), self.plan.steps[index].clone());
                in_flight.spawn(async move { (index, step::run(context, step).await) });
            }
            self.ask_for_doubtful().await;
            if self.schedule.is_finished() || (self.report.interrupted && in_flight.is_empty()) {
                return self.report;
            }
            tokio::select! {
                Some(joined) = in_flight.join_next() => match joined {
                    Ok((index, outcome)) => self.take(index, outcome).await,
                    Err(error) => (self.emit)(Event::Note(format!("a step ended abnormally: {error}"))),
                },
                Some(change) = self.watches.changes.recv() => self.change(change).await,
                _ = tick.tick() => self.tick().await,
                () = &mut asked_to_end, if !self.report.interrupted => {
                    self.report.interrupted = true;
                    (self.emit)(Event::Note("interrupted: no more steps are begun".to_owned()));
                }
            }
        }
    }

    async fn take(&mut self, index: usize, outcome: StepOutcome) {
        let step = &self.plan.steps[index];
        match outcome {
            StepOutcome::Applied { created, object, notes } => {
                for note in notes {
                    (self.emit)(Event::Note(format!("{}: {note}", step.key)));
                }
                self.applied(index, created, *object).await;
            }
            StepOutcome::Gone => {
                self.report.inventory.insert(step.key.clone(), None);
                self.finish(index, StepResult::Succeeded);
            }
            StepOutcome::Terminating => {
                (self.emit)(Event::Accepted { key: step.key.clone(), action: step.action });
                self.wait_for(index, Json::Null, true);
            }
            StepOutcome::Failed { message, conflict } => self.finish(index, StepResult::Failed { message, conflict }),
        }
    }

    async fn applied(&mut self, index: usize, created: bool, object: Json) {
        let step = &self.plan.steps[index];
        (self.emit)(Event::Accepted { key: step.key.clone(), action: step.action });
        self.own(step, created, &object);
        if step.key.is("", "Namespace")
            && let Some(packed) = self.late_secrets.remove(&step.key.name)
            && let Err(error) = self.records.put_chunks(&step.key.name, &packed, &self.target).await
        {
            let message = format!("{error}: {}", source_of(&error));
            return self.finish(index, StepResult::Failed { message, conflict: false });
        }
        let health = health::assess(&object);
        let awaited = self.options.wait || self.schedule.is_awaited(index);
        if !awaited || !health::gates(&step.key.group, &step.key.kind) || health.verdict() == Verdict::Ready {
            let joined = !created && step.cause == Cause::Exists && !self.options.adopt;
            return self.finish(index, if joined { StepResult::Joined } else { StepResult::Succeeded });
        }
        self.schedule.present(index);
        self.wait_for(index, object, false);
    }

    /// Records what we own now.
    fn own(&mut self, step: &Step, created: bool, object: &Json) {
        let partial: PartialObject = serde_json::from_value(object.clone()).unwrap_or_default();
        let metadata: ObjectMeta = partial.metadata;
        let (Some((applied, _)), Some(api_version)) = (&step.desired, step::api_version_of(step.desired.as_ref()))
        else {
            return;
        };
        let entry = InventoryEntry {
            fields: own_fields(&metadata, &self.context.identity.field_manager),
            uid: metadata.uid,
            applied: *applied,
            api_version: api_version.to_owned(),
            created: created || self.options.adopt || step.made_by_us,
        };
        self.report.inventory.insert(step.key.clone(), Some(entry));
    }

    fn wait_for(&mut self, index: usize, object: Json, deleting: bool) {
        let step = &self.plan.steps[index];
        let kinds = &self.context.kinds;
        let api_version = step::api_version_of(step.desired.as_ref())
            .or_else(|| kinds.any_version(&step.key.group, &step.key.kind).map(|(version, _)| version));
        let opened = api_version.is_some_and(|version| self.watches.open(kinds, version, &step.key));
        if deleting && !opened {
            // The watch was open all the time, and may have told of the end before anybody waited for it.
            self.doubtful.insert(step.key.clone());
        }
        let version = object["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok());
        let mut waiting = Waiting {
            since: Instant::now(),
            resource_version: version.unwrap_or_default(),
            generation: object["metadata"]["generation"].as_i64().unwrap_or_default(),
            object,
            told: String::new(),
            remind_at: FIRST_REMINDER,
            deleting,
        };
        let reason =
            if deleting { "waits for its finalizers".to_owned() } else { health::assess(&waiting.object).message };
        waiting.told.clone_from(&reason);
        (self.emit)(Event::Waiting { key: step.key.clone(), reason });
        self.waiting.insert(step.key.clone(), (index, waiting));
    }

    async fn change(&mut self, change: Change) {
        match change {
            Change::Present(key, object) => self.present(&key, object),
            Change::Gone(key) => self.gone(&key),
            Change::Opened { group, kind } => {
                let deleting =
                    self.waiting.iter().filter(|(key, (_, waiting))| waiting.deleting && key.is(&group, &kind));
                self.doubtful.extend(deleting.map(|(key, _)| key.clone()));
            }
            Change::Pod(pod) => self.pod(&pod).await,
            Change::Unwatchable { group, kind, reason } => {
                let stuck: Vec<usize> = self
                    .waiting
                    .iter()
                    .filter(|(key, _)| key.is(&group, &kind))
                    .map(|(_, (index, _))| *index)
                    .collect();
                for index in stuck {
                    let message = format!("cannot watch {kind}: {reason}");
                    self.finish(index, StepResult::Failed { message, conflict: false });
                }
            }
        }
    }

    fn present(&mut self, key: &ResourceKey, object: Json) {
        let Some((index, waiting)) = self.waiting.get_mut(key) else { return };
        let version = object["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse::<u64>().ok());
        let generation = object["metadata"]["generation"].as_i64().unwrap_or_default();
        if version.is_some_and(|version| version < waiting.resource_version) || generation < waiting.generation {
            return;
        }
        let index = *index;
        if waiting.deleting {
            let uid = self.plan.steps[index].uid.as_deref();
            if object["metadata"]["uid"].as_str() != uid {
                self.gone(key);
            }
            return;
        }
        let health = health::assess(&object);
        waiting.object = object;
        match health.verdict() {
            Verdict::Ready => self.finish(index, StepResult::Succeeded),
            Verdict::Failed => self.finish(index, StepResult::Failed { message: health.message, conflict: false }),
            Verdict::Waiting => {
                if waiting.told != health.message {
                    waiting.told.clone_from(&health.message);
                    (self.emit)(Event::Waiting { key: key.clone(), reason: health.message });
                }
            }
        }
    }

    /// Asks once for each object whose end may have been missed. Its watch is open by now: what is still there will be
    /// told when it goes.
    async fn ask_for_doubtful(&mut self) {
        for key in std::mem::take(&mut self.doubtful) {
            let kinds = &self.context.kinds;
            let path = kinds.any_version(&key.group, &key.kind).and_then(|(version, _)| kinds.path(version, &key));
            let Some(path) = path else { continue };
            let expected = self.waiting.get(&key).and_then(|(index, _)| self.plan.steps[*index].uid.clone());
            if let Ok(found) = self.context.cluster.get_metadata(&path).await
                && found.map(|metadata| metadata.uid) != expected
            {
                self.gone(&key);
            }
        }
    }

    fn gone(&mut self, key: &ResourceKey) {
        let Some((index, waiting)) = self.waiting.get(key) else { return };
        let index = *index;
        if waiting.deleting {
            self.report.inventory.insert(key.clone(), None);
            self.finish(index, StepResult::Succeeded);
        } else if !waiting.object["spec"]["ttlSecondsAfterFinished"].is_null() {
            // Such a Job goes by itself when it is done.
            self.finish(index, StepResult::Succeeded);
        } else {
            let message = "somebody deleted it while it was waited for".to_owned();
            self.finish(index, StepResult::Failed { message, conflict: false });
        }
    }

    /// A Pod that cannot start ends the wait for the workload that made it.
    async fn pod(&mut self, pod: &Json) {
        let Some((namespace, owner, reason)) = pod_failure(pod) else { return };
        let hash = pod["metadata"]["labels"]["pod-template-hash"].as_str().unwrap_or_default();
        let made_by = |key: &ResourceKey| {
            key.scope.namespace() == Some(namespace.as_str())
                && (key.name == owner || (key.kind == "Deployment" && owner == format!("{}-{hash}", key.name)))
        };
        let Some((key, index)) =
            self.waiting.iter().find(|(key, _)| made_by(key)).map(|(key, (index, _))| (key.clone(), *index))
        else {
            return;
        };
        if key.kind == "Deployment" && !self.is_newest(&key, &namespace, &owner).await {
            return;
        }
        self.finish(index, StepResult::Failed { message: reason, conflict: false });
    }

    /// Whether a ReplicaSet is the one that its Deployment is rolling out now, not one that is on its way out.
    async fn is_newest(&self, key: &ResourceKey, namespace: &str, replica_set: &str) -> bool {
        const REVISION: &str = "deployment.kubernetes.io/revision";
        let Some((_, waiting)) = self.waiting.get(key) else { return false };
        let observed = waiting.object["status"]["observedGeneration"].as_i64().unwrap_or_default();
        let revision = &waiting.object["metadata"]["annotations"][REVISION];
        if observed < waiting.generation || revision.is_null() {
            return false;
        }
        let path = format!("/apis/apps/v1/namespaces/{namespace}/replicasets/{replica_set}");
        let found = self.context.cluster.get(&path).await;
        found.is_ok_and(|found| found["metadata"]["annotations"][REVISION] == *revision)
    }

    async fn tick(&mut self) {
        let now = Instant::now();
        let mut late = Vec::new();
        for (key, (index, waiting)) in &mut self.waiting {
            let waited = now - waiting.since;
            if waited >= waiting.remind_at {
                waiting.remind_at *= 2;
                let (key, reason) = (key.clone(), waiting.told.clone());
                (self.emit)(Event::StillWaiting { key, reason, seconds: waited.as_secs() });
            }
            if waited >= self.options.timeout {
                late.push((*index, format!("not ready after {} s: {}", waited.as_secs(), waiting.told)));
            } else if waited >= LOOK_AT_PODS_AFTER
                && !waiting.deleting
                && gitops_compiler::manifest::pod_spec_path(key).is_some()
                && let Some(namespace) = key.scope.namespace()
            {
                self.watches.open_pods(namespace);
            }
        }
        for (index, message) in late {
            self.finish(index, StepResult::Failed { message, conflict: false });
        }
        // Long waits outlast the lease.
        if !self.waiting.is_empty() && self.context.lease.permit().await.is_err() {
            self.report.interrupted = true;
            (self.emit)(Event::Note("this run lost its lock: no more steps are begun".to_owned()));
            self.waiting.clear();
        }
    }

    fn finish(&mut self, index: usize, result: StepResult) {
        let step = &self.plan.steps[index];
        self.waiting.remove(&step.key);
        match &result {
            StepResult::Succeeded | StepResult::Joined => self.schedule.ready(index),
            StepResult::Failed { .. } | StepResult::Skipped => self.schedule.fail(index),
        }
        self.tell(index, result);
        for skipped in self.schedule.take_skipped() {
            self.tell(skipped, StepResult::Skipped);
        }
    }

    fn tell(&mut self, index: usize, result: StepResult) {
        let step = &self.plan.steps[index];
        let (key, action): (ResourceKey, Action) = (step.key.clone(), step.action);
        self.report.results.insert(index, result.clone());
        (self.emit)(Event::Done { key, action, result });
    }
}

/// Ends when somebody wants this process to stop: Ctrl-C, or SIGTERM.
async fn stop_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

fn source_of(error: &dyn std::error::Error) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}
