//! Chunks: the immutable pieces of a record.
//!
//! In: bytes. Out: Secrets that hold them, and the bytes again. A chunk is named by its target and its hash: two
//! targets never share one, so that whoever deletes a record deletes nothing of another. The local store is looked into
//! first: a piece is found there by its hash, so that no copy can be stale or false.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gitops_compiler::canon::{Chunk, Id};
use gitops_compiler::manifest::Propagation;
use jiff::Timestamp;
use serde_json::json;

use crate::cluster::{PartialObject, Served};

use super::pack::{self, PackError};
use super::persist::{RecordError, Records, TARGET_LABEL, field, path, request, secrets};

const CHUNK_TYPE: &str = "kubectl-gitops/chunk.v1";

/// A chunk, as it lies in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkThere {
    /// Where.
    pub namespace: String,
    /// Which.
    pub chunk: Id<Chunk>,
    /// The uid of its Secret.
    pub uid: String,
    /// When it was written.
    pub made: Timestamp,
}

impl Records {
    /// Writes bytes as chunks of a target to a namespace. Those that are there already are left alone.
    pub async fn put_chunks(&self, namespace: &str, bytes: &[u8], target: &str) -> Result<Vec<Id<Chunk>>, RecordError> {
        let mut ids = Vec::new();
        for (id, piece) in pack::chunks(bytes) {
            let secret = json!({
                "apiVersion": "v1", "kind": "Secret", "type": CHUNK_TYPE, "immutable": true,
                "metadata": {"name": chunk_name(target, id), "namespace": namespace, "labels": {TARGET_LABEL: target}},
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

    /// The bytes that chunks of a target hold together.
    pub async fn read_chunks(
        &self,
        namespace: &str,
        chunks: &[Id<Chunk>],
        target: &str,
    ) -> Result<Vec<u8>, RecordError> {
        let mut bytes = Vec::new();
        for chunk in chunks {
            bytes.extend(self.read_chunk(namespace, *chunk, target).await?);
            // A head may name one chunk thousands of times.
            if bytes.len() > pack::MAX_GRAPH_BYTES {
                return Err(PackError::TooLarge { limit: pack::MAX_GRAPH_BYTES }.into());
            }
        }
        Ok(bytes)
    }

    async fn read_chunk(&self, namespace: &str, chunk: Id<Chunk>, target: &str) -> Result<Vec<u8>, RecordError> {
        if let Some(bytes) = self.store.as_ref().and_then(|store| store.chunk(chunk)) {
            return Ok(bytes);
        }
        let name = chunk_name(target, chunk);
        let missing = || RecordError::Chunk { namespace: namespace.to_owned(), name: name.clone() };
        let secret = match self.cluster.get(&path(namespace, &name)).await {
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

    /// All chunks of a target: everywhere, or in `namespaces` where we may not look further.
    pub async fn list_chunks(&self, target: &str, namespaces: &BTreeSet<&str>) -> Result<Vec<ChunkThere>, RecordError> {
        let failed = |failure| request("cannot list the parts of the record".to_owned(), failure);
        let selector = format!("{TARGET_LABEL}={target}");
        let served = ("v1", &Served { plural: "secrets".to_owned(), namespaced: true });
        let found: Vec<PartialObject> = self.cluster.list_kind(served, namespaces, &selector).await.map_err(failed)?;
        let chunk = |PartialObject { metadata }: PartialObject| {
            // The head has the label, too, and is not for here.
            let chunk = metadata.name.strip_prefix(&chunk_prefix(target))?.parse().ok()?;
            let made = metadata.creation_timestamp.parse().ok()?;
            Some(ChunkThere { namespace: metadata.namespace, chunk, uid: metadata.uid, made })
        };
        Ok(found.into_iter().filter_map(chunk).collect())
    }

    /// Deletes a chunk of a target.
    pub async fn delete_chunk(&self, there: &ChunkThere, target: &str) -> Result<(), RecordError> {
        let place = path(&there.namespace, &chunk_name(target, there.chunk));
        let deleted = self.cluster.delete(&place, &there.uid, None, Propagation::Background).await;
        let doing = || format!("cannot delete a part of the record in {}", there.namespace);
        deleted.map(|_| ()).map_err(|failure| request(doing(), failure))
    }

    /// Deletes all chunks of a target: everywhere, or in `namespaces` where we may not look further. Nothing is sent
    /// after `until`.
    pub async fn delete_chunks(
        &self,
        target: &str,
        namespaces: &BTreeSet<&str>,
        until: Timestamp,
    ) -> Result<(), RecordError> {
        for there in self.list_chunks(target, namespaces).await? {
            if self.now() >= until {
                return Err(RecordError::Moved);
            }
            self.delete_chunk(&there, target).await?;
        }
        Ok(())
    }
}

fn chunk_prefix(target: &str) -> String {
    format!("kubectl-gitops.{target}.")
}

fn chunk_name(target: &str, chunk: Id<Chunk>) -> String {
    format!("{}{chunk}", chunk_prefix(target))
}
