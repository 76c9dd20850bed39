//! The tree of an Application as it changes, as Argo CD's clients follow it.
//!
//! In: who asks, an Application that they may get. Out: the tree, and again whenever it is another one. What workloads own is
//! watched with the token of whoever asks, so that it has what they may see, and nothing is asked again and again; in another cluster
//! as `sight` says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value as Json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::answer::{Answer, Refusal};
use super::caller::Caller;
use super::listener::{End, Listener};
use super::objects::{OWNED, namespaces, resources};
use super::roots::Roots;
use super::sight::Part;
use super::tree::{Owned, TreeJson};
use super::{Api, Begun};
use crate::application::AppId;
use crate::cluster::{Cluster, Followed, Kinds, Watched};
use crate::controller::catalog::Row;
use crate::controller::elsewhere::Elsewhere;

/// Changes that come within this are told together.
const SETTLE: Duration = Duration::from_millis(200);
/// So many objects of others are known to one stream.
const MOST_OWNED: usize = 20_000;

/// Where children are looked for: a kind, by its number, and a namespace.
type Place = (usize, String);

/// What a watch tells, or that it has ended: then nothing is seen of its place.
type Heard = (Place, Option<Followed<Json>>);

/// One stream.
struct Follower {
    listener: Listener,
    id: AppId,
    /// The cluster, asked by whose right that is.
    cluster: Cluster,
    /// What decides on what is shown of another one, and which kinds that has.
    there: Option<(Arc<Elsewhere>, Arc<Kinds>)>,
    roots: Roots,
    /// By kind, so that owners come before what they own; then by namespace and name.
    owned: BTreeMap<(usize, String, String), Owned>,
    /// Places of which nothing is known yet.
    unknown: BTreeSet<Place>,
    /// What was told last.
    told: String,
}

#[derive(Serialize)]
struct ResultShown<'a> {
    result: &'a TreeJson,
}

impl Api {
    /// `GET /api/v1/stream/applications/{name}/resource-tree`.
    pub(super) async fn watch_tree(
        self: &Arc<Self>,
        begun: &Begun,
        caller: &Caller,
        row: &Row,
    ) -> Result<Answer, Refusal> {
        let sight = self.sight(caller, row, Part::Tree).await?;
        let there = match sight.shared() {
            Some(there) => Some((there, self.kinds_of(&sight).await?)),
            None => None,
        };
        let (id, cluster) = (row.id.clone(), sight.cluster().clone());
        self.stream(begun, caller, Some(self.about(begun, row, sight.shared())), |listener| {
            let (owned, unknown, told) = (BTreeMap::new(), BTreeSet::new(), String::new());
            Follower { listener, id, cluster, there, roots: Roots::default(), owned, unknown, told }.run()
        })
    }
}

impl Follower {
    async fn run(mut self) -> Result<(), End> {
        loop {
            let row = self.row()?;
            let namespaces = namespaces(&resources(&row));
            self.follow(&namespaces).await?;
        }
    }

    /// Follows it until its resources are in other namespaces.
    async fn follow(&mut self, namespaces: &BTreeSet<String>) -> Result<(), End> {
        let api = Arc::clone(&self.listener.api);
        let mut news = api.controller.apps.catalog.subscribe();
        let (tell, mut heard) = mpsc::channel::<Heard>(64);
        let mut watches = JoinSet::new();
        self.owned.clear();
        self.unknown = (0..OWNED.len()).flat_map(|kind| namespaces.iter().map(move |it| (kind, it.clone()))).collect();
        for place in &self.unknown {
            watches.spawn(watch(self.cluster.clone(), place.clone(), tell.clone()));
        }
        loop {
            let row = self.row()?;
            let resources = resources(&row);
            if super::objects::namespaces(&resources) != *namespaces {
                return Ok(());
            }
            if self.unknown.is_empty() {
                let tree = if let Some((there, kinds)) = &self.there {
                    self.roots.learn(there, kinds, &resources, self.owned.values()).await;
                    self.roots.tree(there, &resources, self.owned.values())
                } else {
                    let person = Arc::clone(&self.listener.person);
                    let gettable = api.gettable_of(&person, &row, &resources).await.map_err(|_| End::Over)?;
                    api.tree(&resources, &gettable, self.owned.values())
                };
                self.tell(&tree).await?;
            }
            let something = async {
                tokio::select! {
                    heard = heard.recv() => Ok(heard),
                    changed = news.changed() => changed.map(|()| None),
                }
            };
            if let Some(event) = self.listener.until(something).await?.map_err(|_| End::Over)? {
                self.take(event).await;
            }
            if self.unknown.is_empty() {
                self.listener.until(tokio::time::sleep(SETTLE)).await?;
            }
            while let Ok(event) = heard.try_recv() {
                self.take(event).await;
            }
        }
    }

    fn row(&self) -> Result<Arc<Row>, End> {
        self.listener.api.controller.apps.catalog.get(&self.id).ok_or(End::Over)
    }

    async fn tell(&mut self, tree: &TreeJson) -> Result<(), End> {
        let text = serde_json::to_string(tree).unwrap_or_default();
        if text != self.told {
            self.listener.send(self.listener.form.part(&ResultShown { result: tree }, "")).await?;
            self.told = text;
        }
        Ok(())
    }

    async fn take(&mut self, (place, event): Heard) {
        match event {
            Some(Followed::Listed(objects)) => {
                self.forget(&place);
                for object in objects {
                    self.put(place.0, object).await;
                }
            }
            Some(Followed::Present(object)) => self.put(place.0, object).await,
            Some(Followed::Gone(object)) => {
                let (namespace, name) = Owned::place(&object);
                self.owned.remove(&(place.0, namespace, name));
            }
            None => self.forget(&place),
        }
        self.unknown.remove(&place);
    }

    fn forget(&mut self, (kind, namespace): &Place) {
        self.owned.retain(|(of, at, _), _| (of, at) != (kind, namespace));
    }

    async fn put(&mut self, kind: usize, object: Json) {
        let (namespace, name) = Owned::place(&object);
        let (key, api) = ((kind, namespace, name), Arc::clone(&self.listener.api));
        let owned = match OWNED.get(kind) {
            Some(kind) => api.owned(kind, object).await,
            None => None,
        };
        match owned {
            Some(owned) if self.owned.len() < MOST_OWNED || self.owned.contains_key(&key) => {
                self.owned.insert(key, owned);
            }
            _ => drop(self.owned.remove(&key)),
        }
    }
}

/// Watches a kind in a namespace for as long as it may, and somebody listens.
async fn watch(theirs: Cluster, place: Place, tell: mpsc::Sender<Heard>) {
    let Some(kind) = OWNED.get(place.0) else { return };
    let watched = Watched { collection: kind.collection(&place.1), selector: String::new(), fields: String::new() };
    let (events, mut received) = mpsc::channel::<Followed<Json>>(16);
    let pass_on = async {
        while let Some(event) = received.recv().await {
            if tell.send((place.clone(), Some(event))).await.is_err() {
                return;
            }
        }
    };
    let follow = async {
        // Following asks for a while for what is refused; whoever may not list it waits for nothing.
        let first = theirs.get(&format!("{}?limit=1", watched.collection)).await;
        if !first.is_err_and(|failure| failure.is_forbidden()) {
            let _ = theirs.follow(&watched, &events).await;
        }
    };
    tokio::select! {
        () = follow => {}
        () = pass_on => {}
    }
    let _ = tell.send((place, None)).await;
}
