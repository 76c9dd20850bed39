//! Bundles: `bundle build|verify -o json`.

use gitops_compiler::bundle::Bundle;
use gitops_compiler::canon::{ContentRoot, Graph, Id};
use gitops_compiler::lock::Digest;
use gitops_compiler::name::AppName;
use schemars::JsonSchema;
use serde::Serialize;

use super::SchemaVersion;

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
