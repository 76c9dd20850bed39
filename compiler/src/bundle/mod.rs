//! Release bundles: one graph as an OCI image layout that anybody can make again, bit for bit, and check.
//!
//! In: a graph, and how it is delivered. Out: a [`Bundle`], whose files are a pure function of both: no clock, no commit, no
//! machine is in it. The other way: files of a layout, to the graph that they hold.
//!
//! | part | what it is |
//! |---|---|
//! | layer | a tar of plain manifests, one file for each resource, in topological order (`layer`); its media type is one that Argo CD and Flux take by themselves |
//! | config | the graph without bodies: ids, edges, files, how it is delivered (`config`) |
//! | manifest, index | what OCI wants around them (`layout`) |
//! | referrers | what is said about the bundle, beside it (`referrer`): statements (`statement`, `provenance`, `reviewed`), signed ones in envelopes (`envelope`) |
//!
//! Whose signatures suffice is a matter of a policy (`trust`). Nothing here has a key or checks a signature.
//!
//! Registries keep the pieces by themselves: `assembled` puts them together. `difference` says in what two bundles differ.
//!
//! # Guarantees
//!
//! - The same graph gives the same bytes, on any machine, with any number of threads.
//! - What is read is made again from the graph that it holds, and every byte must be equal: headers and padding too
//!   ([`Bundle::read`]). Compression is the one thing that may differ: no canonical one exists, so that the identity of a
//!   layer is the hash of what is compressed.
//! - Reading is bounded, whatever the files say.
//! - What is said about a bundle changes none of its bytes but the index, and no byte is there that nothing names.

mod assembled;
mod config;
mod difference;
mod envelope;
mod layer;
mod layout;
mod provenance;
mod referrer;
mod reviewed;
mod statement;
mod trust;

pub use assembled::{Pieces, assemble};
pub use config::{Config, Delivery, Entry, FORMAT, RootFs};
pub use difference::{Differences, Part, PartChange};
pub use envelope::{Envelope, EnvelopeError, SIGSTORE_BUNDLE, SignedWith, signature_claim};
pub use layer::Compression;
pub use layout::{CONFIG, Files, INDEX, INDEX_FILE, LAYER, LAYOUT, MANIFEST, blob_path, digest};
pub use provenance::{
    BuildDefinition, BuildMetadata, Builder, Dependency, ExternalParameters, InternalParameters, PROVENANCE,
    Provenance, ProvenanceSource, RunDetails, Target,
};
pub use referrer::{About, Blob, Claim, Referrer};
pub use reviewed::{REVIEW, ReviewRecord, ReviewedRisk};
pub use statement::{IN_TOTO, SIGNATURE, Statement, StatementError, Subject};
pub use trust::{CertificateName, Identity, Rule, SignerName, StatementKind, TrustError, TrustPolicy, Unmet, Vouched};

use crate::graph::ResourceGraph;
use crate::lock::Digest;
use crate::name::AppName;

use layer::Layer;

/// A graph as a layout.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// What it holds, without bodies.
    pub config: Config,
    /// The graph.
    pub graph: ResourceGraph,
    /// The digest of the manifest, by which registries know it.
    pub manifest: Digest,
    /// The digest of the layer, as it is compressed here.
    pub layer: Digest,
    /// The files of the layout, by their paths.
    pub files: Files,
}

/// What is wrong with a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// A Secret has values that anybody who reads the bundle would read.
    #[error("{0} has values that whoever has the bundle can read")]
    PlainSecret(String),
    /// An object cannot be a file of its own: in a List it is one object, alone it is a list.
    #[error("{0} has a field `items` of its own, and is read as a list where it stands alone in a file")]
    LooksLikeAList(String),
    /// A file is missing, not one of a bundle, or not what its name says.
    #[error("{path}: {what}")]
    File {
        /// The path in the layout.
        path: String,
        /// What is wrong.
        what: String,
    },
    /// The parts do not belong together.
    #[error("{0}")]
    Content(String),
    /// A format of a later version, say.
    #[error("the format `{0}` is not known; this program reads {FORMAT}")]
    Format(String),
}

impl BundleError {
    fn file(path: impl Into<String>, what: impl ToString) -> Self {
        Self::File { path: path.into(), what: what.to_string() }
    }
}

/// A bundle that was read, and whether it is to the byte what this program makes.
#[derive(Debug, Clone)]
pub struct Read {
    /// The bundle, as this program makes it.
    pub bundle: Bundle,
    /// The digest of its manifest, as it is there: another than that of `bundle` where the layer is compressed in another way.
    pub manifest: Digest,
    /// Whether the layer is compressed in another way; all else is equal.
    pub is_compressed_otherwise: bool,
    /// What is said about it, sorted by digest. Nothing of it was believed.
    pub referrers: Vec<Referrer>,
}

impl Bundle {
    /// Makes a bundle.
    ///
    /// # Errors
    /// For Secrets whose values are written in manifests, unless `plain_secrets`; for what nobody would read as what it is.
    pub fn build(
        name: &AppName,
        graph: &ResourceGraph,
        delivery: Delivery,
        compression: Compression,
        plain_secrets: bool,
    ) -> Result<Self, Vec<BundleError>> {
        let resources = graph.resources().iter();
        let open = resources.clone().filter(|resource| !plain_secrets && resource.is_plain_secret());
        let open = open.map(|secret| BundleError::PlainSecret(secret.key.to_string()));
        let lists = resources.filter(|resource| resource.body.get("items").is_some());
        let lists = lists.map(|resource| BundleError::LooksLikeAList(resource.key.to_string()));
        let errors: Vec<BundleError> = open.chain(lists).collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        let layer = Layer::of(graph, delivery.kustomization);
        let (config, compressed) =
            rayon::join(|| Config::new(name, graph, delivery, &layer), || layer.compressed(compression));
        Ok(layout::lay_out(config, graph.clone(), &compressed))
    }

    /// All files in one tar, which is a function of them alone.
    #[must_use]
    pub fn archive(&self) -> Vec<u8> {
        archive(&self.files)
    }

    /// The files of an archive; `path` is what it is called.
    ///
    /// # Errors
    /// Where it is not to the byte what [`Bundle::archive`] makes of them.
    pub fn unarchive(path: &str, bytes: &[u8]) -> Result<Files, BundleError> {
        layer::files_of(path, bytes)
    }

    /// Reads the files of a layout, and demands that they are what [`Bundle::build`] makes of the graph that they hold.
    ///
    /// # Errors
    /// For whatever is not: it is never taken for what it nearly is.
    pub fn read(files: &Files) -> Result<Read, BundleError> {
        layout::read(files)
    }
}

/// Files in one tar, which is a function of them alone.
#[must_use]
pub fn archive(files: &Files) -> Vec<u8> {
    layer::write(files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())))
}

/// The files of a layout, with more said about its bundle. What is said already is not said twice.
///
/// # Errors
/// Where they are no layout with a bundle.
pub fn with_claims(files: &Files, claims: &[Claim]) -> Result<Files, BundleError> {
    referrer::with_claims(files, claims)
}

#[cfg(test)]
mod tests;
