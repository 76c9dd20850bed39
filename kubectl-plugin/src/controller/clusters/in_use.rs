//! All that belongs to one cluster, for as long as some Application is applied to it.
//!
//! In: a connection. Out: [`ClusterInUse`]: what is live there, which versions its records have, which Kubernetes it is, whether
//! it can be reached, who may look at it now. What it hears of goes to one channel, as Applications to look at. When it is dropped
//! all of its watches end; a sync that is under way keeps it until it is over.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::application::AppId;
use crate::apply::observe::Sightings;
use crate::cluster::{Cluster, ConnectError, Connection, Followed, PartialObject, Watched};
use crate::health::Rules;
use crate::record::persist::HEAD_TYPE;
use crate::sops::KeySources;

use super::super::kubernetes::Kubernetes;
use super::super::live::Live;
use super::super::log::Log;
use super::super::record_versions::RecordVersions;
use super::super::sync::Ground;
use super::reach::Reach;
use super::secret::ClusterSecret;
use super::turns::Turns;
use super::users::Users;

/// So many Applications of one cluster are looked at together. A sync may wait for minutes until what others wait for is ready.
const TURNS: usize = 16;

/// The same of the cluster that the controller runs in.
const TURNS_HERE: usize = 64;

/// What cannot be watched is tried again after this.
const WATCH_AGAIN: Duration = Duration::from_secs(30);

/// What all clusters have in common.
pub struct Common {
    /// How long a request may take.
    pub timeout: Duration,
    /// By which rules objects are ready.
    pub rules: Rules,
    /// Where keys are that open what SOPS encrypted.
    pub keys: Arc<KeySources>,
    /// Where it speaks.
    pub log: Log,
    /// Applications of which a cluster has something to tell.
    pub news: mpsc::UnboundedSender<AppId>,
}

/// A cluster that some Application is applied to.
pub struct ClusterInUse {
    /// What its Secret said when it was first needed; of the credentials, what it said last.
    secret: Mutex<Arc<ClusterSecret>>,
    /// The way to it.
    pub cluster: Cluster,
    /// What is there.
    pub live: Arc<Live>,
    /// Which versions its records have.
    pub record_versions: Arc<RecordVersions>,
    /// Which Kubernetes it is.
    pub kubernetes: Kubernetes,
    /// What its syncs have in common.
    pub ground: Ground,
    /// Who may look at it now.
    pub turns: Turns,
    /// Whether it can be reached.
    pub reach: Arc<Reach>,
    /// Its Applications.
    pub users: Arc<Users>,
    tasks: Vec<AbortHandle>,
}

