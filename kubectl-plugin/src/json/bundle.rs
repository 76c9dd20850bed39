//! Bundles: `bundle build|sign|verify -o json`.

use gitops_compiler::bundle::{Read, Vouched};
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
    /// What is said about it, sorted by digest.
    pub referrers: Vec<ReferrerJson>,
}

/// Something that is said about a bundle.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReferrerJson {
    /// The digest of its manifest.
    pub digest: Digest,
    /// What it says that it is.
    pub artifact_type: String,
    /// Of a signature that was looked at: what came of it. Null of what was not.
    pub signature: Option<SignatureJson>,
}

/// What came of a signature.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignatureJson {
    /// The key whose it is, as the policy calls it; null where it does not count.
    pub key: Option<String>,
    /// The type of what was said; null where it does not count.
    pub predicate_type: Option<String>,
    /// Why it does not count; null where it does.
    pub fault: Option<String>,
}

impl SignatureJson {
    /// Of a signature.
    #[must_use]
    pub fn new(judged: &Result<Vouched, String>) -> Self {
        match judged {
            Ok(Vouched { key, statement }) => Self {
                key: Some(key.clone()),
                predicate_type: Some(statement.predicate_type.clone()),
                fault: None,
            },
            Err(fault) => Self { key: None, predicate_type: None, fault: Some(fault.clone()) },
        }
    }
}

impl BundleJson {
    /// Of a bundle that was read, with what came of those of its signatures that were looked at.
    #[must_use]
    pub fn new(read: &Read, judged: &dyn Fn(&Digest) -> Option<SignatureJson>) -> Self {
        let bundle = &read.bundle;
        let referrer = |referrer: &gitops_compiler::bundle::Referrer| ReferrerJson {
            digest: referrer.digest.clone(),
            artifact_type: referrer.artifact_type.clone(),
            signature: judged(&referrer.digest),
        };
        Self {
            schema_version: SchemaVersion,
            application: bundle.config.application.clone(),
            graph: bundle.graph.id(),
            content: bundle.graph.content_root(),
            resources: bundle.config.resources.len(),
            manifest: bundle.manifest.clone(),
            layer: bundle.layer.clone(),
            diff_id: bundle.config.rootfs.diff_ids.first().cloned(),
            is_compressed_otherwise: read.is_compressed_otherwise,
            referrers: read.referrers.iter().map(referrer).collect(),
        }
    }
}
