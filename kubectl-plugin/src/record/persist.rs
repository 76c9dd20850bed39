//! Reading and writing heads, and what their chunks hold: graphs and inventories.
//!
//! In: heads, graphs, inventories. Out: Secrets, and what they hold. Nothing is overwritten but the head that was read.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::manifest::Propagation;
use gitops_compiler::name::{AppName, ResourceKey};
use gitops_compiler::store::Store;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use crate::cluster::{Cluster, Deleted, Failure, PartialObject};

use super::head::{FORMAT, Layer, ReleaseOrigin, SecretBodies, StoredGraph, StoredKeys};
use super::pack::{self, PackError, Packed};
use super::{Head, InventoryEntry, apply_set};

/// The type of the Secret that a head is.
pub const HEAD_TYPE: &str = "kubectl-gitops/head.v1";

/// Largest head, as JSON: a Secret may have 1 MiB, and the rest of it is small.
const MAX_HEAD_BYTES: usize = 1_000_000;

/// So many keys are written into the head itself.
const INLINE_KEYS: usize = 500;

/// Label of heads and chunks: the target that they belong to.
pub const TARGET_LABEL: &str = "kubectl-gitops/target";

/// A graph is stored whole again after this many differences, so that reading one never takes many requests.
const MAX_LAYERS: usize = 8;

