//! All rules of a run: those of this program, and those that users have written.
//!
//! In: checks (`written`), and a sandbox to evaluate them in. Out: [`Rules`], which assess objects. A written check counts
//! before a rule of ours. Guarantees: an object is assessed within seconds, whatever the check does; a check that is wrong,
//! or that had to be stopped, gives the status Unknown and says why.

use std::sync::Arc;

use gitops_compiler::sandbox::Sandbox;
use serde_json::Value;

use crate::worker::KeptWorker;

use super::live::{Live, Truth};
use super::worker::{Condition, HEALTH_WORKER, Question, Said, Script};
use super::written::Checks;
use super::{Health, Status};

/// Rules for health, to be made once for a run. Clones share their worker.
#[derive(Debug, Clone, Default)]
pub struct Rules(Option<Arc<Written>>);

#[derive(Debug)]
struct Written {
    checks: Checks,
    worker: Arc<KeptWorker>,
    /// Whose checks these are, where others use the worker, too: what hangs is only theirs.
    whose: String,
}

/// Workers that the rules of many applications share: however many those are, there are no more processes.
#[derive(Debug)]
pub struct Workers(Vec<Arc<KeptWorker>>);

impl Workers {
    /// So many, at least one. None is started before it is asked.
    #[must_use]
    pub fn new(count: usize, sandbox: &Result<Sandbox, String>) -> Self {
        let worker = |_| Arc::new(KeptWorker::new(&HEALTH_WORKER, sandbox.clone()));
        Self((0..count.max(1)).map(worker).collect())
    }

    /// The one for these checks, and what they are called there. What is wrong with some holds up few others.
    fn of(&self, checks: &Checks) -> (Arc<KeptWorker>, String) {
        let mut hasher = blake3::Hasher::new();
        for (path, bytes) in checks.texts() {
            hasher.update(&(path.len() as u64).to_be_bytes()).update(path.as_bytes());
            hasher.update(&(bytes.len() as u64).to_be_bytes()).update(bytes);
        }
        let hash = hasher.finalize();
        let slot = usize::from(hash.as_bytes()[0]) % self.0.len();
        (Arc::clone(&self.0[slot]), hash.to_hex()[..16].to_owned())
    }
}

impl Rules {
    /// Our rules, and these checks. The worker is started for the first object that has one.
    #[must_use]
    pub fn new(checks: Checks, sandbox: Result<Sandbox, String>) -> Self {
        if checks.is_empty() {
            return Self::default();
        }
        let worker = Arc::new(KeptWorker::new(&HEALTH_WORKER, sandbox));
        Self(Some(Arc::new(Written { checks, worker, whose: String::new() })))
    }

    /// With checks of an application, which count after those that are there; evaluated by one of these workers.
    #[must_use]
    pub fn and(&self, checks: Checks, workers: &Workers) -> Self {
        if checks.is_empty() {
            return self.clone();
        }
        let checks = self.0.as_ref().map_or_else(|| checks.clone(), |own| own.checks.clone().and(&checks));
        let (worker, whose) = workers.of(&checks);
        Self(Some(Arc::new(Written { checks, worker, whose })))
    }

    /// Whether both have the same checks.
    #[must_use]
    pub fn are(&self, other: &Self) -> bool {
        let is_same = |one: &Arc<Written>, other: &Arc<Written>| Arc::ptr_eq(one, other);
        match (&self.0, &other.0) {
            (Some(one), Some(other)) if is_same(one, other) => true,
            _ => self.texts() == other.texts(),
        }
    }

    /// The files of the written checks, with their paths.
    #[must_use]
    pub fn texts(&self) -> &[(String, Vec<u8>)] {
        self.0.as_ref().map_or(&[], |written| written.checks.texts())
    }

