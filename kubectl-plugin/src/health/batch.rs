//! Work that ends: `Job`, and `CronJob`, which only makes Jobs.
//!
//! In: the object. Out: healthy when the work is done, not when it has begun, as kstatus has it for Jobs.

use super::Health;
use super::live::Live;

/// Complete, failed for good, standing still, or running.
///
/// The conditions must be *true*: a Job that was resumed keeps `Suspended` with `False`, which Argo CD takes for done.
pub(super) fn job(live: &Live<'_>) -> Health {
    if let Some(failed) = live.held("Failed") {
        return Health::failed(&failed.says());
    }
    if let Some(complete) = live.held("Complete") {
        return Health::healthy(complete.message);
    }
    if live.flag("/spec/suspend") {
        return Health::suspended("Job is suspended");
    }
    // Set before `Failed`, while the Pods that still run are stopped.
    if let Some(target) = live.held("FailureTarget") {
        return Health::progressing(&format!("Job is failing: {}", target.says()));
    }
    let [active, succeeded, failed] = ["active", "succeeded", "failed"].map(|it| live.count(&format!("/status/{it}")));
    // Absent for a work queue, which is done when one of its Pods says so.
    let wanted = live.int("/spec/completions").map_or_else(String::new, |wanted| format!(" of {wanted}"));
    Health::progressing(&format!(
        "Waiting for job to complete: {active} active, {succeeded}{wanted} succeeded, {failed} failed"
    ))
}

/// A schedule has no health of its own.
pub(super) fn cron_job(live: &Live<'_>) -> Health {
    if live.flag("/spec/suspend") { Health::suspended("CronJob is suspended") } else { Health::healthy("") }
}
