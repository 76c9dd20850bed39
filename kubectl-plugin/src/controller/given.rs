//! What the controller's own namespace gives it: Secrets of clusters; Secrets, keys and certificates of repositories.
//!
//! In: watches, for as long as the process lives. Out: [`Clusters`](super::clusters::Clusters) and
//! [`RepositoryCredentials`](super::credentials::RepositoryCredentials) as the namespace says last, and the Applications for which
//! that may make a difference, in the queue. What cannot be read is told, and tried again.

use std::collections::BTreeSet;
use std::sync::{Arc, MutexGuard, PoisonError};

use gitops_compiler::lock::Request;
use serde_json::Value as Json;
use tokio::sync::{mpsc, watch};

use crate::cluster::{Failure, Followed, Watched};

use super::watches::{Heard, Task, at_home, only};
use super::{Controller, WATCH_AGAIN, clusters, credentials};

/// So many changes of Secrets wait.
const WAITING_SECRETS: usize = 64;

impl Controller {
    /// The Secrets of clusters.
    pub(super) fn watch_clusters(self: Arc<Self>) -> Task {
        Box::pin(async move {
            let (told, mut heard) = mpsc::channel::<Result<Followed<Json>, Failure>>(WAITING_SECRETS);
            let collection = format!("/api/v1/namespaces/{}/secrets", self.settings.namespace);
            let watched = Watched { collection, selector: clusters::SELECTOR.to_owned(), fields: String::new() };
            let take = async {
                while let Some(event) = heard.recv().await {
                    let concerned = match event {
                        Ok(event) => self.apps.of_destinations(&self.clusters.take(event).await),
                        Err(failure) => {
                            self.clusters.fail(&failure);
                            self.apps.ids()
                        }
                    };
                    for id in &concerned {
                        self.queue.add(id);
                    }
                }
            };
            let follow = async {
                loop {
                    let (events, mut received) = mpsc::channel(WAITING_SECRETS);
                    let pass_on = async {
                        while let Some(event) = received.recv().await {
                            let _ = told.send(Ok(event)).await;
                        }
                    };
                    let ended = tokio::select! {
                        ended = self.cluster.follow(&watched, &events) => ended,
                        () = pass_on => Ok(()),
                    };
                    if let Err(failure) = ended {
                        self.log.warn(None, &format!("the Secrets of clusters cannot be watched: {failure}"));
                        let _ = told.send(Err(failure)).await;
                    }
                    tokio::time::sleep(WATCH_AGAIN).await;
                }
            };
            tokio::join!(take, follow);
        })
    }

    /// Secrets of repositories, keys of SSH servers, certificates of hosts.
    pub(super) fn watch_credentials(self: Arc<Self>) -> Task {
        Box::pin(async move {
            let namespace = &self.settings.namespace;
            let collection = format!("/api/v1/namespaces/{namespace}/secrets");
            let secrets = Watched { collection, selector: credentials::SELECTOR.to_owned(), fields: String::new() };
            let [hosts, certificates] = [credentials::KNOWN_HOSTS, credentials::CERTIFICATES]
                .map(|name| at_home(namespace, "configmaps", name));
            let (told, mut heard) = watch::channel(());
            let take_secrets = |event: Heard<'_, Json>| {
                let is_news = match event {
                    Ok(event) => self.credentials.take_secrets(event),
                    Err(failure) => {
                        self.credentials.know(Err(failure));
                        return;
                    }
                };
                if is_news {
                    self.give_credentials();
                }
                let is_first = self.credentials.know(Ok(()));
                if is_news || is_first {
                    told.send_replace(());
                }
            };
            // Where a ConfigMap cannot be read what was known of it stays.
            let take_hosts = |event: Heard<'_, Json>| {
                let Ok(event) = event else { return };
                if self.credentials.take_known_hosts(only(event).as_ref()) {
                    self.give_credentials();
                    told.send_replace(());
                }
            };
            let take_certificates = |event: Heard<'_, Json>| {
                let Ok(event) = event else { return };
                if self.credentials.take_certificates(only(event).as_ref()) {
                    self.give_credentials();
                    told.send_replace(());
                }
            };
            let look = async {
                while heard.changed().await.is_ok() {
                    let others = std::mem::take(&mut *self.to_ask_again());
                    self.look_at_repositories(|request| others.contains(request)).await;
                    // What failed may go now; what was another project's may be nobody's.
                    self.apps.ids().iter().for_each(|id| self.queue.add(id));
                }
            };
            tokio::join!(
                self.follow_for_ever(&secrets, take_secrets),
                self.follow_for_ever(&hosts, take_hosts),
                self.follow_for_ever(&certificates, take_certificates),
                look,
            );
        })
    }

    /// Gives what is known of credentials to whoever fetches.
    fn give_credentials(&self) {
        let (others, problems) = self.credentials.give(&self.compiler.server, self.refs.requests());
        self.to_ask_again().extend(others);
        for problem in problems {
            self.log.warn(None, &format!("a repository cannot be asked as is said: {problem}"));
        }
    }

    fn to_ask_again(&self) -> MutexGuard<'_, BTreeSet<Request>> {
        // Each change is whole before the next begins.
        self.ask_again.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
