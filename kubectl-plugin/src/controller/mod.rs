//! The controller: Git and the cluster compared all the time, for all Applications.
//!
//! In: `Application` objects, repositories, a cluster. Out: what Git says, applied by policy; a status on each object.
//!
//! | module | what |
//! |---|---|
//! | [`queue`] | what is looked at next, one worker for each at a time |
//! | [`credentials`] | who it is to repositories |
//! | [`refs`] | what revisions name now, asked once for all |
//! | [`clusters`] | where Applications are applied to, and all that belongs to one cluster |
//! | [`kubernetes`] | which Kubernetes charts are told of |
//! | [`live`] | what is in the cluster, from shared watches |
//! | [`compile`] | from an Application to a graph |
//! | [`compare`] | Git, the record and the cluster held against each other, pure |
//! | [`decide`] | whether to sync, pure |
//! | [`sync`] | one sync |
//! | [`preview`] | what a sync would do |
//! | `readings` | what Git says of Applications for which nobody follows Git here |
//! | [`elsewhere`] | which objects of another cluster are an Application's, for people who are shown them |
//! | [`runs`] | what is told of the syncs that run |
//! | [`removal`] | what becomes of what an Application applied when it goes |
//! | [`report`] | what the status says, pure |
//! | [`apps`] | all Applications, and what is remembered of them |
//! | [`catalog`] | the same for readers: searched, and told as they change |
//! | [`record_versions`] | which version each record has |
//! | [`projects`] | what the projects permit |
//! | [`orphans`] | what is in namespaces and of no Application |
//! | [`argo_cd`] | whether a running Argo CD is at an Application |
//! | [`metrics`], [`events`], [`log`] | what is told to Prometheus, to `kubectl describe`, and on stderr |
//! | [`webhooks`] | what webhooks are judged by, and what they make it do |
//! | [`relay`] | what one replica tells the others |
//! | `watches`, `given` | what it hears of, and what its own namespace gives it |
//! | [`reconcile`] | one look at one Application, from its object to its status |
//!
//! # What makes it look
//!
//! A change of an Application (a watch); of what it applied (watches of kinds, by our label); of its record (the command line
//! applies, too); another answer of a repository (polled, or a webhook says that there may be one); and time, where a
//! decision named one. Nothing else: an application at rest costs nothing but its memory.

pub mod apps;
pub mod argo_cd;
pub mod catalog;
pub mod clusters;
pub mod compare;
pub mod compile;
pub mod credentials;
pub mod decide;
pub mod elsewhere;
pub mod events;
mod given;
pub mod kubernetes;
pub mod live;
pub mod log;
pub mod metrics;
pub mod orphans;
pub mod preview;
pub mod projects;
pub mod queue;
mod readings;
pub mod reconcile;
pub mod record_versions;
pub mod refs;
pub mod relay;
pub mod removal;
pub mod report;
pub mod runs;
pub mod sync;
mod watches;
pub mod webhooks;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use gitops_compiler::lock::Request;
use gitops_compiler::store::Store;
use serde_json::Value as Json;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::application::AppId;
use crate::binary_cache::BinaryCache;
use crate::cache::Cache;
use crate::cluster::{Cluster, Failure};
use crate::error::CommandError;
use crate::record::Records;
use crate::settings::RepositoryServer;
use crate::shards::Members;

use apps::Apps;
use clusters::in_use::Common;
use clusters::known::NotFound;
use clusters::{Clusters, Place};
use compile::Compiler;
use queue::Queue;
use refs::Refs;

/// Changes of many objects of one application are looked at together.
const SETTLE: Duration = Duration::from_millis(100);

/// An Application at which a bug of ours showed is looked at again after this.
const AFTER_BUG: Duration = Duration::from_mins(1);

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
    /// Where the controller is that cares for the Applications, where this one only looks on: it cares for none, and has the rights
    /// of one person.
    pub observes: Option<String>,
}

/// A controller.
pub struct Controller {
    pub(crate) settings: Settings,
    pub(crate) cluster: Cluster,
    pub(crate) store: Option<Store>,
    pub(crate) apps: Apps,
    readings: readings::Readings,
    pub(crate) runs: runs::Runs,
    pub(crate) clusters: Clusters,
    pub(crate) projects: projects::Projects,
    pub(crate) queue: Queue<AppId>,
    pub(crate) refs: Refs,
    pub(crate) credentials: credentials::RepositoryCredentials,
    /// Requests that may be answered otherwise since credentials are others.
    ask_again: std::sync::Mutex<std::collections::BTreeSet<Request>>,
    pub(crate) compiler: Compiler,
    pub(crate) orphans: orphans::Namespaces,
    /// What webhooks are judged by, and where their events go.
    pub webhooks: webhooks::Webhooks,
    pub(crate) log: log::Log,
    members: Option<watch::Receiver<Members>>,
    pub(crate) cache: Option<Arc<Cache>>,
    pub(crate) binary_cache: Option<Arc<BinaryCache>>,
    pub(crate) events: events::Events,
    /// What is counted.
    pub metrics: Arc<metrics::Metrics>,
    is_ready: AtomicBool,
    /// Applications of which a cluster has something to tell.
    cluster_news: tokio::sync::Mutex<mpsc::UnboundedReceiver<AppId>>,
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
    /// The replicas that share the Applications; none where it is alone.
    pub members: Option<watch::Receiver<Members>>,
    /// What is shared with them of what was compiled.
    pub cache: Option<Arc<Cache>>,
    /// What others compiled and signed; it is only counted here.
    pub binary_cache: Option<Arc<BinaryCache>>,
}

