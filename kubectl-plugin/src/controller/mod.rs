//! The controller: Git and the cluster compared all the time, for all Applications.
//!
//! In: `Application` objects, repositories, a cluster. Out: what Git says, applied by policy; a status on each object.
//!
//! | module | what |
//! |---|---|
//! | [`queue`] | what is looked at next, one worker for each at a time |
//! | [`refs`] | what revisions name now, asked once for all |
//! | [`kubernetes`] | which Kubernetes charts are told of |
//! | [`live`] | what is in the cluster, from shared watches |
//! | [`compile`] | from an Application to a graph |
//! | [`compare`] | Git, the record and the cluster held against each other, pure |
//! | [`decide`] | whether to sync, pure |
//! | [`sync`] | one sync |
//! | [`removal`] | what becomes of what an Application applied when it goes |
//! | [`report`] | what the status says, pure |
//! | [`apps`] | all Applications, and what is remembered of them |
//! | [`heads`] | which version of its record each Application has |
//! | [`projects`] | what the projects permit |
//! | [`others`] | whether another controller is at an Application |
//! | [`metrics`], [`events`], [`log`] | what is told to Prometheus, to `kubectl describe`, and on stderr |
//! | [`webhooks`] | what webhooks are judged by, and what they make it do |
//! | [`reconcile`] | one look at one Application, from its object to its status |
//!
//! # What makes it look
//!
//! A change of an Application (a watch); of what it applied (watches of kinds, by our label); of its record (the command line
//! applies, too); another answer of a repository (polled, or a webhook says that there may be one); and time, where a
//! decision named one. Nothing else: an application at rest costs nothing but its memory.

pub mod apps;
pub mod compare;
pub mod compile;
pub mod decide;
pub mod events;
pub mod heads;
pub mod kubernetes;
pub mod live;
pub mod log;
pub mod metrics;
pub mod others;
pub mod projects;
pub mod queue;
pub mod reconcile;
pub mod refs;
pub mod removal;
pub mod report;
pub mod sync;
pub mod webhooks;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gitops_compiler::lock::Request;
use gitops_compiler::store::Store;
use serde_json::Value as Json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::application::{AppId, COLLECTION};
use crate::cluster::{Cluster, Failure, Followed, PartialObject, Watched};
use crate::record::persist::HEAD_TYPE;
use crate::settings::RepositoryServer;

use apps::Apps;
use compile::Compiler;
use live::Live;
use queue::Queue;
use refs::Refs;
use sync::Ground;

/// So many Applications are looked at together.
const WORKERS: usize = 20;

/// Changes of many objects of one application are looked at together.
const SETTLE: Duration = Duration::from_millis(100);

/// What cannot be watched is tried again after this.
const WATCH_AGAIN: Duration = Duration::from_secs(30);

/// How a controller runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its own namespace.
    pub namespace: String,
    /// Namespaces of Applications; all where there are none.
    pub application_namespaces: Vec<String>,
    /// How often Git is asked where an Application does not say; never where absent.
    pub polling: Option<Duration>,
}

/// A controller.
pub struct Controller {
    pub(crate) settings: Settings,
    pub(crate) cluster: Cluster,
    pub(crate) store: Option<Store>,
    pub(crate) apps: Apps,
    pub(crate) heads: heads::Heads,
    pub(crate) projects: projects::Projects,
    pub(crate) queue: Queue<AppId>,
    pub(crate) refs: Refs,
    pub(crate) live: Arc<Live>,
    pub(crate) compiler: Compiler,
    pub(crate) ground: Ground,
    pub(crate) kubernetes: kubernetes::Kubernetes,
    pub(crate) others: others::Others,
    /// What webhooks are judged by, and where their events go.
    pub webhooks: webhooks::Webhooks,
    pub(crate) log: log::Log,
    pub(crate) events: events::Events,
    /// What is counted.
    pub metrics: Arc<metrics::Metrics>,
    is_ready: AtomicBool,
    changed_sets: tokio::sync::Mutex<mpsc::UnboundedReceiver<String>>,
}

/// What a controller is made of.
pub struct Parts {
    /// How it runs.
    pub settings: Settings,
    /// The cluster.
    pub cluster: Cluster,
    /// Where repositories are asked, and what renders.
    pub server: RepositoryServer,
    /// By which rules objects are ready.
    pub rules: crate::health::Rules,
    /// Where keys are that open what SOPS encrypted.
    pub keys: crate::sops::KeySources,
    /// Where it speaks.
    pub log: log::Log,
}

