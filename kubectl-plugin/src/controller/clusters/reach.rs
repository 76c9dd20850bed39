//! Whether a cluster can be reached.
//!
//! In: what its connection says of requests that had no answer. Out: a verdict for all of its Applications together. One request
//! without an answer says little, so another one is sent; when that has none either, nobody asks the cluster for anything but a
//! guard, with one request at a time and growing pauses between them, until there is an answer. Then all are told.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::cluster::Cluster;

/// After how long a cluster is asked again that does not answer.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A cluster that answered is not asked again before this, however many requests have no answer.
const BETWEEN: Duration = Duration::from_secs(1);

/// Why a cluster cannot be reached.
pub type Why = Arc<str>;

/// Whether a cluster can be reached: it can, until a guard says otherwise.
#[derive(Debug)]
pub struct Reach {
    lost: watch::Sender<Option<Why>>,
    sooner: Notify,
    is_guarded: bool,
}

impl Reach {
    /// Of a cluster that has a guard, or that counts as reached.
    #[must_use]
    pub fn new(is_guarded: bool) -> Self {
        Self { lost: watch::Sender::new(None), sooner: Notify::new(), is_guarded }
    }

    /// Why it cannot be reached, where it cannot.
    #[must_use]
    pub fn why_not(&self) -> Option<Why> {
        self.lost.borrow().clone()
    }

    /// Waits until it cannot be reached, which may be never.
    pub async fn lost(&self) -> Why {
        let mut lost = self.lost.subscribe();
        match lost.wait_for(Option::is_some).await.map(|why| why.clone()) {
            Ok(Some(why)) => why,
            // The sender lives as long as this.
            _ => std::future::pending().await,
        }
    }

    /// Why it cannot be reached, after a request had no answer; nothing where it can, and where nobody will ever know.
    pub async fn verdict(&self, cluster: &Cluster) -> Option<Why> {
        if let Some(why) = self.why_not() {
            return Some(why);
        }
        let mut silence = cluster.connection.silence();
        if !self.is_guarded || silence.borrow().is_none() {
            return None;
        }
        tokio::select! {
            why = self.lost() => Some(why),
            _ = silence.wait_for(Option::is_none) => None,
            () = tokio::time::sleep(cluster.timeout * 2) => None,
        }
    }

    /// Asks again now: something has changed that may be the reason.
    pub fn ask_sooner(&self) {
        self.sooner.notify_one();
    }

    /// Watches over a cluster, for ever. `told` hears why it cannot be reached, and then that it can.
    pub async fn guard(&self, cluster: &Cluster, told: impl Fn(Option<&Why>)) {
        let mut silence = cluster.connection.silence();
        while silence.wait_for(Option::is_some).await.is_ok() {
            if let Err(failure) = cluster.is_there().await {
                let why = Why::from(failure.to_string());
                cluster.connection.give_up(true);
                self.lost.send_replace(Some(Arc::clone(&why)));
                told(Some(&why));
                self.until_answered(cluster).await;
                cluster.connection.give_up(false);
                self.lost.send_replace(None);
                told(None);
            }
            tokio::time::sleep(BETWEEN).await;
        }
    }

    async fn until_answered(&self, cluster: &Cluster) {
        let mut pause = FIRST_PAUSE;
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.sooner.notified() => pause = FIRST_PAUSE,
            }
            if cluster.is_there().await.is_ok() {
                return;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
