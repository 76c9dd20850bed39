//! What is in the cluster, of all applications: one watch for each kind, shared.
//!
//! In: kinds that some application has. Out: sightings of all objects that carry the label of any of our applications, how
//! they do, and a word whenever something of an application has changed. Whole objects are watched of kinds whose health is
//! more than being there, and judged on the way; of all others metadata only. Neither is kept: a [`Sighting`] and a
//! [`Health`] are.
//!
//! A kind that cannot be watched (no right to, not served any more) is not known here: whoever needs it asks by requests.
//! Where only some namespaces may be looked at, a kind has a watch in each of them.

mod objects;
mod seen;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use gitops_compiler::name::ResourceKey;
use serde_json::Value as Json;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::apply::observe::{Sighting, Sightings};
use crate::cluster::{Cluster, Followed, Kinds, PART_OF, PartialObject, Served, Watched, collection};
use crate::health::{Health, Rules};

use objects::Objects;
use seen::{Of, Seen};

/// An object, as it was seen last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveObject {
    /// What planning needs of it.
    pub sighting: Sighting,
    /// How it does; nothing where there is no more to know than that it is there.
    pub health: Option<Health>,
    /// Whether its health is none of its application's.
    pub is_ignored: bool,
}

/// A kind, by group and name.
type Kind = (String, String);

/// All watches.
pub struct Live {
    cluster: Cluster,
    /// The rules of all objects whose ApplySet has none of its own.
    rules: Rules,
    /// The rules of ApplySets that have their own.
    own_rules: RwLock<BTreeMap<String, Rules>>,
    /// The only namespaces that are looked at, and whether objects without a namespace are; everything where absent.
    only: Option<(Vec<String>, bool)>,
    kinds: RwLock<BTreeMap<Kind, WatchedKind>>,
    /// ApplySets of which something has changed.
    changed: mpsc::UnboundedSender<String>,
}

struct WatchedKind {
    objects: Objects,
    state: watch::Receiver<State>,
    task: AbortHandle,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The first list is on the way.
    Starting,
    /// All is known.
    Known,
    /// It cannot be watched.
    Unwatchable,
}

impl Drop for WatchedKind {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Live {
    /// No watch yet.
    #[must_use]
    pub fn new(
        cluster: Cluster,
        rules: Rules,
        only: Option<(Vec<String>, bool)>,
        changed: mpsc::UnboundedSender<String>,
    ) -> Arc<Self> {
        let (own_rules, kinds) = (RwLock::default(), RwLock::default());
        Arc::new(Self { cluster, rules, own_rules, only, kinds, changed })
    }

    /// Ends all watches. What is asked for afterwards is watched again.
    pub fn end(&self) {
        self.write().clear();
    }

    /// Says by which rules the objects of an ApplySet are judged from now on. Where that changes anything the watches of the
    /// kinds that it concerns begin anew: objects are not kept.
    pub fn set_rules(&self, set: &str, rules: &Rules) {
        let before = self.rules_of(Some(set));
        if before.are(rules) {
            return;
        }
        {
            let mut own = self.own_rules.write().unwrap_or_else(PoisonError::into_inner);
            if rules.are(&self.rules) { drop(own.remove(set)) } else { drop(own.insert(set.to_owned(), rules.clone())) }
        }
        let concerns = |(group, kind): &Kind| before.has_check(group, kind) || rules.has_check(group, kind);
        self.write().retain(|kind, _| !concerns(kind));
    }

    /// Forgets the rules of an ApplySet.
    pub fn forget_rules(&self, set: &str) {
        self.own_rules.write().unwrap_or_else(PoisonError::into_inner).remove(set);
    }

    /// The rules of objects that carry this label.
    fn rules_of(&self, set: Option<&str>) -> Rules {
        let own = self.own_rules.read().unwrap_or_else(PoisonError::into_inner);
        set.and_then(|set| own.get(set)).unwrap_or(&self.rules).clone()
    }

    /// Whether there is more to know of a kind than that its objects are there, for anybody.
    fn is_assessed(&self, group: &str, kind: &str) -> bool {
        let own = self.own_rules.read().unwrap_or_else(PoisonError::into_inner);
        self.rules.is_assessed(group, kind) || own.values().any(|rules| rules.has_check(group, kind))
    }

    /// Watches these kinds, and waits until all of their objects are known, or cannot be.
    pub async fn watch(self: &Arc<Self>, kinds: &Kinds, wanted: impl Iterator<Item = (&str, &str)>) {
        let mut waits = Vec::new();
        for (group, kind) in wanted.collect::<BTreeSet<_>>() {
            let name = (group.to_owned(), kind.to_owned());
            if let Some(known) = self.read().get(&name) {
                waits.push(known.state.clone());
                continue;
            }
            let Some((api_version, served)) = kinds.served_version(group, kind) else { continue };
            let places = self.places(api_version, served);
            if places.is_empty() {
                continue;
            }
            let mut all = self.write();
            // Another may have been faster.
            let watched = all.entry(name.clone()).or_insert_with(|| self.begin(name, api_version.to_owned(), places));
            waits.push(watched.state.clone());
        }
        for mut state in waits {
            // The sender goes with its kind.
            let _ = state.wait_for(|state| *state != State::Starting).await;
        }
    }

