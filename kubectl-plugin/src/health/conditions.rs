//! What the conditions of a custom resource say together.
//!
//! In: a custom resource. Out: its health as its conditions have it, or none where there is none that means anything.
//!
//! `Ready` sums an object up, so it decides where it is there. Else each condition counts by what its type means
//! (`meaning`): one that should be true and is not, one that should not be and is. The reason tells what is wrong from
//! what goes on: `Ready=False` is what many controllers write while they work, and others when something is wrong.
//!
//! A failure is final only where the convention says so: work that has ended, and what ACK calls terminal.

use super::Health;
use super::live::{Condition, Live, Truth};
use super::meaning::Meaning;

/// Conditions that must hold beside `Ready`: it says that the object outside works, they say that it is as written.
/// Crossplane, and its providers made of Terraform's.
const BESIDE: &[&str] = &["Synced", "LastAsyncOperation"];

/// Conditions that sum up an object where there is no `Ready`.
const SUMMARIES: &[&str] =
    &["Accepted", "Available", "Complete", "Completed", "Healthy", "Programmed", "Succeeded", "Synced"];

/// Reasons of what is no longer so because it is done.
const DONE: &[&str] = &["Completed", "Finished", "Succeeded"];

/// AWS Controllers for Kubernetes: what does not get better until the object changes.
const TERMINAL: &str = "ACK.Terminal";

/// The health that the conditions tell.
pub(super) fn assess(live: &Live<'_>) -> Option<Health> {
    if let Some(terminal) = live.held(TERMINAL) {
        return Some(Health::failed(&terminal.says()));
    }
    match live.condition("Ready") {
        Some(ready) => Some(sum(live, &ready)),
        None => together(live),
    }
}

/// The condition that sums up an object: true is healthy, and anything else may still become so.
fn sum(live: &Live<'_>, ready: &Condition<'_>) -> Health {
    if let Some(old) = awaited(live, ready) {
        return old;
    }
    if !ready.is_true() {
        return unwell(ready)
            .or_else(|| live.conditions().find_map(|it| broken(live, &it)))
            .unwrap_or_else(|| Health::progressing(&ready.says()));
    }
    let beside = BESIDE.iter().filter_map(|kind| live.condition(kind)).find(|it| it.truth == Truth::False);
    match beside {
        Some(beside) => unwell(&beside).unwrap_or_else(|| Health::degraded(&beside.says())),
        None => Health::healthy(&ready.says()),
    }
}

/// A condition that speaks of an earlier generation says nothing about this one.
fn awaited(live: &Live<'_>, condition: &Condition<'_>) -> Option<Health> {
    let generation = live.count("/metadata/generation");
    let message = || format!("Waiting for {} of generation {generation}", condition.kind);
    condition.is_old(live).then(|| Health::progressing(&message()))
}

/// What its reason says, and what Cluster API calls its severity; none where that is not telling.
fn unwell(condition: &Condition<'_>) -> Option<Health> {
    let says = || condition.says();
    let is_bad = condition.severity == "Error" || Meaning::of_message(condition.message) == Some(Meaning::Bad);
    match Meaning::of(condition.reason) {
        _ if is_bad => Some(Health::degraded(&says())),
        Some(Meaning::Bad) => Some(Health::degraded(&says())),
        Some(Meaning::Still) => Some(Health::suspended(&says())),
        _ => None,
    }
}

/// A condition that says what is wrong: one that should not be true and is, or one whose reason is a failure.
fn broken(live: &Live<'_>, condition: &Condition<'_>) -> Option<Health> {
    let is_bad = match (Meaning::of(condition.kind), condition.truth) {
        (Some(Meaning::Bad), Truth::True) => true,
        (Some(Meaning::Good), Truth::False) => Meaning::of(condition.reason) == Some(Meaning::Bad),
        _ => false,
    };
    (is_bad && !condition.is_old(live)).then(|| Health::degraded(&condition.says()))
}

/// The worst that any condition says. Where one sums up the object, those that should be true of its parts
/// (`DatabaseAvailable`) are its business.
fn together(live: &Live<'_>) -> Option<Health> {
    let sums = |condition: &Condition<'_>| SUMMARIES.contains(&condition.kind);
    let is_summed = live.conditions().any(|it| sums(&it));
    let counts = |it: &Condition<'_>| !is_summed || sums(it) || Meaning::of(it.kind) != Some(Meaning::Good);
    let judged = live.conditions().filter(counts).filter_map(|condition| judge(live, &condition));
    // The first of the worst.
    judged.reduce(|worst, next| if next.status > worst.status { next } else { worst })
}

/// What one condition says by its type, its truth and its reason.
fn judge(live: &Live<'_>, condition: &Condition<'_>) -> Option<Health> {
    let (kind, reason) = (Meaning::of(condition.kind)?, Meaning::of(condition.reason));
    let says = condition.says();
    match (kind, condition.truth) {
        (Meaning::Still | Meaning::Unknown, _) | (Meaning::Bad, Truth::Unknown) => None,
        // What went wrong with an earlier generation says nothing; what went well has yet to.
        (Meaning::Bad, _) if condition.is_old(live) => None,
        (_, _) if condition.is_old(live) => awaited(live, condition),
        (Meaning::Bad, Truth::True) => Some(ended(live, condition)),
        (Meaning::Bad, Truth::False) => Some(Health::healthy("")),
        (Meaning::Good, Truth::True) => Some(Health::healthy(&says)),
        // Who wants none has none.
        (Meaning::Good, Truth::False) if condition.kind == "Available" && live.int("/spec/replicas") == Some(0) => {
            Some(Health::healthy("scaled to zero"))
        }
        // `Running=False` of what has completed.
        (Meaning::Good, Truth::False) if DONE.contains(&condition.reason) => Some(Health::healthy(&says)),
        (Meaning::Good, Truth::False) if reason == Some(Meaning::Bad) => Some(ended(live, condition)),
        (Meaning::Good, _) => Some(unwell(condition).unwrap_or_else(|| match condition.kind {
            // Nothing is on its way to being in sync: the attempt was made.
            "Synced" if condition.truth == Truth::False => Health::degraded(&says),
            _ => Health::progressing(&says),
        })),
        // Deployments, and what is made like them, stay so when they are done: `NewReplicaSetAvailable`.
        (Meaning::Busy, _) if reason == Some(Meaning::Good) => Some(Health::healthy("")),
        (Meaning::Busy, Truth::False) => unwell(condition),
        (Meaning::Busy, _) => Some(unwell(condition).unwrap_or_else(|| Health::progressing(&says))),
    }
}

/// The failure of work is its last word once it has ended.
fn ended(live: &Live<'_>, condition: &Condition<'_>) -> Health {
    let says = condition.says();
    if live.has_ended() { Health::failed(&says) } else { Health::degraded(&says) }
}