impl Controller {
    /// Nothing is watched yet.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts { settings, cluster, server, rules, keys, log } = parts;
        let (changed, changed_sets) = mpsc::unbounded_channel();
        let server = Arc::new(server);
        let store = server.store().cloned();
        let metrics = Arc::<metrics::Metrics>::default();
        let live = Live::new(cluster.clone(), rules.clone(), changed);
        let sightings: Arc<dyn crate::apply::observe::Sightings> = Arc::<Live>::clone(&live);
        Arc::new(Self {
            settings,
            store,
            apps: Apps::default(),
            heads: heads::Heads::default(),
            projects: projects::Projects::default(),
            queue: Queue::default(),
            refs: Refs::new(Arc::clone(&server), Arc::clone(&metrics)),
            live,
            compiler: Compiler::new(server),
            ground: Ground { sightings, rules, keys: Arc::new(keys) },
            kubernetes: kubernetes::Kubernetes::default(),
            others: others::Others::default(),
            webhooks: webhooks::Webhooks::default(),
            cluster,
            log,
            events: events::Events::default(),
            metrics,
            is_ready: AtomicBool::new(false),
            changed_sets: tokio::sync::Mutex::new(changed_sets),
        })
    }

    /// Runs until something ends it.
    ///
    /// # Errors
    /// Where Applications or records cannot be watched.
    pub async fn run(self: Arc<Self>) -> Result<(), Failure> {
        let mut tasks = JoinSet::new();
        for _ in 0..WORKERS {
            let this = Arc::clone(&self);
            tasks.spawn(async move { this.work().await });
        }
        for task in [Self::poll, Self::hear_of_objects, Self::hear_of_webhooks, Self::watch_secret, Self::watch_projects] {
            let this = Arc::clone(&self);
            tasks.spawn(task(this));
        }
        // Both only end by a failure.
        tokio::try_join!(self.watch_applications(), self.watch_records())?;
        Ok(())
    }

    /// Whether the Applications are known.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Relaxed)
    }

    /// What there is to count, as OpenMetrics.
    #[must_use]
    pub fn metrics_text(&self) -> String {
        self.metrics.text(self)
    }

    /// Begins nothing more, and waits until what runs is over, for so long.
    pub async fn end(&self, within: Duration) {
        self.queue.close();
        let over = async {
            while self.queue.is_running() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let _ = tokio::time::timeout(within, over).await;
    }

    async fn work(&self) {
        while let Some(id) = self.queue.next().await {
            reconcile::reconcile(self, &id).await;
            self.queue.done(&id);
        }
    }

    fn poll(self: Arc<Self>) -> futures::future::BoxFuture<'static, ()> {
        Box::pin(async move {
            loop {
                for id in self.refs.poll().await {
                    self.queue.add(&id);
                }
            }
        })
    }

    fn hear_of_objects(self: Arc<Self>) -> futures::future::BoxFuture<'static, ()> {
        Box::pin(async move {
            let mut changed = self.changed_sets.lock().await;
            while let Some(set) = changed.recv().await {
                if let Some(id) = self.apps.of_set(&set) {
                    self.queue.add_after(&id, SETTLE);
                }
            }
        })
    }

    fn hear_of_webhooks(self: Arc<Self>) -> futures::future::BoxFuture<'static, ()> {
        Box::pin(async move {
            loop {
                let (event, trust) = self.webhooks.inbox.next().await;
                let concerned = self.webhooks.known.concerned(&event, &trust).into_iter();
                let concerned: BTreeSet<AppId> = concerned
                    .map(|key| AppId { namespace: key.namespace.to_string(), name: key.name.to_string() })
                    .collect();
                let this = Arc::clone(&self);
                // One repository that hangs holds up no other.
                tokio::spawn(async move {
                    let is_meant = |request: &Request| event.concerns(&webhooks::source_of(request));
                    for id in this.refs.look_again(&concerned, is_meant).await {
                        this.queue.add_urgent(&id);
                    }
                });
            }
        })
    }

    /// The Secret of the providers' secrets.
    fn watch_secret(self: Arc<Self>) -> futures::future::BoxFuture<'static, ()> {
        Box::pin(async move {
            let namespace = &self.settings.namespace;
            let collection = format!("/api/v1/namespaces/{namespace}/secrets");
            let fields = format!("metadata.name={}", webhooks::SECRET);
            let watched = Watched { collection, selector: String::new(), fields };
            loop {
                let (events, mut received) = mpsc::channel::<Followed<Json>>(4);
                let take = async {
                    while let Some(event) = received.recv().await {
                        let secret = match &event {
                            Followed::Listed(secrets) => secrets.first(),
                            Followed::Present(secret) => Some(secret),
                            Followed::Gone(_) => None,
                        };
                        self.webhooks.set_secrets(&self.cluster, namespace, secret).await;
                    }
                };
                tokio::select! {
                    _ = self.cluster.follow(&watched, &events) => {}
                    () = take => {}
                }
                tokio::time::sleep(WATCH_AGAIN).await;
            }
        })
    }

    fn watch_projects(self: Arc<Self>) -> futures::future::BoxFuture<'static, ()> {
        Box::pin(async move {
            let collection = format!("/apis/argoproj.io/v1alpha1/namespaces/{}/appprojects", self.settings.namespace);
            let watched = Watched { collection, selector: String::new(), fields: String::new() };
            loop {
                let (events, mut received) = mpsc::channel::<Followed<Json>>(64);
                let take = async {
                    while let Some(event) = received.recv().await {
                        let changed = self.projects.take(event);
                        for id in self.apps.of_projects(&changed) {
                            self.queue.add(&id);
                        }
                    }
                    std::future::pending::<Result<(), Failure>>().await
                };
                let ended = tokio::select! {
                    ended = self.cluster.follow(&watched, &events) => ended,
                    ended = take => ended,
                };
                if let Err(failure) = ended {
                    self.projects.fail(&failure);
                }
                // Somebody may serve them, or grant the right to read them, later.
                tokio::time::sleep(WATCH_AGAIN).await;
            }
        })
    }

    /// Whether Applications of a namespace are ours.
    fn is_watched(&self, namespace: &str) -> bool {
        let named = &self.settings.application_namespaces;
        named.is_empty() || namespace == self.settings.namespace || named.iter().any(|name| name == namespace)
    }

    async fn watch_applications(&self) -> Result<(), Failure> {
        let watched = Watched { collection: COLLECTION.to_owned(), selector: String::new(), fields: String::new() };
        let (events, mut received) = mpsc::channel::<Followed<Json>>(64);
        let take = async {
            while let Some(event) = received.recv().await {
                match event {
                    Followed::Listed(objects) => {
                        let ids: Vec<AppId> = objects.iter().map(AppId::of).collect();
                        objects.into_iter().for_each(|object| self.take_application(object));
                        self.is_ready.store(true, Ordering::Relaxed);
                        for gone in self.apps.ids().iter().filter(|id| !ids.contains(id)) {
                            self.forget(gone);
                        }
                    }
                    Followed::Present(object) => self.take_application(object),
                    Followed::Gone(object) => self.forget(&AppId::of(&object)),
                }
            }
        };
        tokio::select! {
            ended = self.cluster.follow(&watched, &events) => ended,
            () = take => Ok(()),
        }
    }

    fn take_application(&self, object: Json) {
        if self.is_watched(&AppId::of(&object).namespace) {
            let (id, is_news) = self.apps.put(object);
            if is_news {
                self.queue.add(&id);
            }
        }
    }

    fn forget(&self, id: &AppId) {
        self.refs.forget(id);
        self.webhooks.forget(id);
        self.queue.forget(id);
        self.apps.remove(id);
    }

    /// The command line applies, too, and whoever else holds the lock.
    async fn watch_records(&self) -> Result<(), Failure> {
        let fields = format!("type={HEAD_TYPE}");
        let watched = Watched { collection: "/api/v1/secrets".to_owned(), selector: String::new(), fields };
        let (events, mut received) = mpsc::channel::<Followed<PartialObject>>(64);
        let take = async {
            while let Some(event) = received.recv().await {
                for id in self.heads.take(event) {
                    if self.apps.get(&id).is_some() {
                        self.queue.add_after(&id, SETTLE);
                    }
                }
            }
        };
        tokio::select! {
            ended = self.cluster.follow(&watched, &events) => ended,
            () = take => Ok(()),
        }
    }
}
