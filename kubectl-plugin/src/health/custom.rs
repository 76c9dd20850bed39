//! Every kind without a rule of its own, above all custom resources.
//!
//! In: the object. Out: what the conventions of the Kubernetes API say, in this order:
//!
//! 1. someone asked for a pause (`paused`);
//! 2. the controller has not seen the last change: `status.observedGeneration`, number or text;
//! 3. kstatus's conditions: `Reconciling`, `Stalled`;
//! 4. the condition `Ready`, or else the worst of the other conditions (`conditions`), of a phase in one word
//!    (`status.phase` or `status.state`, `meaning`), of counted replicas (`counts`);
//! 5. what the kind is known to report and has not (`known`).
//!
//! A kind that follows none of them, or has no status, is healthy.

use super::live::Live;
use super::meaning::Meaning;
use super::{Health, Status, conditions, counts, known, paused};

/// Where a controller writes in a word how an object does.
const WORDS: &[&str] = &["phase", "state", "status", "health"];

/// How the names of kinds of work end: it is well when it has ended, not while it runs.
const WORK: &[&str] = &["Analysis", "Backup", "Experiment", "Job", "Migration", "Restore", "Run", "Task", "Workflow"];

/// By the conventions, from the strongest to the weakest.
pub(super) fn assess(live: &Live<'_>) -> Health {
    paused::assess(live)
        .or_else(|| live.behind())
        .or_else(|| kstatus(live))
        .or_else(|| known::missing(live))
        .unwrap_or_else(|| reported(live))
}

/// What is said of the generation that the controller has seen.
fn reported(live: &Live<'_>) -> Health {
    let conditions = conditions::assess(live);
    if let (Some(ready), Some(health)) = (live.condition("Ready"), &conditions) {
        let tells_more = |other: &Health| !ready.is_true() && other.status > health.status;
        return phase(live).filter(tells_more).unwrap_or_else(|| health.clone());
    }
    let evidence: Vec<Health> = [conditions, phase(live), counts::assess(live)].into_iter().flatten().collect();
    let still = evidence.iter().position(|health| health.status == Status::Suspended);
    let worst = still.or_else(|| {
        let worst = evidence.iter().map(|health| health.status).max()?;
        evidence.iter().position(|health| health.status == worst)
    });
    worst.and_then(|index| evidence.into_iter().nth(index)).unwrap_or_else(|| Health::healthy(""))
}

/// kstatus's two conditions.
fn kstatus(live: &Live<'_>) -> Option<Health> {
    if let Some(reconciling) = live.held("Reconciling") {
        // Flux's word for another attempt after a failure, which `Ready` tells.
        let failed = live
            .condition("Ready")
            .filter(|ready| !ready.is_true() && !ready.is_old(live) && reconciling.reason == "ProgressingWithRetry");
        return Some(
            failed.map_or_else(|| Health::progressing(&reconciling.says()), |ready| Health::degraded(&ready.says())),
        );
    }
    live.held("Stalled").filter(|it| !it.is_old(live)).map(|stalled| Health::failed(&stalled.says()))
}

/// What the words of a status mean together; the worst counts.
fn phase(live: &Live<'_>) -> Option<Health> {
    let own = known::word(live);
    let fields = own.iter().copied().chain(WORDS.iter().copied());
    let health = fields.filter_map(|field| word(live, field));
    let flag = live
        .at("/status/ready")
        .and_then(serde_json::Value::as_bool)
        .map(|ready| if ready { Health::healthy("") } else { Health::progressing("status.ready is false") });
    health.chain(flag).reduce(|worst, next| if next.status > worst.status { next } else { worst })
}

/// What one word says. Where a kind is known to say it in a place of its own, silence there is no word either.
fn word(live: &Live<'_>, field: &str) -> Option<Health> {
    let said = live.text(&format!("/status/{field}"));
    let runs = WORK.iter().any(|end| live.kind().ends_with(end)) && said.eq_ignore_ascii_case("running");
    let meaning = if runs { Meaning::Busy } else { Meaning::of_phase(said)? };
    let message = match ["/status/message", "/status/reason"].map(|path| live.text(path)) {
        ["", ""] => format!("{field} {said}"),
        [message, _] if !message.is_empty() => format!("{said}: {message}"),
        [_, reason] => format!("{said}: {reason}"),
    };
    Some(match meaning {
        Meaning::Good => Health::healthy(&message),
        Meaning::Busy => Health::progressing(&message),
        Meaning::Still => Health::suspended(&message),
        Meaning::Unknown => Health::new(Status::Unknown, &message),
        Meaning::Bad if live.has_ended() => Health::failed(&message),
        Meaning::Bad => Health::degraded(&message),
    })
}