    /// Assesses one live object, as the server returned it. Where it has a written check this blocks for its time.
    #[must_use]
    pub fn assess(&self, object: &Value) -> Health {
        let live = Live::new(object);
        self.written(live.group(), live.kind(), object).unwrap_or_else(|| super::assess(object))
    }

    /// Assesses one live object of a known kind, as [`Rules::assess`].
    #[must_use]
    pub fn assess_as(&self, group: &str, kind: &str, object: &Value) -> Health {
        self.written(group, kind, object).unwrap_or_else(|| super::assess_as(group, kind, object))
    }

    /// As [`Rules::assess`], for where nothing may block.
    pub async fn assess_aside(&self, object: Value) -> (Value, Health) {
        let live = Live::new(&object);
        if !self.has_check(live.group(), live.kind()) {
            let health = super::assess(&object);
            return (object, health);
        }
        let rules = self.clone();
        let spare = object.clone();
        let assessed = tokio::task::spawn_blocking(move || {
            let health = rules.assess(&object);
            (object, health)
        });
        // Only a panic ends it in another way.
        assessed.await.unwrap_or_else(|_| (spare, Health::new(Status::Unknown, "a bug of ours ended its health check")))
    }

    /// Whether `apply` waits for objects of this kind to be healthy; see [`super::gates`]. What has a check is waited for.
    #[must_use]
    pub fn gates(&self, group: &str, kind: &str) -> bool {
        self.has_check(group, kind) || super::gates(group, kind)
    }

    /// Whether there is more to know of a kind than that its objects are there.
    #[must_use]
    pub fn is_assessed(&self, group: &str, kind: &str) -> bool {
        self.has_check(group, kind) || super::is_assessed(group, kind)
    }

    /// Whether its controller may have yet to say anything; see [`super::is_silent`]. A check says itself what that means.
    #[must_use]
    pub fn is_silent(&self, object: &Value) -> bool {
        let live = Live::new(object);
        !self.has_check(live.group(), live.kind()) && super::is_silent(object)
    }

    /// Whether users have written a check for a kind.
    #[must_use]
    pub fn has_check(&self, group: &str, kind: &str) -> bool {
        self.0.as_ref().is_some_and(|written| written.checks.find(group, kind).is_some())
    }

    fn written(&self, group: &str, kind: &str, object: &Value) -> Option<Health> {
        let written = self.0.as_ref()?;
        let script = written.checks.find(group, kind)?;
        let live = Live::new(object);
        // As Argo CD and Flux have it, whatever the check would say.
        if live.is_deleted() {
            return Some(Health::progressing("Pending deletion"));
        }
        if let (Script::Cel(_), Some(behind)) = (script, live.behind()) {
            return Some(behind);
        }
        let question = Question { check: script.clone(), object: object.clone() };
        Some(match written.worker.ask(&format!("{} {kind}.{group}", written.whose), &question) {
            Ok(said) => health(&live, script, said),
            Err(error) => wrong(&error),
        })
    }
}

fn wrong(error: &str) -> Health {
    Health::new(Status::Unknown, &format!("its health check is wrong: {error}"))
}

/// What a check says, as health.
fn health(live: &Live<'_>, script: &Script, said: Said) -> Health {
    // What the object itself says of what is not true yet.
    let reason = || live.conditions().find(|it| it.truth != Truth::True).map(|it| it.says()).unwrap_or_default();
    match (said, script) {
        (Said::Health { status, message }, _) => Health::new(status, &message),
        (Said::Holds(Some(Condition::Current)), _) => Health::healthy(""),
        (Said::Holds(Some(Condition::Failed)), _) => Health::failed(&reason()),
        (Said::Holds(Some(Condition::InProgress) | None), _) => Health::progressing(&reason()),
        // Expressions speak of fields that are not there yet.
        (Said::Wrong(_), Script::Cel(_)) if !live.has_status() => {
            Health::progressing("Waiting for its controller to report a status")
        }
        (Said::Wrong(error), _) => wrong(&error),
    }
}
