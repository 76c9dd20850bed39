//! How well a live object does, and whether `apply` has to wait for it.
//!
//! In: one object as the server returned it. Out: a [`Health`] in Argo CD's words, and from it a [`Verdict`] for a
//! wait.
//!
//! Guarantees: pure (no clock, no requests), never panics whatever the object holds, and every message is one line of
//! at most 300 printable characters, since its text comes from controllers, webhooks and registries.
//!
//! # Whose rules
//!
//! Argo CD's statuses and messages, because people and dashboards know them, with kstatus's care about what a
//! controller has not seen yet. Where both are wrong the rule is mended, and the function says what was wrong:
//!
//! * a Job that runs is not done, also after it was suspended once (`batch`);
//! * a Deployment that was just rolled back still carries the failure of the release before (`workload`);
//! * generations may be strings, and a condition may be older than the object it stands in (`custom`);
//! * an autoscaler's conditions count in whatever order they stand (`autoscaler`).
//!
//! A kind with a rule of its own is a row in `RULES`; every other kind goes by the conventions of custom resources
//! (`custom`). Where these say something else than Argo CD's scripts for the same objects, the test `health` has the
//! reason.

mod argo;
mod autoscaler;
mod batch;
mod builtin;
mod conditions;
mod counts;
mod custom;
mod extension;
mod gateway;
mod known;
mod live;
mod meaning;
mod paused;
mod pod;
mod refused;
mod rules;
mod shapes;
mod text;
mod worker;
mod workload;
mod written;

use std::fmt;

use gitops_compiler::name::is_built_in;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use live::Live;

pub use pod::pod_stuck;
pub use refused::{claim_waits, creation_refused, event_refused, pod_waits};
pub use rules::{Rules, Workers};
pub(crate) use text::printable;
pub use worker::HEALTH_WORKER;
pub use written::{Checks, WrittenRules};

/// Leaves an object out of the health of its application.
const IGNORE: &str = "argocd.argoproj.io/ignore-healthcheck";

/// How an object does. Ordered worst last, so the worst of many is their maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Status {
    /// All is well, or the kind has nothing that could be unwell.
    Healthy,
    /// Someone asked it to stand still.
    Suspended,
    /// Not yet healthy, and it may become so.
    Progressing,
    /// Not in the cluster.
    Missing,
    /// It failed, or cannot become healthy as things are.
    Degraded,
    /// It cannot be told.
    Unknown,
}

impl Status {
    /// All of them, from the best to the worst.
    pub const ALL: [Self; 6] =
        [Self::Healthy, Self::Suspended, Self::Progressing, Self::Missing, Self::Degraded, Self::Unknown];
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Healthy => "Healthy",
            Self::Suspended => "Suspended",
            Self::Progressing => "Progressing",
            Self::Missing => "Missing",
            Self::Degraded => "Degraded",
            Self::Unknown => "Unknown",
        })
    }
}

/// What a wait makes of an object's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go on: healthy, or suspended because someone asked for that, and more waiting brings nothing.
    Ready,
    /// It may still become healthy.
    Waiting,
    /// It will not become healthy unless someone changes it.
    Failed,
}

/// The health of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    /// How it does.
    pub status: Status,
    /// Why, in one printable line; empty where there is nothing to say.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Whether the failure is the object's last word.
    #[serde(skip)]
    is_final: bool,
}

impl Health {
    /// A status with its reason, which is made printable here.
    #[must_use]
    pub fn new(status: Status, message: &str) -> Self {
        Self { status, message: text::printable(message), is_final: false }
    }

    /// The health of an object that is not in the cluster.
    #[must_use]
    pub fn missing() -> Self {
        Self::new(Status::Missing, "")
    }

