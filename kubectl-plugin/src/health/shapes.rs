//! Widely used kinds whose status has a shape of its own: snapshots of volumes, routes of OpenShift, subscriptions of its
//! operators, virtual machines, collectors of OpenTelemetry, and what Gloo judges.
//!
//! In: the object. Out: what it says, in the sense of the conventions (`custom`). Nothing here is a failure for good.

use serde_json::Value;

use super::live::{Condition, Live, Truth};
use super::meaning::Meaning;
use super::{Health, custom};

/// Ready to use, or the error that the driver has met; it tries again.
pub(super) fn snapshot(live: &Live<'_>) -> Health {
    let error = live.at("/status/error").filter(|error| !error.is_null());
    match (live.flag("/status/readyToUse"), error) {
        (true, _) => Health::healthy(""),
        (false, Some(_)) => Health::degraded(live.text("/status/error/message")),
        (false, None) => Health::progressing("Waiting for the snapshot to be ready to use"),
    }
}

/// Admitted by every router that looks at it.
pub(super) fn route(live: &Live<'_>) -> Health {
    let admitted = live.list("/status/ingress").iter().flat_map(|router| {
        let conditions = Live::new(router).list("/conditions").iter().map(Condition::read);
        conditions.filter(|it| it.kind == "Admitted").map(|it| match it.truth {
            Truth::True => Health::healthy(&it.says()),
            Truth::False => Health::degraded(&it.says()),
            Truth::Unknown => Health::progressing(&it.says()),
        })
    });
    admitted
        .max_by_key(|health| health.status)
        .unwrap_or_else(|| Health::progressing("Waiting for a router to admit it"))
}

/// The operator is installed. That a newer one waits for approval, and that the plan which installed it is gone, are no
/// news.
pub(super) fn subscription(live: &Live<'_>) -> Health {
    const WRONG: [&str; 4] = ["ResolutionFailed", "CatalogSourcesUnhealthy", "InstallPlanFailed", "BundleUnpackFailed"];
    if let Some(wrong) = WRONG.iter().find_map(|kind| live.held(kind)) {
        return Health::degraded(&wrong.says());
    }
    let is_installed = !live.text("/status/installedCSV").is_empty();
    match live.held("InstallPlanPending") {
        Some(pending) if !is_installed || pending.reason != "RequiresApproval" => Health::progressing(&pending.says()),
        _ if is_installed => Health::healthy(live.text("/status/state")),
        _ => Health::progressing("Waiting for the operator to be installed"),
    }
}

/// A machine that is off because it should be.
pub(super) fn virtual_machine(live: &Live<'_>) -> Health {
    match live.text("/status/printableStatus") {
        "Stopped" => Health::suspended("the machine is stopped"),
        "Paused" => Health::suspended("the machine is paused"),
        _ => custom::assess(live),
    }
}

/// Ready replicas of all, as `1/3`.
pub(super) fn collector(live: &Live<'_>) -> Health {
    let text = live.text("/status/scale/statusReplicas");
    let counts = text.split_once('/').and_then(|(ready, all)| Some((ready.parse::<u64>().ok()?, all.parse().ok()?)));
    match counts {
        Some((ready, all)) if ready < all => Health::progressing(&format!("{ready} of {all} replicas are ready")),
        _ => custom::assess(live),
    }
}

/// What Gloo says in words or by their numbers, in its own status or in one for each of its namespaces.
pub(super) fn gloo(live: &Live<'_>) -> Health {
    let spaces = live.at("/status/statuses").and_then(Value::as_object).map(|spaces| spaces.values().collect());
    let statuses: Vec<&Value> = spaces.unwrap_or_else(|| live.at("/status").into_iter().collect());
    let said = statuses.into_iter().filter_map(|status| {
        let status = Live::new(status);
        let state = status.at("/state")?;
        let health = match (state.as_u64(), state.as_str()) {
            (Some(1), _) | (_, Some("Accepted")) => Health::healthy,
            (Some(0), _) | (_, Some("Pending")) => Health::progressing,
            _ => Health::degraded,
        };
        Some(health(status.text("/reason")))
    });
    said.max_by_key(|health| health.status).unwrap_or_else(|| Health::progressing("Waiting for Gloo to look at it"))
}

/// Red, yellow, green: and how many of its nodes are there.
pub(super) fn elastic(live: &Live<'_>) -> Health {
    let counts = ["/status/availableNodes", "/status/expectedNodes"].map(|path| live.int(path));
    match (custom::assess(live), counts) {
        (health, _) if Meaning::of(live.text("/status/health")) != Some(Meaning::Good) => health,
        (_, [Some(available), Some(expected)]) if available < expected => {
            Health::progressing(&format!("{available} of {expected} nodes are available"))
        }
        (health, _) => health,
    }
}