impl Controller {
    /// Nothing is watched yet.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts { settings, cluster, server, rules, keys, log, members, cache, binary_cache } = parts;
        let (news, cluster_news) = mpsc::unbounded_channel();
        let server = Arc::new(server);
        let store = server.store().cloned();
        let metrics = Arc::<metrics::Metrics>::default();
        let common = Common { timeout: cluster.timeout, rules: rules.clone(), keys: Arc::new(keys), log, news };
        Arc::new(Self {
            settings,
            store,
            apps: Apps::default(),
            readings: readings::Readings::default(),
            runs: runs::Runs::default(),
            clusters: Clusters::new(cluster.clone(), common),
            projects: projects::Projects::default(),
            queue: Queue::default(),
            refs: Refs::new(Arc::clone(&server), Arc::clone(&metrics)),
            credentials: credentials::RepositoryCredentials::default(),
            ask_again: std::sync::Mutex::default(),
            compiler: Compiler::new(server, rules),
            orphans: orphans::Namespaces::default(),
            webhooks: webhooks::Webhooks::default(),
            cluster,
            log,
            members,
            cache,
            binary_cache,
            events: events::Events::default(),
            metrics,
            is_ready: AtomicBool::new(false),
            cluster_news: tokio::sync::Mutex::new(cluster_news),
        })
    }

    /// Runs until something ends it.
    ///
    /// # Errors
    /// Where Applications or records cannot be watched.
    pub async fn run(self: Arc<Self>) -> Result<(), Failure> {
        let mut tasks = JoinSet::new();
        for task in [
            Self::work,
            Self::poll,
            Self::hear_of_clusters,
            Self::watch_clusters,
            Self::watch_credentials,
            Self::hear_of_members,
            Self::hear_of_webhooks,
            Self::hear_of_news,
            Self::watch_secret,
            Self::watch_projects,
        ] {
            let this = Arc::clone(&self);
            tasks.spawn(task(this));
        }
        // Both only end by a failure; what goes on beside them ends by a bug of ours only, or with the queue.
        tokio::select! {
            ended = async { tokio::try_join!(self.watch_applications(), self.watch_records()) } => ended.map(|_| ()),
            _ = tasks.join_next() => {
                if self.queue.is_closed() {
                    return std::future::pending().await;
                }
                Err(Failure::Malformed("a part of the controller has ended".to_owned()))
            }
        }
    }

    /// Where the record of an Application is.
    pub(crate) async fn records(&self, id: &AppId, place: &Place) -> Result<Records, CommandError> {
        let keeper = self.clusters.keeper(place, id).await.map_err(|failure| {
            CommandError::user("it is not known which cluster this controller runs in")
                .details(vec![failure.to_string()])
        })?;
        let namespace = place.secret.record_namespace(&id.namespace).to_owned();
        Ok(Records {
            cluster: place.cluster.cluster.clone(),
            namespace,
            store: self.store.clone(),
            keeper,
            at_hand: None,
        })
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

    /// Looks at what is due: as many Applications together as their clusters have turns for.
    fn work(self: Arc<Self>) -> watches::Task {
        Box::pin(async move {
            let mut looks = JoinSet::new();
            loop {
                let id = tokio::select! {
                    id = self.queue.next() => id,
                    Some(_) = looks.join_next() => continue,
                };
                let Some(id) = id else { break };
                let place = self.place(&id).await;
                let cluster = place.as_ref().map_or(&self.clusters.here, |place| &place.cluster);
                let cluster = Arc::clone(cluster);
                if cluster.turns.take(&id) {
                    let this = Arc::clone(&self);
                    looks.spawn(async move {
                        this.look(&id, place).await;
                        this.queue.done(&id);
                        if let Some(next) = cluster.turns.give_back() {
                            this.queue.add(&next);
                        }
                    });
                } else {
                    self.queue.done(&id);
                }
            }
            while looks.join_next().await.is_some() {}
        })
    }

    /// The cluster that an Application is applied to; of one that is not this replica's, none.
    async fn place(&self, id: &AppId) -> Result<Place, NotFound> {
        if let Some(object) = self.apps.get(id).map(|entry| entry.object()).filter(|object| self.owns(object)) {
            return self.clusters.of(id, &object).await;
        }
        self.clusters.release(id);
        Err(NotFound::Unread("another replica cares for it".to_owned()))
    }

    async fn look(&self, id: &AppId, place: Result<Place, NotFound>) {
        let look = AssertUnwindSafe(Box::pin(reconcile::reconcile(self, id, place))).catch_unwind();
        if look.await.is_err() {
            // The panic was told where it happened. What is remembered of this one may be half of something.
            self.apps.forget_memory(id);
            self.log.warn(Some(id), "a bug of ours ended the look at it; it is looked at again later");
            self.queue.add_after(id, AFTER_BUG);
        }
    }

    /// Whether Git is followed here for an Application.
    pub(crate) fn cares_for(&self, object: &Json) -> bool {
        self.settings.observes.is_none() && self.owns(object)
    }

    /// The namespace of the controller that cares for the Applications: projects are there.
    pub(crate) fn home(&self) -> &str {
        self.settings.observes.as_deref().unwrap_or(&self.settings.namespace)
    }

    /// Whether an Application is this replica's now. Asked each time before something is done for it.
    #[must_use]
    pub fn owns(&self, object: &Json) -> bool {
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
        self.members.as_ref().is_none_or(|members| members.borrow().owns(uid))
    }
}
