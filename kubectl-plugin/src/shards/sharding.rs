//! Being a member: the Lease is renewed, those of the others are looked at, and who asks is told when that changes anything.
//!
//! In: a cluster, a namespace. Out: [`Sharding`], whose [`Members`] hold as long as the process works. Guarantees: as of
//! `membership`. A request takes no longer than the pause between two renewals; what fails is tried again with the next.
//! Leases that the dead left behind are deleted after a minute, as they were, by one of the others.

use std::time::Duration;

use gitops_compiler::manifest::Propagation;
use serde_json::Value as Json;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::lease::{FIELD_MANAGER, OwnLease, parts, seen};
use super::members::Members;
use super::membership::{Membership, Standing, Timing};
use crate::apply::lease::Moment;
use crate::cluster::{ApplyOptions, Cluster, Failure};

/// As many Leases of the dead are deleted in one round.
const MAX_FORGOTTEN: usize = 4;

/// Which group a replica belongs to.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the Leases are: the namespace of the replicas.
    pub namespace: String,
    /// What all replicas that share the same applications have in common: a label value.
    pub group: String,
    /// What people call this replica: the name of its Pod.
    pub holder: String,
    /// How long things take; the same for all replicas.
    pub timing: Timing,
}

/// Why a replica cannot become a member.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// It may not keep a Lease.
    #[error(
        "this replica may not keep a Lease in the namespace {namespace}: {failure}; more than one replica takes the rights to \
         create, patch, list and delete leases of coordination.k8s.io there, and a single one needs no Lease where it is told \
         that it is alone"
    )]
    Forbidden {
        /// Where.
        namespace: String,
        /// What the server said.
        failure: Failure,
    },
    /// The cluster did not do it.
    #[error("this replica cannot keep a Lease in the namespace {namespace}: {failure}")]
    Failed {
        /// Where.
        namespace: String,
        /// What happened.
        failure: Failure,
    },
    /// There is no randomness.
    #[error("there are no random numbers on this machine: {0}")]
    Random(#[from] getrandom::Error),
}

/// A membership that is kept up until it is left.
#[derive(Debug)]
pub struct Sharding {
    members: watch::Receiver<Members>,
    stop: oneshot::Sender<()>,
    keeping: JoinHandle<()>,
}

impl Sharding {
    /// Becomes a member. It owns nothing yet; see [`Members::standing`].
    ///
    /// # Errors
    ///
    /// Where the Lease cannot be made, or those of the others cannot be listed.
    pub async fn join(cluster: &Cluster, settings: Settings) -> Result<Self, JoinError> {
        let Settings { namespace, group, holder, timing } = settings;
        let name = format!("kubectl-gitops-{group}-{:012x}", getrandom::u64()? >> 16);
        let cluster = Cluster { timeout: timing.renew, is_patient: false, ..cluster.clone() };
        let members = Members::new(Membership::new(&name, timing));
        let (seconds, acquired) = (timing.lost.as_secs().max(1), cluster.connection.server_time());
        let lease = OwnLease { name, namespace: namespace.clone(), group, holder, seconds, acquired };
        let mut keeper = Keeper { cluster, lease, uid: None, members: members.clone(), timing };
        keeper.round().await.map_err(|failure| match failure.code() {
            401 | 403 => JoinError::Forbidden { namespace, failure },
            _ => JoinError::Failed { namespace, failure },
        })?;
        let (sender, receiver) = watch::channel(members);
        let (stop, stopped) = oneshot::channel();
        Ok(Self { members: receiver, stop, keeping: tokio::spawn(keeper.keep(sender, stopped)) })
    }

    /// The members. What is received says more at any time: it is notified of when who is a member changes, or whether we are.
    #[must_use]
    pub fn members(&self) -> watch::Receiver<Members> {
        self.members.clone()
    }

    /// Ends it well: owns nothing from now on, and the others may take over at once. What is under way must have ended before.
    pub async fn leave(self) {
        // It fails where the task has ended by itself, as at the end of the runtime.
        let _ = self.stop.send(());
        let _ = self.keeping.await;
    }
}

struct Keeper {
    cluster: Cluster,
    lease: OwnLease,
    /// Of the Lease that is there.
    uid: Option<String>,
    members: Members,
    timing: Timing,
}

