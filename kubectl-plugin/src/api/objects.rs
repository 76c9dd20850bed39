//! Objects of an Application: what Git says of them, what the cluster has, what they own.
//!
//! In: who asks, an Application that they may get, a query. Out: bodies, with the values of Secrets masked. What the cluster has
//! is asked for with their token, or as `sight` says; what Git says of an object is told to those who may get all objects of its kind where it
//! goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gitops_compiler::name::ResourceKey;
use serde_json::Value as Json;
use tokio::time::Instant;

use super::Api;
use super::answer::{Answer, Refusal};
use super::asked::Query;
use super::caller::Caller;
use super::limits::MOST_BYTES;
use super::managed::is_asked_for;
use super::mask::masked;
use super::preview::not_now;
use super::roots::Roots;
use super::routes;
use super::shapes::{ManifestJson, ManifestsJson};
use super::sight::Part;
use super::tree::{Owned, Parents, TreeJson, tree};
use crate::access::Person;
use crate::application::ResourceState;
use crate::cluster::{Cluster, Failure, Kinds};
use crate::controller::catalog::Row;
use crate::controller::elsewhere::Elsewhere;

/// For so long it is believed which kinds the cluster has.
const KINDS_LAST: Duration = Duration::from_mins(1);
/// Children are looked for in so many namespaces.
const MOST_NAMESPACES: usize = 20;
/// The kinds of what workloads own, owners before what they own.
pub(super) static OWNED: [OwnedKind; 2] = [
    OwnedKind { version: "apps/v1", kind: "ReplicaSet", plural: "replicasets" },
    OwnedKind { version: "v1", kind: "Pod", plural: "pods" },
];

/// A kind of what workloads own.
pub(super) struct OwnedKind {
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
}

impl OwnedKind {
    /// The path of its objects in a namespace.
    pub(super) fn collection(&self, namespace: &str) -> String {
        let root = if self.version.contains('/') { "/apis/" } else { "/api/" };
        format!("{root}{}/namespaces/{namespace}/{}", self.version, self.plural)
    }
}

/// Which kinds clusters have, as they said last: by address, and none where the controller runs.
#[derive(Default)]
pub(super) struct KnownKinds(Mutex<BTreeMap<String, Arc<KindsOfOne>>>);

type KindsOfOne = tokio::sync::Mutex<Option<(Instant, Arc<Kinds>)>>;

impl KnownKinds {
    async fn get(&self, server: &str, cluster: &Cluster) -> Result<Arc<Kinds>, Failure> {
        // One that hangs is waited for by those alone who ask about it.
        let of_one = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(server.to_owned()).or_default())
        };
        let mut known = of_one.lock().await;
        if let Some((asked, kinds)) = known.as_ref()
            && asked.elapsed() < KINDS_LAST
        {
            return Ok(Arc::clone(kinds));
        }
        let kinds = Arc::new(cluster.discover().await?);
        *known = Some((Instant::now(), Arc::clone(&kinds)));
        Ok(kinds)
    }
}

impl Api {
    pub(super) async fn kinds(&self) -> Result<Arc<Kinds>, Refusal> {
        let known = self.kinds.get("", &self.controller.cluster).await;
        known.map_err(|_| Refusal::away("the cluster does not say which kinds it has"))
    }

    /// The same of another cluster.
    pub(super) async fn kinds_there(&self, there: &Elsewhere) -> Result<Arc<Kinds>, Refusal> {
        let known = self.kinds.get(&there.place.secret.server, &there.place.cluster.cluster).await;
        known.map_err(|_| Refusal::away("the cluster of the Application does not say which kinds it has"))
    }

