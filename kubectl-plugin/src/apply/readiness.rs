//! Watches that tell when objects are ready or gone.
//!
//! In: the kinds of which objects are waited for. Out: one stream of changes. One watch for each kind, over the whole
//! cluster and narrowed by our label; for each namespace where that is all the user may. Nothing is polled.

use std::collections::{BTreeMap, BTreeSet};

use gitops_compiler::name::ResourceKey;
use serde_json::Value as Json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::cluster::{Cluster, Failure, Kinds, PART_OF, WatchEvent, Watched, collection};
use crate::health::{Health, Rules};

/// A change of a watched object.
#[derive(Debug)]
pub enum WatchedChange {
    /// The object as it is now, and how it does.
    Present(ResourceKey, Json, Health),
    /// The object with this uid is gone.
    Gone(ResourceKey, String),
    /// The watch of a kind is open, for the first time or again: what went before may have been missed.
    Opened {
        /// Its group.
        group: String,
        /// Its kind.
        kind: String,
    },
    /// A Pod of some workload of ours, or of another.
    Pod(Json),
    /// This kind cannot be watched.
    Unwatchable {
        /// Its group.
        group: String,
        /// Its kind.
        kind: String,
        /// Why.
        reason: String,
    },
}

/// The namespaces in which objects are expected, by group and kind.
pub type Namespaces = BTreeMap<(String, String), BTreeSet<String>>;

/// All watches of a run. They end when this is dropped.
pub struct Watches {
    cluster: Cluster,
    rules: Rules,
    selector: String,
    namespaces: Namespaces,
    open: BTreeSet<(String, String)>,
    pods: BTreeSet<String>,
    tasks: JoinSet<()>,
    sender: mpsc::Sender<WatchedChange>,
    /// What happens.
    pub changes: mpsc::Receiver<WatchedChange>,
}

impl Watches {
    /// No watch yet.
    #[must_use]
    pub fn new(cluster: Cluster, rules: Rules, apply_set: &str, namespaces: Namespaces) -> Self {
        let (sender, changes) = mpsc::channel(1024);
        let selector = format!("{PART_OF}={apply_set}");
        let (open, pods, tasks) = (BTreeSet::new(), BTreeSet::new(), JoinSet::new());
        Self { cluster, rules, selector, namespaces, open, pods, tasks, sender, changes }
    }

    /// Watches the kind of `key`; `false` where that is done already.
    pub fn open(&mut self, kinds: &Kinds, api_version: &str, key: &ResourceKey) -> bool {
        if !self.open.insert((key.group.clone(), key.kind.clone())) {
            return false;
        }
        let Some(served) = kinds.get(api_version, &key.kind) else { return false };
        let place = |namespace: Option<&str>| Watched {
            collection: collection(api_version, served, namespace),
            selector: self.selector.clone(),
            fields: String::new(),
        };
        let everywhere = place(None);
        let namespaces = self.namespaces.get(&(key.group.clone(), key.kind.clone())).filter(|_| served.namespaced);
        let by_namespace: Vec<Watched> =
            namespaces.into_iter().flatten().map(|namespace| place(Some(namespace))).collect();
        let (cluster, group, kind) = (self.cluster.clone(), key.group.clone(), key.kind.clone());
        let (rules, sender) = (self.rules.clone(), self.sender.clone());
        self.tasks.spawn(async move {
            let to = To { rules: &rules, sender: &sender, group: &group, kind: &kind };
            let mut result = forward(&cluster, &everywhere, &to).await;
            if result.as_ref().is_err_and(Failure::is_forbidden) && !by_namespace.is_empty() {
                let watches = by_namespace.iter().map(|watched| forward(&cluster, watched, &to));
                result = futures::future::try_join_all(watches).await.map(|_| ());
            }
            if let Err(failure) = result {
                let _ = sender.send(WatchedChange::Unwatchable { group, kind, reason: failure.to_string() }).await;
            }
        });
        true
    }

    /// Forgets the watch of a kind that ended, so that it may be opened again.
    pub fn close(&mut self, group: &str, kind: &str) {
        self.open.remove(&(group.to_owned(), kind.to_owned()));
    }

    /// Watches the Pods of a namespace, to see why a workload does not get ready. Without the right to, nothing
    /// happens: the workload's own conditions have to do.
    pub fn open_pods(&mut self, namespace: &str) {
        if !self.pods.insert(namespace.to_owned()) {
            return;
        }
        let watched = Watched {
            collection: format!("/api/v1/namespaces/{namespace}/pods"),
            selector: String::new(),
            fields: String::new(),
        };
        let (cluster, sender) = (self.cluster.clone(), self.sender.clone());
        self.tasks.spawn(async move {
            let (events, mut received) = mpsc::channel(64);
            let pass_on = async {
                while let Some(event) = received.recv().await {
                    if let WatchEvent::Present(pod) = event
                        && sender.send(WatchedChange::Pod(pod)).await.is_err()
                    {
                        break;
                    }
                }
                drop(received);
            };
            let _ = futures::join!(cluster.watch(&watched, &events), pass_on);
        });
    }
}

/// Where the changes of a kind go, and by which rules its objects are judged on the way.
struct To<'a> {
    rules: &'a Rules,
    sender: &'a mpsc::Sender<WatchedChange>,
    group: &'a str,
    kind: &'a str,
}

async fn forward(cluster: &Cluster, watched: &Watched, to: &To<'_>) -> Result<(), Failure> {
    let To { rules, sender, group, kind } = *to;
    let (events, mut received) = mpsc::channel(256);
    let pass_on = async {
        while let Some(event) = received.recv().await {
            let change = match event {
                WatchEvent::Opened => WatchedChange::Opened { group: group.to_owned(), kind: kind.to_owned() },
                WatchEvent::Present(object) => {
                    // Here, so that a check that takes long holds up nothing but its own kind.
                    let (object, health) = rules.assess_aside(object).await;
                    WatchedChange::Present(key_of(group, kind, &object), object, health)
                }
                WatchEvent::Gone(object) => {
                    let uid = object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
                    WatchedChange::Gone(key_of(group, kind, &object), uid)
                }
            };
            if sender.send(change).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        result = cluster.watch(watched, &events) => result,
        () = pass_on => Ok(()),
    }
}

/// Which object this is, of a group and a kind.
#[must_use]
pub fn key_of(group: &str, kind: &str, object: &Json) -> ResourceKey {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
    ResourceKey::new(group, kind, text("namespace"), text("name"))
}