impl Keeper {
    async fn keep(mut self, sender: watch::Sender<Members>, mut stopped: oneshot::Receiver<()>) {
        let mut told = self.state();
        let mut next = Instant::now() + self.timing.renew;
        loop {
            // Who becomes a member is told so at once.
            let wait = self.members.read(Membership::until_member).flatten();
            let wake = wait.map_or(next, |wait| next.min(Instant::now() + wait));
            tokio::select! {
                () = tokio::time::sleep_until(wake) => {}
                _ = &mut stopped => break,
            }
            if Instant::now() >= next {
                next = Instant::now() + self.timing.renew;
                // What is wrong is noted.
                let _ = self.round().await;
                self.forget().await;
            }
            self.tell(&sender, &mut told);
        }
        self.members.change(Membership::lapse);
        self.tell(&sender, &mut told);
        self.leave().await;
    }

    /// What others are told of when it changes.
    fn state(&self) -> (Standing, Vec<String>) {
        (self.members.standing(), self.members.names())
    }

    fn tell(&self, sender: &watch::Sender<Members>, told: &mut (Standing, Vec<String>)) {
        let state = self.state();
        if *told != state {
            *told = state;
            sender.send_replace(self.members.clone());
        }
    }

    /// Renews and looks, both at the same time.
    async fn round(&mut self) -> Result<(), Failure> {
        let asked = Moment::now();
        let body = self.lease.held(self.uid.as_deref(), self.cluster.connection.server_time());
        let renewing = async { (self.write(&body).await, Moment::now()) };
        let (collection, selector) = (self.lease.collection(), self.lease.selector());
        let listing = async { (self.cluster.list::<Json>(&collection, &selector).await, Moment::now()) };
        let ((renewed, renewed_at), (listed, listed_at)) = tokio::join!(renewing, listing);
        let renewed = match renewed {
            Ok(lease) => {
                self.uid = lease["metadata"]["uid"].as_str().map(str::to_owned);
                self.members.change(|membership| membership.renewed(asked, renewed_at));
                Ok(())
            }
            Err(failure) => {
                // Somebody has deleted it, and perhaps made another.
                if failure.is_conflict() || failure.is_not_found() {
                    self.uid = None;
                    self.members.change(Membership::lapse);
                }
                Err(failure)
            }
        };
        let listed = listed.map(|leases| {
            let leases: Vec<_> = leases.iter().filter_map(seen).collect();
            self.members.change(|membership| membership.observe(&leases, asked, listed_at));
        });
        let result = renewed.and(listed);
        self.members.note(result.as_ref().err().map(ToString::to_string));
        result
    }

    async fn write(&self, body: &Json) -> Result<Json, Failure> {
        let options = ApplyOptions { field_manager: FIELD_MANAGER, force: true, dry_run: false };
        Ok(self.cluster.apply(&self.lease.path(), body, &options).await?.object)
    }

    /// Deletes what the dead left behind. Each Lease belongs to one of the members, as applications do.
    async fn forget(&self) {
        let old = self.members.read(|membership, now| {
            let ours = membership.forgettable(now).filter(|(name, _)| membership.owns(name, now));
            ours.take(MAX_FORGOTTEN).map(|(name, version)| (name.to_owned(), version.to_owned())).collect::<Vec<_>>()
        });
        for (name, version) in old.unwrap_or_default() {
            let Some((uid, version)) = parts(&version) else { continue };
            let path = format!("{}/{name}", self.lease.collection());
            // It is tried again in the next round where it is still there.
            let _ = self.cluster.delete(&path, uid, Some(version), Propagation::Background).await;
        }
    }

    /// Gives the Lease up, and deletes it once all others have seen that.
    async fn leave(&self) {
        let Some(uid) = &self.uid else { return };
        let body = self.lease.released(Some(uid), self.cluster.connection.server_time());
        // Where that fails, the others wait for it to be lost.
        if self.write(&body).await.is_err() {
            return;
        }
        if self.members.names().len() > 1 {
            tokio::time::sleep(self.timing.renew + Duration::from_millis(500)).await;
        }
        let _ = self.cluster.delete(&self.lease.path(), uid, None, Propagation::Background).await;
    }
}
