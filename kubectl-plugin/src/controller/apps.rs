//! All Applications, as the API server told last, and what is remembered of each between two looks.
//!
//! In: objects. Out: entries. What is remembered is only ever a saving: all of it can be found out again from Git, the record
//! and the cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use gitops_compiler::lock::{Pin, Request};
use serde_json::{Value as Json, json};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::application::{AppId, OperationState, Packed, Status, annotation};
use crate::apply::{LockWatch, Target};

use super::argo_cd::ARGO_CD;
use super::catalog::{Catalog, Row};
use super::clusters::in_use::ClusterInUse;
use super::clusters::secret::ClusterSecret;
use super::compile::Compiled;
use super::decide::{Attempt, Heals};
use super::preview::Deliverable;
use super::refs::Asked;

/// One Application.
#[derive(Clone)]
pub struct Entry {
    packed: Packed,
    /// What is remembered; held by whoever looks at it.
    pub memory: Arc<tokio::sync::Mutex<Memory>>,
}

/// What is remembered.
#[derive(Default)]
pub struct Memory {
    /// What it needs of repositories, and how often they are asked.
    pub needs: (BTreeSet<Asked>, Option<Duration>),
    /// The request that is done, and is to be taken away: it is not done again, whatever comes between.
    pub answered: Option<Json>,
    /// When compiling failed last, and how often in a row: what failed for a passing reason is tried again.
    /// Also how often credentials were given by then.
    pub failed: Option<(Instant, u32, u64)>,
    /// Whose secret counts for its webhooks, what is wrong with those that it names, and what that was found for.
    pub webhooks: Option<([u8; 32], &'static str, Vec<String>)>,
    /// How often in a row a Secret that it names for webhooks could not be had.
    pub webhooks_failed: u32,
    /// What it compiled to, and from what.
    pub compiled: Option<(CompiledFrom, Result<Compiled, String>)>,
    /// What its inputs are that are neither sources nor locked, by what their servers said last.
    pub implied: BTreeMap<Request, Pin>,
    /// The record, as it was read last.
    pub target: Option<Target>,
    /// What was seen of the lock of another run.
    pub lock_watch: LockWatch,
    /// The sync that ended last, and what it was of.
    pub attempt: Option<(AttemptOf, Attempt)>,
    /// Healings.
    pub heals: Heals,
    /// The sync that runs, or ran last.
    pub operation: Option<OperationState>,
    /// The cluster that it was of: what was read of another says nothing.
    pub cluster: Weak<ClusterInUse>,
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

impl CompiledFrom {
    /// The hash of what a graph depends on: all of the spec but how it is synced.
    #[must_use]
    pub fn spec_of(object: &Json) -> [u8; 32] {
        let spec = &object["spec"];
        let parts = ["project", "source", "sources", "destination"].map(|field| &spec[field]);
        let text = json!([object["metadata"]["name"], object["metadata"]["namespace"], parts]).to_string();
        *blake3::hash(text.as_bytes()).as_bytes()
    }
}

/// What an Application compiled to.
struct Noted {
    uid: String,
    spec: [u8; 32],
    said: Deliverable,
}

fn uid(object: &Json) -> String {
    object["metadata"]["uid"].as_str().unwrap_or_default().to_owned()
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
    /// What each compiled to last, for readers: its memory is held while it syncs.
    graphs: Mutex<BTreeMap<AppId, Noted>>,
}

impl Apps {
    /// Takes an object. Gives whether there is something to look at: what we write ourselves is no news.
    pub fn put(&self, object: Json) -> (AppId, bool) {
        let id = AppId::of(&object);
        let mut entries = lock(&self.entries);
        let object = lean(object);
        let packed = Packed::of(&object);
        // What an own write gave is told once more by the watch: it is kept once, here and for readers.
        if entries.get(&id).is_some_and(|entry| entry.packed == packed) {
            return (id, false);
        }
        self.catalog.put(&object, &packed);
        let Some(entry) = entries.get_mut(&id) else {
            entries.insert(id.clone(), Entry { packed, memory: Arc::default() });
            return (id, true);
        };
        let before = entry.object();
        let is_news = is_news(&before, &object);
        if before["metadata"]["uid"] != object["metadata"]["uid"] {
            entry.memory = Arc::default();
        }
        entry.packed = packed;
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
            // The watch may have been faster, and have told of more.
            if version(&entry.object()) <= version(&object) {
                let object = lean(object);
                entry.packed = Packed::of(&object);
                self.catalog.put(&object, &entry.packed);
            }
        }
    }

    /// Forgets an Application.
    pub fn remove(&self, id: &AppId) {
        let mut entries = lock(&self.entries);
        entries.remove(id);
        self.catalog.remove(id);
        drop(entries);
        lock(&self.graphs).remove(id);
    }

    /// Says what an Application compiled to.
    pub fn note_graph(&self, id: &AppId, object: &Json, compiled: &Compiled) {
        let (uid, spec, said) = (uid(object), CompiledFrom::spec_of(object), Deliverable::of(compiled));
        lock(&self.graphs).insert(id.clone(), Noted { uid, spec, said });
    }

    /// What this very Application compiled to last, where this replica compiles it, unless it is of something else by now.
    #[must_use]
    pub fn deliverable(&self, id: &AppId, object: &Json) -> Option<Deliverable> {
        let graphs = lock(&self.graphs);
        let noted = graphs.get(id).filter(|noted| noted.uid == uid(object))?;
        (noted.spec == CompiledFrom::spec_of(object)).then(|| noted.said.clone())
    }

    /// Forgets what an Application compiled to: another replica follows Git for it.
    pub fn forget_graph(&self, id: &AppId) {
        lock(&self.graphs).remove(id);
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
        self.of_rows(|row| projects.contains(&row.project))
    }

    /// Those whose destination is one of these clusters, by server or name.
    #[must_use]
    pub fn of_destinations(&self, clusters: &[Arc<ClusterSecret>]) -> Vec<AppId> {
        self.of_rows(|row| {
            let address = row.cluster.trim_end_matches('/');
            clusters.iter().any(|cluster| cluster.server == address || cluster.name == row.cluster)
        })
    }

    fn of_rows(&self, is_wanted: impl Fn(&Row) -> bool) -> Vec<AppId> {
        let (rows, _) = self.catalog.rows();
        rows.iter().filter(|row| is_wanted(row)).map(|row| row.id.clone()).collect()
    }
}

impl Entry {
    /// Its object.
    #[must_use]
    pub fn object(&self) -> Json {
        self.packed.object()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is whole before the next begins.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An object without who set which field and when, which is most of it; but for when another controller wrote it.
fn lean(mut object: Json) -> Json {
    let entries = object.pointer_mut("/metadata/managedFields").and_then(Json::as_array_mut);
    if let Some(entries) = entries {
        entries.retain(|entry| entry["manager"] == ARGO_CD);
        for entry in entries.iter_mut().filter_map(Json::as_object_mut) {
            entry.retain(|field, _| field == "manager" || field == "time");
        }
        entries.shrink_to_fit();
    }
    object
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

    #[test]
    fn who_set_which_field_is_not_kept() {
        let apps = Apps::default();
        let written =
            |manager: &str| json!({"manager": manager, "time": "2026-11-26T10:00:00Z", "fieldsV1": {"f:spec": {}}});
        let entries = ["kubectl", ARGO_CD].map(written);
        let object = json!({"metadata": {"name": "a", "namespace": "n", "managedFields": entries}});
        let (id, _) = apps.put(object.clone());
        let kept = || apps.get(&id).expect("it is there").object()["metadata"]["managedFields"].clone();
        let lean = json!([{"manager": ARGO_CD, "time": "2026-11-26T10:00:00Z"}]);
        assert_eq!(kept(), lean);
        apps.put_own(object);
        assert_eq!(kept(), lean);
    }

    #[test]
    fn what_is_told_twice_is_kept_once() {
        let apps = Apps::default();
        let object = json!({"metadata": {"name": "a", "namespace": "n", "uid": "u", "resourceVersion": "2"}});
        apps.put(json!({"metadata": {"name": "a", "namespace": "n", "uid": "u", "resourceVersion": "1"}}));
        apps.put_own(object.clone());
        let (_, number) = apps.catalog.rows();
        assert!(!apps.put(object).1);
        assert_eq!(apps.catalog.rows().1, number, "and told once");
    }

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
        let project = apps.get(&id).map(|entry| entry.object()["spec"]["project"].clone());
        assert_eq!(project, Some(json!("two")), "what is older than what is known is not taken");
    }
}
