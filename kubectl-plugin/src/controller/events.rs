//! Events of Kubernetes, on the Applications that they are about: what `kubectl describe` shows.
//!
//! In: what happened to an Application. Out: an Event in its namespace. They are written aside, a few at a time: a sync never
//! waits for them, and where there are too many some are left out.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value as Json, json};
use tokio::sync::Semaphore;

use crate::application::AppId;
use crate::cluster::Cluster;
use crate::health::printable;

use super::report::written;

/// So many are written at once.
const CONCURRENT: usize = 2;

/// So many wait.
const WAITING: usize = 500;

/// What is told.
#[derive(Debug, Clone)]
pub struct Told<'a> {
    /// Whether nobody needs to look at it.
    pub is_normal: bool,
    /// In a word.
    pub reason: &'a str,
    /// In words.
    pub message: &'a str,
}

/// Writes Events.
#[derive(Debug)]
pub struct Events {
    waiting: Arc<Semaphore>,
    writing: Arc<Semaphore>,
}

impl Default for Events {
    fn default() -> Self {
        Self { waiting: Arc::new(Semaphore::new(WAITING)), writing: Arc::new(Semaphore::new(CONCURRENT)) }
    }
}

impl Events {
    /// Tells something of an Application.
    pub fn tell(&self, cluster: &Cluster, id: &AppId, object: &Json, told: &Told<'_>) {
        let Ok(place) = Arc::clone(&self.waiting).try_acquire_owned() else { return };
        let (writing, cluster) = (Arc::clone(&self.writing), cluster.clone());
        let event = event(id, object, told, Timestamp::now());
        let collection = format!("/api/v1/namespaces/{}/events", id.namespace);
        tokio::spawn(async move {
            let _place = place;
            let _turn = writing.acquire_owned().await;
            // Nothing depends on them.
            let _ = cluster.create(&collection, &event).await;
        });
    }
}

fn event(id: &AppId, object: &Json, told: &Told<'_>, now: Timestamp) -> Json {
    let at = written(now);
    let name = format!("{}.{:x}", id.name, now.as_nanosecond());
    json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": name, "namespace": id.namespace},
        "involvedObject": {
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "namespace": id.namespace, "name": id.name,
            "uid": object["metadata"]["uid"], "resourceVersion": object["metadata"]["resourceVersion"],
        },
        "type": if told.is_normal { "Normal" } else { "Warning" },
        "reason": told.reason, "message": printable(told.message),
        "firstTimestamp": at, "lastTimestamp": at, "count": 1,
        "source": {"component": "kubectl-gitops"},
        "reportingComponent": "kubectl-gitops",
    })
}