impl Drop for ClusterInUse {
    fn drop(&mut self) {
        self.live.end();
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl ClusterInUse {
    /// The cluster that the controller runs in. Its records are watched by the controller itself, which does not go on without.
    #[must_use]
    pub fn here(cluster: Cluster, common: &Common) -> Self {
        Self::new(Arc::new(ClusterSecret::here()), cluster, common, TURNS_HERE, false)
    }

    /// Another one.
    ///
    /// # Errors
    /// Where no connection can be made of its credentials.
    pub async fn elsewhere(secret: &Arc<ClusterSecret>, common: &Common) -> Result<Self, ConnectError> {
        let access = match &secret.access {
            Ok(Some(access)) => access,
            Ok(None) => return Err(ConnectError::Given("there are none".to_owned())),
            Err(why) => return Err(ConnectError::Given(why.clone())),
        };
        let connection = Connection::given(access).await?;
        let cluster = Cluster { connection, timeout: common.timeout, is_patient: false };
        let mut this = Self::new(Arc::clone(secret), cluster, common, TURNS, true);
        let (guard, records) = (this.guarded(secret, common), this.records_watched(secret, common));
        this.tasks.extend([guard, records]);
        Ok(this)
    }

    fn new(secret: Arc<ClusterSecret>, cluster: Cluster, common: &Common, turns: usize, is_guarded: bool) -> Self {
        let (changed, mut sets) = mpsc::unbounded_channel::<String>();
        let live = Live::new(cluster.clone(), common.rules.clone(), secret.watched(), changed);
        let sightings: Arc<dyn Sightings> = Arc::<Live>::clone(&live);
        let (users, news) = (Arc::<Users>::default(), common.news.clone());
        let of_sets = Arc::clone(&users);
        let hearing = tokio::spawn(async move {
            while let Some(set) = sets.recv().await {
                // Nobody listens any more when the process ends.
                let _ = of_sets.of_set(&set).map(|id| news.send(id));
            }
        });
        Self {
            secret: Mutex::new(secret),
            cluster,
            live,
            record_versions: Arc::default(),
            kubernetes: Kubernetes::default(),
            ground: Ground { sightings, rules: common.rules.clone(), keys: Arc::clone(&common.keys) },
            turns: Turns::new(turns),
            reach: Arc::new(Reach::new(is_guarded)),
            users,
            tasks: vec![hearing.abort_handle()],
        }
    }

    /// Its Secret, as it is in use.
    #[must_use]
    pub fn secret(&self) -> Arc<ClusterSecret> {
        Arc::clone(&self.secret.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes other credentials, where they are others: the next request has them, whatever is under way.
    ///
    /// # Errors
    /// Where no connection can be made of them: those that are there stay.
    pub async fn renew(&self, secret: &Arc<ClusterSecret>) -> Result<(), ConnectError> {
        let Ok(Some(access)) = &secret.access else { return Ok(()) };
        if self.secret().access != secret.access {
            self.cluster.connection.replace(access).await?;
            *self.secret.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(secret);
            self.reach.ask_sooner();
        }
        Ok(())
    }

    fn guarded(&self, secret: &ClusterSecret, common: &Common) -> AbortHandle {
        let (reach, cluster, users) = (Arc::clone(&self.reach), self.cluster.clone(), Arc::clone(&self.users));
        let (log, news, server) = (common.log, common.news.clone(), secret.server.clone());
        let guard = async move {
            let told = |why: Option<&super::reach::Why>| {
                match why {
                    Some(why) => log.warn(None, &format!("the cluster {server} cannot be reached: {why}")),
                    None => log.info(None, &format!("the cluster {server} can be reached again")),
                }
                for id in users.ids() {
                    let _ = news.send(id);
                }
            };
            reach.guard(&cluster, told).await;
        };
        tokio::spawn(guard).abort_handle()
    }

    /// The command line applies, too, and whoever else holds the lock.
    fn records_watched(&self, secret: &ClusterSecret, common: &Common) -> AbortHandle {
        let (cluster, users) = (self.cluster.clone(), Arc::clone(&self.users));
        let versions = Arc::clone(&self.record_versions);
        let (log, news) = (common.log, common.news.clone());
        let collection = match secret.records_watched() {
            Some(namespace) => format!("/api/v1/namespaces/{namespace}/secrets"),
            None => "/api/v1/secrets".to_owned(),
        };
        let server = secret.server.clone();
        let watched = Watched { collection, selector: String::new(), fields: format!("type={HEAD_TYPE}") };
        let watch = async move {
            let mut told = String::new();
            loop {
                let (events, mut received) = mpsc::channel::<Followed<PartialObject>>(64);
                let take = async {
                    while let Some(event) = received.recv().await {
                        for record in versions.take(event) {
                            for id in users.of_record(&record) {
                                let _ = news.send(id);
                            }
                        }
                    }
                };
                let followed = cluster.follow(&watched, &events);
                let ended = tokio::select! { ended = followed => ended, () = take => Ok(()) };
                if let Err(failure) = ended {
                    let why = format!("records of the cluster {server} cannot be watched: {failure}");
                    if told != why {
                        log.warn(None, &why);
                        told = why;
                    }
                }
                tokio::time::sleep(WATCH_AGAIN).await;
            }
        };
        tokio::spawn(watch).abort_handle()
    }
}
