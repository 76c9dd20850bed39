//! What a controller hears of, for as long as it lives: Applications, records, projects, Secrets, objects, webhooks, replicas.
//!
//! In: watches and channels. Out: Applications in the queue. Each of these goes on until the process ends; what cannot be
//! watched is tried again, but for Applications and records, without which there is nothing to do.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use gitops_compiler::lock::Request;
use serde_json::Value as Json;
use tokio::sync::{mpsc, watch};

use crate::application::{AppId, COLLECTION, is_deleted};
use crate::cluster::{Failure, Followed, PartialObject, Versioned, Watched};
use crate::record::persist::HEAD_TYPE;
use crate::trace;
use crate::webhook::{Event, Trust};

use super::projects::Changed;
use super::relay::Relayed;
use super::{Controller, SETTLE, WATCH_AGAIN, compile, relay, webhooks};

/// So many news of other replicas wait.
const WAITING_NEWS: usize = 1000;

/// What one hears who follows: what is there, or why that cannot be told.
pub(super) type Heard<'a, T> = Result<Followed<T>, &'a Failure>;

/// Something that goes on until the process ends.
pub(super) type Task = futures::future::BoxFuture<'static, ()>;

impl Controller {
    pub(super) fn hear_of_members(self: Arc<Self>) -> Task {
        Box::pin(async move {
            let Some(mut members) = self.members.clone() else { return std::future::pending().await };
            while members.changed().await.is_ok() {
                let names = members.borrow_and_update().names().len();
                self.log.info(None, &format!("{names} replicas share the Applications"));
                self.apps.ids().iter().for_each(|id| self.queue.add(id));
            }
        })
    }

    pub(super) fn poll(self: Arc<Self>) -> Task {
        Box::pin(async move {
            loop {
                for id in self.refs.poll().await {
                    self.queue.add(&id);
                }
            }
        })
    }

    pub(super) fn hear_of_clusters(self: Arc<Self>) -> Task {
        Box::pin(async move {
            let mut news = self.cluster_news.lock().await;
            while let Some(id) = news.recv().await {
                if self.apps.get(&id).is_some() {
                    self.queue.add_after(&id, SETTLE);
                }
            }
        })
    }

    pub(super) fn hear_of_webhooks(self: Arc<Self>) -> Task {
        Box::pin(async move {
            // While many repositories hang, events wait in the inbox, which has a limit and makes one of many.
            while let Ok(permit) = Arc::clone(&self.webhooks.looks).acquire_owned().await {
                let requests = loop {
                    let (event, trust) = self.webhooks.inbox.next().await;
                    let requests = self.concerned(&event, &trust);
                    if !requests.is_empty() {
                        break requests;
                    }
                };
                let this = Arc::clone(&self);
                // One repository that hangs holds up no other.
                tokio::spawn(async move {
                    let _permit = permit;
                    let tell = async {
                        if this.members.is_some() {
                            relay::tell(&this.cluster, &this.settings.namespace, &requests).await;
                        }
                    };
                    let look = async {
                        tokio::join!(tell, this.look_at_repositories(|request| requests.contains(request)));
                        Ok::<(), Infallible>(())
                    };
                    // It cannot fail.
                    let _ = trace::part_of(trace::caused_by(trace::WEBHOOK), "poll", Vec::new, Box::pin(look)).await;
                });
            }
        })
    }

    /// The requests of Applications that an event concerns.
    fn concerned(&self, event: &Event, trust: &Trust) -> BTreeSet<Request> {
        let concerned = self.webhooks.known.concerned(event, trust);
        let read = concerned.iter().filter_map(|id| compile::read(&self.apps.get(id)?.object()).ok());
        let of_sources = read.flat_map(|(application, _)| compile::requests(&application));
        of_sources
            .chain(self.refs.needed_by(&concerned))
            .filter(|request| event.concerns(&webhooks::source_of(request)))
            .collect()
    }

    /// Asks for those requests of ours that may be something else now.
    pub(super) async fn look_at_repositories(&self, is_meant: impl Fn(&Request) -> bool) {
        for id in self.refs.look_again(is_meant).await {
            trace::cause(|| Some(id.to_string()));
            self.queue.add_urgent(&id);
        }
    }

