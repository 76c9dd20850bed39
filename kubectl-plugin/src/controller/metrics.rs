//! Metrics, for Prometheus. Names are Argo CD's where they mean the same, so that dashboards and alerts go on working.
//!
//! In: what happens, and at each scrape how things are. Out: OpenMetrics text.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use serde_json::Value as Json;

use crate::application::{AppId, OperationPhase};
use crate::binary_cache::{BinaryCache, BinaryCacheCounts};
use crate::cache::{Cache, Counts};
use crate::webhook::Provider;

use super::Controller;
use super::clusters::Place;

/// All of them.
pub struct Metrics {
    registry: Registry,
    syncs: Family<OfSync, Counter>,
    /// Which counters of syncs each Application has.
    counted: Mutex<BTreeMap<AppId, BTreeSet<OfSync>>>,
    looks: Histogram,
    git: Family<OfGit, Counter>,
    webhooks: Family<OfWebhook, Counter>,
    api: Family<OfApi, Counter>,
    api_seconds: Family<OfRoute, Histogram, fn() -> Histogram>,
    requests: Gauge,
    queue: Gauge,
    waiting_events: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
struct OfSync {
    namespace: String,
    name: String,
    project: String,
    phase: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfGit {
    result: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfWebhook {
    handler: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfApi {
    method: &'static str,
    path: &'static str,
    code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRoute {
    method: &'static str,
    path: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Outcome {
    Answered,
    Failed,
}

impl EncodeLabelValue for Outcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        encoder.write_str(match self {
            Self::Answered => "ok",
            Self::Failed => "fail",
        })
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let metrics = Self {
            syncs: Family::default(),
            counted: Mutex::default(),
            looks: Histogram::new(exponential_buckets(0.001, 2.0, 16)),
            git: Family::default(),
            webhooks: Family::default(),
            api: Family::default(),
            api_seconds: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 4.0, 8))),
            requests: Gauge::default(),
            queue: Gauge::default(),
            waiting_events: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("argocd_app_sync", "Syncs that ended", metrics.syncs.clone());
        registry.register("argocd_app_reconcile", "Looks at Applications, in seconds", metrics.looks.clone());
        registry.register("argocd_git_request", "Questions to repositories", metrics.git.clone());
        registry.register("argocd_webhook_requests", "Webhooks that were answered", metrics.webhooks.clone());
        registry.register("kubectl_gitops_api_requests", "Requests to the API", metrics.api.clone());
        let seconds = "Requests to the API until they were answered, in seconds; streams until they began";
        registry.register("kubectl_gitops_api_request_seconds", seconds, metrics.api_seconds.clone());
        registry.register("argocd_app_k8s_requests", "Requests to the API server so far", metrics.requests.clone());
        registry.register("workqueue_depth", "Applications that wait for a worker", metrics.queue.clone());
        registry.register("kubectl_gitops_webhook_events", "Events that wait", metrics.waiting_events.clone());
        Self { registry, ..metrics }
    }
}

impl Metrics {
    /// A sync that ended.
    pub fn synced(&self, id: &AppId, project: &str, phase: OperationPhase) {
        let (namespace, name, project) = (id.namespace.clone(), id.name.clone(), project.to_owned());
        let phase = format!("{phase:?}");
        let of = OfSync { namespace, name, project, phase };
        let mut counted = self.counted();
        self.syncs.get_or_create(&of).inc();
        counted.entry(id.clone()).or_default().insert(of);
    }

    /// Forgets an Application that is gone.
    pub fn forget(&self, id: &AppId) {
        for of in self.counted().remove(id).into_iter().flatten() {
            self.syncs.remove(&of);
        }
    }

    fn counted(&self) -> MutexGuard<'_, BTreeMap<AppId, BTreeSet<OfSync>>> {
        // Each change is whole before the next begins.
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A look at an Application that ended.
    pub fn looked(&self, time: Duration) {
        self.looks.observe(time.as_secs_f64());
    }

    /// A question to a repository that was answered, or not.
    pub fn asked(&self, is_answered: bool) {
        let result = if is_answered { Outcome::Answered } else { Outcome::Failed };
        self.git.get_or_create(&OfGit { result }).inc();
    }

    /// A webhook that was answered.
    pub fn webhook(&self, provider: Option<Provider>, status: u16) {
        let handler = provider.map_or_else(|| "unknown".to_owned(), |provider| format!("{provider:?}").to_lowercase());
        self.webhooks.get_or_create(&OfWebhook { handler, status }).inc();
    }

    /// A request to the API that was answered. Method and path are those of a route, so that there are not more than routes.
    pub fn answered(&self, (method, path): (&'static str, &'static str), code: u16, time: Duration) {
        self.api.get_or_create(&OfApi { method, path, code }).inc();
        self.api_seconds.get_or_create(&OfRoute { method, path }).observe(time.as_secs_f64());
    }

