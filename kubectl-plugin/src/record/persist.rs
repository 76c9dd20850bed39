//! Reading and writing records.
//!
//! In: heads and chunks. Out: Secrets, and what they hold. Chunks are looked for in the local store first: their names
//! are their hashes, so that no copy can be stale or false.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gitops_compiler::canon::{Chunk, Id};
use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::name::{AppName, ResourceKey};
use gitops_compiler::store::Store;
use serde_json::{Value as Json, json};

use crate::cluster::{Cluster, Failure, PartialObject, Served};

use super::head::{FORMAT, Layer, SecretBodies, StoredGraph};
use super::pack::{self, PackError};
use super::{Head, InventoryEntry, apply_set};

const HEAD_TYPE: &str = "kubectl-gitops/head.v1";
const CHUNK_TYPE: &str = "kubectl-gitops/chunk.v1";

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
    #[error("the Secret {namespace}/kubectl-gitops.{chunk}, a part of the record, is missing or damaged")]
    Chunk {
        /// Where it should be.
        namespace: String,
        /// Which.
        chunk: Id<Chunk>,
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

/// Where records are kept.
#[derive(Clone)]
pub struct Records {
    /// The cluster.
    pub cluster: Cluster,
    /// The namespace of heads and of most chunks.
    pub namespace: String,
    /// Chunks that were seen before.
    pub store: Option<Store>,
}

impl Records {
    /// Reads a head; `None` where the application was never applied.
    pub async fn load(&self, application: &AppName) -> Result<Option<Found>, RecordError> {
        let name = head_name(application);
        match self.cluster.get(&path(&self.namespace, &name)).await {
            Ok(secret) => self.found(secret, &name).map(Some),
            Err(failure) if failure.is_not_found() => Ok(None),
            Err(failure) => Err(request(format!("cannot read the record of {application}"), failure)),
        }
    }

    /// Reads the head of an application that must have been applied before.
    pub async fn load_recorded(&self, application: &AppName) -> Result<Found, RecordError> {
        self.load(application).await?.ok_or_else(|| not_recorded(application, &self.namespace))
    }

    /// Writes the first head; fails where there is one. `members` are the keys that the ApplySet may hold.
    pub async fn create(&self, head: Head, members: &[&ResourceKey]) -> Result<Found, RecordError> {
        let name = head_name(&head.application);
        let secret = self.head_secret(&head, None, Some(members))?;
        match self.cluster.create(&secrets(&self.namespace), &secret).await {
            Ok(secret) => self.found(secret, &name),
            Err(failure) if failure.is_already_exists() => Err(RecordError::Moved),
            Err(failure) => {
                let doing = format!("cannot write the record to the namespace {}", self.namespace);
                Err(request(doing, failure))
            }
        }
    }

    /// Replaces the head `found`, and no other. `members` are the keys that the ApplySet may hold from now on; as
    /// before where absent.
    pub async fn replace(
        &self,
        found: &Found,
        head: Head,
        members: Option<&[&ResourceKey]>,
    ) -> Result<Found, RecordError> {
        let name = head_name(&head.application);
        let secret = self.head_secret(&head, Some(found), members)?;
        match self.cluster.replace(&path(&self.namespace, &name), &secret).await {
            Ok(secret) => self.found(secret, &name),
            Err(failure) if failure.is_conflict() || failure.is_not_found() => Err(RecordError::Moved),
            Err(failure) => Err(request(format!("cannot write the record of {}", head.application), failure)),
        }
    }

    /// Deletes a whole record: the head first, so that nobody reads one whose chunks are gone, then all chunks of the
    /// target that we may see.
    pub async fn delete_all(&self, application: &AppName, target: &str) -> Result<(), RecordError> {
        let failed = |failure| request("cannot delete the record".to_owned(), failure);
        if let Some(found) = self.load(application).await? {
            let place = path(&self.namespace, &head_name(application));
            self.cluster.delete(&place, &found.uid, Some(&found.resource_version)).await.map_err(failed)?;
        }
        let selector = format!("{TARGET_LABEL}={target}");
        let secrets = ("v1", &Served { plural: "secrets".to_owned(), namespaced: true });
        let namespaces = [self.namespace.as_str()].into();
        let chunks: Vec<PartialObject> =
            self.cluster.list_kind(secrets, &namespaces, &selector).await.map_err(failed)?;
        for PartialObject { metadata: chunk } in chunks {
            let place = path(&chunk.namespace, &chunk.name);
            self.cluster.delete(&place, &chunk.uid, None).await.map_err(failed)?;
        }
        Ok(())
    }

    /// Deletes a chunk, where it is still there.
    pub async fn delete_chunk(&self, namespace: &str, chunk: Id<Chunk>) -> Result<(), RecordError> {
        let place = path(namespace, &chunk_name(chunk));
        let doing = || format!("cannot delete a part of the record in {namespace}");
        let found = self.cluster.get_metadata(&place).await.map_err(|failure| request(doing(), failure))?;
        if let Some(metadata) = found {
            self.cluster.delete(&place, &metadata.uid, None).await.map_err(|failure| request(doing(), failure))?;
        }
        Ok(())
    }

    /// The graph of a release: from the local store, else from its chunks.
    pub async fn graph(&self, stored: &StoredGraph) -> Result<ResourceGraph, RecordError> {
        if let Some(graph) = self.store.as_ref().and_then(|store| store.graph(stored.id)) {
            return Ok(graph);
        }
        let mut bytes = Vec::new();
        for layer in &stored.layers {
            bytes = pack::unpack_layer(&self.read_chunks(&self.namespace, &layer.chunks).await?, &bytes)?;
        }
        let mut bodies = BTreeMap::new();
        for kept in &stored.secrets {
            // A namespace that was deleted took its Secrets along: the graph still has its order and its other bodies.
            if let Ok(packed) = self.read_chunks(&kept.namespace, &kept.chunks).await {
                bodies.extend(pack::unpack_bodies(&packed)?);
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
            pack::unpack_inventory(&self.read_chunks(&self.namespace, &stored.chunks).await?)?
        };
        for (key, change) in &stored.changes {
            match change {
                Some(entry) => inventory.insert(key.clone(), entry.clone()),
                None => inventory.remove(key),
            };
        }
        Ok(inventory)
    }

    /// Writes bytes as chunks to a namespace. Those that are there already are left alone.
    pub async fn put_chunks(&self, namespace: &str, bytes: &[u8], target: &str) -> Result<Vec<Id<Chunk>>, RecordError> {
        let mut ids = Vec::new();
        for (id, piece) in pack::chunks(bytes) {
            let secret = json!({
                "apiVersion": "v1", "kind": "Secret", "type": CHUNK_TYPE, "immutable": true,
                "metadata": {"name": chunk_name(id), "namespace": namespace, "labels": {TARGET_LABEL: target}},
                "data": {"chunk": BASE64_STANDARD.encode(piece)},
            });
            match self.cluster.create(&secrets(namespace), &secret).await {
                Err(failure) if !failure.is_already_exists() => {
                    let doing = format!("cannot write a part of the record to the namespace {namespace}");
                    return Err(request(doing, failure));
                }
                _ => {}
            }
            // Only saves the next run a request.
            let _ = self.store.as_ref().map(|store| store.put_chunk(piece));
            ids.push(id);
        }
        Ok(ids)
    }

    async fn read_chunks(&self, namespace: &str, chunks: &[Id<Chunk>]) -> Result<Vec<u8>, RecordError> {
        let mut bytes = Vec::new();
        for chunk in chunks {
            bytes.extend(self.read_chunk(namespace, *chunk).await?);
        }
        Ok(bytes)
    }

    async fn read_chunk(&self, namespace: &str, chunk: Id<Chunk>) -> Result<Vec<u8>, RecordError> {
        if let Some(bytes) = self.store.as_ref().and_then(|store| store.chunk(chunk)) {
            return Ok(bytes);
        }
        let missing = || RecordError::Chunk { namespace: namespace.to_owned(), chunk };
        let secret = match self.cluster.get(&path(namespace, &chunk_name(chunk))).await {
            Ok(secret) => secret,
            Err(failure) if failure.is_not_found() => return Err(missing()),
            Err(failure) => return Err(request("cannot read a part of the record".to_owned(), failure)),
        };
        let bytes = field(&secret, "chunk").ok_or_else(missing)?;
        if Id::<Chunk>::of(&bytes) != chunk {
            return Err(missing());
        }
        let _ = self.store.as_ref().map(|store| store.put_chunk(&bytes));
        Ok(bytes)
    }

    fn found(&self, secret: Json, name: &str) -> Result<Found, RecordError> {
        let format = |source| RecordError::Format { namespace: self.namespace.clone(), name: name.to_owned(), source };
        let bytes = field(&secret, "record").unwrap_or_default();
        let version: Version = serde_json::from_slice(&bytes).map_err(format)?;
        if version.format != FORMAT {
            let message = format!("format {} instead of {FORMAT}", version.format);
            return Err(format(serde::de::Error::custom(message)));
        }
        let head = serde_json::from_slice(&bytes).map_err(format)?;
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

/// There is no record where one is needed.
pub(crate) fn not_recorded(application: &AppName, namespace: &str) -> RecordError {
    RecordError::NotRecorded { application: application.clone(), namespace: namespace.to_owned() }
}

fn chunk_name(chunk: Id<Chunk>) -> String {
    format!("kubectl-gitops.{chunk}")
}

fn secrets(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/secrets")
}

fn path(namespace: &str, name: &str) -> String {
    format!("{}/{name}", secrets(namespace))
}

fn field(secret: &Json, name: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(secret["data"][name].as_str()?).ok()
}

fn request(doing: String, failure: Failure) -> RecordError {
    RecordError::Request { doing, failure }
}
