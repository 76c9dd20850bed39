//! What a layout consists of: manifests, and the blobs that each names. Whatever a manifest holds, it is treated alike.
//!
//! In: the files of a layout, or bytes of a manifest. Out: what they name. Nothing is judged here: whether a layout holds a
//! bundle is for the compiler to say.

use gitops_compiler::bundle::{Files, INDEX_FILE, blob_path};
use gitops_compiler::lock::Digest;
use serde::Deserialize;

use crate::error::CommandError;

/// What refers to a manifest or a blob.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) media_type: String,
    pub(super) digest: Digest,
    pub(super) size: u64,
}

/// A manifest, as far as it says what belongs to it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    #[serde(default)]
    pub(super) artifact_type: Option<String>,
    pub(super) config: Descriptor,
    #[serde(default)]
    pub(super) layers: Vec<Descriptor>,
    #[serde(default)]
    pub(super) subject: Option<Descriptor>,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

impl Manifest {
    /// Reads one; nothing where it is none.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// The blobs that it names.
    pub(super) fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        std::iter::once(&self.config).chain(&self.layers)
    }

    /// What it says that it holds: by itself, else by its config.
    pub(super) fn artifact_type(&self) -> &str {
        self.artifact_type.as_deref().filter(|kind| !kind.is_empty()).unwrap_or(&self.config.media_type)
    }
}

/// The manifests of a layout in the order of its index: that of the bundle is the first.
pub(super) fn manifests(files: &Files) -> Result<Vec<Descriptor>, CommandError> {
    let index = files.get(INDEX_FILE).and_then(|bytes| serde_json::from_slice::<Index>(bytes).ok());
    let manifests = index.map(|index| index.manifests).filter(|manifests| !manifests.is_empty());
    manifests.ok_or_else(|| CommandError::user(format!("{INDEX_FILE}: it lists no manifests")))
}

/// The bytes of a blob that is there.
pub(super) fn blob<'a>(files: &'a Files, digest: &Digest) -> Result<&'a [u8], CommandError> {
    let path = blob_path(digest);
    files.get(&path).map(Vec::as_slice).ok_or_else(|| CommandError::user(format!("{path}: it is not there")))
}

/// The digest of the manifest of a bundle, as it is there: another where its layer is compressed in another way.
///
/// # Errors
/// Where no manifest is listed.
pub fn manifest_digest(files: &Files) -> Result<Digest, CommandError> {
    Ok(manifests(files)?.swap_remove(0).digest)
}
