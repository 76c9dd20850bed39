//! Pods that cannot start, and the workloads that wait for them.
//!
//! In: Pods as a watch shows them. Out: the end of the wait for a workload that a Pod of its newest revision shows to be
//! stuck. A Pod belongs to a workload by the uid of its controller, never by a name; Pods of older revisions, and those
//! that have merely failed (evicted, or one try of a Job), say nothing: their controllers go on without them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use gitops_compiler::name::ResourceKey;
use serde_json::Value as Json;

use crate::apply::event::Event;
use crate::health;

use super::Run;

/// Where a Deployment and its `ReplicaSets` say which revision they are.
const REVISION: &str = "deployment.kubernetes.io/revision";

/// Where a `DaemonSet` says which template it has now; its Pods have the number as a label.
const DAEMON_TEMPLATE: &str = "deprecated.daemonset.template.generation";

/// How many claims of a Pod are asked about.
const MOST_CLAIMS: usize = 3;

/// How many Pods that were told of too early are kept.
const MOST_EARLY: usize = 500;

/// What made a Pod, or a `ReplicaSet`.
struct Controller<'a> {
    kind: &'a str,
    name: &'a str,
    uid: &'a str,
}

impl<'a> Controller<'a> {
    fn of(object: &'a Json) -> Option<Self> {
        let owners = object["metadata"]["ownerReferences"].as_array()?;
        let owner = owners.iter().find(|owner| owner["controller"] == true)?;
        Some(Self { kind: owner["kind"].as_str()?, name: owner["name"].as_str()?, uid: owner["uid"].as_str()? })
    }
}

/// Pods that cannot start, told of before their workload was waited for, or before its controller had seen it.
#[derive(Default)]
pub(super) struct EarlyPods {
    /// By uid.
    stuck: BTreeMap<String, Json>,
    /// Whether a workload has changed since they were looked at.
    pub(super) are_due: bool,
}

impl Run<'_> {
    /// A Pod that cannot start ends the wait for the workload that made it.
    pub(super) async fn pod(&mut self, pod: &Json) {
        let Some(controller) = Controller::of(pod) else { return };
        let uid = pod["metadata"]["uid"].as_str().unwrap_or_default();
        let Some(reason) = health::pod_stuck(pod, controller.kind == "Job") else {
            self.early_pods.stuck.remove(uid);
            return self.pod_waits(pod, &controller).await;
        };
        let Some((key, index)) = self.workload_of(pod, &controller).await else {
            // It is not told of again, and its workload may be waited for in a moment.
            if self.early_pods.stuck.len() < MOST_EARLY {
                self.early_pods.stuck.insert(uid.to_owned(), pod.clone());
            }
            return;
        };
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        let message = format!("pod {name}: {reason}");
        // Asking may have taken a while.
        if self.waiting.get(&key).is_some_and(|(waiting, _)| *waiting == index) {
            self.give_up(index, message);
        }
    }

    /// Looks again at Pods that could not start before anybody waited for their workloads, where these have changed since.
    pub(super) async fn look_at_early_pods(&mut self) {
        if std::mem::take(&mut self.early_pods.are_due) {
            for pod in std::mem::take(&mut self.early_pods.stuck).into_values() {
                self.pod(&pod).await;
            }
        }
    }

    /// What a Pod waits for is told of the workload that waits for it, and no more than told: nodes are added.
    async fn pod_waits(&mut self, pod: &Json, controller: &Controller<'_>) {
        let Some(reason) = health::pod_waits(pod) else { return };
        let Some((key, _)) = self.workload_of(pod, controller).await else { return };
        let claims = self.claims_that_wait(pod).await;
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        let Some((index, waiting)) = self.waiting.get_mut(&key) else { return };
        let told = format!("pod {name}: {reason}{claims}");
        if waiting.pod != told {
            waiting.pod = told;
            let (step, reason) = (*index, waiting.reason());
            (self.emit)(Event::Waiting { step, object: key, reason });
        }
    }

    /// Why claims of a Pod get no volume, as far as Events tell. Without the right to see these nothing is said.
    async fn claims_that_wait(&mut self, pod: &Json) -> String {
        let Some(namespace) = pod["metadata"]["namespace"].as_str() else { return String::new() };
        let volumes = pod["spec"]["volumes"].as_array().map(Vec::as_slice).unwrap_or_default();
        let claims = volumes.iter().filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str());
        let mut said = String::new();
        for claim in claims.take(MOST_CLAIMS) {
            let about = format!("involvedObject.kind=PersistentVolumeClaim,involvedObject.name={claim}");
            let events = self.events(namespace, &about).await;
            if let Some(reason) = events.iter().rev().find_map(health::claim_waits) {
                let _ = write!(said, "; claim {claim}: {reason}");
            }
        }
        said
    }

    /// The Events of a namespace about something.
    pub(super) async fn events(&mut self, namespace: &str, about: &str) -> Vec<Json> {
        let selector = about.replace('=', "%3D").replace(',', "%2C");
        let path = format!("/api/v1/namespaces/{namespace}/events?limit=50&fieldSelector={selector}");
        let found = self.context.cluster.get(&path).await.ok();
        let items = found.and_then(|found| found.get("items").and_then(Json::as_array).cloned());
        items.unwrap_or_default()
    }

    /// The workload that is waited for and whose newest revision has this Pod.
    async fn workload_of(&mut self, pod: &Json, controller: &Controller<'_>) -> Option<(ResourceKey, usize)> {
        if controller.kind != "ReplicaSet" || self.waited(controller.uid).is_some() {
            let (key, index, object) = self.waited(controller.uid)?;
            return is_newest_pod(object, pod).then(|| (key.clone(), index));
        }
        let namespace = pod["metadata"]["namespace"].as_str()?;
        // Without one that is waited for, there is nothing to ask.
        let hash = pod["metadata"]["labels"]["pod-template-hash"].as_str()?;
        let deployment = controller.name.strip_suffix(hash)?.strip_suffix('-')?;
        self.waiting.keys().find(|key| key.is("apps", "Deployment") && key.name == deployment)?;
        let path = format!("/apis/apps/v1/namespaces/{namespace}/replicasets/{}", controller.name);
        let replica_set = self.context.cluster.get(&path).await.ok()?;
        let (key, index, object) = self.waited(Controller::of(&replica_set)?.uid)?;
        let revision = &replica_set["metadata"]["annotations"][REVISION];
        let newest = object["metadata"]["annotations"][REVISION] == *revision && !revision.is_null();
        (newest && is_observed(object)).then(|| (key.clone(), index))
    }

    /// The object with this uid that is waited for, as it was seen last.
    fn waited(&self, uid: &str) -> Option<(&ResourceKey, usize, &Json)> {
        let mut waiting = self.waiting.iter();
        let (key, (index, waiting)) =
            waiting.find(|(_, (_, waiting))| waiting.object["metadata"]["uid"].as_str() == Some(uid))?;
        Some((key, *index, &waiting.object))
    }
}

