//! The clusters that Applications are applied to: the one that the controller runs in, and those of Argo CD's cluster Secrets.
//!
//! In: Secrets of the controller's own namespace, destinations of Applications. Out: [`Place`]: the cluster that a destination
//! means, with all that belongs to it. Each is made when the first Application needs it, and dropped when the last one goes or
//! its Secret says something else; other credentials are taken by the one that is there. All else is shared among them.
//!
//! | module | what |
//! |---|---|
//! | [`secret`] | what a Secret says, pure |
//! | [`known`] | which cluster a destination means, pure |
//! | [`users`] | which Applications a cluster has, and where their records are, pure |
//! | [`turns`] | how many of them are looked at together, pure |
//! | [`reach`] | whether a cluster can be reached |
//! | [`in_use`] | all that belongs to one cluster |
//! | [`record_place`] | the namespace of records, made where it is not there |
//!
//! # What one cluster cannot do to another
//!
//! Each has so many turns, and a look at an Application takes one of its cluster's. So one that hangs holds its own turns, and
//! once its guard has given it up it holds none: its Applications are told, and wait.

pub mod in_use;
pub mod known;
pub mod reach;
pub mod record_place;
pub mod secret;
pub mod turns;
pub mod users;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value as Json;
use tokio::sync::{OnceCell, watch};

use crate::application::AppId;
use crate::cluster::{Cluster, Failure, Followed};
use crate::project;

use super::catalog::Row;
use super::refs::Answered;
use in_use::{ClusterInUse, Common};
use known::{Known, NotFound};
use secret::ClusterSecret;

/// The label of Argo CD's Secrets, and the value of those of clusters.
pub const SELECTOR: &str = "argocd.argoproj.io/secret-type=cluster";

/// How long the first list of Secrets is waited for.
const FIRST_LIST: Duration = Duration::from_secs(30);

/// The cluster that a destination means.
#[derive(Clone)]
pub struct Place {
    /// What its Secret says.
    pub secret: Arc<ClusterSecret>,
    /// All that belongs to it.
    pub cluster: Arc<ClusterInUse>,
}

impl Place {
    /// As projects know it.
    #[must_use]
    pub fn as_asked<'a>(&'a self, project: &str) -> project::Cluster<'a> {
        let ClusterSecret { server, name, project: of, .. } = &*self.secret;
        project::Cluster { server, name, is_of_project: of.as_deref() == Some(project) }
    }

    /// Why it cannot be reached, in Argo CD's words; nothing where it can.
    #[must_use]
    pub fn is_lost(&self) -> Option<String> {
        self.cluster.reach.why_not().map(|why| self.lost(&why))
    }

    /// That it cannot be reached, in Argo CD's words.
    #[must_use]
    pub fn lost(&self, why: &str) -> String {
        let server = &self.secret.server;
        format!("Failed to load live state: failed to get cluster info for {server:?}: {why}")
    }
}

/// All clusters.
pub struct Clusters {
    /// The one that the controller runs in.
    pub here: Arc<ClusterInUse>,
    common: Common,
    known: Mutex<Known>,
    /// Whether it is known which there are.
    is_told: watch::Sender<bool>,
    /// Held while one is made or dropped.
    making: tokio::sync::Mutex<()>,
    in_use: Mutex<InUse>,
    /// Who this controller is to records in other clusters: the uid of the namespace kube-system here.
    identity: OnceCell<String>,
}

#[derive(Default)]
struct InUse {
    by_server: BTreeMap<String, Arc<ClusterInUse>>,
    of: BTreeMap<AppId, Arc<ClusterInUse>>,
}

impl Clusters {
    /// Nothing is known of others than the one that it runs in.
    #[must_use]
    pub fn new(cluster: Cluster, common: Common) -> Self {
        Self {
            here: Arc::new(ClusterInUse::here(cluster, &common)),
            common,
            known: Mutex::default(),
            is_told: watch::Sender::new(false),
            making: tokio::sync::Mutex::default(),
            in_use: Mutex::default(),
            identity: OnceCell::new(),
        }
    }

