//! The config of a bundle: the graph that its layer holds, without bodies, and how it is delivered.
//!
//! In: a graph. Out: a JSON document. The other way: with the bodies of the layer, the graph, hashed again.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::layer::{self, Layer};
use super::{BundleError, layout};
use crate::app::{IgnoreDifference, NamespaceMetadata};
use crate::canon::{ContentRoot, Encoder, Graph, HookRoot, Id, Resource, Value};
use crate::graph::ResourceGraph;
use crate::lock::Digest;
use crate::manifest::yaml;
use crate::name::{AppName, ResourceKey};

/// The format of what is written here.
pub const FORMAT: &str = "kubectl-gitops/bundle/v1";

/// What a bundle holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// The format: `kubectl-gitops/bundle/v1`.
    pub schema_version: String,
    /// The application.
    pub application: AppName,
    /// The id of the graph.
    pub graph: Id<Graph>,
    /// Its content root.
    pub content: Id<ContentRoot>,
    /// Its hook root.
    pub hooks: Id<HookRoot>,
    /// How it is delivered.
    pub delivery: Delivery,
    /// Resources, in the order of their keys.
    pub resources: Vec<Entry>,
    /// The layer, as OCI names it.
    pub rootfs: RootFs,
    /// The graph without bodies (keys, ids, barriers, edges) in its canonical encoding, as base64.
    pub encoded: String,
}

/// A resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// Which.
    pub key: ResourceKey,
    /// Its id; of a Secret whose values could be guessed from that `secret:` and the hash of everything else.
    pub id: String,
    /// Its file in the layer. Files are named in the order in which they are applied.
    pub file: String,
}

/// The layers, by what they are when they are not compressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RootFs {
    /// `layers`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The digest of the layer's tar.
    pub diff_ids: Vec<Digest>,
}

/// How it is delivered, in the words of an Application.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Delivery {
    /// Where manifests without a namespace go; empty where whoever applies it says so.
    pub namespace: String,
    /// Sync options.
    pub sync_options: Vec<String>,
    /// What a namespace that is made for it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_metadata: Option<NamespaceMetadata>,
    /// Differences that do not count.
    pub ignore_differences: Vec<IgnoreDifference>,
    /// How many releases are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history_limit: Option<usize>,
    /// Health checks of its own, as its `.gitops/health.yaml` has them, by their paths.
    pub health_checks: BTreeMap<String, String>,
    /// Whether a `kustomization.yaml` in the layer lists its files.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub kustomization: bool,
}

impl Config {
    pub(super) fn new(name: &AppName, graph: &ResourceGraph, delivery: Delivery, layer: &Layer) -> Self {
        let resources = graph.resources().iter().zip(&layer.names);
        let entry = |(resource, file): (&crate::graph::GraphResource, &String)| Entry {
            key: resource.key.clone(),
            id: resource.shown_id(),
            file: file.clone(),
        };
        Self {
            schema_version: FORMAT.to_owned(),
            application: name.clone(),
            graph: graph.id(),
            content: graph.content_root(),
            hooks: graph.hook_root(),
            delivery,
            resources: resources.map(entry).collect(),
            rootfs: RootFs { kind: "layers".to_owned(), diff_ids: vec![layout::digest(&layer.tar)] },
            encoded: BASE64_STANDARD.encode(graph.encode_without(&|_| true)),
        }
    }

    /// Reads it. What is written otherwise than here is found later, when it is written again.
    pub(super) fn parse(path: &str, bytes: &[u8]) -> Result<Self, BundleError> {
        /// All formats have it.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Any {
            schema_version: String,
        }
        let wrong = |error: serde_json::Error| BundleError::file(path, error);
        let any: Any = serde_json::from_slice(bytes).map_err(wrong)?;
        if any.schema_version != FORMAT {
            return Err(BundleError::Format(any.schema_version));
        }
        serde_json::from_slice(bytes).map_err(wrong)
    }

    /// The graph, with bodies from the files of the layer.
    pub(super) fn graph_of(&self, files: &BTreeMap<String, Vec<u8>>) -> Result<ResourceGraph, BundleError> {
        let encoded = BASE64_STANDARD.decode(&self.encoded);
        let encoded = encoded.map_err(|_| BundleError::Content("the graph of the config is no base64".to_owned()))?;
        let is_resource = |name: &str| !self.delivery.kustomization || name != layer::KUSTOMIZATION;
        let files = files.par_iter().filter(|(name, _)| is_resource(name));
        let bodies: Result<Vec<(Id<Resource>, Value)>, BundleError> =
            files.map(|(name, bytes)| body(name, bytes)).collect();
        ResourceGraph::decode_with(&encoded, self.graph, &bodies?.into_iter().collect())
            .map_err(|error| BundleError::Content(format!("the graph of the config: {error}")))
    }
}

/// The one manifest of a file, as the emitter wrote it: nothing is settled, so that it hashes to what it was.
fn body(name: &str, bytes: &[u8]) -> Result<(Id<Resource>, Value), BundleError> {
    let documents = yaml::read(bytes, yaml::Limits::default()).into_documents();
    let documents = documents.map_err(|problems| {
        let first = problems.first().map(ToString::to_string).unwrap_or_default();
        BundleError::file(name, first)
    })?;
    let [document] = <[yaml::Document; 1]>::try_from(documents)
        .map_err(|documents| BundleError::file(name, format!("it has {} documents instead of one", documents.len())))?;
    Ok((Id::of(&Encoder::encode(&document.value)), document.value))
}