/// Whether its controller has seen the newest specification.
fn is_observed(object: &Json) -> bool {
    let number = |value: &Json| value.as_i64().unwrap_or_default();
    number(&object["status"]["observedGeneration"]) >= number(&object["metadata"]["generation"])
}

/// Whether a Pod is of the revision that its workload is rolling out now.
fn is_newest_pod(workload: &Json, pod: &Json) -> bool {
    let label = |name: &str| pod["metadata"]["labels"][name].as_str();
    match workload["kind"].as_str() {
        Some("StatefulSet") => {
            is_observed(workload) && label("controller-revision-hash") == workload["status"]["updateRevision"].as_str()
        }
        Some("DaemonSet") => {
            let newest = workload["metadata"]["annotations"][DAEMON_TEMPLATE].as_str();
            is_observed(workload) && label("pod-template-generation") == newest
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_the_newest_revision_of_a_workload_counts() {
        let pod = |labels: Json| json!({"metadata": {"labels": labels}});
        let set = |observed: i64| {
            json!({"kind": "StatefulSet", "metadata": {"generation": 3},
                   "status": {"observedGeneration": observed, "updateRevision": "web-2"}})
        };
        assert!(is_newest_pod(&set(3), &pod(json!({"controller-revision-hash": "web-2"}))));
        assert!(!is_newest_pod(&set(3), &pod(json!({"controller-revision-hash": "web-1"}))));
        assert!(!is_newest_pod(&set(2), &pod(json!({"controller-revision-hash": "web-2"}))), "not looked at yet");
        let daemons = json!({"kind": "DaemonSet", "metadata": {"generation": 2, "annotations": {DAEMON_TEMPLATE: "2"}},
                             "status": {"observedGeneration": 2}});
        assert!(is_newest_pod(&daemons, &pod(json!({"pod-template-generation": "2"}))));
        assert!(!is_newest_pod(&daemons, &pod(json!({"pod-template-generation": "1"}))));
    }

    #[test]
    fn the_controller_counts_and_no_other_owner() {
        let other = json!({"kind": "Backup", "name": "b", "uid": "1"});
        let set = json!({"kind": "ReplicaSet", "name": "web-1", "uid": "2", "controller": true});
        let pod = json!({"metadata": {"ownerReferences": [other, set]}});
        assert_eq!(Controller::of(&pod).map(|found| found.uid), Some("2"));
        assert!(Controller::of(&json!({"metadata": {"ownerReferences": [other]}})).is_none());
    }
}