    /// The cluster that an Application's destination means, by its object. It is among that cluster's from now on, and no longer
    /// among another's.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn of(&self, id: &AppId, object: &Json) -> Result<Place, NotFound> {
        let mut told = self.is_told.subscribe();
        let _ = tokio::time::timeout(FIRST_LIST, told.wait_for(|told| *told)).await;
        let _one = self.making.lock().await;
        let place = self.find(object).await;
        match &place {
            Ok(place) => self.assign(id, place),
            Err(_) => self.release(id),
        }
        place
    }

    /// Whether an Application's destination is the cluster that the controller runs in.
    #[must_use]
    pub fn is_here(&self, row: &Row) -> bool {
        self.meant_by(row).is_ok_and(|secret| secret.is_here())
    }

    /// The address of the cluster that an Application's destination means; nothing where it means none.
    #[must_use]
    pub fn server(&self, row: &Row) -> Option<String> {
        self.meant_by(row).ok().map(|secret| secret.server.clone())
    }

    /// How the cluster that an Application's destination means answered last; nothing where it was not asked yet.
    ///
    /// # Errors
    /// Why there is none.
    pub fn answered(&self, row: &Row) -> Result<Option<Answered>, NotFound> {
        let secret = self.meant_by(row)?;
        let there = if secret.is_here() {
            Some(Arc::clone(&self.here))
        } else {
            self.in_use().by_server.get(&secret.server).cloned()
        };
        let answered = |there: Arc<ClusterInUse>| {
            let (at, silence) = there.cluster.connection.last_answer()?;
            let lost = there.reach.why_not().map(|why| why.to_string());
            Some(Answered { at: Some(at), failure: lost.or(silence) })
        };
        Ok(there.and_then(answered))
    }

    fn meant_by(&self, row: &Row) -> Result<Arc<ClusterSecret>, NotFound> {
        self.known().find(&row.destination.server, &row.destination.name, &row.project)
    }

    /// What is known of the cluster that an Application's destination means.
    fn meant(&self, object: &Json) -> Result<Arc<ClusterSecret>, NotFound> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
        let project = Some(text("/spec/project")).filter(|project| !project.is_empty()).unwrap_or(project::DEFAULT);
        self.known().find(text("/spec/destination/server"), text("/spec/destination/name"), project)
    }

    async fn find(&self, object: &Json) -> Result<Place, NotFound> {
        let secret = self.meant(object)?;
        if secret.is_here() {
            return Ok(Place { secret, cluster: Arc::clone(&self.here) });
        }
        let there = self.in_use().by_server.get(&secret.server).cloned();
        let cannot = |error: crate::cluster::ConnectError| {
            NotFound::Wrong(format!("the Secret {} cannot be used: {error}", secret.secret))
        };
        if let Some(cluster) = there.filter(|there| there.secret().is_same_place(&secret)) {
            cluster.renew(&secret).await.map_err(cannot)?;
            return Ok(Place { secret, cluster });
        }
        let cluster = Arc::new(ClusterInUse::elsewhere(&secret, &self.common).await.map_err(cannot)?);
        self.common.log.info(None, &format!("the cluster {} is in use", secret.server));
        self.in_use().by_server.insert(secret.server.clone(), Arc::clone(&cluster));
        Ok(Place { secret, cluster })
    }

    fn assign(&self, id: &AppId, place: &Place) {
        let before = self.in_use().of.get(id).cloned();
        if before.is_some_and(|before| !Arc::ptr_eq(&before, &place.cluster)) {
            self.release(id);
        }
        let record =
            AppId { namespace: place.secret.record_namespace(&id.namespace).to_owned(), name: id.name.clone() };
        place.cluster.users.put(id, record);
        self.in_use().of.insert(id.clone(), Arc::clone(&place.cluster));
    }

    /// Takes an Application away from its cluster, which is dropped where it was the last one.
    pub fn release(&self, id: &AppId) {
        let Some(cluster) = self.in_use().of.remove(id) else { return };
        if let Some(next) = cluster.turns.forget(id) {
            // Nobody listens any more when the process ends.
            let _ = self.common.news.send(next);
        }
        let (sets, was_last) = cluster.users.remove(id);
        for set in &sets {
            cluster.live.forget_rules(set);
        }
        if was_last {
            let mut in_use = self.in_use();
            let dropped = in_use.by_server.iter().find(|(_, other)| Arc::ptr_eq(other, &cluster));
            if let Some(server) = dropped.map(|(server, _)| server.clone()) {
                in_use.by_server.remove(&server);
                self.common.log.info(None, &format!("the cluster {server} is not in use any more"));
            }
        }
    }

    /// Takes what a watch of Secrets tells. Gives those of which something has changed: Applications with such a destination
    /// are to be looked at.
    pub async fn take(&self, event: Followed<Json>) -> Vec<Arc<ClusterSecret>> {
        let _one = self.making.lock().await;
        let changed = self.known().take(event);
        self.is_told.send_replace(true);
        for secret in &changed {
            let there = self.in_use().by_server.get(&secret.server).cloned();
            let Some(there) = there else { continue };
            let now = self.known().secrets().find(|now| now.server == secret.server).cloned();
            match now.filter(|now| now.is_same_place(&there.secret())) {
                Some(now) => {
                    if let Err(error) = there.renew(&now).await {
                        self.common.log.warn(None, &format!("the Secret {} cannot be used: {error}", now.secret));
                    }
                }
                // What is under way keeps it until it is over.
                None => drop(self.in_use().by_server.remove(&secret.server)),
            }
        }
        changed
    }

    /// Says that Secrets cannot be watched.
    pub fn fail(&self, failure: &Failure) {
        self.known().fail(failure);
        self.is_told.send_replace(true);
    }

    /// Those that are in use, and the one that the controller runs in.
    #[must_use]
    pub fn all(&self) -> Vec<Place> {
        let others = self.in_use().by_server.values().cloned().collect::<Vec<_>>();
        let known = self.known();
        let place = |cluster: Arc<ClusterInUse>| {
            let used = cluster.secret();
            let named = known.secrets().find(|secret| secret.server == used.server).cloned();
            Place { secret: named.unwrap_or(used), cluster }
        };
        std::iter::once(Arc::clone(&self.here)).chain(others).map(place).collect()
    }

    /// Who keeps the record of an Application, where that is in another cluster; nothing where it is here: there the
    /// Application stands beside it.
    ///
    /// # Errors
    /// Where this cluster does not say which it is.
    pub async fn keeper(&self, place: &Place, id: &AppId) -> Result<Option<String>, Failure> {
        if place.secret.is_here() {
            return Ok(None);
        }
        let ask = || async {
            let found = self.here.cluster.get_metadata("/api/v1/namespaces/kube-system").await?;
            found.map(|found| found.uid).ok_or_else(|| Failure::Malformed("there is no kube-system".to_owned()))
        };
        let uid = self.identity.get_or_try_init(ask).await?;
        Ok(Some(format!("{uid}/{}/{}", id.namespace, id.name)))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Each change is whole before the next begins.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn in_use(&self) -> MutexGuard<'_, InUse> {
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
