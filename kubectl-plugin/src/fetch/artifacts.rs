//! Artifacts of registries, whatever is in them: a chart, or a folder as `oras push` and `flux push artifact` pack it.
//!
//! In: the address of a repository in a registry; a tag, a digest or a range of versions. Out: what that is now, its archive,
//! and the files in there. Guarantees: a manifest and an archive have the digests that were asked for, and the archive is the
//! one that the manifest names.

use super::address::Scheme;
use super::archive::{Unpacked, unpack_chart, unpack_files};
use super::charts::Charts;
use super::error::FetchError;
use super::manifest::{Wanted, is_chart};
use super::registry::Repository;

/// What an artifact is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactFound {
    /// The tag, with `+` where registries have `_`; the digest of the manifest, where that was asked for.
    pub tag: String,
    /// `sha256:<hex>` of the manifest.
    pub manifest: String,
    /// The same of the layer with files.
    pub digest: String,
    /// The media type of that layer.
    pub media: String,
}

impl Charts {
    /// What a revision of an artifact means now.
    ///
    /// # Errors
    /// Where there is none, it is nothing that is read, or the registry cannot be asked.
    pub fn resolve_artifact(&self, repository: &str, revision: &str) -> Result<ArtifactFound, FetchError> {
        let tagged = self.artifact(repository)?.resolve(revision, Wanted::Files)?;
        Ok(ArtifactFound { tag: tagged.version, manifest: tagged.manifest, digest: tagged.digest, media: tagged.media })
    }

    /// The archive of an artifact, by digests alone.
    ///
    /// # Errors
    /// Where it cannot be fetched, or is not what was found.
    pub fn fetch_artifact(&self, repository: &str, found: &ArtifactFound) -> Result<Vec<u8>, FetchError> {
        let artifact = self.artifact(repository)?;
        let there = artifact.tagged(&found.manifest, Wanted::Files)?;
        if (&there.digest, &there.media) != (&found.digest, &found.media) {
            let why = format!("its manifest {} names another archive: {}", found.manifest, there.digest);
            return Err(FetchError::wrong(format!("{repository}@{}", found.manifest), why));
        }
        artifact.layer(&found.digest)
    }

    fn artifact(&self, repository: &str) -> Result<Repository<'_>, FetchError> {
        let (address, credential) = self.address(repository)?;
        if address.scheme != Scheme::Oci {
            return Err(FetchError::not_found(address.shown(), "artifacts are in registries: oci://host/path"));
        }
        self.repository(&address, credential)
    }
}

/// The files of an archive with this media type.
///
/// # Errors
/// Where it is damaged, too large, or has what it must not have.
pub fn unpack_artifact(bytes: &[u8], media: &str) -> Result<Unpacked, String> {
    if is_chart(media) {
        return Ok(Unpacked { files: unpack_chart(bytes)?, ..Unpacked::default() });
    }
    unpack_files(bytes, media.ends_with("+gzip"))
}
