//! Entries in a repository of a registry: each is an artifact of one layer, under a tag.
//!
//! In: names, entries. Out: entries. Guarantees: a tag is put last, so that an entry is there as a whole or not at all; a
//! registry that gives something else than it was asked for gives nothing. What to ask, as whom and how long is the
//! [`ArtifactRepository`]'s to know.

use std::sync::OnceLock;

use gitops_compiler::bundle::{MANIFEST, digest};
use gitops_compiler::lock::Digest;
use serde_json::{Value as Json, json};

use crate::fetch::{ArtifactRepository, FailureKind, FetchError, Reference};

use super::entry::EntryName;
use super::place::{Found, ONLY_READ, Place, WHAT, told};

/// What an entry is to a registry.
const ENTRY: &str = "application/vnd.kubectl-gitops.cache-entry.v1";
/// What an artifact has for a config that needs none.
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const EMPTY_CONFIG: &[u8] = b"{}";

/// A repository of entries.
pub struct Registry {
    reading: ArtifactRepository,
    /// Writing may take longer, and other rights.
    writing: Option<ArtifactRepository>,
    /// The config of all entries is there.
    has_config: OnceLock<()>,
}

impl Registry {
    /// A repository to read from, and the same to write to where that is wanted. Nothing is tried twice.
    #[must_use]
    pub fn new(reading: ArtifactRepository, writing: Option<ArtifactRepository>) -> Self {
        let writing = writing.map(ArtifactRepository::impatient);
        Self { reading: reading.impatient(), writing, has_config: OnceLock::new() }
    }

    fn find(&self, name: &EntryName, most_bytes: u64) -> Result<Found, FetchError> {
        let manifest = match self.reading.manifest(&Reference::Tag(name.tag())) {
            Ok(Some(manifest)) => manifest,
            Ok(None) => return Ok(Found::Nothing),
            Err(error) if error.kind == FailureKind::TooLarge => return Ok(Found::Foreign),
            // Also what no registry answers: that is no entry that somebody changed.
            Err(error) => return Err(error),
        };
        let Some((digest, size)) = layer(&manifest.bytes).filter(|(_, size)| *size <= most_bytes) else {
            return Ok(Found::Foreign);
        };
        match self.reading.blob(&digest, size, WHAT) {
            Err(error) if matches!(error.kind, FailureKind::Wrong | FailureKind::TooLarge) => Ok(Found::Foreign),
            read => read.map(Found::Bytes),
        }
    }

    fn store(&self, name: &EntryName, entry: &[u8], repository: &ArtifactRepository) -> Result<(), FetchError> {
        let (config, layer) = (digest(EMPTY_CONFIG), digest(entry));
        if self.has_config.get().is_none() {
            repository.put_blob(&config, EMPTY_CONFIG, WHAT)?;
            let _ = self.has_config.set(());
        }
        repository.put_blob(&layer, entry, WHAT)?;
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": ENTRY,
            "config": {"mediaType": EMPTY, "digest": config.as_str(), "size": EMPTY_CONFIG.len()},
            "layers": [{"mediaType": ENTRY, "digest": layer.as_str(), "size": entry.len()}],
        });
        repository.put_manifest(&Reference::Tag(name.tag()), MANIFEST, manifest.to_string().as_bytes()).map(drop)
    }
}

impl Place for Registry {
    fn get(&self, name: &EntryName, most_bytes: u64) -> Result<Found, String> {
        match self.find(name, most_bytes) {
            Ok(found) => Ok(found),
            // A tag of what is not there any more.
            Err(error) if error.kind == FailureKind::NotFound => Ok(Found::Nothing),
            Err(error) => Err(told(&error)),
        }
    }

    fn put(&self, name: &EntryName, entry: &[u8]) -> Result<(), String> {
        let Some(repository) = &self.writing else { return Err(ONLY_READ.to_owned()) };
        self.store(name, entry, repository).map_err(|error| told(&error))
    }
}

/// The one layer of an entry, and its size.
fn layer(manifest: &[u8]) -> Option<(Digest, u64)> {
    let manifest: Json = serde_json::from_slice(manifest).ok()?;
    let [layer] = manifest["layers"].as_array()?.as_slice() else { return None };
    if layer["mediaType"] != ENTRY {
        return None;
    }
    Some((layer["digest"].as_str()?.parse().ok()?, layer["size"].as_u64()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_one_layer_of_its_type() {
        let of = |layers: Json| layer(json!({"layers": layers}).to_string().as_bytes()).map(|(_, size)| size);
        let digest = digest(b"x");
        let one = json!({"mediaType": ENTRY, "digest": digest.as_str(), "size": 1});
        assert_eq!(of(json!([one])), Some(1));
        for wrong in [
            json!([]),
            json!([one, one]),
            json!(null),
            json!([{"mediaType": EMPTY, "digest": digest.as_str(), "size": 1}]),
            json!([{"mediaType": ENTRY, "digest": "x", "size": 1}]),
            json!([{"mediaType": ENTRY, "digest": digest.as_str(), "size": -1}]),
        ] {
            assert_eq!(of(wrong.clone()), None, "{wrong}");
        }
        assert_eq!(layer(b"not JSON"), None);
    }
}