    /// What a wait makes of it.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.status {
            Status::Healthy | Status::Suspended => Verdict::Ready,
            Status::Degraded if self.is_final => Verdict::Failed,
            Status::Progressing | Status::Missing | Status::Degraded | Status::Unknown => Verdict::Waiting,
        }
    }

    fn healthy(message: &str) -> Self {
        Self::new(Status::Healthy, message)
    }

    fn suspended(message: &str) -> Self {
        Self::new(Status::Suspended, message)
    }

    fn progressing(message: &str) -> Self {
        Self::new(Status::Progressing, message)
    }

    fn degraded(message: &str) -> Self {
        Self::new(Status::Degraded, message)
    }

    fn failed(message: &str) -> Self {
        Self { is_final: true, ..Self::degraded(message) }
    }
}

/// How one kind is judged.
struct Rule {
    group: &'static str,
    kind: &'static str,
    gate: Gate,
    assess: fn(&Live<'_>) -> Health,
}

/// Whether `apply` waits for the objects of a kind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gate {
    /// A step is done when its object is healthy.
    Health,
    /// A step is done when the server has accepted its object.
    Acceptance,
}

/// The kinds with rules of their own, by group and kind: a `Service` of Knative is not a `Service`.
///
/// Ingresses, claims and autoscalers do not gate: without a controller, a consumer or metrics (nobody runs these in a
/// test cluster, and a claim often binds only once a Pod of a *later* step asks) they would never be healthy, and what
/// depends on them works all the same.
const RULES: &[Rule] = &[
    rule("", "Namespace", Gate::Acceptance, builtin::namespace),
    rule("", "PersistentVolumeClaim", Gate::Acceptance, builtin::claim),
    rule("", "Pod", Gate::Health, pod::assess),
    rule("", "ReplicationController", Gate::Health, workload::replica_set),
    rule("", "Service", Gate::Health, builtin::service),
    rule("apiextensions.k8s.io", "CustomResourceDefinition", Gate::Health, extension::definition),
    rule("apiregistration.k8s.io", "APIService", Gate::Health, extension::api_service),
    rule("apps", "DaemonSet", Gate::Health, workload::daemon_set),
    rule("apps", "Deployment", Gate::Health, workload::deployment),
    rule("apps", "ReplicaSet", Gate::Health, workload::replica_set),
    rule("apps", "StatefulSet", Gate::Health, workload::stateful_set),
    rule("argoproj.io", "Application", Gate::Health, argo::application),
    rule("argoproj.io", "Rollout", Gate::Health, argo::rollout),
    rule("argoproj.io", "Workflow", Gate::Health, argo::workflow),
    rule("autoscaling", "HorizontalPodAutoscaler", Gate::Acceptance, autoscaler::assess),
    rule("batch", "CronJob", Gate::Acceptance, batch::cron_job),
    rule("batch", "Job", Gate::Health, batch::job),
    rule("beat.k8s.elastic.co", "Beat", Gate::Health, shapes::elastic),
    rule("extensions", "Ingress", Gate::Acceptance, builtin::ingress),
    rule("gateway.networking.k8s.io", "GRPCRoute", Gate::Health, gateway::route),
    rule("gateway.networking.k8s.io", "HTTPRoute", Gate::Health, gateway::route),
    rule("gateway.networking.k8s.io", "TCPRoute", Gate::Health, gateway::route),
    rule("gateway.networking.k8s.io", "TLSRoute", Gate::Health, gateway::route),
    rule("gateway.networking.k8s.io", "UDPRoute", Gate::Health, gateway::route),
    rule("gateway.solo.io", "Gateway", Gate::Health, shapes::gloo),
    rule("gateway.solo.io", "MatchableHttpGateway", Gate::Health, shapes::gloo),
    rule("gateway.solo.io", "MatchableTcpGateway", Gate::Health, shapes::gloo),
    rule("gateway.solo.io", "RouteOption", Gate::Health, shapes::gloo),
    rule("gateway.solo.io", "RouteTable", Gate::Health, shapes::gloo),
    rule("gateway.solo.io", "VirtualHostOption", Gate::Health, shapes::gloo),
    rule("gateway.solo.io", "VirtualService", Gate::Health, shapes::gloo),
    rule("gloo.solo.io", "Proxy", Gate::Health, shapes::gloo),
    rule("gloo.solo.io", "Settings", Gate::Health, shapes::gloo),
    rule("gloo.solo.io", "Upstream", Gate::Health, shapes::gloo),
    rule("gloo.solo.io", "UpstreamGroup", Gate::Health, shapes::gloo),
    rule("kubevirt.io", "VirtualMachine", Gate::Health, shapes::virtual_machine),
    rule("networking.k8s.io", "Ingress", Gate::Acceptance, builtin::ingress),
    rule("opentelemetry.io", "OpenTelemetryCollector", Gate::Health, shapes::collector),
    rule("operators.coreos.com", "Subscription", Gate::Health, shapes::subscription),
    rule("policy", "PodDisruptionBudget", Gate::Acceptance, builtin::disruption_budget),
    rule("route.openshift.io", "Route", Gate::Health, shapes::route),
    rule("snapshot.storage.k8s.io", "VolumeSnapshot", Gate::Health, shapes::snapshot),
];

