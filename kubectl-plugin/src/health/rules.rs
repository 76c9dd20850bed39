//! All rules of a run: those of this program, and those that users have written.
//!
//! In: checks (`written`), and a sandbox to evaluate them in. Out: [`Rules`], which assess objects. A written check counts
//! before a rule of ours. Guarantees: an object is assessed within seconds, whatever the check does; a check that is wrong,
//! or that had to be stopped, gives the status Unknown and says why.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gitops_compiler::sandbox::{Job, Limits, Sandbox, Service, Strength, Task};
use serde_json::Value;

use super::live::{Live, Truth};
use super::worker::{Answer, Condition, HEALTH_WORKER, Question, Said, Script};
use super::written::Checks;
use super::{Health, Status};

/// How long an evaluation may compute until its process is ended. Scripts are stopped after one second already, but for what
/// is deaf to that.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often a check is stopped until nobody asks it any more: one that hangs would hold up each object of its kind.
const MOST_STOPS: u32 = 2;

/// Rules for health, to be made once for a run. Clones share their worker.
#[derive(Debug, Clone, Default)]
pub struct Rules(Option<Arc<Written>>);

#[derive(Debug)]
struct Written {
    checks: Checks,
    sandbox: Result<Sandbox, String>,
    worker: Mutex<Worker>,
}

#[derive(Debug, Default)]
struct Worker {
    /// None before the first question, and after one that had to be stopped.
    service: Option<Service>,
    asked: u64,
    /// How often checks had to be stopped, by group and kind.
    stopped: BTreeMap<(String, String), u32>,
}

impl Rules {
    /// Our rules, and these checks. The worker is started for the first object that has one.
    #[must_use]
    pub fn new(checks: Checks, sandbox: Result<Sandbox, String>) -> Self {
        if checks.is_empty() {
            return Self::default();
        }
        Self(Some(Arc::new(Written { checks, sandbox, worker: Mutex::default() })))
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

    fn has_check(&self, group: &str, kind: &str) -> bool {
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
        Some(match written.ask((group, kind), script, object) {
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

impl Written {
    /// What the check says of an object, or why nothing is known.
    fn ask(&self, kind: (&str, &str), script: &Script, object: &Value) -> Result<Said, String> {
        let key = (kind.0.to_owned(), kind.1.to_owned());
        // Nothing in there is broken by a panic.
        let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        let stops = worker.stopped.get(&key).copied().unwrap_or_default();
        if stops >= MOST_STOPS {
            return Err(format!("it was stopped {stops} times, and is not asked again"));
        }
        worker.asked += 1;
        let question = Question { number: worker.asked, check: script.clone(), object: object.clone() };
        let line = serde_json::to_vec(&question).map_err(|error| error.to_string())?;
        let service = match worker.service.take() {
            Some(service) => service,
            None => self.start()?,
        };
        let answer = service.ask(line, PATIENCE);
        let answer = answer.map_err(|error| error.to_string()).and_then(|bytes| {
            let answer: Answer = serde_json::from_slice(&bytes).map_err(|_| "its answer cannot be read".to_owned())?;
            // An answer that nobody asked for.
            if answer.number == question.number { Ok(answer.said) } else { Err("its answer is another's".to_owned()) }
        });
        match answer {
            Ok(said) => {
                worker.service = Some(service);
                Ok(said)
            }
            Err(error) => {
                *worker.stopped.entry(key).or_default() += 1;
                Err(error)
            }
        }
    }

    fn start(&self) -> Result<Service, String> {
        let mut job = Job::new(Task::Worker(HEALTH_WORKER.name));
        let day = Duration::from_hours(24);
        job.limits = Limits {
            time: day,
            processor_time: day,
            memory: 1 << 30,
            output: 64 << 10,
            messages: 64 << 10,
            threads: 1,
            ..Limits::default()
        };
        job.least = if cfg!(target_os = "linux") { Strength::Weak } else { Strength::None };
        self.sandbox.as_ref().map_err(String::clone)?.serve(job).map_err(|error| error.to_string())
    }
}
