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

    /// Deletes a chunk of a target, where it is still there.
    pub async fn delete_chunk(&self, namespace: &str, chunk: Id<Chunk>, target: &str) -> Result<(), RecordError> {
        let place = path(namespace, &chunk_name(target, chunk));
        let doing = || format!("cannot delete a part of the record in {namespace}");
        let found = self.cluster.get_metadata(&place).await.map_err(|failure| request(doing(), failure))?;
        if let Some(metadata) = found {
            self.cluster
                .delete(&place, &metadata.uid, None, Propagation::Background)
                .await
                .map_err(|failure| request(doing(), failure))?;
        }
        Ok(())
    }

    /// Deletes all chunks of a target: everywhere, or in `namespaces` where we may not look further. Nothing is sent
    /// after `until`.
    pub async fn delete_chunks(
        &self,
        target: &str,
        namespaces: &BTreeSet<&str>,
        until: Timestamp,
    ) -> Result<(), RecordError> {
        let failed = |failure| request("cannot delete the parts of the record".to_owned(), failure);
        let selector = format!("{TARGET_LABEL}={target}");
        let served = ("v1", &Served { plural: "secrets".to_owned(), namespaced: true });
        let found: Vec<PartialObject> = self.cluster.list_kind(served, namespaces, &selector).await.map_err(failed)?;
        for PartialObject { metadata } in found {
            // The head has the label, too, and is not for here.
            if metadata.name.starts_with(&chunk_prefix(target)) {
                if self.now() >= until {
                    return Err(RecordError::Moved);
                }
                let place = path(&metadata.namespace, &metadata.name);
                self.cluster.delete(&place, &metadata.uid, None, Propagation::Background).await.map_err(failed)?;
            }
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
