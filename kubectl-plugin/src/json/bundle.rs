//! Bundles: `bundle build`, `verify`, `push`, `pull` and `diff` with `-o json`.

use gitops_compiler::bundle::{Bundle, Differences, PartChange};
use gitops_compiler::canon::{ContentRoot, Graph, Id};
use gitops_compiler::lock::Digest;
use gitops_compiler::name::AppName;
use schemars::JsonSchema;
use serde::Serialize;

use crate::apply::against::Against;

use super::SchemaVersion;
use super::diff::ResourceDiff;

/// A bundle.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BundleJson {
    /// The version of this form.
    pub schema_version: SchemaVersion,
    /// The application.
    pub application: AppName,
    /// The graph that it holds.
    pub graph: Id<Graph>,
    /// The hash of what stays in the cluster.
    pub content: Id<ContentRoot>,
    /// How many resources it has.
    pub resources: usize,
    /// The digest of its manifest, by which registries know it.
    pub manifest: Digest,
    /// The digest of its layer.
    pub layer: Digest,
    /// The digest of what is compressed in that layer.
    pub diff_id: Option<Digest>,
    /// Whether its layer is compressed in another way than by this program; digests are of this program's way.
    pub is_compressed_otherwise: bool,
}

impl BundleJson {
    /// Of a bundle.
    #[must_use]
    pub fn new(bundle: &Bundle, is_compressed_otherwise: bool) -> Self {
        Self {
            schema_version: SchemaVersion,
            application: bundle.config.application.clone(),
            graph: bundle.graph.id(),
            content: bundle.graph.content_root(),
            resources: bundle.config.resources.len(),
            manifest: bundle.manifest.clone(),
            layer: bundle.layer.clone(),
            diff_id: bundle.config.rootfs.diff_ids.first().cloned(),
            is_compressed_otherwise,
        }
    }
}

/// A bundle that was pushed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PushedBundleJson {
    /// The version of this form.
    pub schema_version: SchemaVersion,
    /// The application.
    pub application: AppName,
    /// The graph that it holds.
    pub graph: Id<Graph>,
    /// The repository: `oci://HOST/REPOSITORY`.
    pub repository: String,
    /// The digest of its manifest, as it is in the registry.
    pub manifest: Digest,
    /// The tags that it has.
    pub tags: Vec<PushedTagJson>,
    /// How many blobs it has, with those of manifests about it.
    pub blobs: usize,
    /// How many of them were sent; the others were there.
    pub sent: usize,
    /// How many manifests about it were put with it.
    pub referrers: usize,
}

/// A tag that a bundle was given.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PushedTagJson {
    /// The tag.
    pub tag: String,
    /// The digest that it stood for before; null where it was not there, or the registry does not say.
    pub before: Option<Digest>,
}

/// In what two bundles differ.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BundleDiffJson {
    /// The version of this form.
    pub schema_version: SchemaVersion,
    /// The older side.
    pub from: BundleSideJson,
    /// The newer side.
    pub to: BundleSideJson,
    /// Resources that differ, by key.
    pub changes: Vec<ResourceDiff>,
    /// What differs otherwise. Bytes are compared where nothing else differs, or a side is no bundle that can be taken.
    pub parts: Vec<PartChange>,
}

/// A bundle that is compared.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BundleSideJson {
    /// Its graph; null where it is no bundle that can be taken.
    pub graph: Option<Id<Graph>>,
    /// The digest of its manifest; null where it has none.
    pub manifest: Option<Digest>,
}

impl BundleDiffJson {
    /// Differences as data.
    #[must_use]
    pub fn new(differences: &Differences) -> Self {
        let Differences { graphs, manifests, resources, parts } = differences;
        let side = |at: usize| BundleSideJson { graph: graphs[at], manifest: manifests[at].clone() };
        let changes = ResourceDiff::all(&Against { changes: resources.clone(), ..Against::default() });
        Self { schema_version: SchemaVersion, from: side(0), to: side(1), changes, parts: parts.clone() }
    }
}