const fn rule(group: &'static str, kind: &'static str, gate: Gate, assess: fn(&Live<'_>) -> Health) -> Rule {
    Rule { group, kind, gate, assess }
}

fn find_rule(group: &str, kind: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.kind == kind && rule.group == group)
}

/// Assesses one live object, as the server returned it (`managedFields` included: `workload` reads their times).
#[must_use]
pub fn assess(object: &Value) -> Health {
    let live = Live::new(object);
    if live.kind().is_empty() {
        return Health::new(Status::Unknown, "the object has no kind");
    }
    assess_as(live.group(), live.kind(), object)
}

/// Assesses one live object of a known kind: the items of a list are returned without theirs.
#[must_use]
pub fn assess_as(group: &str, kind: &str, object: &Value) -> Health {
    let live = Live::new(object);
    if live.is_deleted() {
        return Health::progressing("Pending deletion");
    }
    find_rule(group, kind).map_or(custom::assess as fn(&Live<'_>) -> Health, |rule| rule.assess)(&live)
}

/// The groups and kinds with rules of their own, and whether `apply` waits for them: for the page of rules.
pub fn ruled_kinds() -> impl Iterator<Item = (&'static str, &'static str, bool)> {
    RULES.iter().map(|rule| (rule.group, rule.kind, rule.gate == Gate::Health))
}

/// The groups and kinds whose controllers always report, and where; a group that begins with a dot stands for all that end
/// so, and no kinds for all of the group.
pub fn reporting_kinds() -> impl Iterator<Item = (&'static str, &'static [&'static str], String)> {
    known::KNOWN.iter().map(|known| (known.group, known.kinds, known.report.to_string()))
}

/// Whether the health of this object is none of its application's: Argo CD's `ignore-healthcheck`.
#[must_use]
pub fn is_ignored(object: &Value) -> bool {
    Live::new(object).annotation(IGNORE) == Some("true")
}

/// The health of an application: that of its worst part, and healthy where it has none.
#[must_use]
pub fn worst(parts: impl Iterator<Item = Status>) -> Status {
    parts.max().unwrap_or(Status::Healthy)
}

/// Whether `apply` waits for objects of this kind to be healthy before their step counts as ready.
///
/// True for workloads, Pods, Jobs, Services, the extensions of the API, and all custom resources. Every other kind is
/// ready when the server has accepted it, so that nobody opens a watch for it.
#[must_use]
pub fn gates(group: &str, kind: &str) -> bool {
    find_rule(group, kind).map_or_else(|| !is_built_in(group), |rule| rule.gate == Gate::Health)
}

/// Whether there is more to know of a kind than that its objects are there.
#[must_use]
pub fn is_assessed(group: &str, kind: &str) -> bool {
    find_rule(group, kind).is_some() || !is_built_in(group)
}

/// Whether this is a custom resource on which no controller has said anything yet.
///
/// Many kinds never get a status, so [`assess`] calls such an object healthy; but a controller may only be slow. A wait
/// that has just created the object should give it a short grace before it believes that.
#[must_use]
pub fn is_silent(object: &Value) -> bool {
    let live = Live::new(object);
    !is_built_in(live.group()) && !live.has_status() && !known::reports(&live)
}

#[cfg(test)]
mod tests;
