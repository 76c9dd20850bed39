//! The files of a bundle, as the OCI image layout 1.0 has them.
//!
//! In: a config and a compressed layer. Out: [`Files`]. The other way: files, each read as what it must be, written again,
//! and compared. What is said about the bundle stands behind it in the index (`referrer`).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::config::Config;
use super::layer::{self, Layer};
use super::referrer::{self, Referrer};
use super::{Bundle, BundleError, Compression, Read};
use crate::graph::ResourceGraph;
use crate::lock::Digest;

/// Files by their paths in the layout.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The media type of the index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The media type of the manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of the config, and what says that a manifest is a bundle.
pub const CONFIG: &str = "application/vnd.kubectl-gitops.graph.v1+json";
/// The media type of the layer: the one that Argo CD and Flux take by themselves.
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// The file that says which layout it is.
pub const LAYOUT: &str = "oci-layout";
const LAYOUT_BYTES: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
/// The file that lists manifests.
pub const INDEX_FILE: &str = "index.json";
const BLOBS: &str = "blobs/sha256/";

/// When it was made, for readers that ask: a bundle has no time.
const CREATED: (&str, &str) = ("org.opencontainers.image.created", "1970-01-01T00:00:00Z");
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// By this `cosign verify --local-image` finds in a layout what signatures are about.
const KIND: (&str, &str) = ("kind", "dev.cosignproject.cosign/image");
const TITLE: &str = "org.opencontainers.image.title";

