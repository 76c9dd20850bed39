//! What is said about a bundle, beside it in the layout: image manifests whose `subject` it is, as OCI 1.1 has them.
//!
//! In: [`Claim`]s, to a layout that has them; files of a layout, to [`Referrer`]s. A claim is a manifest with one layer and
//! the empty config; what others have written may have more layers. In the index it stands behind the bundle, sorted by
//! digest, each with its type.
//!
//! Guarantees: what is read is about this bundle, all of its blobs are there and are what their digests say, and the index
//! says no more of it than media type, digest, size and type. What its bytes mean is for others to judge.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::BundleError;
use super::layout::{self, Descriptor, Files, INDEX_FILE, Index, MANIFEST, blob_path, descriptor, digest, json};
use crate::lock::Digest;

/// The config of a manifest that needs none.
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const EMPTY_BYTES: &[u8] = b"{}";

/// Something to be said about a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What it is: the type of the manifest and of its layer.
    pub artifact_type: String,
    /// The layer.
    pub content: Vec<u8>,
    /// What the manifest tells those who only list it.
    pub annotations: BTreeMap<String, String>,
}

/// A manifest about a bundle, with its blobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The manifest.
    pub manifest: Vec<u8>,
    /// What it says that it holds.
    pub artifact_type: String,
    /// Its blobs.
    pub blobs: Vec<Vec<u8>>,
}

/// Something that is said about a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    /// The digest of its manifest.
    pub digest: Digest,
    /// What it says that it is.
    pub artifact_type: String,
    /// Its layers.
    pub layers: Vec<Blob>,
}

/// A layer of a referrer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// What it says that it is.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The manifest, as it is written here.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    schema_version: u32,
    media_type: &'a str,
    artifact_type: &'a str,
    config: Descriptor,
    layers: Vec<Descriptor>,
    subject: Descriptor,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
}

/// A manifest that anybody wrote, as far as it concerns us.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    #[serde(default)]
    artifact_type: Option<String>,
    subject: Part,
    config: Part,
    #[serde(default)]
    layers: Vec<Part>,
}

/// What refers to a blob, whoever wrote it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    media_type: String,
    digest: Digest,
    size: u64,
}

impl Part {
    fn blob<'a>(&self, files: &'a Files) -> Result<&'a [u8], BundleError> {
        layout::blob(files, &self.digest, self.size)
    }
}

/// The files of a layout, with more said about its bundle.
pub(super) fn with_claims(files: &Files, claims: &[Claim]) -> Result<Files, BundleError> {
    let index: Index = layout::parse(INDEX_FILE, layout::file(files, INDEX_FILE)?)?;
    let own = index.manifests.first().ok_or_else(no_bundle)?;
    let subject = Descriptor { artifact_type: None, annotations: BTreeMap::new(), ..own.clone() };
    let about = claims.iter().map(|claim| About {
        manifest: json(&Written {
            schema_version: 2,
            media_type: MANIFEST,
            artifact_type: &claim.artifact_type,
            config: descriptor(EMPTY, EMPTY_BYTES),
            layers: vec![descriptor(&claim.artifact_type, &claim.content)],
            subject: subject.clone(),
            annotations: &claim.annotations,
        }),
        artifact_type: claim.artifact_type.clone(),
        blobs: vec![EMPTY_BYTES.to_vec(), claim.content.clone()],
    });
    with_manifests(files.clone(), about)
}

/// The files of a layout, with more manifests about its bundle: listed behind it, sorted by digest.
pub(super) fn with_manifests(mut files: Files, about: impl IntoIterator<Item = About>) -> Result<Files, BundleError> {
    let index: Index = layout::parse(INDEX_FILE, layout::file(&files, INDEX_FILE)?)?;
    let mut manifests = index.manifests.into_iter();
    let own = manifests.next().ok_or_else(no_bundle)?;
    let mut listed: BTreeMap<Digest, Descriptor> = manifests.map(|other| (other.digest.clone(), other)).collect();
    for About { manifest, artifact_type, blobs } in about {
        let line = Descriptor { artifact_type: Some(artifact_type), ..descriptor(MANIFEST, &manifest) };
        listed.insert(line.digest.clone(), line);
        for blob in std::iter::once(manifest).chain(blobs) {
            files.insert(blob_path(&digest(&blob)), blob);
        }
    }
    let index = Index::of(std::iter::once(own).chain(listed.into_values()).collect());
    files.insert(INDEX_FILE.to_owned(), json(&index));
    Ok(files)
}

fn no_bundle() -> BundleError {
    BundleError::file(INDEX_FILE, "it lists no bundle")
}

/// Reads what a line of the index lists, about the bundle with this digest. Gives the paths of its blobs, too.
pub(super) fn read(
    files: &Files,
    listed: &Descriptor,
    subject: &Digest,
) -> Result<(Referrer, Vec<String>), BundleError> {
    let path = blob_path(&listed.digest);
    let found: Found = layout::parse(&path, layout::blob(files, &listed.digest, listed.size)?)?;
    if found.subject.digest != *subject {
        return Err(BundleError::file(path, "it is about something else than this bundle"));
    }
    // As OCI has it: where a manifest does not say it, the type of its config is its own.
    let artifact_type = found.artifact_type.filter(|kind| !kind.is_empty()).unwrap_or(found.config.media_type.clone());
    let line = Descriptor {
        media_type: MANIFEST.to_owned(),
        artifact_type: Some(artifact_type.clone()),
        annotations: BTreeMap::new(),
        ..listed.clone()
    };
    if *listed != line {
        let what = format!("what it says of {} is not what that manifest is", listed.digest);
        return Err(BundleError::file(INDEX_FILE, what));
    }
    found.config.blob(files)?;
    let mut paths = vec![path, blob_path(&found.config.digest)];
    let mut layers = Vec::with_capacity(found.layers.len());
    for layer in found.layers {
        let bytes = layer.blob(files)?.to_vec();
        paths.push(blob_path(&layer.digest));
        layers.push(Blob { media_type: layer.media_type, bytes });
    }
    Ok((Referrer { digest: listed.digest.clone(), artifact_type, layers }, paths))
}