    /// Where a kind is watched: paths of collections, with the namespace that each is of.
    fn places(&self, api_version: &str, served: &Served) -> Vec<Place> {
        let place = |namespace: Option<&str>| Place {
            collection: collection(api_version, served, namespace),
            namespace: namespace.map(str::to_owned),
        };
        match &self.only {
            Some((namespaces, _)) if served.namespaced => {
                namespaces.iter().map(|namespace| place(Some(namespace))).collect()
            }
            Some((_, false)) => Vec::new(),
            _ => vec![place(None)],
        }
    }

    fn begin(self: &Arc<Self>, name: Kind, api_version: String, places: Vec<Place>) -> WatchedKind {
        let (told, state) = watch::channel(State::Starting);
        let this = Arc::clone(self);
        let task = tokio::spawn(async move {
            let of = Of { group: name.0, kind: name.1, api_version };
            let first = First { left: AtomicUsize::new(places.len()), told };
            let is_assessed = this.is_assessed(&of.group, &of.kind);
            let follow = |place| {
                let (this, of, first) = (&this, &of, &first);
                async move {
                    if is_assessed {
                        this.follow::<Json>(place, of, first).await;
                    } else {
                        this.follow::<PartialObject>(place, of, first).await;
                    }
                }
            };
            // Where one of them ends the kind is not known as a whole.
            futures::future::select_all(places.iter().map(|place| Box::pin(follow(place)))).await;
            // It is asked for again when somebody needs it.
            let _ = first.told.send(State::Unwatchable);
            // Unless another watch is in its place by now.
            let own = first.told.subscribe();
            this.write().retain(|_, watched| !watched.state.same_channel(&own));
        });
        WatchedKind { objects: Objects::default(), state, task: task.abort_handle() }
    }

    async fn follow<T: Seen>(self: &Arc<Self>, place: &Place, of: &Of, first: &First) {
        let (events, mut received) = mpsc::channel::<Followed<T>>(256);
        let collection = place.collection.clone();
        let watched = Watched { collection, selector: PART_OF.to_owned(), fields: String::new() };
        let mut is_first = true;
        let take = async {
            while let Some(event) = received.recv().await {
                match event {
                    Followed::Listed(objects) => {
                        let mut all = BTreeMap::new();
                        for object in objects {
                            all.extend(object.seen(self, of).await);
                        }
                        self.take_all(of, place.namespace.as_deref(), all);
                        if std::mem::take(&mut is_first) {
                            first.is_listed();
                        }
                    }
                    Followed::Present(object) => {
                        if let Some((key, object)) = object.seen(self, of).await {
                            self.take(of, key, Some(object));
                        }
                    }
                    Followed::Gone(object) => {
                        if let Some((key, _)) = object.seen(self, of).await {
                            self.take(of, key, None);
                        }
                    }
                }
            }
        };
        tokio::select! {
            _ = self.cluster.follow(&watched, &events) => {}
            () = take => {}
        }
    }

    /// All objects of a kind, or those of a namespace: what is not among them is gone.
    fn take_all(&self, of: &Of, namespace: Option<&str>, all: BTreeMap<ResourceKey, LiveObject>) {
        let is_there = |key: &&ResourceKey| namespace.is_none() || key.scope.namespace() == namespace;
        let before: Vec<ResourceKey> = {
            let kinds = self.read();
            let known = kinds.get(&(of.group.clone(), of.kind.clone()));
            known.into_iter().flat_map(|known| known.objects.sets.keys().filter(is_there).cloned()).collect()
        };
        for key in before.into_iter().filter(|key| !all.contains_key(key)) {
            self.take(of, key, None);
        }
        for (key, object) in all {
            self.take(of, key, Some(object));
        }
    }

    fn take(&self, of: &Of, key: ResourceKey, object: Option<LiveObject>) {
        let changed = {
            let mut kinds = self.write();
            let Some(known) = kinds.get_mut(&(of.group.clone(), of.kind.clone())) else { return };
            known.objects.put(key, object)
        };
        for set in changed {
            // Nobody listens any more when the process ends.
            let _ = self.changed.send(set);
        }
    }

    /// An object, as it was seen last.
    #[must_use]
    pub fn object(&self, key: &ResourceKey) -> Option<LiveObject> {
        let kinds = self.read();
        let objects = &kinds.get(&(key.group.clone(), key.kind.clone()))?.objects;
        objects.by_set.get(objects.sets.get(key)?)?.get(key).cloned()
    }

    /// How many objects are known, for metrics.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let kinds = self.read();
        (kinds.len(), kinds.values().map(|kind| kind.objects.sets.len()).sum())
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<Kind, WatchedKind>> {
        // Each change is whole before the next begins.
        self.kinds.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<Kind, WatchedKind>> {
        self.kinds.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sightings for Live {
    fn of_kind(&self, group: &str, kind: &str, apply_set: &str) -> Option<Vec<(ResourceKey, Sighting)>> {
        let kinds = self.read();
        let known = kinds.get(&(group.to_owned(), kind.to_owned()))?;
        if *known.state.borrow() != State::Known {
            return None;
        }
        let objects = known.objects.by_set.get(apply_set).into_iter().flatten();
        Some(objects.map(|(key, object)| (key.clone(), object.sighting.clone())).collect())
    }
}

/// Where a kind is watched.
struct Place {
    collection: String,
    /// All where absent.
    namespace: Option<String>,
}

/// Says when the first list of each place is there.
struct First {
    left: AtomicUsize,
    told: watch::Sender<State>,
}

impl First {
    fn is_listed(&self) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            let _ = self.told.send(State::Known);
        }
    }
}
