//! Bundles: `bundle build`, `sign`, `verify`, `push`, `pull` and `diff` with `-o json`.

use gitops_compiler::bundle::{CertificateName, Differences, PartChange, Read, Vouched};
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
    /// The keys and identities whose it may be, as the policy calls them; none where it does not count. It counts for one of them.
    pub signers: Vec<String>,
    /// Whom its certificate is for; null where it is signed with a key, or does not count.
    pub certificate: Option<CertificateJson>,
    /// The type of what was said; null where it does not count.
    pub predicate_type: Option<String>,
    /// Why it does not count; null where it does.
    pub fault: Option<String>,
}

/// Whom a certificate is for.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertificateJson {
    /// Who it is: an e-mail address, or the address of a workflow.
    pub subject: String,
    /// The issuer that says so.
    pub issuer: String,
}

impl SignatureJson {
    /// Of a signature.
    #[must_use]
    pub fn new(judged: &Result<Vouched, String>) -> Self {
        match judged {
            Ok(Vouched { signers, certificate, statement }) => Self {
                signers: signers.iter().cloned().collect(),
                certificate: certificate
                    .clone()
                    .map(|CertificateName { subject, issuer }| CertificateJson { subject, issuer }),
                predicate_type: Some(statement.predicate_type.clone()),
                fault: None,
            },
            Err(fault) => {
                Self { signers: Vec::new(), certificate: None, predicate_type: None, fault: Some(fault.clone()) }
            }
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