/// Why a record cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The server did not do it.
    #[error("{doing}")]
    Request {
        /// What was tried.
        doing: String,
        /// Why not.
        #[source]
        failure: Failure,
    },
    /// Somebody else changed the head in the meantime.
    #[error("another run changed the record of this application in the meantime; nothing was lost, run again")]
    Moved,
    /// There is no record where one is needed.
    #[error("no application {application} is recorded in the namespace {namespace}")]
    NotRecorded {
        /// The application.
        application: AppName,
        /// Where its record was looked for.
        namespace: String,
        /// Where there is one of this name.
        elsewhere: Vec<String>,
    },
    /// The record is that of another Application, which a controller applies from another cluster.
    #[error("the record of {application} in the namespace {namespace} is that of another Application: {keeper}")]
    OfAnother {
        /// The application.
        application: AppName,
        /// Where the record is.
        namespace: String,
        /// Whose it is.
        keeper: String,
    },
    /// A head of a version that this program does not know, or no head at all.
    #[error("the Secret {namespace}/{name} is not a record of this version of kubectl-gitops")]
    Format {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// A chunk is gone or damaged.
    #[error("the Secret {namespace}/{name}, a part of the record, is missing or damaged")]
    Chunk {
        /// Where it should be.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// The head would not fit into a Secret.
    #[error("the record's head would have {bytes} bytes; a Secret holds {MAX_HEAD_BYTES}")]
    HeadTooLarge {
        /// Its size as JSON.
        bytes: usize,
    },
    /// The chunks are there and hold something else.
    #[error(transparent)]
    Pack(#[from] PackError),
}

/// A head as it was read.
#[derive(Debug, Clone)]
pub struct Found {
    /// The head.
    pub head: Head,
    uid: String,
    resource_version: String,
    /// Kinds and namespaces of the ApplySet, as its annotations have them.
    contents: (String, String),
}

impl Found {
    /// Its version: a later one is larger, as of all objects of Kubernetes.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.resource_version.parse().unwrap_or_default()
    }
}

/// Where records are kept.
#[derive(Clone)]
pub struct Records {
    /// The cluster.
    pub cluster: Cluster,
    /// The namespace of heads and of most chunks.
    pub namespace: String,
    /// Chunks that were seen before.
    pub store: Option<Store>,
    /// Whose records these are, where that is an Application of another cluster ([`Head::keeper`]); those of whoever asks where
    /// absent.
    pub keeper: Option<String>,
    /// A graph that whoever asks has in memory, as the record has one as a rule; then it is there once.
    pub at_hand: Option<Arc<ResourceGraph>>,
}

impl Records {
    /// Reads a head; `None` where the application was never applied.
    pub async fn load(&self, application: &AppName) -> Result<Option<Found>, RecordError> {
        let name = head_name(application);
        match self.cluster.get(&path(&self.namespace, &name)).await {
            Ok(secret) => self.found(secret, &name).and_then(|found| self.ours(found)).map(Some),
            Err(failure) if failure.is_not_found() => Ok(None),
            Err(failure) => Err(request(format!("cannot read the record of {application}"), failure)),
        }
    }

    /// A head, unless it is that of another Application: two that shared one would delete each other's objects.
    fn ours(&self, found: Found) -> Result<Found, RecordError> {
        match (&self.keeper, &found.head.keeper) {
            (Some(ours), Some(keeper)) if ours != keeper => Err(RecordError::OfAnother {
                application: found.head.application.clone(),
                namespace: self.namespace.clone(),
                keeper: keeper.clone(),
            }),
            _ => Ok(found),
        }
    }

    /// Other namespaces that have a record of an application, where we may see that; for messages.
    pub async fn elsewhere(&self, application: &AppName) -> Vec<String> {
        let query = format!("&fieldSelector=type={HEAD_TYPE},metadata.name={}", head_name(application));
        let heads = self.cluster.list_matching::<PartialObject>("/api/v1/secrets", &query).await.unwrap_or_default();
        heads.into_iter().map(|head| head.metadata.namespace).filter(|name| *name != self.namespace).collect()
    }

    /// What time it is by the clock that all who use these records share.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.cluster.connection.server_time()
    }

    /// Reads the head of an application that must have been applied before.
    pub async fn load_recorded(&self, application: &AppName) -> Result<Found, RecordError> {
        match self.load(application).await? {
            Some(found) => Ok(found),
            None => Err(self.not_recorded(application).await),
        }
    }

    /// There is no record where one is needed, and where there is one of this name.
    pub async fn not_recorded(&self, application: &AppName) -> RecordError {
        let elsewhere = Box::pin(self.elsewhere(application)).await;
        let (application, namespace) = (application.clone(), self.namespace.clone());
        RecordError::NotRecorded { application, namespace, elsewhere }
    }

    /// Writes the first head; fails where there is one. `members` are the keys that the ApplySet may hold.
    pub async fn create(&self, head: Head, members: &[&ResourceKey]) -> Result<Found, RecordError> {
        let name = head_name(&head.application);
        let secret = self.head_secret(&head, None, Some(members))?;
        let failure = match self.cluster.create(&secrets(&self.namespace), &secret).await {
            Ok(secret) => return self.found(secret, &name),
            Err(failure) => failure,
        };
        if let Some(found) = self.written_all_the_same(&head, &failure).await {
            return Ok(found);
        }
        if failure.is_already_exists() {
            return Err(RecordError::Moved);
        }
        Err(request(format!("cannot write the record to the namespace {}", self.namespace), failure))
    }

    /// Writes a head under another name, with what the head `found` says of its members; fails where there is one.
    pub async fn create_as(&self, found: &Found, mut head: Head) -> Result<Found, RecordError> {
        // It is that of an Application of another name now, which takes it when it comes.
        head.keeper.clone_from(&self.keeper);
        let name = head_name(&head.application);
        let mut secret = self.head_secret(&head, Some(found), None)?;
        if let Some(metadata) = secret["metadata"].as_object_mut() {
            metadata.remove("uid");
            metadata.remove("resourceVersion");
        }
        match self.cluster.create(&secrets(&self.namespace), &secret).await {
            Ok(secret) => self.found(secret, &name),
            Err(failure) if failure.is_already_exists() => Err(RecordError::Moved),
            Err(failure) => Err(request(format!("cannot write the record of {}", head.application), failure)),
        }
    }

    /// Replaces the head `found`, and no other. `members` are the keys that the ApplySet may hold from now on; as
    /// before where absent.
    pub async fn replace(
        &self,
        found: &Found,
        mut head: Head,
        members: Option<&[&ResourceKey]>,
    ) -> Result<Found, RecordError> {
        head.keeper = head.keeper.or_else(|| self.keeper.clone());
        let name = head_name(&head.application);
        let secret = self.head_secret(&head, Some(found), members)?;
        let failure = match self.cluster.replace(&path(&self.namespace, &name), &secret).await {
            Ok(secret) => return self.found(secret, &name),
            Err(failure) => failure,
        };
        if let Some(found) = self.written_all_the_same(&head, &failure).await {
            return Ok(found);
        }
        if failure.is_conflict() || failure.is_not_found() {
            return Err(RecordError::Moved);
        }
        Err(request(format!("cannot write the record of {}", head.application), failure))
    }

    /// The head as it lies there, where it is the one that was to be written: then only the answer was lost, and what a
    /// repetition met was our own. The name of the run in its lock, or the releases, tell it from everybody else's.
    async fn written_all_the_same(&self, head: &Head, failure: &Failure) -> Option<Found> {
        if failure.is_refusal() {
            return None;
        }
        let found = self.load(&head.application).await.ok().flatten();
        found.filter(|found| found.head == *head)
    }

    /// Deletes the head `found`, and no other.
    pub async fn delete_head(&self, found: &Found) -> Result<(), RecordError> {
        let place = path(&self.namespace, &head_name(&found.head.application));
        match self.cluster.delete(&place, &found.uid, Some(&found.resource_version), Propagation::Background).await {
            Ok(Deleted::Gone | Deleted::Held) => Ok(()),
            Ok(Deleted::Replaced) => Err(RecordError::Moved),
            Err(failure) if failure.is_conflict() => Err(RecordError::Moved),
            Err(failure) => Err(request("cannot delete the record".to_owned(), failure)),
        }
    }

    /// The graph of a release of a target, to be kept: the one at hand, where it is that.
    pub async fn shared_graph(&self, stored: &StoredGraph, target: &str) -> Result<Arc<ResourceGraph>, RecordError> {
        match self.at_hand.as_ref().filter(|graph| graph.id() == stored.id) {
            Some(graph) => Ok(Arc::clone(graph)),
            None => self.graph(stored, target).await.map(Arc::new),
        }
    }

    /// The graph of a release of a target: from the local store, else from its chunks.
    pub async fn graph(&self, stored: &StoredGraph, target: &str) -> Result<ResourceGraph, RecordError> {
        if let Some(graph) = self.store.as_ref().and_then(|store| store.graph(stored.id)) {
            return Ok(graph);
        }
        let mut bytes = Vec::new();
        for layer in &stored.layers {
            bytes = pack::unpack_layer(&self.read_chunks(&self.namespace, &layer.chunks, target).await?, &bytes)?;
        }
        let mut bodies = BTreeMap::new();
        for kept in &stored.secrets {
            match self.read_chunks(&kept.namespace, &kept.chunks, target).await {
                Ok(packed) => bodies.extend(pack::unpack_bodies(&packed)?),
                // A namespace that was deleted took its Secrets along: the graph still has its order and other bodies.
                Err(RecordError::Chunk { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(pack::decode(&bytes, stored.id, &bodies)?)
    }

    /// Writes the chunks of a graph, as a difference to `base` where that helps. The bodies of Secrets are packed, and
    /// come back to be written by [`Records::put_chunks`] as soon as their namespaces exist.
    pub async fn put_graph(
        &self,
        graph: &ResourceGraph,
        base: Option<(&StoredGraph, &ResourceGraph)>,
        target: &str,
    ) -> Result<StoredGraph, RecordError> {
        let base = base.filter(|(stored, _)| stored.layers.len() < MAX_LAYERS);
        let packed = pack::graph(graph, base.map(|(_, graph)| graph))?;
        let chunks = self.put_chunks(&self.namespace, &packed, target).await?;
        let mut layers = base.map(|(stored, _)| stored.layers.clone()).unwrap_or_default();
        layers.push(Layer { graph: graph.id(), chunks });
        Ok(StoredGraph { id: graph.id(), content: graph.content_root(), layers, secrets: Vec::new() })
    }

    /// Packs the bodies of a graph's Secrets, by the namespace that each is bound to.
    pub fn pack_secrets(bound: &gitops_compiler::plan::Bound) -> Result<Vec<(SecretBodies, Vec<u8>)>, RecordError> {
        let mut by_namespace: BTreeMap<&str, Vec<&gitops_compiler::canon::Value>> = BTreeMap::new();
        for (key, resource) in bound.keys().iter().zip(bound.graph.resources()) {
            if let (true, Some(namespace)) = (key.is("", "Secret"), key.scope.namespace()) {
                by_namespace.entry(namespace).or_default().push(&resource.body);
            }
        }
        let pack = |(namespace, bodies): (&str, Vec<_>)| {
            let packed = pack::bodies(&bodies)?;
            let chunks = pack::chunks(&packed).map(|(id, _)| id).collect();
            Ok((SecretBodies { namespace: namespace.to_owned(), chunks }, packed))
        };
        by_namespace.into_iter().map(pack).collect()
    }

    /// What we own.
    pub async fn inventory(&self, head: &Head) -> Result<BTreeMap<ResourceKey, InventoryEntry>, RecordError> {
        let stored = &head.inventory;
        let mut inventory = if stored.chunks.is_empty() {
            BTreeMap::new()
        } else {
            pack::unpack_inventory(&self.read_chunks(&self.namespace, &stored.chunks, &head.target).await?)?
        };
        for (key, change) in &stored.changes {
            match change {
                Some(entry) => inventory.insert(key.clone(), entry.clone()),
                None => inventory.remove(key),
            };
        }
        Ok(inventory)
    }

    /// The files of health checks that a release was applied with.
    pub async fn health_checks(
        &self,
        origin: &ReleaseOrigin,
        target: &str,
    ) -> Result<Vec<(String, String)>, RecordError> {
        if origin.health_checks.is_empty() {
            return Ok(Vec::new());
        }
        let packed = self.read_chunks(&self.namespace, &origin.health_checks, target).await?;
        Ok(pack::unpack_health_checks(&packed)?)
    }

    /// The signatures of the bundle that a release was applied from, as they are stored. What they are worth is for others to
    /// judge: whoever can write the record can have written them.
    ///
    /// # Errors
    /// Where they are not there as the head names them.
    pub async fn packed_signatures(&self, origin: &ReleaseOrigin, target: &str) -> Result<Packed, RecordError> {
        if origin.signatures.is_empty() {
            return Ok(Packed::default());
        }
        if origin.signatures.len() > pack::MOST_SIGNATURE_CHUNKS {
            return Err(PackError::TooLarge { limit: pack::MOST_SIGNATURE_BYTES }.into());
        }
        let bytes = self.read_chunks(&self.namespace, &origin.signatures, target).await?;
        Ok(Packed { chunks: origin.signatures.clone(), bytes })
    }

    /// Keys that the head names, themselves or by their chunks.
    pub async fn keys(&self, stored: &StoredKeys, target: &str) -> Result<Vec<ResourceKey>, RecordError> {
        match stored {
            StoredKeys::Inline(keys) => Ok(keys.clone()),
            StoredKeys::Chunks { chunks } => {
                Ok(pack::unpack_keys(&self.read_chunks(&self.namespace, chunks, target).await?)?)
            }
        }
    }

    /// Keys as the head may name them: many are written as chunks.
    pub async fn put_keys(&self, keys: Vec<ResourceKey>, target: &str) -> Result<StoredKeys, RecordError> {
        if keys.len() <= INLINE_KEYS {
            return Ok(StoredKeys::Inline(keys));
        }
        let chunks = self.put_chunks(&self.namespace, &pack::keys(&keys)?, target).await?;
        Ok(StoredKeys::Chunks { chunks })
    }

    fn found(&self, secret: Json, name: &str) -> Result<Found, RecordError> {
        let format = |source| RecordError::Format { namespace: self.namespace.clone(), name: name.to_owned(), source };
        let bytes = field(&secret, "record").unwrap_or_default();
        let version: Version = serde_json::from_slice(&bytes).map_err(format)?;
        if version.format != FORMAT {
            let message = format!("format {} instead of {FORMAT}", version.format);
            return Err(format(serde::de::Error::custom(message)));
        }
        let mut head: Head = serde_json::from_slice(&bytes).map_err(format)?;
        // Thousands of heads are kept by a controller, most with few releases.
        head.releases.shrink_to_fit();
        let text = |field: &str| secret["metadata"][field].as_str().unwrap_or_default().to_owned();
        let annotation = |name: &str| secret["metadata"]["annotations"][name].as_str().unwrap_or_default().to_owned();
        let contents = (annotation(apply_set::GROUP_KINDS), annotation(apply_set::NAMESPACES));
        Ok(Found { head, uid: text("uid"), resource_version: text("resourceVersion"), contents })
    }

    fn head_secret(
        &self,
        head: &Head,
        found: Option<&Found>,
        members: Option<&[&ResourceKey]>,
    ) -> Result<Json, RecordError> {
        let name = head_name(&head.application);
        let format = |source| RecordError::Format { namespace: self.namespace.clone(), name: name.clone(), source };
        let record = serde_json::to_vec(head).map_err(format)?;
        if record.len() > MAX_HEAD_BYTES {
            return Err(RecordError::HeadTooLarge { bytes: record.len() });
        }
        let (kinds, namespaces) = match (members, found) {
            (None, Some(found)) => found.contents.clone(),
            (members, _) => apply_set::contents(members.unwrap_or_default().iter().copied(), &self.namespace),
        };
        let mut secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": HEAD_TYPE,
            "metadata": {
                "name": name, "namespace": self.namespace,
                "labels": {apply_set::ID: head.apply_set, TARGET_LABEL: head.target},
                "annotations": {
                    apply_set::TOOLING: apply_set::TOOL,
                    apply_set::GROUP_KINDS: kinds,
                    apply_set::NAMESPACES: namespaces,
                },
            },
            "data": {"record": BASE64_STANDARD.encode(record)},
        });
        if let Some(found) = found {
            secret["metadata"]["uid"] = found.uid.as_str().into();
            secret["metadata"]["resourceVersion"] = found.resource_version.as_str().into();
        }
        Ok(secret)
    }

    /// The application whose objects carry this label value, where we may see it; for messages.
    pub async fn owner_of(&self, apply_set: &str) -> Option<String> {
        let selector = format!("{}={apply_set}", apply_set::ID);
        let heads = self.cluster.list::<PartialObject>("/api/v1/secrets", &selector).await.ok()?;
        let PartialObject { metadata: head } = heads.first()?;
        let name = head.name.strip_prefix("kubectl-gitops.").unwrap_or(&head.name);
        Some(format!("{name} (recorded in the namespace {})", head.namespace))
    }
}

#[derive(serde::Deserialize)]
struct Version {
    format: u32,
}

/// The name of the Secret that is an application's head.
#[must_use]
pub fn head_name(application: &AppName) -> String {
    format!("kubectl-gitops.{application}")
}

/// The application of the Secret with this name, where it is that of a head.
#[must_use]
pub fn application_of_head(name: &str) -> Option<&str> {
    name.strip_prefix("kubectl-gitops.")
}

/// There is no record where one is needed.
pub(crate) fn not_recorded(application: &AppName, namespace: &str) -> RecordError {
    let (application, namespace) = (application.clone(), namespace.to_owned());
    RecordError::NotRecorded { application, namespace, elsewhere: Vec::new() }
}

pub(super) fn secrets(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/secrets")
}

pub(super) fn path(namespace: &str, name: &str) -> String {
    format!("{}/{name}", secrets(namespace))
}

pub(super) fn field(secret: &Json, name: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(secret["data"][name].as_str()?).ok()
}

pub(super) fn request(doing: String, failure: Failure) -> RecordError {
    RecordError::Request { doing, failure }
}