    /// How things are with a controller.
    #[must_use]
    pub fn text(&self, controller: &Controller) -> String {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.requests.set(i64::try_from(controller.cluster.connection.requests()).unwrap_or(i64::MAX));
        self.queue.set(number(controller.queue.len()));
        self.waiting_events.set(number(controller.webhooks.inbox.len()));
        // A sync may end when its Application is gone already.
        let counted: Vec<AppId> = self.counted().keys().cloned().collect();
        counted.iter().filter(|id| controller.apps.get(id).is_none()).for_each(|id| self.forget(id));
        let mut text = String::new();
        // Writing to a text does not fail.
        let _ = encode(&mut text, &self.registry);
        let end = text.rfind("# EOF").unwrap_or(text.len());
        text.truncate(end);
        if let Some(cache) = &controller.cache {
            text.push_str(&counts(cache));
        }
        if let Some(cache) = &controller.binary_cache {
            text.push_str(&binary_counts(cache));
        }
        text.push_str(&of_clusters(&controller.clusters.all()));
        text.push_str("# HELP argocd_app_info How each Application is.\n# TYPE argocd_app_info gauge\n");
        for id in controller.apps.ids() {
            let object = controller.apps.get(&id).map(|entry| entry.object());
            if let Some(object) = object.filter(|object| controller.owns(object)) {
                info(&mut text, &id, &object);
            }
        }
        text.push_str("# EOF\n");
        text
    }
}

/// How each cluster is.
fn of_clusters(places: &[Place]) -> String {
    let mut text = String::new();
    let mut family = |name: &str, help: &str, line: &dyn Fn(&Place) -> (String, usize)| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for place in places {
            let (labels, value) = line(place);
            let _ = writeln!(text, "{name}{{server=\"{}\"{labels}}} {value}", escaped(&place.secret.server));
        }
    };
    let version = |place: &Place| format!(",k8s_version=\"{}\"", escaped(&place.cluster.kubernetes.version()));
    family("argocd_cluster_info", "Each cluster that is in use.", &|place| {
        (format!("{},name=\"{}\"", version(place), escaped(&place.secret.name)), 1)
    });
    family("argocd_cluster_connection_status", "Whether each cluster can be reached.", &|place| {
        (version(place), usize::from(place.is_lost().is_none()))
    });
    family("argocd_cluster_api_resources", "Kinds that are watched.", &|place| {
        (String::new(), place.cluster.live.counts().0)
    });
    family("argocd_cluster_api_resource_objects", "Objects that are known.", &|place| {
        (String::new(), place.cluster.live.counts().1)
    });
    family("kubectl_gitops_cluster_turns", "Looks at Applications of each cluster that go on.", &|place| {
        (String::new(), place.cluster.turns.counts().0)
    });
    text
}

/// What became of what the cache was asked.
fn counts(cache: &Cache) -> String {
    let Counts { hits, misses, refused, stored, withheld, dropped, failed, left_alone } = cache.counts();
    let all = [
        ("hit", hits),
        ("miss", misses),
        ("refused", refused),
        ("stored", stored),
        ("withheld", withheld),
        ("dropped", dropped),
        ("failed", failed),
        ("left_alone", left_alone),
    ];
    results("argocd_redis_request", "What became of requests to the cache.", all)
}

/// The same of the binary cache.
fn binary_counts(cache: &BinaryCache) -> String {
    let BinaryCacheCounts { hits, misses, refused, written, not_written, withheld, failed, left_alone } =
        cache.counts();
    let all = [
        ("hit", hits),
        ("miss", misses),
        ("refused", refused),
        ("written", written),
        ("not_written", not_written),
        ("withheld", withheld),
        ("failed", failed),
        ("left_alone", left_alone),
    ];
    results("kubectl_gitops_binary_cache_request", "What became of requests to the binary cache.", all)
}

/// A counter, by result.
fn results(name: &str, help: &str, all: [(&str, u64); 8]) -> String {
    let mut text = format!("# HELP {name} {help}\n# TYPE {name} counter\n");
    for (result, count) in all {
        let _ = writeln!(text, "{name}_total{{result=\"{result}\"}} {count}");
    }
    text
}

/// One line of `argocd_app_info`.
fn info(text: &mut String, id: &AppId, object: &Json) {
    let at = |pointer: &str| object.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
    let first = if at("/spec/source/repoURL").is_empty() { "/spec/sources/0/repoURL" } else { "/spec/source/repoURL" };
    let labels = [
        ("namespace", id.namespace.as_str()),
        ("name", id.name.as_str()),
        ("project", at("/spec/project")),
        ("repo", at(first)),
        ("dest_server", at("/spec/destination/server")),
        ("dest_namespace", at("/spec/destination/namespace")),
        ("sync_status", at("/status/sync/status")),
        ("health_status", at("/status/health/status")),
    ];
    let label = |(name, value): &(&str, &str)| format!("{name}=\"{}\"", escaped(&without_user(value)));
    let labels: Vec<String> = labels.iter().map(label).collect();
    let _ = writeln!(text, "argocd_app_info{{{}}} 1", labels.join(","));
}

/// An address without who asks; anything else as it is.
fn without_user(text: &str) -> String {
    gitops_compiler::app::without_user(text)
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_is_counted_no_more() {
        let metrics = Metrics::default();
        let [gone, stays] = ["gone", "stays"].map(|name| AppId { namespace: "n".to_owned(), name: name.to_owned() });
        for (id, project, phase) in [
            (&gone, "a", OperationPhase::Succeeded),
            (&gone, "b", OperationPhase::Failed),
            (&stays, "a", OperationPhase::Succeeded),
        ] {
            metrics.synced(id, project, phase);
        }
        let lines = || {
            let mut text = String::new();
            encode(&mut text, &metrics.registry).expect("it is text");
            let of = |name: &str| text.lines().filter(|line| line.contains(&format!("name=\"{name}\""))).count();
            (of("gone"), of("stays"))
        };
        assert_eq!(lines(), (2, 1));
        metrics.forget(&gone);
        assert_eq!(lines(), (0, 1));
        metrics.synced(&gone, "a", OperationPhase::Succeeded);
        assert_eq!(lines(), (1, 1), "one of the same name");
    }
}
