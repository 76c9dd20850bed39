//! Argo's kinds that tell their health in so many words: `Application`, `Rollout`, `Workflow`.
//!
//! In: the object. Out: what it says. Argo CD itself gives an `Application` no health unless one pastes a script; here
//! an application of applications waits for its parts.

use super::live::Live;
use super::{Health, Status, custom};

/// The health that its controller has written; healthy as long as none has.
pub(super) fn application(live: &Live<'_>) -> Health {
    let message = live.text("/status/health/message");
    match live.text("/status/health/status") {
        "" => custom::assess(live),
        "Healthy" => Health::healthy(message),
        "Suspended" => Health::suspended(message),
        "Progressing" => Health::progressing(message),
        "Missing" => Health::new(Status::Missing, message),
        "Degraded" => Health::degraded(message),
        _ => Health::new(Status::Unknown, message),
    }
}

/// The phase of a rollout, once the controller has seen the last change. Only controllers before 1.0 write none.
pub(super) fn rollout(live: &Live<'_>) -> Health {
    // Its template may stand in a Deployment, whose generation it follows.
    let workload = live.annotation("rollout.argoproj.io/workload-generation");
    let follows = workload.is_none_or(|generation| live.text("/status/workloadObservedGeneration") == generation);
    if live.is_behind() || !live.has_status() || !follows {
        return Health::progressing("Waiting for rollout spec update to be observed");
    }
    let message = live.text("/status/message");
    match live.text("/status/phase") {
        "Healthy" => Health::healthy(message),
        "Paused" => Health::suspended(message),
        "Progressing" => Health::progressing(message),
        "Degraded" => Health::degraded(message),
        _ => custom::assess(live),
    }
}

/// Work that ends; a failed workflow is not run again.
pub(super) fn workflow(live: &Live<'_>) -> Health {
    let message = live.text("/status/message");
    match live.text("/status/phase") {
        "" | "Pending" | "Running" => Health::progressing(message),
        "Succeeded" => Health::healthy(message),
        "Failed" | "Error" => Health::failed(message),
        _ => Health::new(Status::Unknown, message),
    }
}