/// What refers to a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Descriptor {
    pub(super) media_type: String,
    pub(super) digest: Digest,
    pub(super) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) artifact_type: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Manifest {
    schema_version: u32,
    media_type: String,
    config: Descriptor,
    layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Index {
    schema_version: u32,
    media_type: String,
    pub(super) manifests: Vec<Descriptor>,
}

impl Index {
    /// Of these manifests.
    pub(super) fn of(manifests: Vec<Descriptor>) -> Self {
        Self { schema_version: 2, media_type: INDEX.to_owned(), manifests }
    }
}

/// The SHA-256 of bytes, as OCI writes it.
#[must_use]
pub fn digest(bytes: &[u8]) -> Digest {
    Digest::of(Sha256::digest(bytes).into())
}

/// The path of the blob of a digest.
#[must_use]
pub fn blob_path(digest: &Digest) -> String {
    format!("{BLOBS}{}", digest.as_str().trim_start_matches("sha256:"))
}

pub(super) fn descriptor(media_type: &str, bytes: &[u8]) -> Descriptor {
    let (media_type, digest, size) = (media_type.to_owned(), digest(bytes), bytes.len() as u64);
    Descriptor { media_type, digest, size, artifact_type: None, annotations: BTreeMap::new() }
}

pub(super) fn json<T: Serialize>(value: &T) -> Vec<u8> {
    // Structs of texts and numbers always can be written.
    serde_json::to_vec(value).unwrap_or_default()
}

/// The layout of a graph.
pub(super) fn lay_out(config: Config, graph: ResourceGraph, layer: &[u8]) -> Bundle {
    let config_bytes = json(&config);
    let annotation = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let manifest = json(&Manifest {
        schema_version: 2,
        media_type: MANIFEST.to_owned(),
        config: descriptor(CONFIG, &config_bytes),
        layers: vec![descriptor(LAYER, layer)],
        annotations: [CREATED, (TITLE, config.application.as_str())].map(annotation).into(),
    });
    let mut listed = descriptor(MANIFEST, &manifest);
    listed.artifact_type = Some(CONFIG.to_owned());
    listed.annotations = [KIND, (REF_NAME, &config.graph.to_string())].map(annotation).into();
    let (manifest_digest, layer_digest) = (listed.digest.clone(), digest(layer));
    let index = json(&Index::of(vec![listed]));
    let mut files: Files = [(LAYOUT.to_owned(), LAYOUT_BYTES.to_vec()), (INDEX_FILE.to_owned(), index)].into();
    for blob in [config_bytes, layer.to_vec(), manifest] {
        files.insert(blob_path(&digest(&blob)), blob);
    }
    Bundle { config, graph, manifest: manifest_digest, layer: layer_digest, files }
}

/// Reads a layout: the bundle that it holds, which gives the same bytes when it is made again.
pub(super) fn read(files: &Files) -> Result<Read, BundleError> {
    for (path, bytes) in files {
        check_name(path, bytes)?;
    }
    if file(files, LAYOUT)? != LAYOUT_BYTES {
        return Err(BundleError::file(LAYOUT, "it is another layout than 1.0.0, or written in another way"));
    }
    let index: Index = parse(INDEX_FILE, file(files, INDEX_FILE)?)?;
    let Some(listed) = index.manifests.first().filter(|listed| listed.artifact_type.as_deref() == Some(CONFIG)) else {
        return Err(BundleError::file(INDEX_FILE, "the first manifest is no bundle"));
    };
    let manifest: Manifest = parse(&blob_path(&listed.digest), blob(files, &listed.digest, listed.size)?)?;
    let [layer] = manifest.layers.as_slice() else {
        return Err(BundleError::file(blob_path(&listed.digest), "it has not exactly one layer"));
    };
    let config_path = blob_path(&manifest.config.digest);
    let config = Config::parse(&config_path, blob(files, &manifest.config.digest, manifest.config.size)?)?;
    let (layer_path, layer_bytes) = (blob_path(&layer.digest), blob(files, &layer.digest, layer.size)?);
    let tar = layer::decompressed(&layer_path, layer_bytes)?;
    let graph = config.graph_of(&layer::files_of(&layer_path, &tar)?)?;
    let again = Layer::of(&graph, config.delivery.kustomization);
    if again.tar != tar {
        return Err(BundleError::file(layer_path, "it is not what the graph of the config gives"));
    }
    let (fresh, deflated) = rayon::join(
        || Config::new(&config.application, &graph, config.delivery.clone(), &again),
        || again.compressed(Compression::Deflate),
    );
    // With the compression that it has, all else must be equal; with ours, it may be.
    let made = lay_out(fresh.clone(), graph.clone(), layer_bytes);
    let referrers = compare(files, &made, &index)?;
    let manifest = made.manifest.clone();
    if deflated == layer_bytes || again.compressed(Compression::Store) == layer_bytes {
        return Ok(Read { bundle: made, manifest, is_compressed_otherwise: false, referrers });
    }
    let bundle = lay_out(fresh, graph, &deflated);
    Ok(Read { bundle, manifest, is_compressed_otherwise: true, referrers })
}

/// Compares what is there with what was made: nothing is missing, and what there is besides belongs to what the index lists.
fn compare(files: &Files, made: &Bundle, index: &Index) -> Result<Vec<Referrer>, BundleError> {
    for (path, bytes) in &made.files {
        if path != INDEX_FILE && file(files, path)? != bytes {
            return Err(BundleError::file(path, "it is not what the graph gives"));
        }
    }
    let expected: Index = parse(INDEX_FILE, file(&made.files, INDEX_FILE)?)?;
    let (own, others) = index.manifests.split_at(expected.manifests.len().min(index.manifests.len()));
    let whole = Index { manifests: index.manifests.clone(), ..expected.clone() };
    if own != expected.manifests || json(&whole) != file(files, INDEX_FILE)? {
        return Err(BundleError::file(INDEX_FILE, "it is not what the graph gives"));
    }
    if !others.is_sorted_by(|one, other| one.digest < other.digest) {
        return Err(BundleError::file(INDEX_FILE, "what is said about the bundle is not sorted by digest"));
    }
    let mut known: BTreeSet<String> = made.files.keys().cloned().collect();
    let mut referrers = Vec::new();
    for listed in others {
        let (referrer, paths) = referrer::read(files, listed, &made.manifest)?;
        known.extend(paths);
        referrers.push(referrer);
    }
    match files.keys().find(|path| !known.contains(*path)) {
        Some(path) => Err(BundleError::file(path, "nothing in the bundle names it")),
        None => Ok(referrers),
    }
}

/// Each blob is what its name says.
fn check_name(path: &str, bytes: &[u8]) -> Result<(), BundleError> {
    if [LAYOUT, INDEX_FILE].contains(&path) || blob_path(&digest(bytes)) == path {
        return Ok(());
    }
    let what = if path.starts_with(BLOBS) {
        "its content has another hash than its name"
    } else {
        "no bundle has such a file"
    };
    Err(BundleError::file(path, what))
}

pub(super) fn file<'a>(files: &'a Files, path: &str) -> Result<&'a [u8], BundleError> {
    files.get(path).map(Vec::as_slice).ok_or_else(|| BundleError::file(path, "it is not there"))
}

pub(super) fn blob<'a>(files: &'a Files, digest: &Digest, size: u64) -> Result<&'a [u8], BundleError> {
    let path = blob_path(digest);
    let bytes = file(files, &path)?;
    if bytes.len() as u64 != size {
        return Err(BundleError::file(path, format!("it has {} bytes, and should have {size}", bytes.len())));
    }
    Ok(bytes)
}

pub(super) fn parse<T: for<'de> Deserialize<'de>>(path: &str, bytes: &[u8]) -> Result<T, BundleError> {
    serde_json::from_slice(bytes).map_err(|error| BundleError::file(path, error))
}