    /// `GET …/resource`.
    pub(super) async fn resource(&self, caller: &Caller, row: &Row, query: &Query) -> Result<Answer, Refusal> {
        let wrong = || Refusal::invalid("kind and resourceName are missing");
        let (kind, name) = query.one("kind").zip(query.one("resourceName")).ok_or_else(wrong)?;
        let (group, namespace) = (query.one("group").unwrap_or_default(), query.one("namespace").unwrap_or_default());
        let not_found = || Refusal::not_found("the object");
        if !namespace.is_empty() && routes::name(namespace).is_none() {
            return Err(not_found());
        }
        let sight = self.sight(caller, row, Part::Resource).await?;
        let kinds = self.kinds_of(&sight).await?;
        let version = query
            .one("version")
            .map(|version| if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") });
        let served = || kinds.served_version(group, kind).map(|(version, _)| version.to_owned());
        let version = version.or_else(served).ok_or_else(not_found)?;
        let path = kinds.path(&version, &ResourceKey::new(group, kind, namespace, name)).ok_or_else(not_found)?;
        let is_secret = group.is_empty() && kind == "Secret";
        let found = sight.cluster().get(&path).await;
        let found = found.map_err(|failure| sight.refusal(&failure, "the object", is_secret))?;
        if !sight.shows(&kinds, &found).await? {
            return Err(not_found());
        }
        Ok(Answer::json(&ManifestJson { manifest: masked(found).to_string() }))
    }

    /// `GET …/manifests`.
    pub(super) async fn manifests(&self, caller: &Caller, row: &Row, query: &Query) -> Result<Answer, Refusal> {
        self.sight(caller, row, Part::Resource).await?;
        let graph = self.controller.said_by_git(&row.id, &row.object()).await.map_err(|error| not_now(&error))?;
        let mut gettable = self.gettable(&caller.person, row).await?;
        let _turn = self.sides.acquire().await.map_err(|_| Refusal::broken())?;
        let (mut manifests, mut bytes) = (Vec::new(), 0);
        for resource in graph.ordered() {
            let is_meant = gettable.bound(&resource.key).is_some_and(|key| is_asked_for(&key, query));
            if is_meant && gettable.has(&resource.key).await? {
                let body = serde_json::to_value(&*resource.body).map_err(|_| Refusal::broken())?;
                let text = masked(body).to_string();
                bytes += text.len();
                if bytes > MOST_BYTES {
                    return Err(Refusal::too_large(MOST_BYTES));
                }
                manifests.push(text);
            }
        }
        let object = row.object();
        let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned();
        Ok(Answer::json(&ManifestsJson {
            manifests,
            namespace: text("/spec/destination/namespace"),
            server: text("/spec/destination/server"),
            revision: text("/status/sync/revision"),
            source_type: text("/status/sourceType"),
        }))
    }

    /// `GET …/resource-tree`.
    pub(super) async fn resource_tree(&self, caller: &Caller, row: &Row) -> Result<Answer, Refusal> {
        let resources = resources(row);
        let sight = self.sight(caller, row, Part::Tree).await?;
        let mut owned = Vec::new();
        for namespace in namespaces(&resources) {
            for kind in &OWNED {
                let objects = match sight.cluster().list::<Json>(&kind.collection(&namespace), "").await {
                    Ok(objects) => objects,
                    // What they may not list they do not see.
                    Err(failure) if failure.is_forbidden() || failure.is_not_found() => continue,
                    Err(failure) => return Err(sight.refusal(&failure, "the namespace", false)),
                };
                for object in objects {
                    owned.extend(self.owned(kind, object).await);
                }
            }
        }
        if let Some(there) = sight.there() {
            let kinds = self.kinds_there(there).await?;
            let mut roots = Roots::default();
            roots.learn(there, &kinds, &resources, owned.iter()).await;
            return Ok(Answer::json(&roots.tree(there, &resources, owned.iter())));
        }
        let gettable = self.gettable_of(&caller.person, row, &resources).await?;
        Ok(Answer::json(&self.tree(&resources, &gettable, owned.iter())))
    }

    /// An object of such a kind, where another owns it.
    pub(super) async fn owned(&self, kind: &OwnedKind, mut object: Json) -> Option<Owned> {
        object["metadata"]["ownerReferences"].as_array()?;
        // Items of lists come without.
        object["apiVersion"] = kind.version.into();
        object["kind"] = kind.kind.into();
        let (object, health) = self.controller.clusters.here.ground.rules.assess_aside(object).await;
        Some(Owned::of(&object, health))
    }

    /// The tree of these, and of what others own. What the controller has seen is told of those alone that may be got.
    pub(super) fn tree<'a>(
        &self,
        resources: &[ResourceState],
        gettable: &BTreeSet<ResourceKey>,
        owned: impl Iterator<Item = &'a Owned>,
    ) -> TreeJson {
        let seen = |key: &ResourceKey| self.controller.clusters.here.live.object(key).map(|live| live.sighting);
        let live = |key: &ResourceKey| seen(key).filter(|_| gettable.contains(key));
        tree(resources, &live, Parents::ByName, owned)
    }

    /// Which of these somebody may get. Of those that nobody could ask about they may not.
    pub(super) async fn gettable_of(
        &self,
        person: &Person,
        row: &Row,
        resources: &[ResourceState],
    ) -> Result<BTreeSet<ResourceKey>, Refusal> {
        let mut gettable = self.gettable(person, row).await?;
        let mut keys = BTreeSet::new();
        for ResourceState { group, kind, namespace, name, .. } in resources {
            let key = ResourceKey::new(group, kind, namespace, name);
            if gettable.can_ask() && gettable.has(&key).await? {
                keys.insert(key);
            }
        }
        Ok(keys)
    }
}

/// The resources of an Application, as its status has them; hooks are none.
pub(super) fn resources(row: &Row) -> Vec<ResourceState> {
    row.status().resources.into_iter().filter(|resource| !resource.hook).collect()
}

/// The namespaces in which children of these are looked for.
pub(super) fn namespaces(resources: &[ResourceState]) -> BTreeSet<String> {
    let namespaces: BTreeSet<&str> = resources.iter().map(|it| it.namespace.as_str()).collect();
    namespaces.into_iter().filter_map(routes::name).take(MOST_NAMESPACES).map(str::to_owned).collect()
}
