//! All Applications, as the API server told last, and what is remembered of each between two looks.
//!
//! In: objects. Out: entries. What is remembered is only ever a saving: all of it can be found out again from Git, the record
//! and the cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::lock::{Pin, Request};
use serde_json::Value as Json;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::application::{AppId, OperationState, Status, annotation};
use crate::apply::Target;

use super::catalog::Catalog;
use super::compile::Compiled;
use super::decide::{Attempt, Heals};

/// One Application.
#[derive(Clone)]
pub struct Entry {
    /// Its object.
    pub object: Arc<Json>,
    /// What is remembered; held by whoever looks at it.
    pub memory: Arc<tokio::sync::Mutex<Memory>>,
}

/// What is remembered.
#[derive(Default)]
pub struct Memory {
    /// What it needs of repositories, and how often they are asked.
    pub needs: (BTreeSet<Request>, Option<Duration>),
    /// The request that is done, and is to be taken away: it is not done again, whatever comes between.
    pub answered: Option<Json>,
    /// When compiling failed last, and how often in a row: what failed for a passing reason is tried again.
    pub failed: Option<(Instant, u32)>,
    /// Whose secret counts for its webhooks, what is wrong with those that it names, and what that was found for.
    pub webhooks: Option<([u8; 32], &'static str, Vec<String>)>,
    /// What it compiled to, and from what.
    pub compiled: Option<(CompiledFrom, Result<Compiled, String>)>,
    /// What its inputs from elsewhere were when they were looked up.
    pub implied: BTreeMap<Request, Pin>,
    /// The record, as it was read last.
    pub target: Option<Target>,
    /// The sync that ended last, and what it was of.
    pub attempt: Option<(AttemptOf, Attempt)>,
    /// Healings.
    pub heals: Heals,
    /// The sync that runs, or ran last.
    pub operation: Option<OperationState>,
    /// What was written last.
    pub status: Option<Status>,
}

/// What a graph depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompiledFrom {
    /// The hash of name, project, sources and destination.
    pub spec: [u8; 32],
    /// What the inputs are.
    pub pins: BTreeMap<Request, Pin>,
    /// Which Kubernetes it is for.
    pub cluster: u64,
}

/// What a sync was of: trying the same again is no use, or has a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptOf {
    /// The graph.
    pub graph: String,
    /// The hash of the spec.
    pub spec: [u8; 32],
    /// Whether what left the graph was to be deleted.
    pub prunes: bool,
}

/// All of them.
#[derive(Default)]
pub struct Apps {
    /// The same for readers.
    pub catalog: Catalog,
    entries: Mutex<BTreeMap<AppId, Entry>>,
    /// What ends the syncs that run.
    stops: Mutex<BTreeMap<AppId, watch::Sender<bool>>>,
    /// Which Application has which ApplySet.
    sets: Mutex<BTreeMap<String, AppId>>,
    /// What each compiled to last, for readers: its memory is held while it syncs.
    graphs: Mutex<BTreeMap<AppId, Arc<ResourceGraph>>>,
}

impl Apps {
    /// Takes an object. Gives whether there is something to look at: what we write ourselves is no news.
    pub fn put(&self, object: Json) -> (AppId, bool) {
        let id = AppId::of(&object);
        let mut entries = lock(&self.entries);
        let object = Arc::new(object);
        self.catalog.put(&object);
        let Some(entry) = entries.get_mut(&id) else {
            entries.insert(id.clone(), Entry { object, memory: Arc::default() });
            return (id, true);
        };
        let is_news = is_news(&entry.object, &object);
        if entry.object["metadata"]["uid"] != object["metadata"]["uid"] {
            entry.memory = Arc::default();
        }
        entry.object = object;
        (id, is_news)
    }

    /// Says what ends the sync of an Application that begins now; nothing when it is over.
    pub fn set_stop(&self, id: &AppId, stop: Option<watch::Sender<bool>>) {
        let mut stops = lock(&self.stops);
        match stop {
            Some(stop) => drop(stops.insert(id.clone(), stop)),
            None => drop(stops.remove(id)),
        }
    }

    /// Ends the sync of an Application, where one runs.
    pub fn stop(&self, id: &AppId) {
        if let Some(stop) = lock(&self.stops).get(id) {
            let _ = stop.send(true);
        }
    }

