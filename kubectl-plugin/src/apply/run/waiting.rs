//! What a run waits for, and what ends a wait.
//!
//! In: changes that watches tell, and time. Out: steps that are finished. An object is ready by its health, and gone
//! when a watch or the server says so; whatever never comes ends with the timeout.

use std::time::Duration;

use gitops_compiler::name::ResourceKey;
use serde_json::Value as Json;
use tokio::time::Instant;

use crate::apply::event::{Event, StepResult};
use crate::apply::held::held_by;
use crate::apply::hook;
use crate::apply::readiness::WatchedChange;
use crate::apply::step;
use crate::cluster::Cluster;
use crate::health::{self, Health, Verdict};

use super::Run;
use super::refused::Refusals;

/// A workload that is not ready after this long gets its Pods looked at.
const LOOK_AT_PODS_AFTER: Duration = Duration::from_secs(2);

/// A wait that takes this long is told, and again after twice as long.
const FIRST_REMINDER: Duration = Duration::from_secs(5);

/// A new custom resource on which its controller says nothing for this long has no controller that would.
const FIRST_WORD: Duration = Duration::from_secs(2);

/// An object that a watch has not shown for this long may have gone before the watch was open, or been shown as it is now
/// before it was waited for: the server is asked.
const UNSEEN: Duration = Duration::from_secs(2);

/// Where the server could not say whether an object is gone, it is asked again after so long.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// Pods that cannot be made for this long will not be: quotas are counted again within seconds, but not at once.
const REFUSED_FOR: Duration = Duration::from_secs(10);

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    /// That it is ready.
    Readiness,
    /// That its controller says something, for a short time; then that it is ready.
    FirstWord,
    /// That it is gone.
    End,
    /// That a hook has done its work, or failed.
    Outcome,
}

/// An object that is waited for.
pub(super) struct Waiting {
    pub(super) since: Instant,
    pub(super) awaited: Awaited,
    /// Which object of its name it is.
    uid: Option<String>,
    /// Since when its watch should have shown it, and has not.
    unseen: Option<Instant>,
    /// The version that was applied: what a watch shows of older ones does not count.
    resource_version: u64,
    pub(super) generation: i64,
    pub(super) object: Json,
    pub(super) told: String,
    /// What one of its Pods waits for, beside what it says itself.
    pub(super) pod: String,
    /// Since when its Pods cannot be made, and why.
    refused: Option<(Instant, String)>,
    /// The same, where only Events tell.
    pub(super) refusals: Refusals,
    /// When a person hears of it next.
    remind_at: Duration,
}

impl Waiting {
    /// What is missing, as far as it is known.
    pub(super) fn reason(&self) -> String {
        match (self.told.as_str(), self.pod.as_str()) {
            ("", "") => "it does not say why".to_owned(),
            (told, "") => told.to_owned(),
            ("", pod) => pod.to_owned(),
            (told, pod) => format!("{told}; {pod}"),
        }
    }
}

