//! What a controller hears of, for as long as it lives: Applications, records, projects, Secrets, objects, webhooks, replicas.
//!
//! In: watches and channels. Out: Applications in the queue. Each of these goes on until the process ends; what cannot be
//! watched is tried again, but for Applications and records, without which there is nothing to do.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use gitops_compiler::lock::Request;
use serde_json::Value as Json;
use tokio::sync::mpsc;

use crate::application::{AppId, COLLECTION};
use crate::cluster::{Failure, Followed, PartialObject, Watched};
use crate::record::persist::HEAD_TYPE;

use super::{Controller, SETTLE, WATCH_AGAIN, compile, news, webhooks};

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

    pub(super) fn hear_of_objects(self: Arc<Self>) -> Task {
        Box::pin(async move {
            let mut changed = self.changed_sets.lock().await;
            while let Some(set) = changed.recv().await {
                if let Some(id) = self.apps.of_set(&set) {
                    self.queue.add_after(&id, SETTLE);
                }
            }
        })
    }

    pub(super) fn hear_of_webhooks(self: Arc<Self>) -> Task {
        Box::pin(async move {
            loop {
                let (event, trust) = self.webhooks.inbox.next().await;
                let concerned = self.webhooks.known.concerned(&event, &trust);
                let requests: BTreeSet<Request> = concerned
                    .iter()
                    .map(|key| AppId { namespace: key.namespace.to_string(), name: key.name.to_string() })
                    .filter_map(|id| compile::read(&self.apps.get(&id)?.object).ok())
                    .flat_map(|(application, _)| compile::requests(&application))
                    .filter(|request| event.concerns(&webhooks::source_of(request)))
                    .collect();
                if requests.is_empty() {
                    continue;
                }
                let this = Arc::clone(&self);
                // One repository that hangs holds up no other.
                tokio::spawn(async move {
                    let tell = async {
                        if this.members.is_some() {
                            news::tell(&this.cluster, &this.settings.namespace, &requests).await;
                        }
                    };
                    tokio::join!(tell, this.look_at_repositories(|request| requests.contains(request)));
                });
            }
        })
    }

    /// Asks for those requests of ours that may be something else now.
    async fn look_at_repositories(&self, is_meant: impl Fn(&Request) -> bool) {
        for id in self.refs.look_again(is_meant).await {
            self.queue.add_urgent(&id);
        }
    }

    /// What other replicas have heard by webhooks.
    pub(super) fn hear_of_news(self: Arc<Self>) -> Task {
        Box::pin(async move {
            if self.members.is_none() {
                return std::future::pending().await;
            }
            let namespace = &self.settings.namespace;
            let collection = format!("/api/v1/namespaces/{namespace}/configmaps");
            let fields = format!("metadata.name={}", news::CONFIG_MAP);
            let watched = Watched { collection, selector: String::new(), fields };
            let mut last = Some(self.cluster.connection.server_time());
            loop {
                let (events, mut received) = mpsc::channel::<Followed<Json>>(4);
                let take = async {
                    while let Some(event) = received.recv().await {
                        let told = match &event {
                            Followed::Listed(all) => all.first(),
                            Followed::Present(one) => Some(one),
                            Followed::Gone(_) => None,
                        };
                        let Some(told) = told else { continue };
                        let (news, newest) = news::since(told, last);
                        last = newest;
                        for one in news {
                            self.look_at_repositories(|request| one.is_of(request)).await;
                        }
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

    /// The Secret of the providers' secrets.
    pub(super) fn watch_secret(self: Arc<Self>) -> Task {
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

    pub(super) fn watch_projects(self: Arc<Self>) -> Task {
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

    pub(super) async fn watch_applications(&self) -> Result<(), Failure> {
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
            let is_ending = object["status"]["operationState"]["phase"] == "Terminating";
            let (id, is_news) = self.apps.put(object);
            if is_ending {
                self.apps.stop(&id);
            }
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
    pub(super) async fn watch_records(&self) -> Result<(), Failure> {
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