    /// Takes the object that an own write made of it.
    pub fn put_own(&self, object: Json) {
        let id = AppId::of(&object);
        if let Some(entry) = lock(&self.entries).get_mut(&id) {
            let versions = [&*entry.object, &object].map(version);
            // The watch may have been faster, and have told of more.
            if versions[0] <= versions[1] {
                entry.object = Arc::new(object);
                self.catalog.put(&entry.object);
            }
        }
    }

    /// Forgets an Application.
    pub fn remove(&self, id: &AppId) {
        let mut entries = lock(&self.entries);
        entries.remove(id);
        self.catalog.remove(id);
        drop(entries);
        lock(&self.sets).retain(|_, app| app != id);
        lock(&self.graphs).remove(id);
    }

    /// Says what an Application compiled to.
    pub fn note_graph(&self, id: &AppId, graph: &Arc<ResourceGraph>) {
        lock(&self.graphs).insert(id.clone(), Arc::clone(graph));
    }

    /// What an Application compiled to last, where this replica compiles it.
    #[must_use]
    pub fn graph(&self, id: &AppId) -> Option<Arc<ResourceGraph>> {
        lock(&self.graphs).get(id).cloned()
    }

    /// Forgets what is remembered of an Application.
    pub fn forget_memory(&self, id: &AppId) {
        if let Some(entry) = lock(&self.entries).get_mut(id) {
            entry.memory = Arc::default();
        }
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: &AppId) -> Option<Entry> {
        lock(&self.entries).get(id).cloned()
    }

    /// Their names.
    #[must_use]
    pub fn ids(&self) -> Vec<AppId> {
        lock(&self.entries).keys().cloned().collect()
    }

    /// Those of these projects.
    #[must_use]
    pub fn of_projects(&self, projects: &[String]) -> Vec<AppId> {
        let is_of = |entry: &Entry| {
            let project = entry.object["spec"]["project"].as_str().filter(|project| !project.is_empty());
            projects.iter().any(|name| name == project.unwrap_or(crate::project::DEFAULT))
        };
        lock(&self.entries).iter().filter(|(_, entry)| is_of(entry)).map(|(id, _)| id.clone()).collect()
    }

    /// Says which ApplySet an Application has.
    pub fn note_set(&self, set: &str, id: &AppId) {
        let mut sets = lock(&self.sets);
        if sets.get(set) != Some(id) {
            sets.insert(set.to_owned(), id.clone());
        }
    }

    /// Which Application has an ApplySet.
    #[must_use]
    pub fn of_set(&self, set: &str) -> Option<AppId> {
        lock(&self.sets).get(set).cloned()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is whole before the next begins.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The API server compares versions as numbers since 1.35, and says that they may be.
fn version(object: &Json) -> u64 {
    object["metadata"]["resourceVersion"].as_str().and_then(|version| version.parse().ok()).unwrap_or_default()
}

/// Whether anything has changed but what controllers write.
fn is_news(before: &Json, after: &Json) -> bool {
    let metadata = |object: &Json| {
        ["uid", "labels", "annotations", "finalizers", "deletionTimestamp"]
            .map(|field| object["metadata"][field].clone())
    };
    let asked = |object: &Json| annotation(object, crate::application::REFRESH).is_some();
    before["spec"] != after["spec"]
        || metadata(before) != metadata(after)
        || (after["operation"].is_object() && before["operation"] != after["operation"])
        || (asked(after) && !asked(before))
        || after["status"]["operationState"]["phase"] == "Terminating"
            && before["status"]["operationState"]["phase"] != "Terminating"
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_we_write_ourselves_is_no_news() {
        let apps = Apps::default();
        let object = |spec: &str, status: &str, version: &str| {
            json!({
                "metadata": {"name": "a", "namespace": "n", "uid": "u", "resourceVersion": version},
                "spec": {"project": spec}, "status": {"sync": {"status": status}},
            })
        };
        assert!(apps.put(object("one", "Unknown", "1")).1);
        assert!(!apps.put(object("one", "Synced", "2")).1);
        assert!(apps.put(object("two", "Synced", "3")).1);
        let mut asked = object("two", "Synced", "4");
        asked["operation"] = json!({"sync": {}});
        assert!(apps.put(asked.clone()).1 && !apps.put(asked).1);
        apps.put_own(object("old", "Synced", "2"));
        let id = AppId { namespace: "n".to_owned(), name: "a".to_owned() };
        let project = apps.get(&id).map(|entry| entry.object["spec"]["project"].clone());
        assert_eq!(project, Some(json!("two")), "what is older than what is known is not taken");
    }
}