impl Run<'_> {
    pub(super) fn wait_for(&mut self, index: usize, object: Json, awaited: Awaited, reason: String) {
        let deleting = awaited == Awaited::End;
        let step = &self.plan.steps[index];
        let kinds = &self.context.kinds;
        let api_version = step::api_version_of(step.desired.as_ref())
            .or_else(|| kinds.any_version(&step.key.group, &step.key.kind).map(|(version, _)| version));
        let key = hook::start::object_key(&self.context, step);
        let opened = api_version.is_some_and(|version| self.watches.open(kinds, version, &key));
        if deleting && !opened {
            // The watch was open all the time, and may have told of the end before anybody waited for it.
            self.doubtful.insert(step.key.clone());
        }
        let version = object["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok());
        let uid = object["metadata"]["uid"].as_str().map(str::to_owned);
        let waiting = Waiting {
            since: Instant::now(),
            uid: if deleting { step.uid.clone() } else { uid },
            unseen: (!deleting).then(Instant::now),
            resource_version: version.unwrap_or_default(),
            generation: object["metadata"]["generation"].as_i64().unwrap_or_default(),
            object,
            told: reason.clone(),
            pod: String::new(),
            refused: None,
            refusals: Refusals::new(),
            remind_at: FIRST_REMINDER,
            awaited,
        };
        (self.emit)(Event::Waiting { step: index, object: key.clone(), reason });
        self.waiting.insert(key, (index, waiting));
        self.early_pods.are_due = true;
    }

    pub(super) async fn change(&mut self, change: WatchedChange) {
        match change {
            WatchedChange::Present(key, object, health) => self.present(&key, object, health),
            // What is told late of an object that stood here before says nothing of this one.
            WatchedChange::Gone(key, uid) => {
                let is_awaited = |(_, waiting): &(usize, Waiting)| waiting.uid.as_deref() == Some(uid.as_str());
                if self.waiting.get(&key).is_some_and(is_awaited) {
                    self.gone(&key);
                }
            }
            WatchedChange::Opened { group, kind } => self.opened(&group, &kind),
            WatchedChange::Pod(pod) => self.pod(&pod).await,
            WatchedChange::Unwatchable { group, kind, reason } => {
                self.watches.close(&group, &kind);
                let stuck = self.waiting.iter().filter(|(key, _)| key.is(&group, &kind));
                let stuck: Vec<(usize, Awaited)> =
                    stuck.map(|(_, (index, waiting))| (*index, waiting.awaited)).collect();
                for (index, awaited) in stuck {
                    let message = format!("cannot watch {kind}: {reason}");
                    match awaited {
                        // Nothing says that there is more to come than what the server has accepted.
                        Awaited::FirstWord => self.finish(index, StepResult::Succeeded),
                        Awaited::Outcome | Awaited::Readiness | Awaited::End => self.give_up(index, message),
                    }
                }
            }
        }
    }

    /// A watch is open, for the first time or again: an object may have gone while it was not.
    fn opened(&mut self, group: &str, kind: &str) {
        for (key, (_, waiting)) in self.waiting.iter_mut().filter(|(key, _)| key.is(group, kind)) {
            if waiting.awaited == Awaited::End {
                self.doubtful.insert(key.clone());
            } else {
                waiting.unseen = Some(Instant::now());
            }
        }
    }

    fn present(&mut self, key: &ResourceKey, object: Json, health: Health) {
        let Some((index, waiting)) = self.waiting.get_mut(key) else { return };
        let version = object["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse::<u64>().ok());
        if version.is_some_and(|version| version < waiting.resource_version) {
            return;
        }
        waiting.unseen = None;
        if object["metadata"]["uid"].as_str() != waiting.uid.as_deref() {
            return self.gone(key);
        }
        if waiting.awaited == Awaited::End {
            return self.leaving(key, &object);
        }
        let generation = object["metadata"]["generation"].as_i64().unwrap_or_default();
        if generation < waiting.generation {
            return;
        }
        let index = *index;
        let refused = health::creation_refused(&object);
        waiting.refused =
            refused.map(|why| (waiting.refused.as_ref().map_or_else(Instant::now, |(since, _)| *since), why));
        if waiting.awaited == Awaited::Outcome {
            return self.hook_seen(key, index, object, health);
        }
        waiting.object = object;
        self.early_pods.are_due = true;
        if waiting.awaited == Awaited::FirstWord {
            if self.options.health.is_silent(&waiting.object) {
                return;
            }
            waiting.awaited = Awaited::Readiness;
        }
        match health.verdict() {
            Verdict::Ready => self.finish(index, StepResult::Succeeded),
            Verdict::Failed => self.finish(index, StepResult::Failed { message: health.message, conflict: false }),
            Verdict::Waiting => {
                if waiting.told != health.message {
                    waiting.told.clone_from(&health.message);
                    (self.emit)(Event::Waiting { step: index, object: key.clone(), reason: waiting.reason() });
                }
            }
        }
    }

    /// What is being deleted is there still, and may say why.
    fn leaving(&mut self, key: &ResourceKey, object: &Json) {
        let Some((index, waiting)) = self.waiting.get_mut(key) else { return };
        if let Some(held) = held_by(object).filter(|held| *held != waiting.told) {
            waiting.told = held;
            (self.emit)(Event::Waiting { step: *index, object: key.clone(), reason: waiting.reason() });
        }
    }

    /// Asks once for each object of which something may have been missed. Its watch is open by now: what comes after will
    /// be told.
    pub(super) async fn ask_for_doubtful(&mut self) {
        // Everything else waits for the answer, and it is asked again.
        let cluster = Cluster { is_patient: false, ..self.context.cluster.clone() };
        for key in std::mem::take(&mut self.doubtful) {
            let kinds = &self.context.kinds;
            let path = kinds.any_version(&key.group, &key.kind).and_then(|(version, _)| kinds.path(version, &key));
            let Some(path) = path else { continue };
            let Some((_, waiting)) = self.waiting.get(&key) else { continue };
            let (expected, is_leaving) = (waiting.uid.clone(), waiting.awaited == Awaited::End);
            match cluster.get(&path).await {
                Ok(object) if object["metadata"]["uid"].as_str() != expected.as_deref() => self.gone(&key),
                Ok(object) if is_leaving => self.leaving(&key, &object),
                // What a watch had told before anybody waited for it.
                Ok(object) => {
                    let (object, health) = self.options.health.assess_aside(object).await;
                    self.present(&key, object, health);
                }
                Err(failure) if failure.is_not_found() && !failure.is_unserved() => self.gone(&key),
                // Its kind went with its CRD, and it went before.
                Err(failure) if is_leaving && failure.is_unserved() => self.gone(&key),
                // Asked again in a moment, as long as it is waited for.
                Err(_) => {
                    self.ask_again.insert(key, Instant::now() + ASK_AGAIN_AFTER);
                }
            }
        }
    }

    fn gone(&mut self, key: &ResourceKey) {
        let Some((index, waiting)) = self.waiting.get(key) else { return };
        let index = *index;
        if waiting.awaited == Awaited::End {
            self.report.inventory.insert(key.clone(), None);
            self.finish(index, StepResult::Succeeded);
        } else if waiting.awaited == Awaited::Outcome {
            self.give_up(index, "somebody deleted it before it had ended".to_owned());
        } else if !waiting.object["spec"]["ttlSecondsAfterFinished"].is_null() {
            // Such a Job goes by itself when it is done.
            self.finish(index, StepResult::Succeeded);
        } else {
            self.give_up(index, "somebody deleted it while it was waited for".to_owned());
        }
    }

    /// Nothing more is to be expected of a step.
    pub(super) fn give_up(&mut self, index: usize, message: String) {
        if self.plan.steps[index].hook.is_some() {
            self.hook_ended(index, Err(message));
        } else {
            self.finish(index, StepResult::Failed { message, conflict: false });
        }
    }

    pub(super) async fn tick(&mut self) {
        let now = Instant::now();
        let due: Vec<ResourceKey> =
            self.ask_again.iter().filter(|(_, at)| **at <= now).map(|(key, _)| key.clone()).collect();
        for key in due {
            self.ask_again.remove(&key);
            self.doubtful.insert(key);
        }
        let (mut late, mut silent) = (Vec::new(), Vec::new());
        for (key, (index, waiting)) in &mut self.waiting {
            let waited = now - waiting.since;
            if waiting.unseen.is_some_and(|since| now - since >= UNSEEN) && waiting.awaited != Awaited::FirstWord {
                waiting.unseen = None;
                self.doubtful.insert(key.clone());
            }
            if waiting.awaited == Awaited::FirstWord && waited >= FIRST_WORD {
                silent.push(*index);
                continue;
            }
            if waited >= waiting.remind_at {
                waiting.remind_at *= 2;
                let (step, object, reason) = (*index, key.clone(), waiting.reason());
                (self.emit)(Event::StillWaiting { step, object, reason, seconds: waited.as_secs() });
            }
            let refused = waiting.refused.as_ref().filter(|(since, _)| now - *since >= REFUSED_FOR);
            if let Some((_, why)) = refused {
                late.push((*index, format!("its Pods cannot be made: {why}")));
            } else if waited >= self.options.timeout {
                let missing = if waiting.awaited == Awaited::End { "gone" } else { "ready" };
                late.push((*index, format!("not {missing} after {} s: {}", waited.as_secs(), waiting.reason())));
            } else if waited >= LOOK_AT_PODS_AFTER
                && matches!(waiting.awaited, Awaited::Readiness | Awaited::Outcome)
                && gitops_compiler::manifest::pod_spec_path(key).is_some()
                && let Some(namespace) = key.scope.namespace()
            {
                self.watches.open_pods(namespace);
            }
        }
        for index in silent {
            self.finish(index, StepResult::Succeeded);
        }
        for (index, message) in late {
            self.give_up(index, message);
        }
        // Long waits outlast the lease.
        if !self.waiting.is_empty()
            && let Err(lost) = self.context.lease.permit().await
        {
            self.report.interrupted = true;
            (self.emit)(Event::Note(format!("{lost}; no more steps are begun")));
            self.waiting.clear();
        }
    }
}