    /// What other replicas have heard by webhooks.
    pub(super) fn hear_of_news(self: Arc<Self>) -> Task {
        Box::pin(async move {
            if self.members.is_none() {
                return std::future::pending().await;
            }
            let watched = at_home(&self.settings.namespace, "configmaps", relay::CONFIG_MAP);
            let (told, mut heard) = mpsc::channel::<Relayed>(WAITING_NEWS);
            let mut seen = relay::Seen::default();
            let take = |event: Heard<'_, Json>| {
                let Ok(Some(config_map)) = event.map(only) else { return };
                for news in seen.take(&config_map, self.cluster.connection.server_time()) {
                    // Where there is no room, polling finds it.
                    let _ = told.try_send(news);
                }
            };
            let look = async {
                while let Some(news) = heard.recv().await {
                    let Ok(permit) = Arc::clone(&self.webhooks.looks).acquire_owned().await else { break };
                    let this = Arc::clone(&self);
                    tokio::spawn(async move {
                        let _permit = permit;
                        this.look_at_repositories(|request| news.is_of(request)).await;
                    });
                }
            };
            tokio::join!(self.follow_for_ever(&watched, take), look);
        })
    }

    /// The Secret of the providers' secrets.
    pub(super) fn watch_secret(self: Arc<Self>) -> Task {
        Box::pin(async move {
            let namespace = &self.settings.namespace;
            let watched = at_home(namespace, "secrets", webhooks::SECRET);
            // What it says; nothing where it cannot be read.
            let (told, mut heard) = watch::channel(None::<Option<Json>>);
            let take = |event: Heard<'_, Json>| drop(told.send_replace(event.ok().map(only)));
            let read = async {
                while heard.changed().await.is_ok() {
                    let Some(secret) = heard.borrow_and_update().clone() else {
                        self.webhooks.lose_secrets();
                        continue;
                    };
                    while let Err(why) = self.webhooks.set_secrets(&self.cluster, namespace, secret.as_ref()).await {
                        self.log.warn(None, &format!("webhooks of a provider are refused: {why}"));
                        tokio::time::sleep(WATCH_AGAIN).await;
                        if heard.has_changed().unwrap_or(true) {
                            heard.mark_changed();
                            break;
                        }
                    }
                }
            };
            tokio::join!(self.follow_for_ever(&watched, take), read);
        })
    }

    pub(super) fn watch_projects(self: Arc<Self>) -> Task {
        Box::pin(async move {
            let collection = format!("/apis/argoproj.io/v1alpha1/namespaces/{}/appprojects", self.settings.namespace);
            let watched = Watched { collection, selector: String::new(), fields: String::new() };
            let take = |event: Heard<'_, Json>| {
                let changed = match event {
                    Ok(event) => self.projects.take(event),
                    Err(failure) => self.projects.fail(failure),
                };
                let concerned = match changed {
                    Changed::All => self.apps.ids(),
                    Changed::Of(projects) => self.apps.of_projects(&projects),
                };
                for id in &concerned {
                    self.queue.add(id);
                }
            };
            // Who follows a kind waits a while until it is served. Applications need not.
            if let Err(failure) = self.cluster.list::<PartialObject>(&watched.collection, "").await
                && failure.is_not_found()
            {
                take(Err(&failure));
            }
            self.follow_for_ever(&watched, take).await;
        })
    }

    /// Follows what may not be there, or not be permitted yet: that is told, too, and tried again.
    pub(super) async fn follow_for_ever<T: Versioned>(&self, watched: &Watched, mut take: impl FnMut(Heard<'_, T>)) {
        let mut told = String::new();
        loop {
            let followed = self.follow(watched, |event| {
                told.clear();
                take(Ok(event));
            });
            if let Err(failure) = followed.await {
                let why = format!("{} cannot be watched: {failure}", watched.collection);
                if told != why {
                    self.log.warn(None, &why);
                    told = why;
                }
                take(Err(&failure));
            }
            // Somebody may serve it, or grant the right to read it, later.
            tokio::time::sleep(WATCH_AGAIN).await;
        }
    }

    /// Follows until that is refused.
    async fn follow<T: Versioned>(&self, watched: &Watched, mut take: impl FnMut(Followed<T>)) -> Result<(), Failure> {
        let (events, mut received) = mpsc::channel(64);
        let take = async {
            while let Some(event) = received.recv().await {
                take(event);
            }
        };
        tokio::select! {
            ended = self.cluster.follow(watched, &events) => ended,
            () = take => Ok(()),
        }
    }

    /// Whether Applications of a namespace are ours.
    pub(crate) fn is_watched(&self, namespace: &str) -> bool {
        let named = &self.settings.application_namespaces;
        named.is_empty() || namespace == self.settings.namespace || named.iter().any(|name| name == namespace)
    }

    pub(super) async fn watch_applications(&self) -> Result<(), Failure> {
        self.watch_applications_of(COLLECTION.to_owned()).await
    }

    /// Hears of Applications, all or those of a namespace, for readers, and does nothing about them.
    ///
    /// # Errors
    /// Where they cannot be watched.
    pub async fn observe(&self, namespace: Option<&str>) -> Result<(), Failure> {
        // Which other clusters there are only the controller that cares for them knows: this one is known.
        self.clusters.take(Followed::Listed(Vec::new())).await;
        let within = |namespace| COLLECTION.replace("/applications", &format!("/namespaces/{namespace}/applications"));
        self.watch_applications_of(namespace.map_or_else(|| COLLECTION.to_owned(), within)).await
    }

    async fn watch_applications_of(&self, collection: String) -> Result<(), Failure> {
        let watched = Watched { collection, selector: String::new(), fields: String::new() };
        let take = |event| match event {
            Followed::Listed(objects) => {
                let ids: BTreeSet<AppId> = objects.iter().map(AppId::of).collect();
                for object in objects {
                    self.take_application(object);
                }
                self.is_ready.store(true, Ordering::Relaxed);
                for gone in self.apps.ids().iter().filter(|id| !ids.contains(id)) {
                    self.forget(gone);
                }
            }
            Followed::Present(object) => self.take_application(object),
            Followed::Gone(object) => self.forget(&AppId::of(&object)),
        };
        self.follow::<Json>(&watched, take).await
    }

    fn take_application(&self, object: Json) {
        if self.is_watched(&AppId::of(&object).namespace) {
            // What is deleted is not synced any further.
            let is_ending = object["status"]["operationState"]["phase"] == "Terminating" || is_deleted(&object);
            let is_asked = object["operation"].is_object();
            let (id, is_news) = self.apps.put(object);
            if is_ending {
                self.apps.stop(&id);
            }
            match (is_news, is_asked) {
                // Somebody waits for an answer.
                (true, true) => self.queue.add_urgent(&id),
                (true, false) => self.queue.add(&id),
                (false, _) => {}
            }
        }
    }

    fn forget(&self, id: &AppId) {
        self.refs.forget(id);
        self.webhooks.forget(id);
        self.queue.forget(id);
        self.apps.remove(id);
        self.clusters.release(id);
        self.clusters.here.record_versions.forget_gone(id);
        self.metrics.forget(id);
    }

    /// The command line applies, too, and whoever else holds the lock.
    pub(super) async fn watch_records(&self) -> Result<(), Failure> {
        let fields = format!("type={HEAD_TYPE}");
        let watched = Watched { collection: "/api/v1/secrets".to_owned(), selector: String::new(), fields };
        let take = |event| {
            let versions = &self.clusters.here.record_versions;
            for id in versions.take(event) {
                if self.apps.get(&id).is_some() {
                    self.queue.add_after(&id, SETTLE);
                } else {
                    versions.forget_gone(&id);
                }
            }
        };
        self.follow::<PartialObject>(&watched, take).await
    }
}

/// One object of the controller's namespace.
pub(super) fn at_home(namespace: &str, plural: &str, name: &str) -> Watched {
    let collection = format!("/api/v1/namespaces/{namespace}/{plural}");
    Watched { collection, selector: String::new(), fields: format!("metadata.name={name}") }
}

/// What the one object that is watched is now, where there is one.
pub(super) fn only(event: Followed<Json>) -> Option<Json> {
    match event {
        Followed::Listed(all) => all.into_iter().next(),
        Followed::Present(one) => Some(one),
        Followed::Gone(_) => None,
    }
}
