//! Layouts put together of their pieces, and taken apart into them, with nothing judged: reading says whether the whole is sound.
//!
//! In: a manifest, its blobs, and what is said about it, as registries have them. Out: the files of a layout. The other way:
//! files, to the bytes of each part, for whoever compares what may not be sound.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::BundleError;
use super::config::Config;
use super::layout::{self, Files, INDEX_FILE, blob_path, digest};
use super::referrer::{About, with_manifests};
use crate::graph::ResourceGraph;
use crate::lock::Digest;

/// The pieces of a bundle, as they are stored by their digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pieces {
    /// Its manifest.
    pub manifest: Vec<u8>,
    /// Its config.
    pub config: Vec<u8>,
    /// Its layer.
    pub layer: Vec<u8>,
    /// What is said about it.
    pub about: Vec<About>,
}

/// The layout of these pieces.
///
/// # Errors
/// Where config and layer are not those of a bundle with this manifest.
pub fn assemble(pieces: Pieces) -> Result<Files, BundleError> {
    let Pieces { manifest, config, layer, about } = pieces;
    let path = blob_path(&digest(&config));
    // Manifest and index are a function of the config and the bytes of the layer.
    let made = layout::lay_out(Config::parse(&path, &config)?, ResourceGraph::empty(), &layer);
    if made.manifest != digest(&manifest) {
        return Err(BundleError::file(blob_path(&digest(&manifest)), "it is not what its config and its layer give"));
    }
    with_manifests(made.files, about)
}

/// The bytes of a layout, by what they are said to be.
pub(super) struct Parts<'a> {
    pub(super) manifest_digest: Digest,
    pub(super) manifest: &'a [u8],
    pub(super) config: &'a [u8],
    pub(super) layer: &'a [u8],
    /// What is listed behind the bundle, and what it says that it holds.
    pub(super) about: BTreeMap<Digest, String>,
}

/// What refers to something, whatever else it says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    digest: Digest,
    artifact_type: Option<String>,
}

/// A manifest, whatever else is in it.
#[derive(Deserialize)]
struct AnyManifest {
    config: Named,
    layers: Vec<Named>,
}

/// An index, whatever else is in it.
#[derive(Deserialize)]
struct AnyIndex {
    manifests: Vec<Named>,
}

/// The parts of a layout, where it has the parts of a bundle.
pub(super) fn parts(files: &Files) -> Result<Parts<'_>, BundleError> {
    let index: AnyIndex = layout::parse(INDEX_FILE, layout::file(files, INDEX_FILE)?)?;
    let mut listed = index.manifests.into_iter();
    let own = listed.next().ok_or_else(|| BundleError::file(INDEX_FILE, "it lists no manifests"))?;
    let path = blob_path(&own.digest);
    let manifest = layout::file(files, &path)?;
    let AnyManifest { config, layers } = layout::parse(&path, manifest)?;
    let layer = layers.first().ok_or_else(|| BundleError::file(path, "it has no layer"))?;
    Ok(Parts {
        manifest,
        config: layout::file(files, &blob_path(&config.digest))?,
        layer: layout::file(files, &blob_path(&layer.digest))?,
        about: listed.map(|other| (other.digest, other.artifact_type.unwrap_or_default())).collect(),
        manifest_digest: own.digest,
    })
}
