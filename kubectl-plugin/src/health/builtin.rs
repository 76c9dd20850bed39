//! What Kubernetes itself brings besides workloads: `Service`, `Ingress`, `PersistentVolumeClaim`, `Namespace`,
//! `PodDisruptionBudget`.
//!
//! In: the object. Out: its health as Argo CD sees it; kstatus calls most of these current at once.

use super::live::Live;
use super::{Health, Status};

/// Only a load balancer has anything to wait for: its address.
pub(super) fn service(live: &Live<'_>) -> Health {
    if live.text("/spec/type") == "LoadBalancer" { balanced(live) } else { Health::healthy("") }
}

/// Healthy once a controller has taken it up and published an address.
pub(super) fn ingress(live: &Live<'_>) -> Health {
    balanced(live)
}

fn balanced(live: &Live<'_>) -> Health {
    if live.list("/status/loadBalancer/ingress").is_empty() {
        Health::progressing("Waiting for a load balancer to publish its address")
    } else {
        Health::healthy("")
    }
}

/// Bound is healthy. A claim whose volume is gone does not come back.
pub(super) fn claim(live: &Live<'_>) -> Health {
    const PROVISIONERS: [&str; 2] =
        ["volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner"];
    match live.text("/status/phase") {
        "Bound" => Health::healthy(""),
        "Lost" => Health::failed("the claim has lost its volume"),
        "" | "Pending" if PROVISIONERS.iter().any(|name| live.annotation(name).is_some()) => {
            Health::progressing("Provisioning volume")
        }
        "" | "Pending" => Health::progressing("Waiting for a volume, or for the first Pod that uses the claim"),
        phase => Health::new(Status::Unknown, &format!("phase {phase}")),
    }
}

/// Active, or on its way out.
pub(super) fn namespace(live: &Live<'_>) -> Health {
    if live.text("/status/phase") == "Terminating" {
        Health::progressing("Pending deletion")
    } else {
        Health::healthy("")
    }
}

/// A budget that allows no disruption at the moment does its work; only one that cannot count Pods is unwell.
pub(super) fn disruption_budget(live: &Live<'_>) -> Health {
    if let Some(behind) = live.behind() {
        return behind;
    }
    if !live.has_status() {
        return Health::progressing("Waiting for status");
    }
    let allowed = || live.conditions().filter(|condition| condition.kind == "DisruptionAllowed");
    match allowed().find(|condition| condition.reason == "SyncFailed").or_else(|| allowed().next()) {
        Some(failed) if failed.reason == "SyncFailed" => {
            Health::degraded(&format!("PodDisruptionBudget has {}", failed.says()))
        }
        Some(condition) => Health::healthy(&format!("PodDisruptionBudget has {}", condition.reason)),
        None => Health::healthy(""),
    }
}
